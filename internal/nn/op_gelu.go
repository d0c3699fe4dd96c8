package nn

import "math"

// opGelu is the Gaussian error linear unit x·Φ(x), with Φ the normal distribution function. The attribute
// approximate is "none" (the default: exact, by erf) or "tanh". ONNX has it from opset 20, so at opset 17
// it is an operator of this package alone, which the writer spells out.
var opGelu = &opDef{
	minIn: 1, maxIn: 1, minOut: 1, maxOut: 1,
	shape: func(n *Node, in []Info) ([]Info, error) {
		if a := n.Attrs.Str("approximate", "none"); a != "none" && a != "tanh" {
			return nil, n.errorf(`attribute approximate is %q, want "none" or "tanh"`, a)
		}
		return likeFloats(n, in)
	},
	forward:  unary(geluValue).forward,
	backward: withSlope(&opDef{}, geluSlope).backward,
}

// geluCubic is the coefficient of x³ in the tanh form (Hendrycks and Gimpel, arXiv:1606.08415).
const geluCubic = 0.044715

func geluValue(a Attrs) func(x float64) float64 {
	if a.Str("approximate", "none") == "tanh" {
		return func(x float64) float64 { return 0.5 * x * (1 + math.Tanh(geluInner(x))) }
	}
	return func(x float64) float64 { return x * normalCDF(x) }
}

func geluSlope(a Attrs) func(x, y float64) float64 {
	if a.Str("approximate", "none") == "tanh" {
		return func(x, _ float64) float64 {
			t := math.Tanh(geluInner(x))
			inner := math.Sqrt(2/math.Pi) * (1 + 3*geluCubic*x*x)
			return 0.5*(1+t) + 0.5*x*(1-t*t)*inner
		}
	}
	return func(x, _ float64) float64 {
		return normalCDF(x) + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi)
	}
}

func geluInner(x float64) float64 { return math.Sqrt(2/math.Pi) * (x + geluCubic*x*x*x) }

func normalCDF(x float64) float64 { return 0.5 * (1 + math.Erf(x/math.Sqrt2)) }
