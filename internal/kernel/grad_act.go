package kernel

// GradFromOutput reports whether GradRows takes the output of the function rather than its input.
func (a Act) GradFromOutput() bool {
	switch a.Func {
	case HardSwish, SiLU, Erf, Gelu, GeluTanh, LeakyRelu:
		return false
	}
	return true
}

// GradRows sets dx = dy·a'(x) for rows of elements, of which dy's start From apart and those of v From2. v is the
// output of the function if GradFromOutput, else its input. dx may be dy or v where the steps are alike.
//
// Where a function has a corner the derivative is that of its flat side, and that of LeakyRelu is A; HardSwish has
// them at ±3, where the derivative is that of the side of 0.
func (a Act) GradRows(dx, dy, v []float32, r Rows) {
	if r.empty() {
		return
	}
	must("activation gradient", len(dx), 0, r.reach(r.To))
	must("activation gradient", len(dy), 0, r.reach(r.From))
	must("activation value", len(v), 0, r.reach(r.From2))
	if r.To == r.Width && r.From == r.Width && r.From2 == r.Width {
		r = r.joined()
	}
	a.gradRows(dx, dy, v, r)
}

func (a Act) gradRowsGeneric(dx, dy, v []float32, r Rows) {
	for i := range r.N {
		a.gradRow(dx[i*r.To:][:r.Width], dy[i*r.From:][:r.Width], v[i*r.From2:][:r.Width])
	}
}

// gradRow is GradRows for one row.
func (a Act) gradRow(dx, dy, v []float32) {
	dy, v = dy[:len(dx)], v[:len(dx)]
	switch a.Func {
	case Identity:
		copy(dx, dy)
	case Relu, Clip:
		lo, hi := a.bounds()
		for i, y := range v {
			dx[i] = keep(dy[i], y > lo && y < hi)
		}
	case HardSigmoid:
		for i, y := range v {
			dx[i] = keep(dy[i]*a.A, y > 0 && y < 1)
		}
	case LeakyRelu:
		for i, x := range v {
			g := dy[i]
			if !(x > 0) {
				g *= a.A
			}
			dx[i] = g
		}
	default:
		for i, x := range v {
			dx[i] = dy[i] * a.slope(x)
		}
	}
}

// keep returns v if on, else 0.
func keep(v float32, on bool) float32 {
	if on {
		return v
	}
	return 0
}

// slope is the derivative, from the output if GradFromOutput, else from the input.
func (a Act) slope(v float32) float32 {
	switch a.Func {
	case Sigmoid:
		return v * (1 - v)
	case HardSwish:
		switch {
		case v < minusThree:
			return 0
		case v > three:
			return 1
		}
		return float32(v*third) + half
	case SiLU:
		s := sigmoid(v)
		return s + float32(float32(v*s)*(1-s))
	case Tanh:
		return 1 - float32(v*v)
	case Erf:
		return erfSlope * expNegative(max(-float32(v*v), expMin))
	case Gelu:
		return phi(v) + float32(v*float32(invSqrt2Pi*expNegative(max(-float32(half*float32(v*v)), expMin))))
	case GeluTanh:
		u := float32(geluTanh3*float32(v*v)) + geluTanh1
		s := sigmoid(float32(v * u))
		return s + float32(float32(v*s)*float32((1-s)*(float32(geluTanhSlope*float32(v*v))+geluTanh1)))
	case Sqrt:
		return half / v
	}
	return v // Exp
}
