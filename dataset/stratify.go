package dataset

import (
	"math/rand/v2"
	"slices"
)

// stratify sets the sides of the free contents of data with many labels, so that each label is divided in
// nearly the same shares. It is the iterative stratification of Sechidis, Tsoumakas and Vlahavas, "On the
// Stratification of Multi-Label Data" (ECML PKDD 2011), algorithm 1: again and again, take the label with
// the fewest contents left and give each of them to the side that wants that label most, then to the side
// that wants most contents in all, then by lot.
//
// One thing is added: the last content of a label that has none in training goes there, so that every
// label can be learned. The contents are in the order of their keys; so is the outcome determined by the
// seed and the contents alone.
func stratify(all []content, labels int, o SplitOptions) {
	st := newStratifier(all, labels, o)
	for {
		label := st.rarest()
		if label < 0 {
			break
		}
		for _, i := range st.of[label] {
			if c := &all[i]; !st.done[i] {
				st.put(i, c, st.choose(c, label))
			}
		}
	}
	for i := range all { // those without any label
		if c := &all[i]; !st.done[i] {
			st.put(i, c, st.choose(c, -1))
		}
	}
}

// stratifier's sides, in the order of SplitOptions' fractions.
const (
	toTrain = iota
	toValidation
	toTest
	sides
)

var sideNames = [sides]string{Train, Validation, Test}

type stratifier struct {
	of      [][]int          // contents of each label
	done    []bool           // contents that have a side
	left    []int            // contents of each label without a side
	trained []bool           // labels with a content in training
	want    [][sides]float64 // how many more contents of each label a side should get
	wantAll [sides]float64   // likewise of any label
	open    [sides]bool      // sides that get contents at all
	lot     *rand.Rand
}

func newStratifier(all []content, labels int, o SplitOptions) *stratifier {
	share := [sides]float64{(1 - o.Test) * (1 - o.Validation), (1 - o.Test) * o.Validation, o.Test}
	st := &stratifier{
		of: make([][]int, labels), done: make([]bool, len(all)), left: make([]int, labels),
		trained: make([]bool, labels), want: make([][sides]float64, labels),
		lot: rand.New(rand.NewPCG(o.Seed, 0)),
	}
	n := 0
	for i := range all {
		if !all[i].free() {
			st.done[i] = true
			continue
		}
		n++
		for _, l := range all[i].labels {
			st.of[l] = append(st.of[l], i)
			st.left[l]++
		}
	}
	for side, f := range share {
		st.open[side] = f > 0
		st.wantAll[side] = f * float64(n)
		for l := range st.want {
			st.want[l][side] = f * float64(st.left[l])
		}
	}
	return st
}

// rarest returns the label with the fewest contents left, but some, or -1.
func (st *stratifier) rarest() int {
	best := -1
	for l, n := range st.left {
		if n > 0 && (best < 0 || n < st.left[best]) {
			best = l
		}
	}
	return best
}

// choose returns the side for c, which is one of the contents of label, or of none if that is -1.
func (st *stratifier) choose(c *content, label int) int {
	for _, l := range c.labels {
		if st.left[l] == 1 && !st.trained[l] {
			return toTrain
		}
	}
	candidates := make([]int, 0, sides)
	for side := range sides {
		if st.open[side] {
			candidates = append(candidates, side)
		}
	}
	if label >= 0 {
		candidates = most(candidates, st.want[label])
	}
	candidates = most(candidates, st.wantAll)
	return candidates[st.lot.IntN(len(candidates))]
}

// most returns those of the candidates that want most.
func most(candidates []int, want [sides]float64) []int {
	best := slices.MaxFunc(candidates, func(a, b int) int {
		switch {
		case want[a] < want[b]:
			return -1
		case want[a] > want[b]:
			return 1
		}
		return 0
	})
	return slices.DeleteFunc(candidates, func(c int) bool { return want[c] < want[best] })
}

// put gives content i, which is c, to a side.
func (st *stratifier) put(i int, c *content, side int) {
	c.side = sideNames[side]
	st.done[i] = true
	st.wantAll[side]--
	for _, l := range c.labels {
		st.left[l]--
		st.want[l][side]--
		st.trained[l] = st.trained[l] || side == toTrain
	}
}
