package metric

import "math"

// minProb is the least probability that the NLL believes: 2⁻²³, float32's epsilon, as in scikit-learn. One
// picture whose class a softmax rounded to 0 would else make the mean infinite.
const minProb = 0x1p-23

// nll is the negative log-likelihood, the mean of −ln of the right class's probability: what the training
// minimised. Lower is better; guessing at random among K classes gives ln K.
var nll = metric{key: "nll", title: "NLL", task: oneLabel,
	statistic: func(e *evaluation) func([]float64) float64 {
		losses := make([]float64, e.n)
		for i, label := range e.label {
			p := float64(e.row(i)[label])
			losses[i] = -math.Log(min(max(p, minProb), 1))
		}
		return pictureMean(losses)
	}}
