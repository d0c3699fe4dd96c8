package loader

import (
	"fmt"
	"hash/fnv"
	"slices"
	"testing"

	"github.com/graft-ml/graft/internal/transform"
)

// keyed is the source of pictures to learn from.
type keyed struct{ *pictures }

func (k keyed) Key(i int) uint64 { return uint64(1000 + i) }

// hashes runs the loader and returns a hash of each picture's pixels.
func hashes(t *testing.T, src TrainingSource, index []int, o Options, a Augmentation) map[int]uint64 {
	t.Helper()
	out := map[int]uint64{}
	_, err := RunTraining(t.Context(), src, index, o, a, func(b Batch) error {
		size := len(b.Pixels) / max(len(b.Index), 1)
		for j, i := range b.Index {
			h := fnv.New64a()
			for _, v := range b.Pixels[j*size:][:size] {
				h.Write([]byte{byte(v)})
			}
			out[i] = h.Sum64()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func augmentation(t *testing.T, spec string, epoch int) Augmentation {
	t.Helper()
	a, err := transform.ParseAugment(spec)
	if err != nil {
		t.Fatal(err)
	}
	return Augmentation{Random: transform.Random{Spec: transform.Spec{Width: 16, Height: 12}, Augment: a, Seed: 5}, Epoch: epoch}
}

// A picture's draw is its own: in any order, batch and number of workers, and another in the next epoch.
func TestTrainingDrawsAreThePictures(t *testing.T) {
	src := keyed{newPictures(t, 40)}
	index := upTo(40)
	a := augmentation(t, "brightness=0.9,erasing=1", 3)
	want := hashes(t, src, index, Options{Threads: 1}, a)
	slices.Reverse(index)
	for _, threads := range []int{1, 2, 5} {
		for _, batch := range []int{1, 7} {
			t.Run(fmt.Sprintf("threads=%d,batch=%d", threads, batch), func(t *testing.T) {
				got := hashes(t, src, index, Options{Threads: threads, Batch: batch}, a)
				for i, h := range want {
					if got[i] != h {
						t.Errorf("picture %d is another", i)
					}
				}
			})
		}
	}
	a.Epoch++
	same := 0
	for i, h := range hashes(t, src, index, Options{}, a) {
		if h == want[i] {
			same++
		}
	}
	if same > len(want)/4 { // of the darkest, a part more or less is often the same
		t.Errorf("%d of %d pictures are the same in the next epoch", same, len(want))
	}
}

// A picture that an epoch has once more is drawn anew, each time another way, in any number of workers; the first time it
// is as if it came once.
func TestTrainingDrawsAgain(t *testing.T) {
	src := keyed{newPictures(t, 40)}
	a := augmentation(t, "brightness=0.9,erasing=1", 3)
	load := func(index, again []int, threads int) []float32 {
		var all []float32
		a.Again = again
		if _, err := RunTraining(t.Context(), src, index, Options{Threads: threads}, a, func(b Batch) error { all = append(all, b.Pixels...); return nil }); err != nil {
			t.Fatal(err)
		}
		return all
	}
	once := load([]int{30}, nil, 1)
	size := len(once)
	for _, threads := range []int{1, 2, 5} {
		got := load([]int{30, 0, 30, 30}, []int{0, 0, 1, 2}, threads)
		if !slices.Equal(got[:size], once) {
			t.Errorf("%d threads: the first time is another", threads)
		}
		if second, third := got[2*size:][:size], got[3*size:]; slices.Equal(second, once) || slices.Equal(third, once) || slices.Equal(second, third) {
			t.Errorf("%d threads: a picture that comes again is the same", threads)
		}
		if !slices.Equal(got[2*size:][:size], load([]int{30}, []int{1}, 1)) {
			t.Errorf("%d threads: the second time depends on what else is loaded", threads)
		}
	}
}

// Without augmentation training sees what a prediction sees, to the bit.
func TestTrainingWithoutAugmentation(t *testing.T) {
	src := keyed{newPictures(t, 20)}
	a := augmentation(t, "none", 1)
	o := Options{Batch: 4}
	var want, got []float32
	if _, err := RunTraining(t.Context(), src, upTo(20), o, a, func(b Batch) error { got = append(got, b.Pixels...); return nil }); err != nil {
		t.Fatal(err)
	}
	o.Spec = a.Random.Spec
	if _, err := Run(t.Context(), src, upTo(20), o, func(b Batch) error { want = append(want, b.Pixels...); return nil }); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Error("other pixels")
	}
}
