package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/graft-ml/graft/internal/check"
)

func TestBF16(t *testing.T) {
	for _, k := range []struct {
		x    float32
		want uint16
	}{
		{0, 0}, {1, 0x3f80}, {-2, 0xc000}, {inf(1), 0x7f80}, {inf(-1), 0xff80}, {float32(math.NaN()), 0x7fc0}, {1e-40, 0}, {-1e-40, 0x8000},
		{1 + 0x1p-8, 0x3f80}, {1 + 0x3p-8, 0x3f82}, {1 + 0x1p-8 + 0x1p-20, 0x3f81}, {math.MaxFloat32, 0x7f80},
	} {
		if got := ToBF16(k.x); got != k.want {
			t.Errorf("ToBF16(%v) = %#x, want %#x", k.x, got, k.want)
		}
	}
	r := Rows{N: 3, Width: 37, To: 40, From: 37}
	src := random(rand.New(rand.NewPCG(1, 1)), 111)
	half, back, twice := make([]uint16, 120), make([]float32, 111), make([]uint16, 111)
	ToBF16Rows(half, src, r)
	FromBF16Rows(back, half, Rows{N: 3, Width: 37, To: 37, From: 40})
	AddBF16Rows(twice, half, half, Act{Func: Relu}, Rows{N: 3, Width: 37, To: 37, From: 40, From2: 40})
	for i, x := range src {
		if back[i] != FromBF16(ToBF16(x)) || math.Abs(float64(back[i]-x)) > 0x1p-8*math.Abs(float64(x)) {
			t.Errorf("%v becomes %v", x, back[i])
		}
		if got := FromBF16(twice[i]); got != max(0, 2*back[i]) {
			t.Errorf("twice %v, not below 0, is %v", back[i], got)
		}
	}
}

func halves(x []float32) []uint16 {
	h := make([]uint16, len(x))
	ToBF16Rows(h, x, Rows{N: 1, Width: len(x)})
	return h
}

func widened(h []uint16) []float32 {
	x := make([]float32, len(h))
	FromBF16Rows(x, h, Rows{N: 1, Width: len(h)})
	return x
}

// Every implementation computes the sum within the error of float32 sums, and rounds it to bfloat16.
func TestConvBF16(t *testing.T) {
	check.EachImpl(t, "convbf16", func(t *testing.T) {
		for _, k := range int8Cases {
			r := rand.New(rand.NewPCG(1, 2))
			c, ns, nd, _ := k.conv()
			c.Act = Act{Func: Clip, A: -2, B: 3}
			src, res, w, bias := halves(random(r, ns)), halves(random(r, nd)), halves(random(r, c.OutC*c.taps())), random(r, c.OutC)
			fs, fw, fr := widened(src), widened(w), widened(res)
			want := func(n, y, x, oc int) (float64, float64) {
				sum, scale := naive(&c, fs, fw, bias, n, y, x, oc)
				add := float64(fr[c.Res.At(n, y, x)+oc])
				return sum + add, scale + math.Abs(add)
			}
			v := ConvBF16{Conv: c}
			packed := v.Pack(fw, bias)
			dst := slices.Repeat([]uint16{ToBF16(77)}, nd)
			half := c.N * c.OutH * c.OutW / 2
			v.Run(dst, src, res, packed, 0, half, 0, v.Blocks())
			v.Run(dst, src, res, packed, half, c.N*c.OutH*c.OutW, 0, v.Blocks())
			checkConv(t, &c, widened(dst), 0x1p-8, want)

			v.Float = true
			floats := slices.Repeat([]float32{77}, nd)
			v.RunFloat(floats, src, res, packed, 0, c.N*c.OutH*c.OutW, 0, v.Blocks())
			checkConv(t, &c, floats, tolerance(c.taps()), want)
			sums, wide := slices.Repeat([]float32{77}, nd), fr
			v.RunSum(sums, src, wide, packed, 0, c.N*c.OutH*c.OutW, 0, v.Blocks())
			if !slices.Equal(sums, floats) {
				t.Fatalf("%v: a residual of float32 gives something else than the same of bfloat16", k)
			}
			for i, x := range floats {
				if ToBF16(x) != dst[i] {
					t.Fatalf("%v: %v is stored as %v", k, x, FromBF16(dst[i]))
				}
			}
		}
	})
}

func TestDepthwiseBF16(t *testing.T) {
	check.EachImpl(t, "depthwisebf16", func(t *testing.T) {
		for c := 1; c <= 40; c += 3 {
			k := convCase{1 + c%2, 3, 3 + c%9, c, c, 1 + c%3, 1 + c%4, 1 + c%2, 1 + c%3, 1, 1 + c%2, c, 2, 0}
			v, ns, nd, _ := k.conv()
			v.Act = Act{Func: Clip, A: -1, B: 2}
			d := DepthwiseBF16{Depthwise{C: c, KH: k.kh, KW: k.kw, StrideH: k.sh, StrideW: k.sw, DilH: k.dh, DilW: k.dw,
				N: k.n, OutH: v.OutH, OutW: v.OutW, Src: v.Src, Dst: v.Dst, Act: v.Act}}
			r := rand.New(rand.NewPCG(1, uint64(c)))
			src, w, bias := halves(random(r, ns)), random(r, c*v.taps()), random(r, c)
			packed, dst := make([]float32, d.Depthwise.PackedLen()), slices.Repeat([]uint16{ToBF16(77)}, nd)
			d.Depthwise.Pack(packed, w, bias)
			d.Run(dst, src, packed, 0, k.n*v.OutH)
			fs := widened(src)
			checkConv(t, &v, widened(dst), 0x1p-8, func(n, y, x, oc int) (float64, float64) { return naive(&v, fs, w, bias, n, y, x, oc) })
		}
	})
}

// Every implementation gives the same bits, of numbers that are subnormal or whose products are, too.
func TestConvBF16Bits(t *testing.T) {
	want := map[string][]float32{}
	check.EachImpl(t, "convbf16", func(t *testing.T) {
		for _, k := range int8Cases {
			for _, scale := range []float32{1, 0x1p-63} {
				r := rand.New(rand.NewPCG(4, 2))
				c, ns, nd, _ := k.conv()
				c.Act = Act{Func: Clip, A: -2, B: 3}
				src, res, w, bias := random(r, ns), random(r, nd), random(r, c.OutC*c.taps()), random(r, c.OutC)
				for i := range src {
					src[i] *= scale
				}
				for i := range w {
					w[i] *= scale
				}
				for i := range bias {
					bias[i] *= scale * scale
				}
				if scale < 1 {
					res = make([]float32, nd)
				}
				v := ConvBF16{Conv: c, Float: true}
				dst := slices.Repeat([]float32{77}, nd)
				v.RunSum(dst, halves(src), res, v.Pack(w, bias), 0, c.N*c.OutH*c.OutW, 0, v.Blocks())
				name := fmt.Sprint(k, scale)
				if want[name] == nil {
					want[name] = dst
				}
				if i := firstBits(dst, want[name]); i >= 0 {
					t.Fatalf("%s: element %d is %v, the first implementation gives %v", name, i, dst[i], want[name][i])
				}
			}
		}
	})
}

// Rows of all lengths, at both ends of their memory, are rounded as single numbers are.
func TestToBF16Rows(t *testing.T) {
	const most = 67
	src, dst := guarded(t, 2*most), [2][]uint16{check.Guarded[uint16](t, 2*most), check.GuardedFront[uint16](t, 2*most)}
	check.EachImpl(t, "tobf16", func(t *testing.T) {
		r := rand.New(rand.NewPCG(7, 7))
		for n := 1; n <= most; n++ {
			for side := range 2 {
				rows := Rows{N: 2, Width: n, To: n, From: n}
				x, h := part(src, side, 2*n), part(dst, side, 2*n)
				for i := range x {
					x[i] = math.Float32frombits(r.Uint32())
				}
				ToBF16Rows(h, x, rows)
				for i, v := range x {
					if h[i] != ToBF16(v) {
						t.Fatalf("%d elements: %v becomes %#x, want %#x", n, v, h[i], ToBF16(v))
					}
				}
			}
		}
	})
}
