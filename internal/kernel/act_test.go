package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// reference is a in float64, from the definitions.
func reference(a Act, x float64) float64 {
	p, q := float64(a.A), float64(a.B)
	sig := 1 / (1 + math.Exp(-x))
	switch a.Func {
	case Relu:
		return math.Max(x, 0)
	case Clip:
		return math.Min(math.Max(x, p), q)
	case LeakyRelu:
		return math.Max(x, 0) + p*math.Min(x, 0)
	case Sigmoid:
		return sig
	case HardSigmoid:
		return math.Min(math.Max(p*x+q, 0), 1)
	case HardSwish:
		return x * math.Min(math.Max(x/6+0.5, 0), 1)
	case SiLU:
		return x * sig
	case Tanh:
		return math.Tanh(x)
	case Erf:
		return math.Erf(x)
	case Gelu:
		return x * 0.5 * math.Erfc(-x/math.Sqrt2)
	case GeluTanh:
		return 0.5 * x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
	case Sqrt:
		return math.Sqrt(x)
	}
	return x
}

var acts = []Act{{}, {Func: Relu}, {Func: Clip, A: -1, B: 6}, {Func: LeakyRelu, A: 0.1}, {Func: Sigmoid},
	{Func: HardSigmoid, A: 0.2, B: 0.5}, {Func: HardSwish}, {Func: SiLU}, {Func: Tanh}, {Func: Erf}, {Func: Gelu}, {Func: GeluTanh}}

func TestActs(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	src := random(r, 999)
	for i := range src {
		src[i] *= float32(int(1) << (i % 7))
	}
	inf := float32(math.Inf(1))
	src = append(src, 0, 88, -88, 104, -104, 1e30, -1e30)
	for _, a := range append(acts, Act{Func: Sqrt}) {
		dst := make([]float32, len(src))
		a.Apply(dst, src)
		for i, x := range src {
			if a.Func == Sqrt && x < 0 {
				continue
			}
			want := reference(a, float64(x))
			if want == 0 && dst[i] == 0 {
				continue
			}
			// exp is 0 below the normal numbers, where only the absolute error counts.
			near(t, "act", dst[i], want, max(math.Abs(want), 0x1p-98)+floor(a, x), 4*0x1p-23)
		}
		a.Apply(dst[:1], []float32{float32(math.NaN())})
		if dst[0] == dst[0] {
			t.Errorf("act %d: NaN became %v", a.Func, dst[0])
		}
		a.Apply(dst[:1], []float32{inf})
		if want := reference(a, math.Inf(1)); float64(dst[0]) != want && want == want {
			t.Errorf("act %d at infinity: %v, want %v", a.Func, dst[0], want)
		}
	}
}

// floor is an absolute error that an activation may have besides its relative one: where it is the product of
// x with a small number that comes of a subtraction.
func floor(a Act, x float32) float64 {
	switch a.Func {
	case HardSwish, HardSigmoid, Gelu, GeluTanh:
		return math.Abs(float64(x)) + 1
	}
	return 0
}

// exp is compared at steps over its whole range.
func TestExp(t *testing.T) {
	for x := float32(-87.3); x <= 88; x += 0.00137 {
		near(t, "exp", exp(x), math.Exp(float64(x)), math.Exp(float64(x)), 2*0x1p-23)
	}
	if exp(-88) != 0 || exp(-float32(math.Inf(1))) != 0 || exp(0) != 1 {
		t.Error("exp at its ends")
	}
}

func TestBinary(t *testing.T) {
	f := []func(x, y float32) float32{
		func(x, y float32) float32 { return x + y }, func(x, y float32) float32 { return x - y },
		func(x, y float32) float32 { return x * y }, func(x, y float32) float32 { return x / y },
		func(x, y float32) float32 { return max(x, y) }, func(x, y float32) float32 { return min(x, y) },
	}
	r := rand.New(rand.NewPCG(2, 2))
	for op := Add; op <= Min; op++ {
		for _, n := range []int{0, 1, 2, 7, 33} {
			a, b, dst := random(r, max(n, 1)), random(r, max(n, 1)), make([]float32, n)
			for _, c := range []struct{ a, b []float32 }{{a[:n], b[:n]}, {a[:1], b[:n]}, {a[:n], b[:1]}, {a[:1], b[:1]}} {
				if n > 1 && len(c.a) == 1 && len(c.b) == 1 {
					continue
				}
				Binary(op, dst, c.a, c.b)
				for i := range dst {
					if want := f[op](c.a[i%len(c.a)], c.b[i%len(c.b)]); dst[i] != want {
						t.Fatalf("op %d, %d and %d elements: [%d] = %v, want %v", op, len(c.a), len(c.b), i, dst[i], want)
					}
				}
			}
		}
	}
}

func TestScaleShift(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for _, c := range []int{1, 3, 8} {
		src, k, b := random(r, 5*c), random(r, c), random(r, c)
		dst := make([]float32, len(src))
		ScaleShift(dst, src, k, b)
		for i := range dst {
			if want := float32(src[i]*k[i%c]) + b[i%c]; dst[i] != want {
				t.Fatalf("%d channels: [%d] = %v, want %v", c, i, dst[i], want)
			}
		}
	}
}
