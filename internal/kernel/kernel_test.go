package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// tolerance is the error that a sum of k products in float32 may have, relative to the sum of their
// absolute values: rounding errors of 2⁻²⁴ that mostly cancel.
func tolerance(k int) float64 { return 4 * math.Sqrt(float64(k)+4) * 0x1p-24 }

func random(r *rand.Rand, n int) []float32 {
	s := make([]float32, n)
	for i := range s {
		s[i] = float32(r.NormFloat64())
	}
	return s
}

// near fails the test if got differs from want by more than tol·scale, or either is not finite.
func near(t *testing.T, what string, got float32, want, scale, tol float64) {
	t.Helper()
	if d := math.Abs(float64(got) - want); !(d <= tol*(scale+1e-30)) {
		t.Fatalf("%s: %v, want %v (scale %v)", what, got, want, scale)
	}
}

// dense returns the grid of pictures with a halo of m pixels around and extra elements after each pixel,
// and the length of a slice that holds n of them.
func dense(n, h, w, c, m, extra int) (Grid, int) {
	px := c + extra
	row := (w + 2*m) * px
	image := (h + 2*m) * row
	return Grid{Start: m*row + m*px, Image: image, Row: row, Pixel: px}, n * image
}

type convCase struct{ n, h, w, inC, outC, kh, kw, sh, sw, dh, dw, groups, pad, extra int }

var convCases = []convCase{
	{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0},
	{2, 5, 7, 3, 5, 3, 3, 1, 1, 1, 1, 1, 1, 0},
	{1, 9, 6, 4, 8, 3, 3, 2, 2, 1, 1, 1, 1, 0},
	{1, 9, 7, 3, 6, 7, 7, 2, 2, 1, 1, 1, 3, 0},
	{3, 3, 3, 16, 12, 1, 1, 1, 1, 1, 1, 1, 0, 3},
	{1, 8, 8, 6, 9, 3, 2, 1, 2, 2, 3, 1, 3, 0},
	{2, 6, 5, 8, 12, 3, 3, 1, 1, 1, 1, 4, 1, 0},
	{1, 4, 4, 6, 6, 3, 3, 1, 1, 1, 1, 6, 1, 1},
	{1, 5, 5, 4, 12, 2, 2, 3, 1, 1, 1, 4, 0, 0},
}

func (k convCase) String() string { return fmt.Sprint(convCase(k).list()) }
func (k convCase) list() []int {
	return []int{k.n, k.h, k.w, k.inC, k.outC, k.kh, k.kw, k.sh, k.sw, k.dh, k.dw, k.groups, k.pad, k.extra}
}

// conv builds the convolution of a case, the input's and output's lengths, and the grid of the input's pixels.
func (k convCase) conv() (c Conv, src, dst int, in Grid) {
	c = Conv{Filter: Filter{k.outC, k.inC / k.groups, k.kh, k.kw, k.groups}, StrideH: k.sh, StrideW: k.sw, DilH: k.dh, DilW: k.dw, N: k.n}
	c.OutH = (k.h+2*k.pad-(k.kh-1)*k.dh-1)/k.sh + 1
	c.OutW = (k.w+2*k.pad-(k.kw-1)*k.dw-1)/k.sw + 1
	in, src = dense(k.n, k.h, k.w, k.inC, k.pad, k.extra)
	c.Src = in
	c.Src.Start = 0
	c.Dst, dst = dense(k.n, c.OutH, c.OutW, k.outC, 1, k.extra)
	c.Res = c.Dst
	return c, src, dst, in
}

// naive returns the sum behind one output element and the sum of the absolute values, in float64.
func naive(c *Conv, src, w, bias []float32, n, y, x, oc int) (sum, scale float64) {
	g := oc / (c.OutC / c.Groups)
	sum = float64(bias[oc])
	scale = math.Abs(sum)
	for ic := range c.InC {
		for ky := range c.KH {
			for kx := range c.KW {
				v := float64(src[c.Src.At(n, y*c.StrideH+ky*c.DilH, x*c.StrideW+kx*c.DilW)+g*c.InC+ic]) *
					float64(w[((oc*c.InC+ic)*c.KH+ky)*c.KW+kx])
				sum += v
				scale += math.Abs(v)
			}
		}
	}
	return sum, scale
}

func TestConv(t *testing.T) {
	for _, k := range convCases {
		for _, act := range []Act{{}, {Func: Relu}, {Func: Clip, A: -0.5, B: 1}, {Func: SiLU}} {
			t.Run(fmt.Sprint(k, act), func(t *testing.T) {
				r := rand.New(rand.NewPCG(1, 2))
				c, ns, nd, _ := k.conv()
				c.Act = act
				src, w, bias, res := random(r, ns), random(r, c.OutC*c.taps()), random(r, c.OutC), random(r, nd)
				packed := make([]float32, c.PackedLen())
				c.Pack(packed, w, bias)
				dst := slices.Repeat([]float32{77}, nd)
				c.Run(dst, src, res, packed, 0, c.N*c.OutH*c.OutW, 0, c.Blocks())
				checkConv(t, &c, dst, tolerance(c.taps()), func(n, y, x, oc int) (float64, float64) {
					sum, scale := naive(&c, src, w, bias, n, y, x, oc)
					add := float64(res[c.Res.At(n, y, x)+oc])
					return sum + add, scale + math.Abs(add)
				})
			})
		}
	}
}

// checkConv compares dst with the sums that want gives, of which an error of tol is allowed, and what lies outside the output with 77.
func checkConv(t *testing.T, c *Conv, dst []float32, tol float64, want func(n, y, x, oc int) (float64, float64)) {
	t.Helper()
	seen := make([]bool, len(dst))
	for n := range c.N {
		for y := range c.OutH {
			for x := range c.OutW {
				for oc := range c.OutC {
					sum, scale := want(n, y, x, oc)
					i := c.Dst.At(n, y, x) + oc
					seen[i] = true
					near(t, fmt.Sprintf("output %d %d %d %d", n, y, x, oc), dst[i], reference(c.Act, sum), scale+1, tol)
				}
			}
		}
	}
	for i, s := range seen {
		if !s && dst[i] != 77 {
			t.Fatalf("element %d outside the output was written", i)
		}
	}
}

// Cutting the work anywhere gives the same bits.
func TestConvCuts(t *testing.T) {
	for _, k := range convCases {
		r := rand.New(rand.NewPCG(3, 4))
		c, ns, nd, _ := k.conv()
		c.Act = Act{Func: Relu}
		src, w, bias := random(r, ns), random(r, c.OutC*c.taps()), random(r, c.OutC)
		packed := make([]float32, c.PackedLen())
		c.Pack(packed, w, bias)
		whole, cut := make([]float32, nd), make([]float32, nd)
		pixels := c.N * c.OutH * c.OutW
		c.Run(whole, src, nil, packed, 0, pixels, 0, c.Blocks())
		for p := 0; p < pixels; {
			q := min(pixels, p+1+r.IntN(4))
			for b := range c.Blocks() {
				c.Run(cut, src, nil, packed, p, q, b, b+1)
			}
			p = q
		}
		if !slices.Equal(whole, cut) {
			t.Errorf("%v: results depend on the cut", k)
		}
	}
}

func TestDepthwise(t *testing.T) {
	for _, k := range []convCase{
		{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0},
		{2, 5, 7, 19, 19, 3, 3, 1, 1, 1, 1, 19, 1, 0},
		{1, 8, 9, 8, 8, 5, 3, 2, 1, 1, 2, 8, 2, 2},
	} {
		for _, act := range []Act{{}, {Func: Clip, A: 0, B: 6}, {Func: HardSwish}} {
			t.Run(fmt.Sprint(k, act), func(t *testing.T) {
				r := rand.New(rand.NewPCG(5, 6))
				c, ns, nd, _ := k.conv()
				c.Act = act
				d := Depthwise{C: k.inC, KH: k.kh, KW: k.kw, StrideH: k.sh, StrideW: k.sw, DilH: k.dh, DilW: k.dw,
					N: k.n, OutH: c.OutH, OutW: c.OutW, Src: c.Src, Dst: c.Dst, Res: c.Res, Act: act}
				src, w, bias, res := random(r, ns), random(r, c.OutC*c.taps()), random(r, c.OutC), random(r, nd)
				packed := make([]float32, d.PackedLen())
				d.Pack(packed, w, bias)
				dst := slices.Repeat([]float32{77}, nd)
				d.Run(dst, src, res, packed, 0, 1)
				d.Run(dst, src, res, packed, 1, d.N*d.OutH)
				checkConv(t, &c, dst, tolerance(c.taps()), func(n, y, x, oc int) (float64, float64) {
					sum, scale := naive(&c, src, w, bias, n, y, x, oc)
					add := float64(res[c.Res.At(n, y, x)+oc])
					return sum + add, scale + math.Abs(add)
				})
			})
		}
	}
}

func TestGemm(t *testing.T) {
	for _, m := range []int{1, 2, 3, 7} {
		for _, n := range []int{1, 4, 5, 13} {
			for _, k := range []int{0, 1, 9, 64} {
				r := rand.New(rand.NewPCG(uint64(m), uint64(n*k)))
				g := Gemm{M: m, N: n, K: k}
				a, b, bias := random(r, m*k), random(r, k*n), random(r, n)
				bt := make([]float32, n*k)
				for i := range k {
					for j := range n {
						bt[j*k+i] = b[i*n+j]
					}
				}
				packed, packedT := make([]float32, g.PackedLen()), make([]float32, g.PackedLen())
				g.Pack(packed, b, bias, false)
				g.Pack(packedT, bt, bias, true)
				if !slices.Equal(packed, packedT) {
					t.Fatalf("%d %d %d: b and its transpose are packed differently", m, n, k)
				}
				dst := make([]float32, m*n)
				g.Run(dst, a, nil, packed, 0, m, 0, g.Blocks())
				for i := range m {
					for j := range n {
						sum, scale := float64(bias[j]), math.Abs(float64(bias[j]))
						for p := range k {
							v := float64(a[i*k+p]) * float64(b[p*n+j])
							sum, scale = sum+v, scale+math.Abs(v)
						}
						near(t, fmt.Sprint(m, n, k, i, j), dst[i*n+j], sum, scale, tolerance(k))
					}
				}
			}
		}
	}
}

// A slice that is too short is caught before anything is written beside it.
func TestChecks(t *testing.T) {
	c, ns, nd, _ := convCases[1].conv()
	packed := make([]float32, c.PackedLen())
	src, dst := make([]float32, ns), make([]float32, nd)
	c.Dst.Start += 3 * c.Dst.Row
	for name, f := range map[string]func(){
		"output":  func() { c.Run(dst, src, nil, packed, 0, 1, 0, 1) },
		"input":   func() { c.Run(dst, src[:9], nil, packed, 0, 1, 0, 1) },
		"weights": func() { c.Run(dst, src, nil, packed[:9], 0, 1, 0, 1) },
		"pixels":  func() { c.Run(dst, src, nil, packed, 0, 1e6, 0, 1) },
		"binary":  func() { Binary(Add, dst[:3], dst[:2], dst[:3]) },
		"act":     func() { Act{}.Apply(dst[:3], dst[:2]) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		})
	}
}
