package kernel

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/graft-ml/graft/internal/check"
)

// gradWeightBF16 is sumGrad in bfloat16.
func gradWeightBF16(c *ConvGradWeightBF16, src, dy []uint16, dw, db []float32) (w, b []float32) {
	return sumGrad(&c.Conv, gradSums[uint16](c), c.Bias, src, dy, dw, db)
}

// The gradient is that of the rounded pictures within the error of float32 sums, and from memory beside which is none.
func TestConvGradWeightBF16(t *testing.T) {
	check.EachImpl(t, "convbf16", func(t *testing.T) {
		for _, k := range gradCases {
			for _, bias := range []bool{false, true} {
				r := rand.New(rand.NewPCG(1, 2))
				conv, ns, nd, _ := k.conv()
				c := ConvGradWeightBF16{Conv: conv, Bias: bias}
				src, dy := check.Guarded[uint16](t, ns), check.Guarded[uint16](t, nd)
				copy(src, halves(random(r, ns)))
				copy(dy, halves(random(r, nd)))
				dw, db := gradWeightBF16(&c, src, dy, nil, nil)
				checkGradWeight(t, &ConvGradWeight{Conv: conv, Bias: bias}, widened(src), widened(dy), dw, db)
				more, moreB := gradWeightBF16(&c, src, dy, slices.Clone(dw), slices.Clone(db))
				for i := range more {
					near(t, "added", more[i], 2*float64(dw[i]), float64(abs(dw[i])), 0x1p-22)
				}
				for i := range moreB {
					near(t, "added", moreB[i], 2*float64(db[i]), float64(abs(db[i])), 0x1p-22)
				}
			}
		}
	})
}

// Every number of elements and channels up to more than two tiles, of pictures of few and of many pixels.
func TestConvGradWeightBF16Sizes(t *testing.T) {
	check.EachImpl(t, "convbf16", func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 6))
		for ic := 1; ic <= 29; ic++ {
			for oc := 1; oc <= 65; oc += 1 + ic%4 {
				conv, ns, nd, _ := convCase{1 + oc%3, 2, 3, ic, oc, 1, 1, 1, 1, 1, 1, 1, 0, 0}.conv()
				c := ConvGradWeightBF16{Conv: conv, Bias: true}
				src, dy := halves(random(r, ns)), halves(random(r, nd))
				dw, db := gradWeightBF16(&c, src, dy, nil, nil)
				checkGradWeight(t, &ConvGradWeight{Conv: conv, Bias: true}, widened(src), widened(dy), dw, db)
			}
		}
	})
}

// Any division of the parts and blocks among tasks gives the same bits, and pictures cut in many parts are all there.
func TestConvGradWeightBF16Parts(t *testing.T) {
	check.EachImpl(t, "convbf16", func(t *testing.T) {
		r := rand.New(rand.NewPCG(8, 2))
		for _, k := range []convCase{{3, 60, 61, 3, 35, 1, 3, 1, 1, 1, 1, 1, 1, 0}, {30, 14, 14, 70, 9, 3, 3, 2, 2, 1, 1, 1, 1, 0}} {
			conv, ns, nd, _ := k.conv()
			c := ConvGradWeightBF16{Conv: conv, Bias: true}
			src, dy := halves(random(r, ns)), halves(random(r, nd))
			dw, db := gradWeightBF16(&c, src, dy, nil, nil)
			checkGradWeight(t, &ConvGradWeight{Conv: conv, Bias: true}, widened(src), widened(dy), dw, db)
			partial, scratch := make([]float32, c.PartialLen()), make([]float32, c.ScratchLen())
			for p := range c.Parts() {
				c.Run(partial, src, dy, scratch, p, 0, c.Blocks())
			}
			whole := make([]float32, len(dw))
			c.Reduce(whole, nil, partial, 0, c.Blocks(), false)
			if !slices.Equal(whole, dw) {
				t.Error("the gradient depends on the tasks")
			}
		}
	})
}

// The phases of a gradient by the input, with weights of their own after others, add up to it.
func TestConvGradInputBF16(t *testing.T) {
	check.EachImpl(t, "convbf16", func(t *testing.T) {
		for _, k := range gradCases {
			r := rand.New(rand.NewPCG(3, 2))
			c, ns, _, in := k.conv()
			dx := Picture{Grid: in, H: k.h, W: k.w, Top: k.pad, Left: k.pad}
			need := c.GradInput(dx, Grid{})
			var dy []float32
			c.Dst, dy = haloed(r, c.N, c.OutH, c.OutW, c.OutC, need.Top, need.Left, need.Bottom, need.Right)
			low := halves(dy)
			dy = widened(low)
			g := c.GradInput(dx, c.Dst)
			w, res := widened(halves(random(r, c.OutC*c.taps()))), random(r, ns)
			dst := slices.Clone(res)
			for i := range g.Phases {
				p := &g.Phases[i]
				pixels := p.N * p.OutH * p.OutW
				if p.Empty() {
					p.Run(dst, nil, res, nil, 0, pixels, 0, p.Blocks())
					continue
				}
				conv, packed := p.BF16()
				conv.Repack(packed, random(r, len(w)), nil)
				conv.Repack(packed, w, nil)
				conv.RunSum(dst, low, res, packed, pixels/2, pixels, 0, conv.Blocks())
				conv.RunSum(dst, low, res, packed, 0, pixels/2, 0, conv.Blocks())
			}
			checkGradInput(t, &c, dx, dst, dy, w, res)
		}
	})
}

// A run allocates nothing.
func TestConvGradWeightBF16Allocates(t *testing.T) {
	check.EachImpl(t, "convbf16", func(t *testing.T) {
		conv, ns, nd, _ := gradCases[1].conv()
		c := ConvGradWeightBF16{Conv: conv, Bias: true}
		src, dy, partial, scratch := make([]uint16, ns), make([]uint16, nd), make([]float32, c.PartialLen()), make([]float32, c.ScratchLen())
		if n := testing.AllocsPerRun(10, func() { c.Run(partial, src, dy, scratch, 0, 0, c.Blocks()) }); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}
