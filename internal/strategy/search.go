package strategy

import (
	"context"
	"slices"
	"time"

	"github.com/graft-ml/graft/internal/train"
)

// SearchOptions says which candidates Search tries.
type SearchOptions struct {
	Head     train.HeadOptions // classes, seed and the like; with Fixed all of it
	Fixed    bool              // the head is as Head says: only depths are compared
	Fewest   int               // pictures of the rarest class
	Deadline time.Time         // no candidate is begun after it, but for the first
	Tried    func(Score)       // told of each score; may be nil
}

// fewPictures is the number of pictures of a class under which heads that only take means are worth a try.
const fewPictures = 10

// Search cross-validates candidates: a linear head on each depth and on the last two, three … together, then other
// heads on what did best, then that head on the other depths. It returns the scores in the order of trial, and how
// many candidates there was no time for. Where a candidate is right on every picture, only simpler ones
// are tried after it.
func Search(ctx context.Context, p *Problem, o SearchOptions) (scores []Score, left int, err error) {
	s := &search{p: p, o: o}
	rounds := []func() []Candidate{s.depths, s.heads, s.again}
	if o.Fixed {
		rounds = rounds[:1]
	}
	for _, round := range rounds {
		if err := s.try(ctx, round()); err != nil {
			return nil, 0, err
		}
	}
	return s.scores, s.left, nil
}

// First returns the candidate that is tried first.
func First(p *Problem, o SearchOptions) Candidate { return (&search{p: p, o: o}).depths()[0] }

type search struct {
	p      *Problem
	o      SearchOptions
	scores []Score
	left   int
}

// try scores candidates, the first in any case. A candidate is dropped once it is clearly worse than the best so far.
func (s *search) try(ctx context.Context, all []Candidate) error {
	for i, c := range all {
		var best *Score
		if len(s.scores) > 0 {
			best = &s.scores[Choose(s.scores)]
		}
		switch {
		case best == nil:
		case best.Accuracy == 1 && len(c.Depths) >= len(best.Candidate.Depths):
			continue
		case !s.o.Deadline.IsZero() && time.Now().After(s.o.Deadline):
			s.left += len(all) - i
			return nil
		}
		score, err := s.p.CrossValidate(ctx, c, best)
		if err != nil {
			return err
		}
		s.scores = append(s.scores, score)
		if s.o.Tried != nil {
			s.o.Tried(score)
		}
	}
	return nil
}

// Linear heads are fitted by L-BFGS, which needs no rate, under a penalty that shrinks weights of standardised
// features. On Caltech-101 accuracy is flat from 1e-4 to 1e-2.
const (
	usualPenalty = 1e-3
	iterations   = 40
)

// linear is the linear head with a penalty; or the head that the user asked for.
func (s *search) linear(penalty float64) train.HeadOptions {
	h := s.o.Head
	if s.o.Fixed {
		return h
	}
	h.Optimizer, h.WeightDecay, h.Epochs = train.LBFGS, penalty, iterations
	return h
}

// depths are the candidates of the first round, the most promising first: the last depth, several up to it, then each
// of the earlier ones.
func (s *search) depths() []Candidate {
	n := len(s.p.Widths)
	head := s.linear(usualPenalty)
	all := []Candidate{{Depths: []int{n - 1}, Head: head}}
	for from := n - 2; from >= 0; from-- {
		var several []int
		for d := from; d < n; d++ {
			several = append(several, d)
		}
		all = append(all, Candidate{Depths: several, Head: head})
	}
	for d := n - 2; d >= 0; d-- {
		all = append(all, Candidate{Depths: []int{d}, Head: head})
	}
	return all
}

// heads are the candidates of the second round: other heads on the depths that did best, and where there are few
// pictures, on the last one too, those that only take means.
func (s *search) heads() []Candidate {
	best := s.scores[Choose(s.scores)].Candidate.Depths
	sets := [][]int{best}
	if last := []int{len(s.p.Widths) - 1}; !slices.Equal(best, last) {
		sets = append(sets, last)
	}
	var all []Candidate
	if s.o.Fewest < fewPictures && !s.o.Head.MultiLabel {
		for _, depths := range sets {
			for _, kind := range []string{train.NearestMeanHead, train.CosineHead} {
				h := s.o.Head
				h.Kind = kind
				all = append(all, Candidate{Depths: depths, Head: h})
			}
		}
	}
	for _, penalty := range []float64{1e-2, 1e-1, 1e-4} {
		all = append(all, Candidate{Depths: best, Head: s.linear(penalty)})
	}
	h := s.o.Head
	h.Hidden, h.Dropout, h.Epochs, h.Schedule = []int{256}, 0.3, 12, train.Cosine
	h.Batch, h.LearningRate = 128, 2e-3 // as good as the defaults here, in a third of the time
	return append(all, Candidate{Depths: best, Head: h})
}

// again are the candidates of the third round: where another head has done best, that one on the depths that were not
// clearly worse.
func (s *search) again() []Candidate {
	best := s.scores[Choose(s.scores)].Candidate
	var all []Candidate
	for _, c := range s.scores {
		tried := slices.ContainsFunc(s.scores, func(o Score) bool {
			return o.Candidate.String() == (Candidate{Depths: c.Candidate.Depths, Head: best.Head}).String()
		})
		if c.Folds == len(s.p.Folds) && !tried && c.Candidate.Head.WeightDecay == usualPenalty {
			all = append(all, Candidate{Depths: c.Candidate.Depths, Head: best.Head})
		}
	}
	return all
}

// even is the difference in accuracy below which two candidates are as good, and the simpler one is taken.
const even = 0.001

// Choose returns the index of the candidate to take: the most accurate of those that were held out on all folds, or one
// that is simpler and as good but for a thousandth. Of two candidates the one with fewer features is simpler, then the
// one that was tried first.
func Choose(scores []Score) int {
	most := 0
	for _, s := range scores {
		most = max(most, s.Folds)
	}
	best := -1
	for i, s := range scores {
		if s.Folds == most && (best < 0 || s.Accuracy > scores[best].Accuracy) {
			best = i
		}
	}
	top := scores[best].Accuracy
	for i, s := range scores {
		if s.Folds == most && s.Accuracy >= top-even && (len(s.Candidate.Depths) < len(scores[best].Candidate.Depths) ||
			len(s.Candidate.Depths) == len(scores[best].Candidate.Depths) && i < best) {
			best = i
		}
	}
	return best
}
