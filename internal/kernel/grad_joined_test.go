package kernel

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/graft-ml/graft/internal/check"
)

// inputNorm returns a normalisation of c channels that clips some of what random makes.
func inputNorm(r *rand.Rand, c int) *InputNorm {
	return &InputNorm{Mean: random(r, c), Scale: random(r, c), Shift: random(r, c), Act: Act{Func: Clip, A: -0.2, B: 0.5}}
}

// normalized returns pictures in grid x and what norm makes of them, in grid y with zeros around.
func normalized(r *rand.Rand, norm *InputNorm, n, h, w, pad int) (x, y Grid, from, to []float32) {
	c := len(norm.Mean)
	x, from = haloed(r, n, h, w, c, 0, 1, 2, 0)
	y, to = haloed(r, n, h, w, c, pad, pad, pad+8, pad+8)
	k := BatchNorm{C: c, N: n, H: h, W: w, X: x, Y: y, Act: norm.Act}
	k.Normalize(to, from, nil, norm.Mean, norm.Scale, norm.Shift, 0, n*h)
	return x, y, from, to
}

// What is normalised as it is read gives the bits of what is normalised before, and so does a dY that is made as it is read.
func TestConvGradWeightReady(t *testing.T) {
	check.EachImpl(t, "conv", func(t *testing.T) {
		for _, k := range [][5]int{{1, 1, 1, 3, 2}, {3, 7, 7, 24, 40}, {2, 20, 31, 18, 9}, {2, 14, 14, 250, 33}, {7, 5, 6, 5, 70}} {
			n, h, w, in, out := k[0], k[1], k[2], k[3], k[4]
			r := rand.New(rand.NewPCG(4, uint64(in)))
			norm := inputNorm(r, in)
			x, y, from, to := normalized(r, norm, n, h, w, 0)
			c := ConvGradWeight{Conv: Conv{Filter: Filter{out, in, 1, 1, 1}, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, N: n, OutH: h, OutW: w, Src: y}, Bias: true}
			var dy []float32
			c.Dst, dy = haloed(r, n, h, w, out, 1, 0, 1, 2)
			want, wantB := gradWeight(&c, to, dy, nil, nil)
			c.Src, c.Norm = x, norm
			got, gotB := gradWeight(&c, from, dy, nil, nil)
			if !slices.Equal(got, want) || !slices.Equal(gotB, wantB) {
				t.Errorf("%v: normalised as it is read, differs", k)
			}
			if !c.WholeRows() {
				t.Fatalf("%v: rows are cut", k)
			}
			partial, scratch, made := random(r, c.PartialLen()), make([]float32, c.ScratchLen()), make([]float32, c.MadeLen())
			seen := 0
			for p := range c.Parts() {
				c.RunReady(partial, from, scratch, made, p, func(to []float32, r0, r1 int) {
					for i := r0; i < r1; i++ {
						copy(to[(i-r0)*w*out:], dy[c.Dst.At(i/h, i%h, 0):][:w*out])
					}
				}, func(_ []float32, box, r0, r1 int) {
					if b := (&BatchNorm{C: out, N: n, H: h, W: w, PartHeight: c.MadeRows()}); r0 != seen || !isPart(b, box, r0, r1) {
						t.Errorf("%v: box %d has rows %d to %d", k, box, r0, r1)
					}
					seen = r1
				})
			}
			if c.Reduce(got, gotB, partial, 0, c.Blocks(), false); seen != n*h || !slices.Equal(got, want) || !slices.Equal(gotB, wantB) {
				t.Errorf("%v: made as it is read, differs", k)
			}
		}
	})
}

// isPart reports whether a part of b has just these rows.
func isPart(b *BatchNorm, part, r0, r1 int) bool {
	p0, p1 := b.PartRows(part)
	return part < b.Parts() && p0 == r0 && p1 == r1
}

// A depthwise convolution and its gradients in one pass give the bits of those of stored values.
func TestDepthwiseJoined(t *testing.T) {
	for _, impl := range []string{"depthwise", "norm"} {
		check.EachImpl(t, impl, func(t *testing.T) {
			for _, k := range []convCase{
				{2, 9, 8, 19, 19, 3, 3, 1, 1, 1, 1, 19, 1, 0}, {3, 9, 8, 16, 16, 3, 3, 2, 2, 1, 1, 16, 1, 0}, {2, 12, 7, 5, 5, 5, 5, 1, 2, 1, 1, 5, 2, 0},
				{2, 40, 30, 120, 120, 3, 3, 1, 1, 1, 1, 120, 1, 0}, {1, 40, 31, 100, 100, 3, 3, 2, 2, 1, 1, 100, 1, 0}, {2, 11, 13, 6, 6, 3, 3, 1, 1, 2, 2, 6, 2, 0},
				{1, 1, 1, 3, 3, 3, 3, 1, 1, 1, 1, 3, 1, 0},
			} {
				t.Run(fmt.Sprint(k), func(t *testing.T) { depthwiseJoined(t, k) })
			}
		})
	}
}

func depthwiseJoined(t *testing.T, k convCase) {
	r := rand.New(rand.NewPCG(6, 6))
	c, _, _, _ := k.conv()
	norm := inputNorm(r, k.inC)
	x, y, from, to := normalized(r, norm, k.n, k.h, k.w, k.pad)
	d := Depthwise{C: k.inC, KH: k.kh, KW: k.kw, StrideH: k.sh, StrideW: k.sw, DilH: k.dh, DilW: k.dw, N: k.n, OutH: c.OutH, OutW: c.OutW, Src: y}
	d.Src.Start = 0
	in, dx := haloed(r, k.n, k.h, k.w, k.inC, 1, 1, 0, 0)
	pic := Picture{Grid: in, H: k.h, W: k.w, Top: k.pad, Left: k.pad}
	need := d.GradInput(pic, Grid{})
	var dy []float32
	d.Dst, dy = haloed(r, k.n, c.OutH, c.OutW, k.inC, need.Top, need.Left, need.Bottom, need.Right)
	w := random(r, k.inC*k.kh*k.kw)
	packed := random(r, d.PackedLen())
	nd := &NormalizedDepthwise{Depthwise: d, Norm: norm, X: x, H: k.h, W: k.w, Top: k.pad, Left: k.pad}
	want, got := make([]float32, len(dy)), make([]float32, len(dy))
	d.Run(want, to, nil, packed, 0, k.n*c.OutH)
	nd.Run(got, from, packed, make([]float32, nd.ScratchLen()), 0, k.n*c.OutH, func(p int) (int, int) { return p, p + 1 }, func(int) {})
	if !slices.Equal(got, want) {
		t.Error("output differs")
	}
	gw := DepthwiseGradWeight{Depthwise: d}
	wantW, gotW := make([]float32, gw.PartialLen()), random(r, gw.PartialLen())
	for p := range gw.Parts() {
		gw.Run(wantW, to, dy, nil, p, 0, d.C)
	}
	in2 := d.GradInput(pic, d.Dst)
	pack := make([]float32, in2.PackedLen())
	in2.Pack(pack, w)
	wantX := slices.Clone(dx)
	for i := range in2.Phases {
		p := &in2.Phases[i]
		p.Run(wantX, dy, nil, p.Packed(pack), 0, p.N*p.OutH)
	}
	for _, input := range []*NormalizedDepthwise{nil, nd} {
		gw.Input = input
		j, src := DepthwiseGrad{Weight: gw, In: d.GradInput(pic, Grid{})}, to
		if input != nil {
			src = from
		}
		if !j.Joins() {
			t.Fatal("does not join")
		}
		units := 0
		for p := range gw.Parts() {
			j.Run(gotW, dx, src, pack, make([]float32, j.ScratchLen()), p, func(to []float32, n, y int) {
				copy(to, dy[d.Dst.At(n, y, 0):][:d.OutW*d.C])
			}, func(int) { units++ })
		}
		if units != gw.firstRow(0)+d.N*evenParts(d.OutH, gw.UnitRows()) || !slices.Equal(gotW, wantW) || !slices.Equal(dx, wantX) {
			t.Errorf("normalised %v: gradients differ", input != nil)
		}
	}
}
