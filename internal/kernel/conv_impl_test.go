package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/graft-ml/graft/internal/check"
	"github.com/graft-ml/graft/internal/kernel/asm"
)

// fused reports whether the implementation that check.EachImpl runs fuses each product with its addition: all
// but plain Go, which does what the compiler of the architecture likes.
func fused(t *testing.T) bool { return !strings.Contains(t.Name(), "/generic") }

// chain returns the sum that the kernels of assembly promise: the bias, then one product after the other in
// the order [ky][kx][ic], each fused with its addition, then the residual, then the clip. scale is the sum of
// the absolute values.
func chain(c *Conv, src, w, bias, res []float32, n, y, x, oc int) (sum float32, scale float64) {
	g, sum := oc/(c.OutC/c.Groups), bias[oc]
	scale = math.Abs(float64(sum))
	for ky := range c.KH {
		for kx := range c.KW {
			at := c.Src.At(n, y*c.StrideH+ky*c.DilH, x*c.StrideW+kx*c.DilW) + g*c.InC
			for ic := range c.InC {
				a, b := src[at+ic], w[((oc*c.InC+ic)*c.KH+ky)*c.KW+kx]
				sum = asm.FMA(a, b, sum)
				scale += math.Abs(float64(a) * float64(b))
			}
		}
	}
	if res != nil {
		add := res[c.Res.At(n, y, x)+oc]
		sum += add
		scale += math.Abs(float64(add))
	}
	lo, hi := c.Act.bounds()
	return min(max(sum, lo), hi), scale
}

// checkChain compares all of dst with chain: assembly bit for bit but for the sign of zero, plain Go within
// the error of a sum.
func checkChain(t *testing.T, c *Conv, dst, src, w, bias, res []float32) {
	t.Helper()
	exact := fused(t)
	for n := range c.N {
		for y := range c.OutH {
			for x := range c.OutW {
				for oc := range c.OutC {
					got := dst[c.Dst.At(n, y, x)+oc]
					want, scale := chain(c, src, w, bias, res, n, y, x, oc)
					if exact && got != want {
						t.Fatalf("%+v: output %d %d %d %d: %v, want %v", *c, n, y, x, oc, got, want)
					}
					near(t, "output", got, float64(want), scale, tolerance(c.taps()))
				}
			}
		}
	}
}

// Every implementation computes the promised chain on the geometries of the other tests.
func TestConvChain(t *testing.T) {
	check.EachImpl(t, "conv", func(t *testing.T) {
		for _, k := range append(convCases, convCase{2, 4, 9, 3, 50, 3, 3, 1, 1, 1, 1, 1, 1, 0}, convCase{2, 14, 7, 5, 80, 3, 3, 1, 1, 1, 1, 1, 1, 0},
			convCase{1, 3, 35, 9, 33, 1, 1, 1, 1, 1, 1, 1, 0, 0}, convCase{1, 30, 3, 4, 48, 2, 2, 2, 1, 2, 1, 2, 1, 2}) {
			r := rand.New(rand.NewPCG(1, 2))
			c, ns, nd, _ := k.conv()
			c.Act = Act{Func: Clip, A: -2, B: 3}
			src, w, bias, res := random(r, ns), random(r, c.OutC*c.taps()), random(r, c.OutC), random(r, nd)
			packed, dst := make([]float32, c.PackedLen()), make([]float32, nd)
			c.Pack(packed, w, bias)
			c.Run(dst, src, res, packed, 0, c.N*c.OutH*c.OutW, 0, c.Blocks())
			checkChain(t, &c, dst, src, w, bias, res)
			whole := slices.Clone(dst)
			clear(dst)
			for p := range c.N * c.OutH * c.OutW {
				c.Run(dst, src, res, packed, p, p+1, 0, c.Blocks())
			}
			if !slices.Equal(dst, whole) {
				t.Errorf("%v: a pixel alone gives other bits", k)
			}
		}
	})
}

// Every number of pixels and channels up to more than two tiles, in slices beside which no memory is.
func TestConvGuarded(t *testing.T) {
	const pixels, channels = 29, 65
	src, dst, res, packed := guarded(t, 3*pixels), guarded(t, pixels*channels), guarded(t, pixels*channels), guarded(t, 96*4)
	check.EachImpl(t, "conv", func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 6))
		for p := range pixels + 1 {
			for oc := 1; oc <= channels; oc += 1 + p%3 {
				c := Conv{Filter: Filter{OutC: oc, InC: 3, KH: 1, KW: 1, Groups: 1}, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, N: 1, OutH: 1, OutW: p,
					Src: Grid{Pixel: 3}, Dst: Grid{Pixel: oc}, Res: Grid{Pixel: oc}, Act: Act{Func: Relu}}
				w, bias := random(r, 3*oc), random(r, oc)
				for i := range 2 {
					s, d, a, k := part(src, i, 3*p), part(dst, i, p*oc), part(res, i, p*oc), part(packed, i, c.PackedLen())
					copy(s, random(r, len(s)))
					copy(a, random(r, len(a)))
					c.Pack(k, w, bias)
					c.Run(d, s, a, k, 0, p, 0, c.Blocks())
					checkChain(t, &c, d, s, w, bias, a)
				}
			}
		}
	})
}

// guarded returns two slices of n elements, one that ends where memory ends and one that starts where it does.
func guarded(t *testing.T, n int) [2][]float32 {
	return [2][]float32{check.Guarded[float32](t, n), check.GuardedFront[float32](t, n)}
}

// part returns n elements at the guarded end of one of two slices.
func part[E any](s [2][]E, i, n int) []E {
	if i == 0 {
		return s[0][len(s[0])-n:]
	}
	return s[1][:n:n]
}

// A run allocates nothing: the arguments of the assembly stay on the stack.
func TestConvAllocates(t *testing.T) {
	check.EachImpl(t, "conv", func(t *testing.T) {
		c, ns, nd, _ := convCases[1].conv()
		src, dst, packed := make([]float32, ns), make([]float32, nd), make([]float32, c.PackedLen())
		if n := testing.AllocsPerRun(10, func() { c.Run(dst, src, nil, packed, 0, c.N*c.OutH*c.OutW, 0, c.Blocks()) }); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}

// FuzzConv compares all implementations on geometries that a seed makes.
func FuzzConv(f *testing.F) {
	for seed := range uint64(30) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 9))
		groups := 1 + r.IntN(3)*r.IntN(2)
		k := convCase{1 + r.IntN(2), 1 + r.IntN(9), 1 + r.IntN(20), groups * (1 + r.IntN(6)), groups * (1 + r.IntN(70)), 1 + r.IntN(3), 1 + r.IntN(3),
			1 + r.IntN(3), 1 + r.IntN(3), 1 + r.IntN(2), 1 + r.IntN(2), groups, 4, r.IntN(3)}
		check.EachImpl(t, "conv", func(t *testing.T) {
			c, ns, nd, _ := k.conv()
			c.Act = Act{Func: Relu}
			src, w, bias, res := random(r, ns), random(r, c.OutC*c.taps()), random(r, c.OutC), random(r, nd)
			packed, dst := make([]float32, c.PackedLen()), make([]float32, nd)
			c.Pack(packed, w, bias)
			p := r.IntN(c.N*c.OutH*c.OutW + 1)
			c.Run(dst, src, res, packed, 0, p, 0, c.Blocks())
			c.Run(dst, src, res, packed, p, c.N*c.OutH*c.OutW, 0, c.Blocks())
			checkChain(t, &c, dst, src, w, bias, res)
		})
	})
}

// A matrix product is the promised chain too.
func TestGemmChain(t *testing.T) {
	check.EachImpl(t, "conv", func(t *testing.T) {
		for _, k := range []int{0, 1, 4, 7, 130} {
			r := rand.New(rand.NewPCG(3, 4))
			g := Gemm{M: 23, N: 77, K: k}
			a, b, bias, dst := random(r, g.M*k), random(r, k*g.N), random(r, g.N), make([]float32, g.M*g.N)
			packed := make([]float32, g.PackedLen())
			g.Pack(packed, b, bias, false)
			g.Run(dst, a, nil, packed, 0, g.M, 0, g.Blocks())
			for i, got := range dst {
				sum, scale := bias[i%g.N], math.Abs(float64(bias[i%g.N]))
				for p := range k {
					x, y := a[i/g.N*k+p], b[p*g.N+i%g.N]
					sum = asm.FMA(x, y, sum)
					scale += math.Abs(float64(x) * float64(y))
				}
				if fused(t) && got != sum {
					t.Fatalf("k %d: element %d: %v, want %v", k, i, got, sum)
				}
				near(t, "element", got, float64(sum), scale, tolerance(k))
			}
		}
	})
}
