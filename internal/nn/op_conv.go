package nn

import "github.com/graft-ml/graft/internal/tensor"

// opConv is Conv over any number of spatial axes: X [N,C,…], W [M,C/group,…], B [M].
var opConv = &opDef{minIn: 2, maxIn: 3, minOut: 1, maxOut: 1, shape: convShape, forward: convForward}

func convShape(n *Node, in []Info) ([]Info, error) {
	if err := wantFloats(n, in); err != nil {
		return nil, err
	}
	x, w := in[0].Shape, in[1].Shape
	if len(x) < 3 || len(w) != len(x) {
		return nil, n.errorf("input %v with weights %v, want [N C …] and [M C/group …] of one rank", x, w)
	}
	group := n.Attrs.Int("group", 1)
	if group < 1 || x[1]%group != 0 || w[0]%group != 0 || w[1] != x[1]/group {
		return nil, n.errorf("input %v with weights %v in %d groups", x, w, group)
	}
	if k := n.Attrs.Ints("kernel_shape"); k != nil && !tensor.Shape(k).Equal(w[2:]) {
		return nil, n.errorf("kernel_shape %v with weights %v", k, w)
	}
	if b := input(in, 2); b.DType != tensor.Invalid && !b.Shape.Equal(tensor.Shape{w[0]}) {
		return nil, n.errorf("bias %v, want [%d]", b.Shape, w[0])
	}
	win, err := newWindow(n, x[2:], w[2:])
	if err != nil {
		return nil, err
	}
	return []Info{{DType: tensor.Float32, Shape: append(tensor.Shape{x[0], w[0]}, win.outputs()...)}}, nil
}

// convForward sums in float64, for each output channel by channel and in the order of the kernel.
func convForward(c *call) error {
	x, w := c.in[0], c.in[1]
	win, err := newWindow(c.node, x.Shape[2:], w.Shape[2:])
	if err != nil {
		return err
	}
	var bias []float32
	if b := c.arg(2); b != nil {
		bias = b.F
	}
	rows := win.flat().rows()
	M, cg := w.Shape[0], w.Shape[1]
	perGroup := M / c.node.Attrs.Int("group", 1)
	inPlane, outPlane, taps := product(x.Shape[2:]), product(c.out[0].Shape[2:]), product(w.Shape[2:])
	c.parallel(x.Shape[0]*M, func(i int) {
		n, m := i/M, i%M
		acc := make([]float64, outPlane)
		for ci := range cg {
			src := x.F[(n*x.Shape[1]+m/perGroup*cg+ci)*inPlane:][:inPlane]
			kernel := w.F[(m*cg+ci)*taps:][:taps]
			rows(func(r row) { axpy(acc[r.out:r.out+r.n], float64(kernel[r.kernel]), src[r.in:], r.step) })
		}
		dst, b := c.out[0].F[i*outPlane:][:outPlane], 0.0
		if bias != nil {
			b = float64(bias[m])
		}
		for j, v := range acc {
			dst[j] = float32(v + b)
		}
	})
	return nil
}

// axpy adds a·x to y, where the elements of x stand step apart.
func axpy(y []float64, a float64, x []float32, step int) {
	if step == 1 {
		x = x[:len(y)]
		for i := range y {
			y[i] += a * float64(x[i])
		}
		return
	}
	for i := range y {
		y[i] += a * float64(x[i*step])
	}
}
