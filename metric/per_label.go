package metric

// LabelScore is how one label fared where a picture may have several. Ratios without a picture to count are 0
// in [0, 1]; AP, the average precision, is 0 without a picture of the label.
type LabelScore struct {
	Class     string   `json:"class"`
	Support   int      `json:"support"` // test pictures with the label
	Threshold float32  `json:"threshold"`
	TP        int      `json:"tp"`
	FP        int      `json:"fp"`
	FN        int      `json:"fn"`
	TN        int      `json:"tn"`
	AP        float64  `json:"ap"`
	Precision Interval `json:"precision"`
	Recall    Interval `json:"recall"`
	F1        float64  `json:"f1"`
}

func (e *evaluation) perLabel() []LabelScore {
	all := make([]counts, e.k)
	e.count(all, nil)
	scores := make([]LabelScore, e.k)
	for c, n := range all {
		tp, fp, fn := int(n.tp), int(n.fp), int(n.fn)
		scores[c] = LabelScore{
			Class:     e.Classes[c],
			Support:   tp + fn,
			Threshold: e.Thresholds[c],
			TP:        tp,
			FP:        fp,
			FN:        fn,
			TN:        e.n - tp - fp - fn,
			AP:        e.ap[c],
			Precision: wilson(tp, tp+fp),
			Recall:    wilson(tp, tp+fn),
			F1:        n.f1(),
		}
	}
	return scores
}
