package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/graft-ml/graft/internal/check"
)

func randomBytes(r *rand.Rand, n int) []uint8 {
	s := make([]uint8, n)
	for i := range s {
		s[i] = uint8(r.IntN(256))
	}
	return s
}

// randomWeights returns n weights: as networks have them, with few large ones, or as large as they may be.
func randomWeights(r *rand.Rand, n int, large bool) []int8 {
	s := make([]int8, n)
	for i := range s {
		s[i] = int8(max(-MaxWeight, min(MaxWeight, math.Round(14*r.NormFloat64()))))
		if large {
			s[i] = int8(MaxWeight * (2*r.IntN(2) - 1))
		}
	}
	return s
}

// int8Case is a ConvInt8 with its data.
type int8Case struct {
	ConvInt8
	src, res    []uint8
	w           []int8
	scale, bias []float32
	dst         int // length of the output
}

func newInt8Case(k convCase, act Act, large bool) *int8Case {
	r := rand.New(rand.NewPCG(uint64(k.outC), uint64(k.h)))
	c, ns, nd, _ := k.conv()
	c.Act = act
	v := &int8Case{ConvInt8: ConvInt8{Conv: c, In: Quant{0.02, 131}, Res: Quant{0.03, 7}, Out: Quant{0.045, 90}}, dst: nd}
	v.src, v.res = randomBytes(r, ns), randomBytes(r, nd)
	v.w, v.bias = randomWeights(r, c.OutC*c.taps(), large), random(r, c.OutC)
	for range c.OutC {
		v.scale = append(v.scale, float32((0.5+r.Float64())/(20*math.Sqrt(float64(c.taps())))))
	}
	return v
}

// sum returns Σ (src − In.Zero)·w of an output.
func (v *int8Case) sum(n, y, x, oc int) int {
	c, sum := &v.Conv, 0
	for ic := range c.InC {
		for ky := range c.KH {
			for kx := range c.KW {
				at := c.Src.At(n, y*c.StrideH+ky*c.DilH, x*c.StrideW+kx*c.DilW) + oc/(c.OutC/c.Groups)*c.InC + ic
				sum += (int(v.src[at]) - int(v.In.Zero)) * int(v.w[((oc*c.InC+ic)*c.KH+ky)*c.KW+kx])
			}
		}
	}
	return sum
}

// want returns an output in units of the output's scale, as documented, before it is rounded. Each step is a float32 by
// conversion, because some compilers multiply and add at once otherwise.
func (v *int8Case) want(res []uint8, n, y, x, oc int) float32 {
	out := float64(v.Out.Scale)
	if v.Float {
		out = 1
	}
	f := float32(float32(v.sum(n, y, x, oc)) * float32(float64(v.In.Scale)*float64(v.scale[oc])/out))
	f += float32(float64(v.bias[oc]) / out)
	if res != nil {
		f += float32(float32(int(res[v.Conv.Res.At(n, y, x)+oc])-int(v.Res.Zero)) * (v.Res.Scale / float32(out)))
	}
	lo, hi := v.Conv.Act.bounds()
	return min(max(f, lo/float32(out)), hi/float32(out))
}

func (v *int8Case) check(t *testing.T, bytes []uint8, floats []float32, res []uint8) {
	t.Helper()
	c := &v.Conv
	for n := range c.N {
		for y := range c.OutH {
			for x := range c.OutW {
				for oc := range c.OutC {
					at, want := c.Dst.At(n, y, x)+oc, v.want(res, n, y, x, oc)
					if floats != nil {
						if floats[at] != want {
							t.Fatalf("%+v: output %d %d %d %d: %v, want %v", *c, n, y, x, oc, floats[at], want)
						}
						continue
					}
					b := uint8(max(0, min(255, math.RoundToEven(float64(want))+float64(v.Out.Zero))))
					if bytes[at] != b {
						t.Fatalf("%+v: output %d %d %d %d: %v, want %v (%v)", *c, n, y, x, oc, bytes[at], b, want)
					}
				}
			}
		}
	}
}

// pixels returns all output pixels.
func (v *int8Case) pixels() int { return v.Conv.N * v.Conv.OutH * v.Conv.OutW }

var int8Cases = append(slices.Clone(convCases), convCase{2, 4, 9, 3, 50, 3, 3, 1, 1, 1, 1, 1, 1, 0}, convCase{2, 14, 7, 5, 80, 3, 3, 1, 1, 1, 1, 1, 1, 0},
	convCase{1, 3, 35, 9, 33, 1, 1, 1, 1, 1, 1, 1, 0, 0}, convCase{1, 30, 3, 4, 48, 2, 2, 2, 1, 2, 1, 2, 1, 2}, convCase{1, 5, 6, 36, 24, 3, 3, 1, 1, 1, 1, 1, 1, 0},
	convCase{1, 3, 3, 1, 9, 1, 3, 1, 1, 1, 1, 1, 1, 0}, convCase{1, 4, 4, 1, 9, 3, 1, 1, 1, 1, 1, 1, 1, 0})

// Every implementation gives the documented integers, with weights of which sums in 16 bits fit and do not.
func TestConvInt8(t *testing.T) {
	check.EachImpl(t, "convint8", func(t *testing.T) {
		for i, k := range int8Cases {
			for _, act := range []Act{{}, {Func: Relu}, {Func: Clip, A: -0.5, B: 1}} {
				v := newInt8Case(k, act, i%2 == 1)
				packed := v.Pack(v.w, v.scale, v.bias)
				dst := slices.Repeat([]uint8{77}, v.dst)
				v.Run(dst, v.src, v.res, packed, 0, v.pixels(), 0, v.Blocks())
				v.check(t, dst, nil, v.res)
				v.outside(t, func(i int) bool { return dst[i] == 77 })
				v.Run(dst, v.src, nil, packed, 0, v.pixels(), 0, v.Blocks())
				v.check(t, dst, nil, nil)

				v.Float = true
				packed = v.Pack(v.w, v.scale, v.bias)
				floats := slices.Repeat([]float32{77}, v.dst)
				v.RunFloat(floats, v.src, v.res, packed, 0, v.pixels(), 0, v.Blocks())
				v.check(t, nil, floats, v.res)
				v.outside(t, func(i int) bool { return floats[i] == 77 })
			}
		}
	})
}

// outside fails the test if an element outside the output is not as it was.
func (v *int8Case) outside(t *testing.T, same func(i int) bool) {
	t.Helper()
	seen := make([]bool, v.dst)
	c := &v.Conv
	for n := range c.N {
		for y := range c.OutH {
			for x := range c.OutW {
				for oc := range c.OutC {
					seen[c.Dst.At(n, y, x)+oc] = true
				}
			}
		}
	}
	for i, s := range seen {
		if !s && !same(i) {
			t.Fatalf("element %d outside the output was written", i)
		}
	}
}

// Cutting the work anywhere gives the same bytes, also where the output takes the place of what is added.
func TestConvInt8Cuts(t *testing.T) {
	check.EachImpl(t, "convint8", func(t *testing.T) {
		for _, k := range int8Cases {
			v := newInt8Case(k, Act{Func: Relu}, false)
			packed := v.Pack(v.w, v.scale, nil)
			v.bias = make([]float32, len(v.bias))
			r := rand.New(rand.NewPCG(3, 4))
			dst := slices.Clone(v.res)
			for p := 0; p < v.pixels(); {
				q := min(v.pixels(), p+1+r.IntN(6))
				for b := range v.Blocks() {
					v.Run(dst, v.src, dst, packed, p, q, b, b+1)
				}
				p = q
			}
			v.check(t, dst, nil, v.res)
		}
	})
}

// Every number of pixels and channels up to more than two tiles, in slices beside which no memory is.
func TestConvInt8Guarded(t *testing.T) {
	const pixels, channels, inC = 29, 65, 5
	src, dst, res := guardedBytes(t, inC*pixels), guardedBytes(t, pixels*channels), guardedBytes(t, pixels*channels)
	check.EachImpl(t, "convint8", func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 6))
		for p := 1; p <= pixels; p++ {
			for oc := 1; oc <= channels; oc += 1 + p%3 {
				v := newInt8Case(convCase{1, 1, p, inC, oc, 1, 1, 1, 1, 1, 1, 1, 0, 0}, Act{Func: Relu}, false)
				v.Conv.Dst, v.Conv.Res = Grid{Pixel: oc}, Grid{Pixel: oc}
				packed := v.Pack(v.w, v.scale, v.bias)
				for i := range 2 {
					s, d, a := part(src, i, inC*p), part(dst, i, p*oc), part(res, i, p*oc)
					copy(s, randomBytes(r, len(s)))
					copy(a, randomBytes(r, len(a)))
					v.src = s
					v.Run(d, s, a, packed, 0, p, 0, v.Blocks())
					v.check(t, d, nil, a)
				}
			}
		}
	})
}

func guardedBytes(t *testing.T, n int) [2][]uint8 {
	return [2][]uint8{check.Guarded[uint8](t, n), check.GuardedFront[uint8](t, n)}
}

// A run allocates nothing.
func TestConvInt8Allocates(t *testing.T) {
	check.EachImpl(t, "convint8", func(t *testing.T) {
		v := newInt8Case(convCases[1], Act{}, false)
		packed, dst := v.Pack(v.w, v.scale, v.bias), make([]uint8, v.dst)
		if n := testing.AllocsPerRun(10, func() { v.Run(dst, v.src, v.res, packed, 0, v.pixels(), 0, v.Blocks()) }); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}

// FuzzConvInt8 compares all implementations on geometries that a seed makes.
func FuzzConvInt8(f *testing.F) {
	for seed := range uint64(30) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 9))
		groups := 1 + r.IntN(3)*r.IntN(2)
		k := convCase{1 + r.IntN(2), 1 + r.IntN(9), 1 + r.IntN(20), groups * (1 + r.IntN(6)), groups * (1 + r.IntN(70)), 1 + r.IntN(3), 1 + r.IntN(3),
			1 + r.IntN(3), 1 + r.IntN(3), 1 + r.IntN(2), 1 + r.IntN(2), groups, 4, r.IntN(3)}
		check.EachImpl(t, "convint8", func(t *testing.T) {
			v := newInt8Case(k, Act{Func: Relu}, seed%3 == 0)
			packed, dst := v.Pack(v.w, v.scale, v.bias), make([]uint8, v.dst)
			v.Run(dst, v.src, v.res, packed, 0, v.pixels(), 0, v.Blocks())
			v.check(t, dst, nil, v.res)
		})
	})
}

func TestDepthwiseInt8(t *testing.T) {
	const most = 40 * 40 * 80
	src, dst := guardedBytes(t, most), guardedBytes(t, most)
	check.EachImpl(t, "depthwiseint8", func(t *testing.T) {
		for c := 1; c <= 70; c += 1 + c%4 {
			k := convCase{1 + c%2, 3, 3 + c%9, c, c, 1 + c%3, 1 + c%4, 1 + c%2, 1 + c%3, 1, 1 + c%2, c, 2, 0}
			v := newInt8Case(k, Act{Func: Clip, A: -1, B: 2}, c%3 == 0)
			if c%5 == 0 { // as large as a pair of taps may be
				for i := range v.w {
					v.w[i] = []int8{127, 1, -127, 127, -127, -1}[i%(k.kh*k.kw)%6]
				}
			}
			var nd int
			v.Conv.Dst, nd = dense(k.n, v.Conv.OutH, v.Conv.OutW, c, 0, 0)
			d := DepthwiseInt8{In: v.In, Out: v.Out, Depthwise: Depthwise{C: c, KH: k.kh, KW: k.kw, StrideH: k.sh, StrideW: k.sw, DilH: k.dh, DilW: k.dw,
				N: k.n, OutH: v.Conv.OutH, OutW: v.Conv.OutW, Src: v.Conv.Src, Dst: v.Conv.Dst, Act: v.Conv.Act}}
			packed := d.Pack(v.w, v.scale, v.bias)
			ns := d.Depthwise.Src.At(k.n-1, (v.Conv.OutH-1)*k.sh+(k.kh-1)*k.dh, (v.Conv.OutW-1)*k.sw+(k.kw-1)*k.dw) + c
			for i := range 2 {
				s, o := part(src, i, ns), part(dst, i, nd)
				copy(s, v.src)
				for r := range d.Depthwise.N * d.Depthwise.OutH {
					d.Run(o, s, packed, r, r+1)
				}
				v.check(t, o, nil, nil)
			}
		}
	})
}

func TestQuantise(t *testing.T) {
	check.EachImpl(t, "quantise", func(t *testing.T) {
		r := rand.New(rand.NewPCG(7, 7))
		q := Quant{0.1, 30}
		for n := range 70 {
			src := random(r, 3*n)
			for i := range src {
				src[i] *= 30
			}
			if n > 3 {
				src[0], src[1], src[2], src[3] = float32(math.NaN()), inf(1), inf(-1), 0.25
			}
			dst, back := make([]uint8, 3*n+6), make([]float32, 3*n)
			QuantiseRows(dst, src, q, Rows{N: 3, Width: n, To: n + 2, From: n})
			DequantiseRows(back, dst, q, Rows{N: 3, Width: n, To: n, From: n + 2})
			for i, x := range src {
				b := dst[i/max(n, 1)*(n+2)+i%max(n, 1)]
				want := math.RoundToEven(float64(x*(1/q.Scale))) + 30
				if x != x {
					want = 0
				}
				if want = max(0, min(255, want)); float64(b) != want {
					t.Fatalf("%v of %d becomes %d, want %v", x, n, b, want)
				}
				if back[i] != float32(int(b)-30)*q.Scale {
					t.Fatalf("%d becomes %v", b, back[i])
				}
			}
		}
	})
	b := make([]uint8, 37)
	FillZero(b, Quant{1, 9})
	if slices.Min(b) != 9 || slices.Max(b) != 9 {
		t.Errorf("%v is not filled", b)
	}
}

func TestAddInt8(t *testing.T) {
	check.EachImpl(t, "quantise", func(t *testing.T) {
		r := rand.New(rand.NewPCG(7, 8))
		s := AddInt8{A: Quant{0.1, 30}, B: Quant{0.07, 200}, Out: Quant{0.11, 100}, Act: Act{Func: Clip, A: -3, B: 11}}
		for n := range 70 {
			a, b, dst := randomBytes(r, 2*n), randomBytes(r, 2*n), make([]uint8, 2*n)
			s.Run(dst, a, b, Rows{N: 2, Width: n, To: n, From: n, From2: n})
			for i := range dst {
				sum := float32(float32(int(a[i])-30)*(s.A.Scale/s.Out.Scale)) + float32(float32(int(b[i])-200)*(s.B.Scale/s.Out.Scale))
				sum = min(max(sum, -3/s.Out.Scale), 11/s.Out.Scale)
				if want := max(0, min(255, math.RoundToEven(float64(sum))+100)); float64(dst[i]) != want {
					t.Fatalf("%d + %d is %d, want %v", a[i], b[i], dst[i], want)
				}
			}
		}
	})
}
