// Package strategy decides by measurement what to train on a frozen base: at which depths of the network the features
// are taken, and which head is trained on them.
//
// Input: the features of every depth side by side, labels, and folds of the training pictures. Output: a score for each
// candidate, from pictures that its heads have not seen, and the choice. Test pictures have no part in it. Scores are a
// function of data, folds and options alone; only how many candidates are tried may depend on time, by the deadline that
// the caller sets.
package strategy

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/train"
	"github.com/graft-ml/graft/metric"
)

// Problem is what candidates are compared on.
type Problem struct {
	Data   train.Data  // the features of all depths side by side
	Views  [][]float32 // further views of all rows, each [N,D]: heads learn from them, and are not judged on them
	Widths []int       // of each depth, in the order of their columns
	Folds  [][]int     // rows of Data: each held out once
}

// Solvable reports whether heads can be compared: there are folds, and what is left to learn from when one is held out
// has two classes at least.
func (p *Problem) Solvable() bool {
	for _, rest := range p.rests() {
		var labels [][]int
		for _, row := range rest {
			labels = append(labels, p.Data.Labels[row])
		}
		seen := slices.Concat(labels...)
		if slices.Sort(seen); len(slices.Compact(seen)) < 2 {
			return false
		}
	}
	return len(p.Folds) > 1
}

// rests returns, for each fold, the rows of the others.
func (p *Problem) rests() [][]int {
	all := make([][]int, len(p.Folds))
	for f := range p.Folds {
		for other, fold := range p.Folds {
			if other != f {
				all[f] = append(all[f], fold...)
			}
		}
	}
	return all
}

// Candidate is one way to train.
type Candidate struct {
	Depths []int // indices into Problem.Widths, ascending
	Head   train.HeadOptions
	Name   string // of what is no head on depths: its score was made elsewhere
}

// String names the depths, from 1, and the head.
func (c Candidate) String() string { return c.Named(nil) }

// Named is String with names of the depths.
func (c Candidate) Named(names []string) string {
	if c.Name != "" {
		return c.Name
	}
	depths := make([]string, len(c.Depths))
	for i, d := range c.Depths {
		if depths[i] = fmt.Sprint(d + 1); names != nil {
			depths[i] = names[d]
		}
	}
	head := c.Head.Kind
	switch {
	case head != "" && head != train.DenseHead:
	case len(c.Head.Hidden) > 0:
		head = fmt.Sprintf("hidden %v", c.Head.Hidden)
	case c.Head.WeightDecay > 0:
		head = fmt.Sprintf("linear, L2 %.0e", c.Head.WeightDecay)
	default:
		head = "linear"
	}
	return fmt.Sprintf("depth %s, %s", strings.Join(depths, "+"), head)
}

// Score is how a candidate did on pictures that it had not seen.
type Score struct {
	Candidate Candidate
	Accuracy  float64 // share of right pictures; for many labels the mean F1 of a picture's labels
	Low, High float64 // 95 % interval
	Folds     int     // held out so far: not all of them where it was clearly worse than another candidate
	Seconds   float64

	right []float64 // [N]: for each row of the data, from 0 to 1; NaN where it was not held out
}

// CrossValidate fits c's head once for each fold, on the other folds, and scores it on that one. It goes on for as long
// as c is not worse than rival on the same pictures by more than the 95 % interval; a nil rival is nobody's.
func (p *Problem) CrossValidate(ctx context.Context, c Candidate, rival *Score) (Score, error) {
	start := time.Now()
	s := p.NewScore(c)
	all, head := p.columns(p.Data, c.Depths), c.Head
	var views []train.Data
	for _, x := range p.Views {
		views = append(views, p.columns(train.Data{X: x, D: p.Data.D, Labels: p.Data.Labels, Keys: p.Data.Keys}, c.Depths))
	}
	head.OnlyLast = true
	for f, rest := range p.rests() {
		learnt := pick(all, rest, 0)
		for v, view := range views {
			learnt = join(learnt, pick(view, rest, uint64(v)+1))
		}
		r, err := train.FitHead(ctx, learnt, train.Data{}, head, nil)
		if err != nil {
			return s, fmt.Errorf("%v, fold %d of %d: %w", c, f+1, len(p.Folds), err)
		}
		if err := s.judge(ctx, p, r.Head, pick(all, p.Folds[f], 0), p.Folds[f]); err != nil {
			return s, err
		}
		if rival == nil {
			continue
		}
		if _, low, _ := Difference(*rival, s); low > 0 {
			break
		}
	}
	s.Seconds = time.Since(start).Seconds()
	return s, nil
}

// NewScore returns the score of a candidate that was not judged on any picture.
func (p *Problem) NewScore(c Candidate) Score {
	return Score{Candidate: c, right: slices.Repeat([]float64{math.NaN()}, p.Data.N())}
}

// judge runs a head on d, the rows held out of p, and marks which are right.
func (s *Score) judge(ctx context.Context, p *Problem, head *nn.Graph, d train.Data, held []int) error {
	o := s.Candidate.Head
	plan, err := nn.NewPlan(head, nn.PlanOptions{Pool: o.Pool, MaxBatch: 256})
	if err != nil {
		return err
	}
	z := make([]float32, d.N()*o.Classes)
	if err := plan.Run(ctx, [][]float32{z}, [][]float32{d.X}, d.N()); err != nil {
		return err
	}
	s.Judge(z, p.Data.Labels, held, o.Classes, o.MultiLabel)
	return nil
}

// Judge counts another fold: the rows held out, of which z [rows,K] are logits, and labels are those of all rows.
func (s *Score) Judge(z []float32, labels [][]int, held []int, classes int, multi bool) {
	for i, row := range held {
		s.right[row] = right(z[i*classes:(i+1)*classes], labels[row], multi)
	}
	s.Folds++
	s.Accuracy, s.Low, s.High = interval(s.right)
}

// Wrong returns how many of some rows, that were held out, are wrong, and of how many.
func (s *Score) Wrong(rows []int) (wrong float64, of int) {
	for _, row := range rows {
		if v := s.right[row]; !math.IsNaN(v) {
			wrong, of = wrong+1-v, of+1
		}
	}
	return wrong, of
}

// right is 1 if the largest logit is the label's; for many labels the F1 of those said.
func right(z []float32, labels []int, multi bool) float64 {
	if !multi {
		for c, v := range z {
			if v > z[labels[0]] || v == z[labels[0]] && c < labels[0] {
				return 0
			}
		}
		return 1
	}
	said, hit := 0, 0
	for _, v := range z {
		if v >= 0 {
			said++
		}
	}
	for _, c := range labels {
		if z[c] >= 0 {
			hit++
		}
	}
	if said+len(labels) == 0 {
		return 1
	}
	return 2 * float64(hit) / float64(said+len(labels))
}

// columns returns d, which has the features of all depths, with those of some depths alone.
func (p *Problem) columns(d train.Data, depths []int) train.Data {
	from := d
	d.D = 0
	for _, at := range depths {
		d.D += p.Widths[at]
	}
	if d.D == from.D {
		return d
	}
	d.X = make([]float32, 0, d.N()*d.D)
	for i := range d.N() {
		d.X = append(d.X, Columns(from.X[i*from.D:][:from.D], p.Widths, depths)...)
	}
	return d
}

// Columns returns those parts of x, features of depths of the given widths side by side, that are of some depths.
func Columns(x []float32, widths, depths []int) []float32 {
	var out []float32
	for _, at := range depths {
		from := 0
		for _, w := range widths[:at] {
			from += w
		}
		out = append(out, x[from:from+widths[at]]...)
	}
	return out
}

// pick returns some rows of d, as another picture each: what random numbers depend on is shifted.
func pick(d train.Data, rows []int, shift uint64) train.Data {
	out := train.Data{D: d.D, X: make([]float32, 0, len(rows)*d.D)}
	for _, i := range rows {
		out.X = append(out.X, d.X[i*d.D:(i+1)*d.D]...)
		out.Labels = append(out.Labels, d.Labels[i])
		if d.Keys != nil {
			out.Keys = append(out.Keys, d.Keys[i]+shift)
		}
	}
	return out
}

// join returns the rows of a and then those of b.
func join(a, b train.Data) train.Data {
	return train.Data{D: a.D, X: append(a.X, b.X...), Labels: append(a.Labels, b.Labels...), Keys: append(a.Keys, b.Keys...)}
}

// interval returns the mean of the values from 0 to 1 that are known, with its 95 % interval.
func interval(values []float64) (mean, low, high float64) {
	n := 0
	for _, v := range values {
		if !math.IsNaN(v) {
			mean, n = mean+v, n+1
		}
	}
	in := metric.WilsonAround(mean/float64(n), n)
	return in.Value, in.Low, in.High
}

// Difference returns how much better a is than b on the pictures that both were judged on, with a 95 % interval of that.
func Difference(a, b Score) (mean, low, high float64) {
	var all []float64
	for i, v := range a.right {
		if d := v - b.right[i]; !math.IsNaN(d) {
			all = append(all, d)
		}
	}
	d := metric.PairedMean(all)
	return d.Value, d.Low, d.High
}
