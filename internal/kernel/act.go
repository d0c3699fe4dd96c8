package kernel

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
	Exp
)

// Act is a Func with its parameters. The zero Act changes nothing.
type Act struct {
	Func Func
	A, B float32
}

// Apply sets dst[i] = a(src[i]). dst may be src; it must be as long. A NaN stays a NaN.
//
// Exp is within 1.5 ulp, and Sigmoid, SiLU, Tanh and Erf within 3, but that exponentials below the normal numbers
// are 0 inside them. HardSigmoid, HardSwish, Gelu and GeluTanh are within 2⁻²³·(|x|+1).
func (a Act) Apply(dst, src []float32) {
	a.ApplyRows(dst, src, 1, len(dst), len(dst), len(dst))
}

// ApplyRows is Apply for n rows of width elements, which start to elements apart in dst and from in src.
func (a Act) ApplyRows(dst, src []float32, n, width, to, from int) {
	if n <= 0 || width <= 0 {
		return
	}
	must("activation output", len(dst), 0, (n-1)*to+width)
	must("activation input", len(src), 0, (n-1)*from+width)
	if to == width && from == width { // one long row
		n, width = 1, n*width
	}
	if a.Func == Identity {
		for i := range n {
			copy(dst[i*to:][:width], src[i*from:][:width])
		}
		return
	}
	a.run(dst, src, n, width, to, from)
}

// runGeneric is run in plain Go.
func (a Act) runGeneric(dst, src []float32, n, width, to, from int) {
	for i := range n {
		a.row(dst[i*to:][:width], src[i*from:][:width])
	}
}
