package kernel

import "math"

// Func is an elementwise function of one variable.
type Func int

const (
	Identity    Func = iota
	Relu             // max(x, 0)
	Clip             // min(max(x, A), B)
	LeakyRelu        // x, or A·x where x < 0
	Sigmoid          // 1/(1+e⁻ˣ)
	HardSigmoid      // min(max(A·x+B, 0), 1)
	HardSwish        // x·min(max(x/6+1/2, 0), 1)
	SiLU             // x·sigmoid(x)
	Tanh
	Erf
	Gelu     // x·(1+erf(x/√2))/2
	GeluTanh // x·(1+tanh(√(2/π)(x+0.044715x³)))/2
	Sqrt
)

// Act is a Func with its parameters. The zero Act changes nothing.
type Act struct {
	Func Func
	A, B float32
}

// Apply sets dst[i] = a(src[i]). dst may be src; it must be as long. A NaN stays a NaN. Sigmoid and what
// is made of it are within 4 ulp, Tanh, Erf and Gelu as exact as float64 makes them.
func (a Act) Apply(dst, src []float32) {
	must("activation", len(src), 0, len(dst))
	src = src[:len(dst)]
	switch a.Func {
	case Identity:
		copy(dst, src)
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
	case Sigmoid:
		for i, x := range src {
			dst[i] = sigmoid(x)
		}
	case HardSigmoid:
		for i, x := range src {
			dst[i] = min(max(float32(a.A*x)+a.B, 0), 1)
		}
	case HardSwish:
		for i, x := range src {
			dst[i] = x * min(max(float32(x*(1.0/6))+0.5, 0), 1)
		}
	case SiLU:
		for i, x := range src {
			dst[i] = x * sigmoid(x)
		}
	default:
		f := slow[a.Func]
		for i, x := range src {
			dst[i] = float32(f(float64(x)))
		}
	}
}

// slow holds the functions that few networks use, computed in float64.
var slow = map[Func]func(float64) float64{
	Tanh: math.Tanh,
	Erf:  math.Erf,
	Sqrt: math.Sqrt,
	Gelu: func(x float64) float64 { return x * (1 + math.Erf(x/math.Sqrt2)) / 2 },
	GeluTanh: func(x float64) float64 {
		return x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x))) / 2
	},
}

// sigmoid takes e^-|x|, which cannot overflow.
func sigmoid(x float32) float32 {
	if x < 0 {
		e := exp(x)
		return e / (1 + e)
	}
	return 1 / (1 + exp(-x))
}

// exp returns eˣ within 2 ulp, 0 below the smallest normal result, and NaN for NaN; x must be at most 88.
// The range is reduced by multiples of ln 2 in two parts (Cody and Waite); the polynomial is the one of
// Cephes' expf.
func exp(x float32) float32 {
	if x < -87.3 {
		return 0
	}
	n := math.RoundToEven(float64(x) * math.Log2E)
	r := float32(float64(x) - n*math.Ln2)
	p := float32(1.9875691500e-4)
	p = float32(p*r) + 1.3981999507e-3
	p = float32(p*r) + 8.3334519073e-3
	p = float32(p*r) + 4.1665795894e-2
	p = float32(p*r) + 1.6666665459e-1
	p = float32(p*r) + 5.0000001201e-1
	p = float32(float32(p*r)*r) + r + 1
	return p * math.Float32frombits(uint32(127+int32(n))<<23)
}
