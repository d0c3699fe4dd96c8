package kernel

import "math"

// row sets dst[i] = a(src[i]), which is as long. These are the steps of package asm's kernels, which fuse a
// product with the addition that follows.
func (a Act) row(dst, src []float32) {
	dst = dst[:len(src)]
	switch a.Func {
	case Relu:
		for i, x := range src {
			dst[i] = max(x, 0)
		}
	case Clip:
		for i, x := range src {
			dst[i] = min(max(x, a.A), a.B)
		}
	case LeakyRelu:
		for i, x := range src {
			if x < 0 {
				x *= a.A
			}
			dst[i] = x
		}
	case HardSigmoid:
		for i, x := range src {
			dst[i] = min(max(float32(a.A*x)+a.B, 0), 1)
		}
	case HardSwish:
		for i, x := range src {
			dst[i] = x * min(max(float32(x*sixth)+half, 0), 1)
		}
	case Sigmoid:
		for i, x := range src {
			dst[i] = sigmoid(x)
		}
	case SiLU:
		for i, x := range src {
			dst[i] = x * sigmoid(x)
		}
	default:
		f := functions[a.Func]
		for i, x := range src {
			dst[i] = f(x)
		}
	}
}

// functions holds those that are dear enough for a call.
var functions = map[Func]func(float32) float32{
	Tanh: tanh, Erf: erf, Gelu: gelu, GeluTanh: geluTanh, Exp: exp,
	Sqrt: func(x float32) float32 { return float32(math.Sqrt(float64(x))) },
}

// exponent splits eʸ: s is a power of two, whose exponent must be −127 (which gives 0) to 128, and g what makes
// s·(1+g) the result. The range is reduced by multiples of ln 2 in two parts (Cody and Waite); adding expRound
// rounds to an integer.
func exponent(y float32) (s uint32, g float32) {
	t := float32(y*log2E) + expRound
	n := t - expRound
	r := y + float32(n*ln2Hi) + float32(n*ln2Lo)
	p := float32(exp6*r) + exp5
	p = float32(p*r) + exp4
	p = float32(p*r) + exp3
	p = float32(p*r) + exp2
	p = float32(p*r) + one
	return math.Float32bits(t) << 23, p * r
}

// expNegative returns eʸ for a y between expMin and 0; 0 where it is below the normal numbers.
func expNegative(y float32) float32 {
	bits, g := exponent(y)
	s := math.Float32frombits(bits)
	return float32(s*g) + s
}

// expm1Negative returns eʸ−1 for a y between expMin and 0, exact to the last bits near 0.
func expm1Negative(y float32) float32 {
	bits, g := exponent(y)
	s := math.Float32frombits(bits)
	return float32(s*g) + (s - 1)
}

// exp returns eˣ for any x: what it is multiplied by is cut into two powers of two.
func exp(x float32) float32 {
	bits, g := exponent(min(max(x, expLeast), expMost))
	n := int32(bits)>>23 + 127
	s := math.Float32frombits(uint32(n>>1) << 23)
	return (float32(s*g) + s) * math.Float32frombits(uint32(n-n>>1)<<23)
}

// sigmoid takes e^-|x|, which cannot overflow.
func sigmoid(x float32) float32 {
	e := expNegative(max(-abs(x), expMin))
	if x < 0 {
		return e / (1 + e)
	}
	return 1 / (1 + e)
}

// tanh is −m/(2+m) for m = e^(−2|x|) − 1, with the sign of x.
func tanh(x float32) float32 {
	m := expm1Negative(max(-abs(x+x), expMin))
	return copySign(m/(m+2), x)
}

// erf is 1 − e to the logarithm of the complement, a polynomial without a constant term.
func erf(x float32) float32 {
	a := min(abs(x), erfMax)
	p := float32(erf8*a) + erf7
	p = float32(p*a) + erf6
	p = float32(p*a) + erf5
	p = float32(p*a) + erf4
	p = float32(p*a) + erf3
	p = float32(p*a) + erf2
	p = float32(p*a) + erf1
	p = float32(p*a) + erf0
	return copySign(expm1Negative(p*a), x)
}

// gelu is max(x, 0) − a·Φ(−a) for a = |x|.
func gelu(x float32) float32 {
	a := min(abs(x), geluMax)
	return max(x, 0) - float32(a*phiNegative(a))
}

// phi is Φ(x), the normal distribution.
func phi(x float32) float32 {
	p := phiNegative(abs(x))
	if math.Signbit(float64(x)) {
		return p
	}
	return 1 - p
}

// phiNegative is Φ(−a) for an a that is not negative.
func phiNegative(a float32) float32 {
	p := float32(gelu10*a) + gelu9
	p = float32(p*a) + gelu8
	p = float32(p*a) + gelu7
	p = float32(p*a) + gelu6
	p = float32(p*a) + gelu5
	p = float32(p*a) + gelu4
	p = float32(p*a) + gelu3
	p = float32(p*a) + gelu2
	p = float32(p*a) + gelu1
	p = float32(p*a) + gelu0
	return expNegative(max(p, expMin))
}

// geluTanh is x·sigmoid(2u) for the u in tanh(u).
func geluTanh(x float32) float32 {
	u := float32(geluTanh3*float32(x*x)) + geluTanh1
	return x * sigmoid(float32(x*u))
}

func abs(x float32) float32 { return math.Float32frombits(math.Float32bits(x) &^ (1 << 31)) }

func copySign(y, x float32) float32 {
	return math.Float32frombits(math.Float32bits(y)&^(1<<31) | math.Float32bits(x)&(1<<31))
}
