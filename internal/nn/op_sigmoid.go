package nn

import "math"

var (
	// opSigmoid is y = 1 / (1 + exp(-x)).
	opSigmoid = plainSlope(
		func(x float64) float64 { return 1 / (1 + math.Exp(-x)) },
		func(_, y float64) float64 { return y * (1 - y) })

	// opTanh is the hyperbolic tangent.
	opTanh = plainSlope(math.Tanh, func(_, y float64) float64 { return 1 - y*y })
)
