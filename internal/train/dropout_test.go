package train

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/graft-ml/graft/internal/nn"
)

// Dropout follows the picture: the mask of a row depends on its key and not on its place.
func TestDropoutFollowsThePicture(t *testing.T) {
	masks := func(keys []uint64, epoch int, layer uint64) map[uint64]string {
		m := make([]float32, len(keys)*50)
		dropMask(m, 0.25, 3, layer, epoch, keys)
		out := map[uint64]string{}
		for i, key := range keys {
			out[key] = fmt.Sprint(m[i*50 : (i+1)*50])
		}
		return out
	}
	a, b := masks([]uint64{0, 1, 2, 3}, 1, 0), masks([]uint64{3, 9, 1}, 1, 0)
	for _, key := range []uint64{1, 3} {
		if a[key] != b[key] {
			t.Errorf("picture %d has another mask at another place", key)
		}
	}
	seen := map[string]bool{}
	for _, m := range []map[uint64]string{a, masks([]uint64{0, 1, 2, 3}, 2, 0), masks([]uint64{0, 1, 2, 3}, 1, 1)} {
		for _, s := range m {
			seen[s] = true
		}
	}
	if len(seen) != 12 {
		t.Errorf("%d different masks of 12", len(seen))
	}
	keys, m := make([]uint64, 64), make([]float32, 64*500)
	for i := range keys {
		keys[i] = uint64(i)
	}
	dropMask(m, 0.25, 3, 0, 1, keys)
	kept := 0
	for _, v := range m {
		switch v {
		case 0:
		case float32(1 / 0.75):
			kept++
		default:
			t.Fatalf("multiplier %v", v)
		}
	}
	// 32000 draws: the deviation of the share is 0.0024.
	if share := float64(kept) / float64(len(m)); math.Abs(share-0.75) > 0.01 {
		t.Errorf("%.3f are kept, want 0.75", share)
	}
}

// The hidden layers' dropout of a head is behind each of them, a linear head's behind the features.
func TestDroppable(t *testing.T) {
	for _, c := range []struct {
		hidden []int
		want   int
	}{{nil, 1}, {[]int{4}, 1}, {[]int{4, 3}, 2}} {
		head, err := NewHead(5, HeadOptions{Classes: 2, Hidden: c.hidden})
		if err != nil {
			t.Fatal(err)
		}
		got := Droppable(head.Nodes)
		if len(got) != c.want || (got[0] == Features) != (c.hidden == nil) {
			t.Errorf("hidden layers %v: dropout behind %v", c.hidden, got)
		}
	}
}

// A network trains with dropout where it names values, and is measured and returned without. Neither threads nor parts of
// a batch change what is dropped.
func TestTuneWithDropout(t *testing.T) {
	run := func(change func(*TuneOptions)) *TuneResult {
		o := tuneOptions()
		o.Dropout = 0.5
		change(&o)
		defer o.Pool.Close()
		net := perceptron(t)
		net.Dropped = Droppable(net.Graph.Nodes)
		r, err := Tune(t.Context(), net, points(53, 1), points(20, 2), o, Hooks{})
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(r.Graph.Nodes, func(n *nn.Node) bool { return n.Op == "Dropout" }) {
			t.Error("dropout in the network that predicts")
		}
		return r
	}
	with, without := run(func(*TuneOptions) {}), run(func(o *TuneOptions) { o.Dropout = 0 })
	if slices.Equal(with.values(), without.values()) {
		t.Error("dropout changes nothing")
	}
	if a, b := with.History[5].TrainLoss, without.History[5].TrainLoss; a <= b+.05 {
		t.Errorf("loss %.3f in training with dropout, %.3f without", a, b)
	}
	if !slices.Equal(run(func(o *TuneOptions) { o.Pool = nn.NewPool(5) }).values(), with.values()) {
		t.Error("5 workers: other numbers")
	}
	for i, v := range run(func(o *TuneOptions) { o.Micro = 3 }).values() {
		if math.Abs(float64(v-with.values()[i])) > 1e-3 { // another order of sums, through 42 steps of Adam
			t.Fatalf("micro-batches: value %d is %v, want %v", i, v, with.values()[i])
		}
	}
}
