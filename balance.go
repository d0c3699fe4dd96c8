package graft

import (
	"fmt"

	"github.com/graft-ml/graft/internal/train"
)

// Balance says how uneven the classes of the training pictures are, and what is done about it.
type Balance struct {
	Largest  int    `json:"largest"`  // pictures of the largest class
	Smallest int    `json:"smallest"` // and of the smallest
	Method   string `json:"method"`   // "weights", "sampling" or "none"
	multi    bool
}

// Values of Balance.Method.
const (
	balanceWeights  = "weights"
	balanceSampling = "sampling"
	balanceNone     = "none"
)

// unevenRatio is the ratio of pictures from which on the user hears of it.
const unevenRatio = 3

// String is a sentence for people.
func (b *Balance) String() string {
	classes, all := "class", "classes"
	if b.multi {
		classes, all = "label", "labels"
	}
	text := fmt.Sprintf("the largest %s has %s, the smallest %d: ", classes, count(b.Largest, "training picture", "training pictures"), b.Smallest)
	switch {
	case b.Method == balanceSampling:
		return text + "each epoch draws all classes equally often (balanced sampling)"
	case b.Method == balanceNone:
		return text + "nothing is done about it, so that rare " + all + " may be missed"
	case b.multi:
		return text + "pictures of rare labels weigh more in the loss (balanced weights)"
	}
	return text + "all classes weigh the same in the loss (balanced weights)"
}

// balance returns what is done about uneven classes of training pictures, or nil where that is nothing and they are
// even, or the head looks at the mean of each class alone.
func (j *job) balance() *Balance {
	o := j.headOptions()
	if o.Kind == train.NearestMeanHead || o.Kind == train.CosineHead {
		return nil
	}
	counts := make([]int, o.Classes)
	for _, i := range j.train {
		for _, k := range j.data.Samples[i].Labels {
			counts[k]++
		}
	}
	is := o.Balance(counts)
	b := &Balance{Largest: is.Most, Smallest: is.Least, Method: balanceNone, multi: o.MultiLabel}
	switch {
	case is.Sampling:
		b.Method = balanceSampling
	case is.Weights:
		b.Method = balanceWeights
	case is.Most <= unevenRatio*is.Least:
		return nil
	}
	return b
}
