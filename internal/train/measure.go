package train

import (
	"context"

	"github.com/graft-ml/graft/internal/nn"
)

// measureRows is how many pictures are predicted at once when a head is measured.
const measureRows = 256

// measure returns the mean loss and the accuracy on d of the head that plan runs.
func (f *fit) measure(ctx context.Context, plan *nn.Plan, d Data) (lossValue, accuracy float64, err error) {
	var sum float64
	var score score
	for lo := 0; lo < d.N(); lo += measureRows {
		hi := min(d.N(), lo+measureRows)
		labels := d.Labels[lo:hi]
		z := sized(f.logits, len(labels)*f.o.Classes)
		f.logits = z
		if err := plan.Run(ctx, [][]float32{z}, [][]float32{d.X[lo*d.D : hi*d.D]}, len(labels)); err != nil {
			return 0, 0, err
		}
		sum += f.loss.sum(nil, z, labels, 0)
		for i, y := range labels {
			zi := z[i*f.o.Classes : (i+1)*f.o.Classes]
			if f.o.MultiLabel {
				score.addSet(zi, y)
			} else {
				score.addOne(zi, y[0])
			}
		}
	}
	return sum / f.loss.total(d.Labels), score.share(), nil
}

// score counts right answers: of pictures, or of labels twice, as the F1 measure 2·TP / (2·TP + FP + FN) does.
type score struct{ right, all int }

// addOne counts a picture of one class: right if the first largest logit is there.
func (s *score) addOne(z []float32, class int) {
	best := 0
	for c, v := range z {
		if v > z[best] {
			best = c
		}
	}
	s.all++
	if best == class {
		s.right++
	}
}

// addSet counts a picture of several labels. A logit of 0 is a probability of 1/2.
func (s *score) addSet(z []float32, labels []int) {
	said := 0
	for _, v := range z {
		if v >= 0 {
			said++
		}
	}
	s.all += said + len(labels)
	for _, c := range labels {
		if z[c] >= 0 {
			s.right += 2
		}
	}
}

// share returns the share of right answers; 1 if there was nothing to say and nothing was said.
func (s *score) share() float64 {
	if s.all == 0 {
		return 1
	}
	return float64(s.right) / float64(s.all)
}
