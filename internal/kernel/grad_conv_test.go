package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/graft-ml/graft/internal/check"
)

// gradCases are convCases and those in which phases are empty, boxes have several images, or cut rows.
var gradCases = append(slices.Clone(convCases), []convCase{
	{2, 7, 6, 5, 18, 1, 1, 2, 2, 1, 1, 1, 0, 0},
	{5, 7, 7, 3, 33, 3, 3, 1, 1, 1, 1, 1, 1, 2},
	{1, 3, 600, 2, 3, 1, 3, 1, 2, 1, 1, 1, 1, 0},
	{1, 40, 30, 2, 9, 3, 3, 1, 1, 1, 1, 1, 1, 0},
	{1, 12, 11, 2, 4, 3, 3, 3, 2, 2, 2, 2, 2, 1},
	{1, 13, 9, 1, 2, 2, 3, 4, 3, 2, 1, 1, 1, 0},
}...)

// gradOf returns the gradient by weight (oc, ic, ky, kx) of c, or by the bias where ic < 0, and its scale, in float64.
func gradOf(c *Conv, src, dy []float32, oc, ic, ky, kx int) (sum, scale float64) {
	g := oc / (c.OutC / c.Groups)
	for n := range c.N {
		for y := range c.OutH {
			for x := range c.OutW {
				v := float64(dy[c.Dst.At(n, y, x)+oc])
				if ic >= 0 {
					v *= float64(src[c.Src.At(n, y*c.StrideH+ky*c.DilH, x*c.StrideW+kx*c.DilW)+g*c.InC+ic])
				}
				sum += v
				scale += math.Abs(v)
			}
		}
	}
	return sum, scale
}

func TestConvGradWeight(t *testing.T) {
	check.EachImpl(t, "conv", func(t *testing.T) {
		for _, k := range gradCases {
			for _, bias := range []bool{false, true} {
				r := rand.New(rand.NewPCG(1, 2))
				conv, ns, nd, _ := k.conv()
				c := ConvGradWeight{Conv: conv, Bias: bias}
				src, dy := random(r, ns), random(r, nd)
				dw, db := gradWeight(&c, src, dy, nil, nil)
				checkGradWeight(t, &c, src, dy, dw, db)
				more, moreB := gradWeight(&c, src, dy, slices.Clone(dw), slices.Clone(db))
				for i := range more {
					near(t, "added", more[i], 2*float64(dw[i]), math.Abs(float64(dw[i])), 0x1p-22)
				}
				for i := range moreB {
					near(t, "added", moreB[i], 2*float64(db[i]), math.Abs(float64(db[i])), 0x1p-22)
				}
			}
		}
	})
}

// gradSums is a gradient by weights of pictures of E.
type gradSums[E any] interface {
	Parts() int
	Blocks() int
	PartialLen() int
	ScratchLen() int
	Run(partial []float32, src, dy []E, scratch []float32, part, b0, b1 int)
	Reduce(dw, db, partial []float32, b0, b1 int, add bool)
}

// sumGrad computes the gradient of c by its weights, in an order of parts and blocks that is not theirs, and adds it to dw
// and db if they are not nil.
func sumGrad[E any](c *Conv, k gradSums[E], bias bool, src, dy []E, dw, db []float32) (w, b []float32) {
	partial, scratch := slices.Repeat([]float32{77}, k.PartialLen()), slices.Repeat([]float32{inf(1)}, k.ScratchLen())
	for p := k.Parts() - 1; p >= 0; p-- {
		for b := k.Blocks(); b > 0; {
			b0 := max(0, b-2)
			k.Run(partial, src, dy, scratch, p, b0, b)
			b = b0
		}
	}
	add := dw != nil
	if !add {
		dw = make([]float32, c.OutC*c.taps())
		if bias {
			db = make([]float32, c.OutC)
		}
	}
	for b := range k.Blocks() {
		k.Reduce(dw, db, partial, b, b+1, add)
	}
	return dw, db
}

// gradWeight is sumGrad in float32.
func gradWeight(c *ConvGradWeight, src, dy, dw, db []float32) (w, b []float32) {
	return sumGrad(&c.Conv, gradSums[float32](c), c.Bias, src, dy, dw, db)
}

func checkGradWeight(t *testing.T, c *ConvGradWeight, src, dy, dw, db []float32) {
	t.Helper()
	i, tol, name := 0, tolerance(c.N*c.OutH*c.OutW), fmt.Sprintf("%+v", *c)
	for oc := range c.OutC {
		for ic := range c.InC {
			for ky := range c.KH {
				for kx := range c.KW {
					want, scale := gradOf(&c.Conv, src, dy, oc, ic, ky, kx)
					near(t, name, dw[i], want, scale, tol)
					i++
				}
			}
		}
		if c.Bias {
			want, scale := gradOf(&c.Conv, src, dy, oc, -1, 0, 0)
			near(t, "bias of "+name, db[oc], want, scale, tol)
		}
	}
}

// Any division of the parts and blocks among tasks gives the same bits, and pictures cut in many parts are all there.
func TestConvGradWeightParts(t *testing.T) {
	check.EachImpl(t, "conv", func(t *testing.T) {
		r := rand.New(rand.NewPCG(8, 2))
		conv, ns, nd, _ := convCase{3, 60, 61, 3, 35, 1, 3, 1, 1, 1, 1, 1, 1, 0}.conv()
		c := ConvGradWeight{Conv: conv, Bias: true}
		if c.Parts() < 3 {
			t.Fatalf("%d parts", c.Parts())
		}
		src, dy := random(r, ns), random(r, nd)
		dw, db := gradWeight(&c, src, dy, nil, nil)
		checkGradWeight(t, &c, src, dy, dw, db)
		partial, scratch := make([]float32, c.PartialLen()), make([]float32, c.ScratchLen())
		for p := range c.Parts() {
			c.Run(partial, src, dy, scratch, p, 0, c.Blocks())
		}
		whole := make([]float32, len(dw))
		c.Reduce(whole, nil, partial, 0, c.Blocks(), false)
		if !slices.Equal(whole, dw) {
			t.Error("the gradient depends on the tasks")
		}
	})
}

// gradInputOf returns the gradient by element (n, y, x, ic) of the picture, in float64.
func gradInputOf(c *Conv, in Picture, dy, w []float32, n, y, x, ic int) (sum, scale float64) {
	per := c.OutC / c.Groups
	g := ic / c.InC
	for ky := range c.KH {
		for kx := range c.KW {
			oy, ox := y+in.Top-ky*c.DilH, x+in.Left-kx*c.DilW
			if oy < 0 || ox < 0 || oy%c.StrideH != 0 || ox%c.StrideW != 0 || oy/c.StrideH >= c.OutH || ox/c.StrideW >= c.OutW {
				continue
			}
			for oc := g * per; oc < (g+1)*per; oc++ {
				v := float64(dy[c.Dst.At(n, oy/c.StrideH, ox/c.StrideW)+oc]) * float64(w[((oc*c.InC+ic%c.InC)*c.KH+ky)*c.KW+kx])
				sum, scale = sum+v, scale+math.Abs(v)
			}
		}
	}
	return sum, scale
}

// haloed returns the grid of h×w pixels with zeros around, and random pixels in it.
func haloed(r *rand.Rand, n, h, w, c, top, left, bottom, right int) (Grid, []float32) {
	g := Grid{Pixel: c, Row: (left + w + right) * c}
	g.Image = (top + h + bottom) * g.Row
	g.Start = top*g.Row + left*g.Pixel
	data := make([]float32, n*g.Image)
	for i := range n {
		for y := range h {
			copy(data[g.At(i, y, 0):], random(r, w*c))
		}
	}
	return g, data
}

func TestConvGradInput(t *testing.T) {
	check.EachImpl(t, "conv", func(t *testing.T) {
		for _, k := range gradCases {
			r := rand.New(rand.NewPCG(3, 2))
			c, ns, _, in := k.conv()
			dx := Picture{Grid: in, H: k.h, W: k.w, Top: k.pad, Left: k.pad}
			need := c.GradInput(dx, Grid{})
			var dy []float32
			c.Dst, dy = haloed(r, c.N, c.OutH, c.OutW, c.OutC, need.Top, need.Left, need.Bottom, need.Right)
			g := c.GradInput(dx, c.Dst)
			w, res := random(r, c.OutC*c.taps()), random(r, ns)
			packed := random(r, g.PackedLen())
			g.Pack(packed, w)
			for _, add := range []bool{false, true} {
				dst := slices.Clone(res)
				var residual []float32
				if add {
					residual = res
				}
				for i := range g.Phases {
					p := &g.Phases[i]
					pixels := p.N * p.OutH * p.OutW
					p.Run(dst, dy, residual, p.Packed(packed), pixels/2, pixels, 0, p.Blocks())
					p.Run(dst, dy, residual, p.Packed(packed), 0, pixels/2, 0, p.Blocks())
				}
				checkGradInput(t, &c, dx, dst, dy, w, residual)
			}
		}
	})
}

func checkGradInput(t *testing.T, c *Conv, dx Picture, dst, dy, w, res []float32) {
	t.Helper()
	name := fmt.Sprintf("%+v", *c)
	for n := range c.N {
		for y := range dx.H {
			for x := range dx.W {
				for ic := range c.Groups * c.InC {
					want, scale := gradInputOf(c, dx, dy, w, n, y, x, ic)
					i := dx.At(n, y, x) + ic
					if res != nil {
						want, scale = want+float64(res[i]), scale+math.Abs(float64(res[i]))
					}
					near(t, name, dst[i], want, scale, tolerance(c.OutC*c.KH*c.KW))
				}
			}
		}
	}
}

func TestDepthwiseGrad(t *testing.T) {
	check.EachImpl(t, "depthwise", func(t *testing.T) {
		for _, k := range []convCase{
			{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0},
			{2, 5, 7, 19, 19, 3, 3, 1, 1, 1, 1, 19, 1, 0},
			{1, 8, 9, 8, 8, 5, 3, 2, 1, 1, 2, 8, 2, 2},
			{3, 57, 30, 37, 37, 3, 3, 2, 2, 1, 1, 37, 1, 0},
			{1, 12, 12, 5, 5, 5, 5, 2, 2, 1, 1, 5, 2, 0},
			{1, 9, 9, 12, 12, 7, 7, 1, 1, 1, 1, 12, 3, 0},
			{1, 20, 20, 3, 3, 4, 8, 1, 1, 1, 1, 3, 0, 0},
			{1, 7, 8, 4, 4, 1, 2, 3, 2, 1, 1, 4, 0, 0},
		} {
			depthwiseGrad(t, k)
		}
	})
}

func depthwiseGrad(t *testing.T, k convCase) {
	t.Helper()
	r := rand.New(rand.NewPCG(5, 6))
	c, ns, _, in := k.conv()
	dx := Picture{Grid: in, H: k.h, W: k.w, Top: k.pad, Left: k.pad}
	d := Depthwise{C: k.inC, KH: k.kh, KW: k.kw, StrideH: k.sh, StrideW: k.sw, DilH: k.dh, DilW: k.dw, N: k.n, OutH: c.OutH, OutW: c.OutW, Src: c.Src}
	need := d.GradInput(dx, Grid{})
	var dy []float32
	c.Dst, dy = haloed(r, c.N, c.OutH, c.OutW, c.OutC, need.Top, need.Left, need.Bottom, need.Right)
	d.Dst = c.Dst
	src, w := random(r, ns), random(r, c.OutC*c.taps())
	g := d.GradInput(dx, c.Dst)
	packed, dst := random(r, g.PackedLen()), random(r, ns)
	g.Pack(packed, w)
	for i := range g.Phases {
		p := &g.Phases[i]
		p.Run(dst, dy, nil, p.Packed(packed), 0, p.N*p.OutH)
	}
	checkGradInput(t, &c, dx, dst, dy, w, nil)
	gw := DepthwiseGradWeight{Depthwise: d}
	partial := random(r, gw.PartialLen())
	for p := range gw.Parts() {
		gw.Run(partial, src, dy, nil, p, d.C/2, d.C)
		gw.Run(partial, src, dy, nil, p, 0, d.C/2)
	}
	dw, db := make([]float32, len(w)), make([]float32, d.C)
	gw.Reduce(dw, db, partial, false)
	checkGradWeight(t, &ConvGradWeight{Conv: c, Bias: true}, src, dy, dw, db)
}
