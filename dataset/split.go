package dataset

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Split says which samples are for what, as ascending indices into Dataset.Samples. A sample that is in
// none is in Skipped.
type Split struct {
	Train, Validation, Test []int

	Untested []int     // classes without a test picture: they are left out of means over classes
	Skipped  []Skipped // pictures of a ready split that were on two sides
	Notes    []string  // remarks for the user, one sentence each
}

// sides returns the three lists by their names.
func (s *Split) sides() map[string][]int {
	return map[string][]int{Train: s.Train, Validation: s.Validation, Test: s.Test}
}

// SplitOptions says how pictures are divided. The zero value is the default of every field.
type SplitOptions struct {
	Seed       uint64
	Test       float64 // share of each class's distinct contents, under 1; 0: 0.2; negative: no test set
	Validation float64 // share of what test has left, under 1; 0: 0.1; negative: no validation set

	// TrainPerClass, above 0, is how many distinct contents of each class are not for test: Test, which must be 0 then,
	// does not count. It goes with data of one label a picture that has no split of its own.
	TrainPerClass int
}

func (o SplitOptions) withDefaults() (SplitOptions, error) {
	var errs []error
	if o.TrainPerClass < 0 || o.TrainPerClass > 0 && o.Test != 0 {
		errs = append(errs, fmt.Errorf("dataset: split: %d pictures of each class for training and a share %v for the test, want one of the two", o.TrainPerClass, o.Test))
	}
	set := func(name string, v *float64, preset float64) {
		switch {
		case !(*v < 1): // NaN too
			errs = append(errs, fmt.Errorf("dataset: split: the share for %s is %v, want less than 1", name, *v))
		case *v == 0:
			*v = preset
		case *v < 0:
			*v = 0
		}
	}
	set(Test, &o.Test, 0.2)
	set(Validation, &o.Validation, 0.1)
	return o, errors.Join(errs...)
}

// content is one distinct picture: the samples that have the same bytes.
type content struct {
	key     [sha256.Size]byte // hash of seed and content, which orders the pictures of a class
	samples []int             // ascending
	labels  []int
	side    string // Train, Validation, Test, or "" where the seed is to say
}

// Split divides the samples. Byte-identical pictures are always on one side.
//
// In each class the n distinct contents stand in the order of a hash of seed and content. The first
// ceil(Test·n) of them, but at most n-1, are for test; of the next, floor(Validation·(n-test)) are for
// validation; the rest is for training. So a class with one picture only trains, and an added picture
// moves at most one other over each of the two borders. With o.TrainPerClass all but the last so many are for test, so
// that a larger number adds to those that a smaller one trains on; a class without one more is an error.
//
// What a ready tree or a table says stands: only a side that it lacks is taken from training by the rule
// above. A content that it has on two sides stays in test, or else in validation, and the other copies
// are skipped.
//
// Data with many labels is divided by iterative stratification (see stratify). Fewer than two classes, or
// a class without pictures, is an error.
func (d *Dataset) Split(o SplitOptions) (*Split, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	if len(d.Classes) < 2 {
		return nil, FormatError(fmt.Sprintf("%s: %d class (%s), want at least 2: one folder or label for each", d.shown, len(d.Classes), quoted(d.Classes)))
	}
	if err := d.checkClasses(); err != nil {
		return nil, err
	}
	s := &Split{}
	all, ready := d.gather(o.Seed, s)
	if o.TrainPerClass > 0 {
		if err := d.checkPerClass(all, ready, o.TrainPerClass); err != nil {
			return nil, err
		}
	}
	if ready[Test] {
		o.Test = 0
	}
	if ready[Validation] {
		o.Validation = 0
	}
	if len(ready) > 0 && o.Test > 0 {
		s.note("the data has no test pictures of its own: they are taken from its training pictures")
	}
	d.divide(all, o, s)
	if len(s.Train) == 0 {
		return nil, FormatError(d.shown + ": no pictures are left for training")
	}
	d.remark(all, s)
	return s, nil
}

// divide gives the free contents their sides, and s the samples of each.
func (d *Dataset) divide(all []content, o SplitOptions, s *Split) {
	if d.MultiLabel {
		stratify(all, len(d.Classes), o)
	} else {
		for _, class := range byClass(all, len(d.Classes)) {
			carve(class, o)
		}
	}
	for _, c := range all {
		switch c.side {
		case Test:
			s.Test = append(s.Test, c.samples...)
		case Validation:
			s.Validation = append(s.Validation, c.samples...)
		default:
			s.Train = append(s.Train, c.samples...)
		}
	}
	for _, side := range s.sides() {
		slices.Sort(side)
	}
}

func (s *Split) note(format string, args ...any) {
	s.Notes = append(s.Notes, fmt.Sprintf(format, args...))
}

// checkClasses returns an error that names the classes without samples.
func (d *Dataset) checkClasses() error {
	used := make([]bool, len(d.Classes))
	for i := range d.Samples {
		for _, l := range d.Samples[i].Labels {
			used[l] = true
		}
	}
	var empty []string
	for l, ok := range used {
		if !ok {
			empty = append(empty, d.Classes[l])
		}
	}
	if len(empty) > 0 {
		return FormatError(fmt.Sprintf("%s: no usable picture in %s: see the skipped files, or exclude it", d.shown, quoted(empty)))
	}
	return nil
}

// checkPerClass returns an error if not n contents of each class can train and one more be for test.
func (d *Dataset) checkPerClass(all []content, ready map[string]bool, n int) error {
	switch {
	case d.MultiLabel:
		return UnsupportedError(d.shown + ": a number of training pictures for each class, of pictures with many labels: give the share of the test")
	case ready[Test] || ready[Validation]:
		return FormatError(d.shown + ": the data is split already: a number of training pictures for each class is for data that is not")
	}
	var few []string
	for k, class := range byClass(all, len(d.Classes)) {
		if len(class) <= n {
			few = append(few, fmt.Sprintf("%s (%d)", d.Classes[k], len(class)))
		}
	}
	if len(few) > 0 {
		return FormatError(fmt.Sprintf("%s: too few different pictures in %s, want at least %d: %d to train on and one for the test", d.shown, quoted(few), n+1, n))
	}
	return nil
}

// gather returns the distinct contents in the order of their keys, and the sides that the data itself
// names. Where a content is on two of them, the copies on the lesser side go to s.Skipped.
func (d *Dataset) gather(seed uint64, s *Split) (all []content, ready map[string]bool) {
	ready = map[string]bool{}
	for group := range contents(d.Samples) {
		first := &d.Samples[group[0]]
		c := content{samples: group, labels: first.Labels, side: first.Split, key: keyOf(seed, first.SHA256)}
		for _, i := range group {
			ready[d.Samples[i].Split] = true
			c.side = stricter(c.side, d.Samples[i].Split)
		}
		c.samples = d.keepSide(c, s)
		all = append(all, c)
	}
	delete(ready, "")
	slices.SortFunc(all, func(a, b content) int { return bytes.Compare(a.key[:], b.key[:]) })
	if len(s.Skipped) > 0 {
		slices.SortFunc(s.Skipped, func(a, b Skipped) int { return bytes.Compare([]byte(a.Path), []byte(b.Path)) })
		s.note("%d pictures occur on two sides of the ready split: they stay in the stricter one, test or validation", len(s.Skipped))
	}
	return all, ready
}

// keyOf is the rank of a content among its class's.
func keyOf(seed uint64, sha [sha256.Size]byte) [sha256.Size]byte {
	return sha256.Sum256(append(binary.LittleEndian.AppendUint64(nil, seed), sha[:]...))
}

// stricter returns that of two sides on which a content does less harm: never in training what is tested.
func stricter(a, b string) string {
	for _, side := range []string{Test, Validation, Train} {
		if a == side || b == side {
			return side
		}
	}
	return ""
}

// keepSide returns the samples of c that the data has on c's side and lists the others as skipped.
func (d *Dataset) keepSide(c content, s *Split) []int {
	kept := make([]int, 0, len(c.samples))
	for _, i := range c.samples {
		if p := &d.Samples[i]; p.Split != c.side {
			s.Skipped = append(s.Skipped, Skipped{Path: p.Path, Class: joinLabels(d.Classes, p.Labels),
				Reason: "same content as a picture in " + c.side})
			continue
		}
		kept = append(kept, i)
	}
	return kept
}

// byClass returns pointers to the contents of each class that are not for test or validation already.
func byClass(all []content, classes int) [][]*content {
	out := make([][]*content, classes)
	for i := range all {
		if c := &all[i]; c.free() {
			out[c.labels[0]] = append(out[c.labels[0]], c)
		}
	}
	return out
}

// free reports whether c may be put on any side: what a ready split calls training is.
func (c *content) free() bool { return c.side == "" || c.side == Train }

// slack keeps a share such as 0.07·100, which is 7.000000000000001 in binary, from being rounded away
// from the whole number that it stands for.
const slack = 1e-9

// carve sets the sides of one class's contents, which are in the order of their keys.
func carve(class []*content, o SplitOptions) {
	n := len(class)
	if n == 0 {
		return
	}
	test := min(n-1, int(math.Ceil(o.Test*float64(n)-slack)))
	if o.TrainPerClass > 0 {
		test = n - o.TrainPerClass
	}
	validation := int(math.Floor(o.Validation*float64(n-test) + slack))
	for i, c := range class {
		switch {
		case i < test:
			c.side = Test
		case i < test+validation:
			c.side = Validation
		default:
			c.side = Train
		}
	}
}

// remark fills in what the user should know of the result.
func (d *Dataset) remark(all []content, s *Split) {
	total, train, test := make([]int, len(d.Classes)), make([]int, len(d.Classes)), make([]int, len(d.Classes))
	for _, c := range all {
		for _, l := range c.labels {
			total[l]++
			switch c.side {
			case Test:
				test[l]++
			case Train:
				train[l]++
			}
		}
	}
	var single, untested, untrained []string
	for l, name := range d.Classes {
		switch {
		case train[l] == 0:
			untrained = append(untrained, name)
		case total[l] == 1:
			single = append(single, name)
		case test[l] == 0:
			untested = append(untested, name)
		}
		if test[l] == 0 {
			s.Untested = append(s.Untested, l)
		}
	}
	if len(single) > 0 {
		s.note("one distinct picture, so only for training and left out of the means: %s", quoted(single))
	}
	if len(s.Test) > 0 && len(untested) > 0 {
		s.note("no test picture, so left out of the means: %s", quoted(untested))
	}
	if len(untrained) > 0 {
		s.note("no training picture, so never predicted: %s", quoted(untrained))
	}
	if len(s.Validation) == 0 {
		s.note("no picture is left for validation: all epochs run")
	}
}
