package kernel

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/graft-ml/graft/internal/check"
	"github.com/graft-ml/graft/internal/kernel/asm"
)

// gradChain returns the sum that the kernels of assembly promise: in each part one product after the other in the
// order of the pixels, each fused with its addition, then the parts.
func gradChain(c *ConvGradWeight, src, dy []float32, oc, ic, ky, kx int) float32 {
	var total float32
	boxes, parts := c.boxes(), c.Parts()
	g := oc / (c.OutC / c.Groups)
	for p := range parts {
		var sum float32
		for i := p * boxes.count() / parts; i < (p+1)*boxes.count()/parts; i++ {
			b := boxes.at(&c.Conv, i)
			for j := range b.images * b.rows * b.cols {
				n, y, x := b.n+j/b.cols/b.rows, b.y+j/b.cols%b.rows, b.x+j%b.cols
				sum = asm.FMA(src[c.Src.At(n, y*c.StrideH+ky*c.DilH, x*c.StrideW+kx*c.DilW)+g*c.InC+ic], dy[c.Dst.At(n, y, x)+oc], sum)
			}
		}
		if p == 0 {
			total = sum
		} else {
			total += sum
		}
	}
	return total
}

// Every implementation of assembly computes the promised chain, in slices beside which no memory is; and the input is
// copied or not, which changes nothing.
func TestConvGradWeightChain(t *testing.T) {
	check.EachImpl(t, "conv", func(t *testing.T) {
		cases := append(slices.Clone(gradCases), convCase{3, 12, 11, 9, 50, 3, 3, 1, 1, 1, 1, 1, 1, 0}, convCase{2, 3, 3, 1030, 130, 1, 1, 1, 1, 1, 1, 1, 0, 0},
			convCase{1, 4, 4, 1040, 260, 3, 2, 1, 1, 1, 1, 2, 1, 1})
		for _, k := range cases {
			r := rand.New(rand.NewPCG(1, 2))
			conv, ns, nd, _ := k.conv()
			c := ConvGradWeight{Conv: conv}
			src, dy := guarded(t, ns), guarded(t, nd)
			for side := range 2 {
				copy(src[side], random(r, ns))
				copy(dy[side], random(r, nd))
				dw, _ := gradWeight(&c, src[side], dy[side], nil, nil)
				for i := 0; fused(t) && i < len(dw); i += 1 + r.IntN(1+len(dw)/500) {
					taps := c.KH * c.KW
					want := gradChain(&c, src[side], dy[side], i/taps/c.InC, i/taps%c.InC, i%taps/c.KW, i%c.KW)
					if dw[i] != want {
						t.Fatalf("%v: weight %d: %v, want %v", k, i, dw[i], want)
					}
				}
			}
		}
	})
}

// Every number of elements and channels up to more than two tiles.
func TestConvGradWeightSizes(t *testing.T) {
	check.EachImpl(t, "conv", func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 6))
		for ic := 1; ic <= 29; ic++ {
			for oc := 1; oc <= 65; oc += 1 + ic%4 {
				conv, ns, nd, _ := convCase{1, 2, 3, ic, oc, 1, 1, 1, 1, 1, 1, 1, 0, 0}.conv()
				c := ConvGradWeight{Conv: conv, Bias: true}
				src, dy := random(r, ns), random(r, nd)
				dw, db := gradWeight(&c, src, dy, nil, nil)
				checkGradWeight(t, &c, src, dy, dw, db)
			}
		}
	})
}

// A run allocates nothing.
func TestConvGradWeightAllocates(t *testing.T) {
	check.EachImpl(t, "conv", func(t *testing.T) {
		conv, ns, nd, _ := gradCases[1].conv()
		c := ConvGradWeight{Conv: conv, Bias: true}
		src, dy, partial, scratch := make([]float32, ns), make([]float32, nd), make([]float32, c.PartialLen()), make([]float32, c.ScratchLen())
		dw, db := make([]float32, c.OutC*c.taps()), make([]float32, c.OutC)
		if n := testing.AllocsPerRun(10, func() {
			c.Run(partial, src, dy, scratch, 0, 0, c.Blocks())
			c.Reduce(dw, db, partial, 0, c.Blocks(), true)
		}); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}
