package asm

import "math"

// The functions in plain Go, with each fused step and each choice of an operand where one is NaN.

func vmax(x, y float32) float32 { // x is what is returned where they do not compare
	if y > x {
		return y
	}
	return x
}

func vmin(x, y float32) float32 {
	if y < x {
		return y
	}
	return x
}

func val(k konst) float32 { return Constants[k].Float() }

func horner(first, last konst, x float32) float32 {
	p := val(last)
	for k := last - 1; k >= first; k-- {
		p = FMA(p, x, val(k))
	}
	return p
}

// exponentTwin returns the scaled power of two as bits, and the rest.
func exponentTwin(y float32) (s uint32, g float32) {
	t := FMA(y, val(kLog2E), val(kRound))
	n := t - val(kRound)
	r := FMA(n, val(kLn2Lo), FMA(n, val(kLn2Hi), y))
	return bits(t) << 23, r * FMA(horner(kExp2, kExp6, r), r, 1)
}

func expTwin(y float32) float32 {
	s, g := exponentTwin(y)
	return FMA(float(s), g, float(s))
}

func expm1Twin(y float32) float32 {
	s, g := exponentTwin(y)
	return FMA(float(s), g, float(s)-1)
}

func sigmoidTwin(x float32) float32 {
	e := expTwin(vmax(float(bits(x)|1<<31), val(kExpMin)))
	if math.Signbit(float64(x)) {
		return e / (1 + e)
	}
	return 1 / (1 + e)
}

func absTwin(x float32) float32 { return float(bits(x) &^ (1 << 31)) }

func withSign(y, x float32) float32 { return float(bits(y)&^(1<<31) | bits(x)&(1<<31)) }

func expFullTwin(x float32) float32 {
	s, g := exponentTwin(vmin(vmax(x, val(kExpLeast)), val(kExpMost)))
	n := int32(s)>>23 + 127
	half := n >> 1
	one := float(uint32(half) << 23)
	return FMA(one, g, one) * float(uint32(n-half)<<23)
}

func actTwin(name string, x, a, b float32) float32 {
	switch name {
	case "Clip":
		return vmin(vmax(x, a), b)
	case "LeakyRelu":
		if math.Signbit(float64(x)) {
			return a * x
		}
		return x
	case "Sigmoid":
		return sigmoidTwin(x)
	case "HardSigmoid":
		return vmin(vmax(FMA(a, x, b), 0), 1)
	case "HardSwish":
		return x * vmin(vmax(FMA(val(kSixth), x, 0.5), 0), 1)
	case "SiLU":
		return x * sigmoidTwin(x)
	case "Tanh":
		m := expm1Twin(vmax(float(bits(x+x)|1<<31), val(kExpMin)))
		return withSign(m/(m+2), x)
	case "Erf":
		y := vmin(absTwin(x), val(kErfMax))
		return withSign(expm1Twin(horner(kErf0, kErf8, y)*y), x)
	case "Gelu":
		w := vmin(absTwin(x), val(kGeluMax))
		return FMA(-expTwin(vmax(horner(kGelu0, kGelu10, w), val(kExpMin))), w, vmax(x, 0))
	case "GeluTanh":
		return x * sigmoidTwin(x*FMA(val(kGeluTanh3), x*x, val(kGeluTanh1)))
	case "Sqrt":
		return float32(math.Sqrt(float64(x)))
	case "Exp":
		return expFullTwin(x)
	}
	panic(name)
}
