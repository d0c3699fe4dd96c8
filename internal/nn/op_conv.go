package nn

import "github.com/graft-ml/graft/internal/tensor"

// opConv is Conv over any number of spatial axes: X [N,C,…], W [M,C/group,…], B [M].
var opConv = &opDef{
	minIn: 2, maxIn: 3, minOut: 1, maxOut: 1,
	shape: convShape, forward: convForward, backward: convBackward,
}

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

// convBackward: with o = i·stride − pad + k·dilation the input that output i and kernel element k meet in,
// dX[o] = Σ W[k]·dY[i], dW[k] = Σ X[o]·dY[i] and dB = Σ dY.
func convBackward(c *call, dOut, dIn []*tensor.Tensor) error {
	win, err := newWindow(c.node, c.in[0].Shape[2:], c.in[1].Shape[2:])
	if err != nil {
		return err
	}
	rows := win.flat().rows()
	if dIn[0] != nil {
		c.convInputGradient(dIn[0], dOut[0], rows)
	}
	if dIn[1] != nil {
		c.convWeightGradient(dIn[1], dOut[0], rows)
	}
	if dB := grad(dIn, 2); dB != nil {
		N, M, plane := dOut[0].Shape[0], dOut[0].Shape[1], product(dOut[0].Shape[2:])
		c.parallel(M, func(m int) {
			sum := 0.0
			for n := range N {
				for _, v := range dOut[0].F[(n*M+m)*plane:][:plane] {
					sum += float64(v)
				}
			}
			dB.F[m] += float32(sum)
		})
	}
	return nil
}

// convInputGradient adds to dX; each sum runs over the output channels, then the kernel.
func (c *call) convInputGradient(dX, dY *tensor.Tensor, rows func(func(row))) {
	w := c.in[1]
	C, M, cg := dX.Shape[1], w.Shape[0], w.Shape[1]
	perGroup := M / c.node.Attrs.Int("group", 1)
	inPlane, outPlane, taps := product(dX.Shape[2:]), product(dY.Shape[2:]), product(w.Shape[2:])
	c.parallel(dX.Shape[0]*C, func(i int) {
		n, ch := i/C, i%C
		sums := make([]float64, inPlane)
		for m := ch / cg * perGroup; m < (ch/cg+1)*perGroup; m++ {
			kernel, dy := w.F[(m*cg+ch%cg)*taps:][:taps], dY.F[(n*M+m)*outPlane:][:outPlane]
			rows(func(r row) {
				a := float64(kernel[r.kernel])
				for j, v := range dy[r.out : r.out+r.n] {
					sums[r.in+j*r.step] += a * float64(v)
				}
			})
		}
		addSums(dX.F[i*inPlane:][:inPlane], sums)
	})
}

// convWeightGradient adds to dW; each sum runs over the pictures, then the outputs in order.
func (c *call) convWeightGradient(dW, dY *tensor.Tensor, rows func(func(row))) {
	x := c.in[0]
	N, C, M, cg := x.Shape[0], x.Shape[1], dW.Shape[0], dW.Shape[1]
	perGroup := M / c.node.Attrs.Int("group", 1)
	inPlane, outPlane, taps := product(x.Shape[2:]), product(dY.Shape[2:]), product(dW.Shape[2:])
	c.parallel(M*cg, func(i int) {
		m, ch := i/cg, i/cg/perGroup*cg+i%cg
		sums := make([]float64, taps)
		for n := range N {
			src, dy := x.F[(n*C+ch)*inPlane:][:inPlane], dY.F[(n*M+m)*outPlane:][:outPlane]
			rows(func(r row) {
				sum := 0.0
				for j, v := range dy[r.out : r.out+r.n] {
					sum += float64(v) * float64(src[r.in+j*r.step])
				}
				sums[r.kernel] += sum
			})
		}
		addSums(dW.F[i*taps:][:taps], sums)
	})
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
