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
	a.ApplyRows(dst, src, Rows{N: 1, Width: len(dst)})
}

// ApplyRows is Apply for rows of elements.
func (a Act) ApplyRows(dst, src []float32, r Rows) {
	if r.empty() {
		return
	}
	must("activation output", len(dst), 0, r.reach(r.To))
	must("activation input", len(src), 0, r.reach(r.From))
	if r.To == r.Width && r.From == r.Width {
		r = r.joined()
	}
	if a.Func == Identity {
		for i := range r.N {
			copy(dst[i*r.To:][:r.Width], src[i*r.From:][:r.Width])
		}
		return
	}
	a.run(dst, src, r)
}

// runGeneric is run in plain Go.
func (a Act) runGeneric(dst, src []float32, r Rows) {
	for i := range r.N {
		a.row(dst[i*r.To:][:r.Width], src[i*r.From:][:r.Width])
	}
}
