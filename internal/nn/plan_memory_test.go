package nn

import "testing"

// Larger batches take more memory, up to the most pictures that are computed together, and all take the weights.
func TestPlanMemory(t *testing.T) {
	g := buildNet(t, "residual")
	weights := int64(0)
	for _, w := range g.Init {
		weights += 4 * int64(len(w.F))
	}
	pool := NewPool(2)
	defer pool.Close()
	for _, p := range []*Pool{nil, pool} {
		plan, err := NewPlan(g, PlanOptions{Pool: p, MaxBatch: 4})
		if err != nil {
			t.Fatal(err)
		}
		last := weights
		for _, n := range []int{1, 2, 4} {
			need, err := plan.Memory(n)
			if err != nil || need <= last {
				t.Errorf("batch of %d: %d bytes, error %v, want more than %d", n, need, err, last)
			}
			last = need
		}
		if need, err := plan.Memory(9); err != nil || need != last {
			t.Errorf("batch of 9: %d bytes, error %v, want those of 4, %d", need, err, last)
		}
	}
}

// The more lies before everything trained, the more memory it takes.
func TestTapeFrozen(t *testing.T) {
	g := buildNet(t, "residual")
	params := weightsOf(g)
	var need []int64
	for _, trained := range [][]string{params, params[len(params)-1:]} {
		tape, err := NewTape(g, TapeOptions{Params: trained})
		if err != nil {
			t.Fatal(err)
		}
		bytes, err := tape.Frozen(2)
		if err != nil {
			t.Fatal(err)
		}
		need = append(need, bytes)
	}
	if need[0] >= need[1] {
		t.Errorf("%d bytes before all, %d before the last", need[0], need[1])
	}
}
