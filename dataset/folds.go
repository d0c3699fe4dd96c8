package dataset

import (
	"bytes"
	"fmt"
	"slices"
)

// Folds deals the samples that index names into k folds for cross-validation, as even in each class as can be.
// Byte-identical pictures are in one fold. A class, or for many labels the rarest of a picture's, is dealt in the order
// of a hash of seed and content, going on where the class before has ended; so all folds are of nearly one size.
func (d *Dataset) Folds(index []int, k int, seed uint64) ([][]int, error) {
	all := d.chosen(index, seed)
	if k < 2 || k > len(all) {
		return nil, FormatError(fmt.Sprintf("%s: %d folds of %d different pictures, want at least 2 and no more than pictures", d.shown, k, len(all)))
	}
	counts := make([]int, len(d.Classes))
	for _, c := range all {
		for _, l := range c.labels {
			counts[l]++
		}
	}
	byLabel := make([][]content, len(d.Classes)+1) // the last are those without any label
	for _, c := range all {
		l := rarest(c.labels, counts)
		byLabel[l] = append(byLabel[l], c)
	}
	folds, next := make([][]int, k), 0
	for _, class := range byLabel {
		for _, c := range class {
			folds[next] = append(folds[next], c.samples...)
			next = (next + 1) % k
		}
	}
	for _, f := range folds {
		slices.Sort(f)
	}
	return folds, nil
}

// FoldSplits returns k splits of data that has none of its own: each tests on one of the folds that Folds deals the
// samples into, and divides the others as Split does. A content that alone has a label is in no fold, and trains always.
func (d *Dataset) FoldSplits(k int, o SplitOptions) ([]*Split, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	if o.TrainPerClass > 0 {
		return nil, fmt.Errorf("dataset: folds: %d pictures of each class for training, want 0", o.TrainPerClass)
	}
	all, ready := d.gather(o.Seed, &Split{})
	if ready[Test] || ready[Validation] {
		return nil, FormatError(d.shown + ": the data is split already: folds are for data that is not")
	}
	folds, err := d.Folds(d.common(all), k, o.Seed)
	if err != nil {
		return nil, err
	}
	fold := map[int]int{} // of a sample, from 1
	for f, index := range folds {
		for _, i := range index {
			fold[i] = f + 1
		}
	}
	o.Test = 0
	splits := make([]*Split, k)
	for f := range splits {
		for i := range all {
			all[i].side = ""
			if fold[all[i].samples[0]] == f+1 {
				all[i].side = Test
			}
		}
		splits[f] = &Split{}
		if d.divide(all, o, splits[f]); len(splits[f].Train) == 0 {
			return nil, FormatError(fmt.Sprintf("%s: %d folds: no pictures are left for training", d.shown, k))
		}
	}
	return splits, nil
}

// common returns the samples of the contents whose labels all stand for others too.
func (d *Dataset) common(all []content) []int {
	counts := make([]int, len(d.Classes))
	for _, c := range all {
		for _, l := range c.labels {
			counts[l]++
		}
	}
	var index []int
	for _, c := range all {
		if !slices.ContainsFunc(c.labels, func(l int) bool { return counts[l] == 1 }) {
			index = append(index, c.samples...)
		}
	}
	slices.Sort(index)
	return index
}

// chosen returns the contents of some samples in the order of their keys.
func (d *Dataset) chosen(index []int, seed uint64) []content {
	samples := make([]Sample, len(index))
	for at, i := range index {
		samples[at] = d.Samples[i]
	}
	var all []content
	for group := range contents(samples) {
		c := content{labels: samples[group[0]].Labels, key: keyOf(seed, samples[group[0]].SHA256)}
		for _, at := range group {
			c.samples = append(c.samples, index[at])
		}
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b content) int { return bytes.Compare(a.key[:], b.key[:]) })
	return all
}

// rarest returns that of the labels with the fewest pictures, len(counts) if there are none.
func rarest(labels, counts []int) int {
	best := len(counts)
	for _, l := range labels {
		if best == len(counts) || counts[l] < counts[best] {
			best = l
		}
	}
	return best
}
