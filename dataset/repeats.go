package dataset

import (
	"bytes"
	"cmp"
	"iter"
	"slices"
)

// contents yields the indices of byte-identical samples together, in the order of their hashes; within a
// group they ascend. The slices are parts of one and must not be kept past the loop's changes.
func contents(samples []Sample) iter.Seq[[]int] {
	order := make([]int, len(samples))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(bytes.Compare(samples[a].SHA256[:], samples[b].SHA256[:]), cmp.Compare(a, b))
	})
	return func(yield func([]int) bool) {
		for from := 0; from < len(order); {
			to := from + 1
			for to < len(order) && samples[order[to]].SHA256 == samples[order[from]].SHA256 {
				to++
			}
			if !yield(order[from:to:to]) {
				return
			}
			from = to
		}
	}
}

// resolveRepeats deals with contents that stand under more than one class: one picture cannot be two
// things, unless labels are many; then it gets all of them.
func (d *Dataset) resolveRepeats() {
	drop := map[int]bool{}
	conflicts := 0
	for group := range contents(d.Samples) {
		var union []int
		for _, i := range group {
			union = append(union, d.Samples[i].Labels...)
		}
		slices.Sort(union)
		union = slices.Compact(union)
		switch {
		case d.MultiLabel:
			for _, i := range group {
				d.Samples[i].Labels = union
			}
		case len(union) > 1:
			conflicts++
			for _, i := range group {
				drop[i] = true
				d.skipRepeat(i, group)
			}
		}
	}
	if conflicts == 0 {
		return
	}
	d.note("%d pictures occur under more than one class and are not used (%d files)", conflicts, len(drop))
	kept := d.Samples[:0]
	for i, s := range d.Samples {
		if !drop[i] {
			kept = append(kept, s)
		}
	}
	clear(d.Samples[len(kept):])
	d.Samples = kept
}

// skipRepeat lists sample i, whose content another of its group has under another class.
func (d *Dataset) skipRepeat(i int, group []int) {
	s := &d.Samples[i]
	for _, j := range group {
		if other := &d.Samples[j]; other.Labels[0] != s.Labels[0] {
			d.Skipped = append(d.Skipped, Skipped{Path: s.Path, Class: d.Classes[s.Labels[0]],
				Reason: "same content as " + other.Path + ", which is under another class"})
			return
		}
	}
}
