package metric

// microF1 is the F1 of all labels' counts together, so that frequent labels weigh more. With one label per
// picture it would be top-1 accuracy again. It is no mean, so no label is left out.
var microF1 = metric{key: "micro_f1", title: "micro F1", percent: true, task: multiLabel,
	statistic: func(e *evaluation) func([]float64) float64 {
		parts := make([]counts, e.n) // each picture's, over all labels
		for i := range parts {
			for _, o := range e.outcomes[e.first[i]:e.first[i+1]] {
				switch o.kind {
				case truePositive:
					parts[i].tp++
				case falsePositive:
					parts[i].fp++
				case falseNegative:
					parts[i].fn++
				}
			}
		}
		return func(weights []float64) float64 {
			var sum counts
			for i, p := range parts {
				w := weights[i]
				sum.tp += w * p.tp
				sum.fp += w * p.fp
				sum.fn += w * p.fn
			}
			return sum.f1()
		}
	}}
