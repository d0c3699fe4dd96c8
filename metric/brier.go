package metric

// brier is Brier's score: the mean squared distance, from 0 to 2, between the probabilities and the truth (1 for
// the right class, 0 for the others). Lower is better; unlike the NLL no single picture can dominate it.
var brier = metric{key: "brier", title: "Brier score", task: oneLabel,
	statistic: func(e *evaluation) func([]float64) float64 {
		distances := make([]float64, e.n)
		for i, label := range e.label {
			for c, p := range e.row(i) {
				d := float64(p)
				if c == label {
					d--
				}
				distances[i] += d * d
			}
		}
		return pictureMean(distances)
	}}
