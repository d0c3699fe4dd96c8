package loader

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/graft-ml/graft/internal/decode"
	"github.com/graft-ml/graft/internal/transform"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pictures is a source of n flat pictures, number i in grey i, in which every seventh is damaged and every
// eleventh can't be read.
type pictures struct {
	files [][]byte
	reads atomic.Int64
}

var errGone = errors.New("gone")

func newPictures(t testing.TB, n int) *pictures {
	t.Helper()
	p := &pictures{}
	for i := range n {
		m := image.NewGray(image.Rect(0, 0, 5+i%3, 4+i%5))
		for j := range m.Pix {
			m.Pix[j] = uint8(i)
		}
		var b bytes.Buffer
		if err := png.Encode(&b, m); err != nil {
			t.Fatal(err)
		}
		p.files = append(p.files, b.Bytes())
	}
	return p
}

func bad(i int) bool { return i%7 == 3 || i%11 == 5 }

func (p *pictures) Read(i int) ([]byte, error) {
	p.reads.Add(1)
	switch {
	case i%11 == 5:
		return nil, errGone
	case i%7 == 3:
		return p.files[i][:20], nil
	}
	if i%4 == 0 {
		time.Sleep(time.Duration(i%3) * time.Millisecond) // so that workers overtake each other
	}
	return p.files[i], nil
}

func (p *pictures) Name(i int) string { return fmt.Sprintf("p%03d.png", i) }

func options(threads int) Options {
	return Options{Spec: transform.Spec{Width: 4, Height: 3}, Batch: 5, Threads: threads}
}

func upTo(n int) (index []int) {
	for i := range n {
		index = append(index, i)
	}
	return index
}

func TestRunKeepsOrder(t *testing.T) {
	const n = 200
	src := newPictures(t, n)
	index := upTo(n)
	slices.Reverse(index)
	index = append(index, 8, 8) // positions may repeat
	var wantIndex, wantBad []int
	for _, i := range index {
		if bad(i) {
			wantBad = append(wantBad, i)
		} else {
			wantIndex = append(wantIndex, i)
		}
	}
	for _, threads := range []int{0, 1, 2, 7} {
		t.Run(fmt.Sprintf("threads=%d", threads), func(t *testing.T) {
			var got, sizes []int
			var passed []Failure
			failures, err := Run(t.Context(), src, index, options(threads), func(b Batch) error {
				sizes = append(sizes, len(b.Index))
				for j, i := range b.Index {
					for _, v := range b.Pixels[j*36:][:36] {
						if v != float32(i) {
							t.Fatalf("picture %d has a pixel of %v", i, v)
						}
					}
				}
				got = append(got, b.Index...)
				passed = append(passed, b.Failed...)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			checkFailures(t, passed, wantBad)
			if !slices.Equal(got, wantIndex) {
				t.Errorf("pictures %v, want %v", got, wantIndex)
			}
			for _, s := range sizes[:len(sizes)-1] {
				if s != 5 {
					t.Errorf("batches of %v, want all full but the last", sizes)
				}
			}
			checkFailures(t, failures, wantBad)
		})
	}
}

func checkFailures(t *testing.T, got []Failure, want []int) {
	t.Helper()
	var index []int
	for _, f := range got {
		index = append(index, f.Index)
		var format decode.FormatError
		if f.Index%11 == 5 != errors.Is(f, errGone) || f.Index%11 != 5 && !errors.As(f, &format) {
			t.Errorf("picture %d failed with %v", f.Index, f.Err)
		}
		if f.Name != fmt.Sprintf("p%03d.png", f.Index) {
			t.Errorf("picture %d is called %s", f.Index, f.Name)
		}
	}
	if !slices.Equal(index, want) {
		t.Errorf("failures %v, want %v", index, want)
	}
}

func TestRunStops(t *testing.T) {
	src := newPictures(t, 60)
	stop := errors.New("stop")
	t.Run("by each", func(t *testing.T) {
		calls := 0
		_, err := Run(t.Context(), src, upTo(60), options(3), func(Batch) error { calls++; return stop })
		if err != stop || calls != 1 {
			t.Errorf("%d calls, %v, want one and its error", calls, err)
		}
	})
	t.Run("by cancelling", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		calls := 0
		_, err := Run(ctx, src, upTo(60), options(3), func(Batch) error { calls++; cancel(); return nil })
		if !errors.Is(err, context.Canceled) || calls != 1 {
			t.Errorf("%d calls, %v, want one and context.Canceled", calls, err)
		}
	})
	t.Run("before it starts", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		failures, err := Run(ctx, src, upTo(60), options(3), func(Batch) error { return nil })
		if !errors.Is(err, context.Canceled) || len(failures) > 0 {
			t.Errorf("%v, %v, want context.Canceled and no failure", failures, err)
		}
	})
	t.Run("by a panic of each", func(t *testing.T) {
		defer func() {
			if recover() == nil {
				t.Error("the panic did not come through")
			}
		}()
		_, _ = Run(t.Context(), src, upTo(60), options(3), func(Batch) error { panic("caller's bug") })
	})
}

// While the caller is busy, workers may not run on without bound.
func TestRunIsBounded(t *testing.T) {
	const threads = 3
	src := newPictures(t, 200)
	o := options(threads)
	seen := int64(0)
	_, err := Run(t.Context(), src, upTo(200), o, func(b Batch) error {
		seen = int64(b.Index[len(b.Index)-1]) + 1
		time.Sleep(3 * time.Millisecond)
		if ahead := src.reads.Load() - seen; ahead > int64(o.Batch+threads) {
			t.Errorf("%d pictures read ahead of the caller, want at most %d", ahead, o.Batch+threads)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A budget that fits one picture at a time slows the run and must not stop it.
func TestRunUnderSmallBudget(t *testing.T) {
	src := newPictures(t, 50)
	o := options(4)
	o.MaxBytes = 1
	count := 0
	if _, err := Run(t.Context(), src, upTo(50), o, func(b Batch) error { count += len(b.Index); return nil }); err != nil {
		t.Fatal(err)
	}
	want := 0
	for i := range 50 {
		if !bad(i) {
			want++
		}
	}
	if count != want {
		t.Errorf("%d pictures, want %d", count, want)
	}
}

func TestRunOfNothing(t *testing.T) {
	never := func(Batch) error { t.Error("a batch of nothing"); return nil }
	src := newPictures(t, 4)
	if failures, err := Run(t.Context(), src, nil, options(2), never); err != nil || failures != nil {
		t.Errorf("no pictures: %v, %v", failures, err)
	}
	told := 0
	failures, err := Run(t.Context(), src, []int{3}, options(2), func(b Batch) error {
		if len(b.Index) > 0 || len(b.Failed) != 1 {
			t.Errorf("one damaged picture: batch %v", b)
		}
		told++
		return nil
	})
	if err != nil || len(failures) != 1 || told != 1 {
		t.Errorf("one damaged picture: %v, %v, told %d times", failures, err, told)
	}
	for _, o := range []Options{{}, {Spec: transform.Spec{Width: 1, Height: 1}, Batch: -1}} {
		if _, err := Run(t.Context(), src, []int{0}, o, never); err == nil {
			t.Errorf("options %+v are accepted", o)
		}
	}
}

func TestMaxBad(t *testing.T) {
	for _, c := range []struct {
		text       string
		bad, total int
		want       bool
	}{
		{"", 10, 20, false}, {"", 11, 100, true}, {"", 50, 1000, false}, {"", 51, 1000, true}, {"", 0, 0, false},
		{"0", 0, 10, false}, {"0", 1, 10, true}, {"25", 25, 25, false}, {"25", 26, 1 << 30, true},
		{"2.5%", 25, 1000, false}, {"2.5%", 26, 1000, true}, {"0%", 1, 1000, true}, {"100%", 7, 7, false},
	} {
		var m MaxBad
		if c.text != "" {
			var err error
			if m, err = ParseMaxBad(c.text); err != nil || m.String() != c.text {
				t.Fatalf("ParseMaxBad(%q) = %v, %v", c.text, m, err)
			}
		}
		if got := m.Exceeded(c.bad, c.total); got != c.want {
			t.Errorf("%q with %d bad of %d: exceeded %v, want %v", c.text, c.bad, c.total, got, c.want)
		}
	}
	for _, text := range []string{"", "-1", "x", "%", "-1%", "101%", "NaN%", "1e999%", "1.5", "5 %"} {
		if m, err := ParseMaxBad(text); err == nil {
			t.Errorf("ParseMaxBad(%q) = %v, want an error", text, m)
		}
	}
}

func BenchmarkRun(b *testing.B) {
	m := image.NewRGBA(image.Rect(0, 0, 300, 200))
	for i := range m.Pix {
		m.Pix[i] = uint8(i)
	}
	m.Set(0, 0, color.Black)
	var data bytes.Buffer
	if err := png.Encode(&data, m); err != nil {
		b.Fatal(err)
	}
	src := same{data.Bytes()}
	index := upTo(b.N)
	b.ResetTimer()
	if _, err := Run(b.Context(), src, index, Options{Spec: transform.Spec{Width: 224, Height: 224}}, func(Batch) error { return nil }); err != nil {
		b.Fatal(err)
	}
}

type same struct{ data []byte }

func (s same) Read(int) ([]byte, error) { return s.data, nil }
func (s same) Name(int) string          { return "same" }
