package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/graft-ml/graft/internal/check"
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
	case Exp:
		return math.Exp(x)
	}
	return x
}

var acts = []Act{{}, {Func: Relu}, {Func: Clip, A: -1, B: 6}, {Func: LeakyRelu, A: 0.1}, {Func: Sigmoid}, {Func: HardSigmoid, A: 0.2, B: 0.5},
	{Func: HardSwish}, {Func: SiLU}, {Func: Tanh}, {Func: Erf}, {Func: Gelu}, {Func: GeluTanh}, {Func: Sqrt}, {Func: Exp}}

// allFloats returns one of each 30011 float32, and the interval in which the functions bend.
func allFloats() []float32 {
	var s []float32
	for b := uint64(0); b < 1<<32; b += 30011 {
		s = append(s, math.Float32frombits(uint32(b)))
	}
	for x := float32(-20); x < 20; x += 0.0017 {
		s = append(s, x)
	}
	return append(s, 0, float32(math.Copysign(0, -1)), float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()))
}

// actError returns the error that Act.Apply promises for a result of want at x.
func actError(a Act, x, want float64) float64 {
	ulp := func(v float64) float64 { return math.Max(math.Ldexp(1, math.Ilogb(v)-23), 0x1p-149) }
	switch a.Func {
	case Exp:
		return 1.5 * ulp(want)
	case Sigmoid, SiLU, Tanh, Erf:
		return 3*ulp(want) + 0x1p-119 // an exponential below 2⁻¹²⁶ times an x of at most 88
	case HardSigmoid, HardSwish, Gelu, GeluTanh:
		return 0x1p-23 * (math.Abs(x) + 1)
	}
	return ulp(want) / 2
}

// Every implementation keeps the promised error over all of float32, infinities and NaN among them.
func TestActs(t *testing.T) {
	src := allFloats()
	check.EachImpl(t, "act", func(t *testing.T) {
		dst := make([]float32, len(src))
		for _, a := range acts {
			a.Apply(dst, src)
			for i, x := range src {
				want := reference(a, float64(x))
				switch got := float64(dst[i]); {
				case want != want && !math.IsInf(float64(x), 0): // NaN, which infinity times zero may be
					if got == got {
						t.Fatalf("act %v of %v: %v, want NaN", a, x, got)
					}
				case want != want || float32(want) == dst[i]:
				case !(math.Abs(got-want) <= actError(a, float64(x), want)):
					t.Fatalf("act %v of %v: %v, want %v", a, x, got, want)
				}
			}
		}
	})
}

// The place of an element in a row, its neighbours, and the cut into rows change no bit, and nothing beside the
// slices is touched.
func TestActRows(t *testing.T) {
	const most = 67
	src, dst := guarded(t, 3*most), guarded(t, 3*most)
	check.EachImpl(t, "act", func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 1))
		for _, a := range acts {
			for n := range most + 1 {
				x := random(r, n)
				alone, rows := make([]float32, n), make([]float32, n)
				for i := range x {
					a.Apply(alone[i:i+1], x[i:i+1])
				}
				for side := range 2 {
					s, d := part(src, side, 2*n+n%3), part(dst, side, 2*n+n%3)
					copy(s, x)
					copy(s[n+n%3:], x)
					a.ApplyRows(d, s, Rows{N: 2, Width: n, To: n + n%3, From: n + n%3})
					for i := range 2 {
						if copy(rows, d[i*(n+n%3):]); firstBits(rows, alone) >= 0 {
							t.Fatalf("act %v, %d elements: row %d is %v, elements alone %v", a, n, i, rows, alone)
						}
					}
					a.Apply(s, s)
					if i := firstBits(s[:n], alone); i >= 0 {
						t.Fatalf("act %v, %d elements: [%d] differs in place", a, n, i)
					}
				}
			}
		}
	})
}

// firstBits returns the first element in which two slices differ in a bit, -1 if there is none; NaNs are alike.
func firstBits(a, b []float32) int {
	for i := range a {
		if math.Float32bits(a[i]) != math.Float32bits(b[i]) && (a[i] == a[i] || b[i] == b[i]) {
			return i
		}
	}
	return -1
}

func TestBinary(t *testing.T) {
	const most = 67
	nan := float32(math.NaN())
	f := []func(x, y float32) float32{
		func(x, y float32) float32 { return x + y }, func(x, y float32) float32 { return x - y },
		func(x, y float32) float32 { return x * y }, func(x, y float32) float32 { return x / y },
		func(x, y float32) float32 { return max(x, y) }, func(x, y float32) float32 { return min(x, y) },
	}
	src, dst := [2][2][]float32{guarded(t, 3*most), guarded(t, 3*most)}, guarded(t, 3*most)
	check.EachImpl(t, "binary", func(t *testing.T) {
		r := rand.New(rand.NewPCG(2, 2))
		for op := Add; op <= Min; op++ {
			for n := range most + 1 {
				for side := range 2 {
					a, b, d := part(src[0], side, max(n, 1)), part(src[1], side, max(n, 1)), part(dst, side, n)
					copy(a, random(r, n))
					copy(b, random(r, n))
					a[n/2], b[n/3] = nan, nan
					for _, c := range []struct{ a, b []float32 }{{a[:n], b[:n]}, {a[:1], b[:n]}, {a[:n], b[:1]}} {
						if n == 1 && len(c.a)+len(c.b) != 2 {
							continue
						}
						Binary(op, d, c.a, c.b)
						want := make([]float32, n)
						for i := range want {
							want[i] = f[op](c.a[i%len(c.a)], c.b[i%len(c.b)])
						}
						if i := firstBits(d, want); i >= 0 {
							t.Fatalf("op %d, %d and %d elements: [%d] = %v, want %v", op, len(c.a), len(c.b), i, d[i], want[i])
						}
					}
					checkBinaryRows(t, op, f[op], r, n)
				}
			}
		}
	})
}

// checkBinaryRows compares rows apart, of which the second operand repeats, in place.
func checkBinaryRows(t *testing.T, op Op, f func(x, y float32) float32, r *rand.Rand, n int) {
	t.Helper()
	const rows, gap = 3, 2
	a, b := random(r, rows*(n+gap)), random(r, n)
	want := slices.Clone(a)
	for i := range rows {
		for j := range n {
			want[i*(n+gap)+j] = f(want[i*(n+gap)+j], b[j])
		}
	}
	BinaryRows(op, a, a, b, Rows{N: rows, Width: n, To: n + gap, From: n + gap})
	if i := firstBits(a, want); i >= 0 {
		t.Fatalf("op %d, rows of %d: [%d] = %v, want %v", op, n, i, a[i], want[i])
	}
}

func TestScaleShift(t *testing.T) {
	check.EachImpl(t, "binary", func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 3))
		for c := 1; c < 70; c += 1 + c/9 {
			src, k, b := random(r, 5*c), random(r, c), random(r, c)
			dst := make([]float32, len(src))
			ScaleShift(dst, src, k, b)
			for i := range dst {
				if want := float32(src[i]*k[i%c]) + b[i%c]; dst[i] != want {
					t.Fatalf("%d channels: [%d] = %v, want %v", c, i, dst[i], want)
				}
			}
		}
	})
}
