package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/graft-ml/graft/internal/check"
)

// winogradGradError is the error of the sums, in units of that of the definition's.
const winogradGradError = 3

// winogradGrad returns the gradient of a convolution with the pictures that it reads.
func winogradGrad(r *rand.Rand, n, h, w, inC, outC, pad int, bias bool) (c *WinogradGradWeight, src, dy []float32) {
	k := convCase{n: n, h: h, w: w, inC: inC, outC: outC, kh: 3, kw: 3, sh: 1, sw: 1, dh: 1, dw: 1, groups: 1, pad: pad}
	conv, _, _, _ := k.conv()
	c = &WinogradGradWeight{Conv: conv, Bias: bias}
	xH, xW, yH, yW := c.Reach()
	in, src := haloed(r, n, h, w, inC, pad, pad, xH-pad-h, xW-pad-w)
	c.Src = in
	c.Src.Start -= pad*in.Row + pad*in.Pixel
	c.Dst, dy = haloed(r, n, conv.OutH, conv.OutW, outC, 1, 2, yH-conv.OutH, yW-conv.OutW)
	return c, src, dy
}

// run computes the gradient, in an order that is not that of the tasks, and adds it to dw and db if they are not nil.
func (c *WinogradGradWeight) run(src, dy, dw, db []float32) (w, b []float32) {
	fill := func(n int) []float32 { return slices.Repeat([]float32{77}, n) }
	in, partial, scratch := fill(c.TransformedLen()), fill(c.PartialLen()), fill(c.ScratchLen())
	for s := c.Slices() - 1; s >= 0; s-- {
		c.Transform(in, src, dy, scratch, s)
	}
	for b := 0; b < c.Blocks(); b += 3 {
		for p := range c.Parts() {
			for k := c.Chunks() - 1; k >= 0; k-- {
				c.Run(partial, in, scratch, p, k, b, min(b+3, c.Blocks()))
			}
		}
	}
	add := dw != nil
	if !add {
		dw = make([]float32, c.OutC*c.taps())
		if c.Bias {
			db = make([]float32, c.OutC)
		}
	}
	for b := range c.Blocks() {
		c.Reduce(dw, db, partial, b, b+1, add)
	}
	return dw, db
}

// The gradient is that of the definition, within the error that is stated.
func TestWinogradGradWeight(t *testing.T) {
	check.EachImpl(t, "conv", func(t *testing.T) {
		for _, k := range [][6]int{{1, 4, 4, 16, 16, 1}, {2, 7, 7, 32, 48, 1}, {3, 14, 13, 16, 16, 1}, {1, 9, 11, 112, 16, 0}, {60, 8, 8, 16, 16, 2}} {
			for _, bias := range []bool{false, true} {
				t.Run(fmt.Sprint(k, bias), func(t *testing.T) {
					c, src, dy := winogradGrad(rand.New(rand.NewPCG(1, 2)), k[0], k[1], k[2], k[3], k[4], k[5], bias)
					if !c.WinogradGrad() {
						t.Fatal("not a geometry for it")
					}
					dw, db := c.run(src, dy, nil, nil)
					tol, i := winogradGradError*tolerance(c.N*c.OutH*c.OutW), 0
					for oc := range c.OutC {
						for ic := range c.InC {
							for k := range 9 {
								want, scale := gradOf(&c.Conv, src, dy, oc, ic, k/3, k%3)
								near(t, fmt.Sprint("weight ", oc, ic, k), dw[i], want, scale, tol)
								i++
							}
						}
						if bias {
							want, scale := gradOf(&c.Conv, src, dy, oc, -1, 0, 0)
							near(t, "bias", db[oc], want, scale, tol)
						}
					}
					more, moreB := c.run(src, dy, slices.Clone(dw), slices.Clone(db))
					for i, v := range slices.Concat(more, moreB) {
						once := slices.Concat(dw, db)[i]
						near(t, "added", v, 2*float64(once), math.Abs(float64(once)), 0x1p-22)
					}
				})
			}
		}
	})
}

// Geometries that tiles do not fit, or that are none for the algorithm, are left to the definition.
func TestWinogradGradGeometry(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, k := range []struct {
		size, inC, outC int
		want            bool
	}{{2, 16, 16, false}, {5, 16, 16, true}, {7, 16, 24, false}, {7, 512, 512, true}, {56, 3, 64, false}} {
		c, _, _ := winogradGrad(r, 1, k.size, k.size, k.inC, k.outC, 1, false)
		if got := c.WinogradGrad(); got != k.want {
			t.Errorf("%+v: %v", k, got)
		}
	}
}
