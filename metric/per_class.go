package metric

// ClassScore is how one class fared. Precision is the share of right pictures among those taken for the class,
// recall that among those of the class; both are 0 in [0, 1] where there is no such picture.
type ClassScore struct {
	Class     string   `json:"class"`
	Support   int      `json:"support"` // test pictures of the class
	Precision Interval `json:"precision"`
	Recall    Interval `json:"recall"`
	F1        float64  `json:"f1"`
}

func (e *evaluation) perClass() []ClassScore {
	all := make([]counts, e.k)
	e.count(all, nil)
	scores := make([]ClassScore, e.k)
	for c, n := range all {
		tp, fp, fn := int(n.tp), int(n.fp), int(n.fn)
		scores[c] = ClassScore{
			Class:     e.Classes[c],
			Support:   tp + fn,
			Precision: wilson(tp, tp+fp),
			Recall:    wilson(tp, tp+fn),
			F1:        n.f1(),
		}
	}
	return scores
}

// confusion counts the pictures, [K][K]: row the true class, column the predicted one.
func (e *evaluation) confusion() [][]int {
	m := make([][]int, e.k)
	for c := range m {
		m[c] = make([]int, e.k)
	}
	for i, label := range e.label {
		m[label][e.guess[i]]++
	}
	return m
}
