package nn

import (
	"math"

	"github.com/graft-ml/graft/internal/tensor"
)

// opMaxPool is MaxPool: X [N,C,…], and on request the index of each maximum in X. Padding is never the maximum; a
// window of padding only is -Inf.
var opMaxPool = &opDef{
	minIn: 1, maxIn: 1, minOut: 1, maxOut: 2,
	shape: maxPoolShape, forward: maxPoolForward, backward: maxPoolBackward,
}

// opAveragePool is AveragePool: X [N,C,…].
var opAveragePool = &opDef{
	minIn: 1, maxIn: 1, minOut: 1, maxOut: 1,
	shape: poolShape, forward: averagePoolForward, backward: averagePoolBackward,
}

func poolShape(n *Node, in []Info) ([]Info, error) {
	if err := wantFloats(n, in); err != nil {
		return nil, err
	}
	x := in[0].Shape
	if len(x) < 3 {
		return nil, n.errorf("input %v, want [N C …]", x)
	}
	win, err := newWindow(n, x[2:], n.Attrs.Ints("kernel_shape"))
	if err != nil {
		return nil, err
	}
	for _, a := range win {
		if a.padBegin >= a.reach() || a.padEnd >= a.reach() {
			return nil, n.errorf("pads of %d and %d with a window of %d: it would see nothing else", a.padBegin, a.padEnd, a.reach())
		}
	}
	return []Info{{DType: tensor.Float32, Shape: append(tensor.Shape{x[0], x[1]}, win.outputs()...)}}, nil
}

func maxPoolShape(n *Node, in []Info) ([]Info, error) {
	out, err := poolShape(n, in)
	if err != nil {
		return nil, err
	}
	return append(out, Info{DType: tensor.Int64, Shape: out[0].Shape}), nil
}

func maxPoolForward(c *call) error {
	x := c.in[0]
	win, err := newWindow(c.node, x.Shape[2:], c.node.Attrs.Ints("kernel_shape"))
	if err != nil {
		return err
	}
	rows := win.rows()
	inPlane, outPlane := product(x.Shape[2:]), product(c.out[0].Shape[2:])
	c.parallel(x.Shape[0]*x.Shape[1], func(i int) {
		src, dst := x.F[i*inPlane:][:inPlane], c.out[0].F[i*outPlane:][:outPlane]
		at := make([]int, outPlane)
		maxPlane(dst, at, src, rows)
		if len(c.out) > 1 && c.out[1] != nil {
			column := c.node.Attrs.Int("storage_order", 0) != 0
			for j, k := range at {
				if column {
					k = columnMajor(x.Shape[2:], k)
				}
				c.out[1].I[i*outPlane+j] = int64(i*inPlane + k)
			}
		}
	})
	return nil
}

// maxPlane computes dst, a pooled plane of src, and sets at to where each maximum is, the first of equal ones. It
// leaves at alone where nothing exceeds -Inf.
func maxPlane(dst []float32, at []int, src []float32, rows func(func(row))) {
	for j := range dst {
		dst[j] = float32(math.Inf(-1))
	}
	rows(func(r row) {
		for j := range r.n {
			k := r.in + j*r.step
			if v := src[k]; v > dst[r.out+j] || v != v {
				dst[r.out+j], at[r.out+j] = v, k
			}
		}
	})
}

// maxPoolBackward gives the gradient of each output to its maximum.
func maxPoolBackward(c *call, dOut, dIn []*tensor.Tensor) error {
	x := c.in[0]
	win, err := newWindow(c.node, x.Shape[2:], c.node.Attrs.Ints("kernel_shape"))
	if err != nil || dIn[0] == nil {
		return err
	}
	rows := win.rows()
	inPlane, outPlane := product(x.Shape[2:]), product(c.out[0].Shape[2:])
	c.parallel(x.Shape[0]*x.Shape[1], func(i int) {
		at := make([]int, outPlane)
		for j := range at {
			at[j] = -1
		}
		maxPlane(make([]float32, outPlane), at, x.F[i*inPlane:][:inPlane], rows)
		sums := make([]float64, inPlane)
		for j, k := range at {
			if k >= 0 {
				sums[k] += float64(dOut[0].F[i*outPlane+j])
			}
		}
		addSums(dIn[0].F[i*inPlane:][:inPlane], sums)
	})
	return nil
}

// columnMajor converts a row-major index over shape to one in which the first axis runs fastest.
func columnMajor(shape []int, k int) int {
	n, step := 0, product(shape)
	for i := len(shape) - 1; i >= 0; i-- {
		step /= shape[i]
		n += k % shape[i] * step
		k /= shape[i]
	}
	return n
}

func averagePoolForward(c *call) error {
	x := c.in[0]
	win, err := newWindow(c.node, x.Shape[2:], c.node.Attrs.Ints("kernel_shape"))
	if err != nil {
		return err
	}
	rows := win.rows()
	inPlane, outPlane := product(x.Shape[2:]), product(c.out[0].Shape[2:])
	counts := win.counts(c.node.Attrs.Int("count_include_pad", 0) != 0)
	c.parallel(x.Shape[0]*x.Shape[1], func(i int) {
		src, dst := x.F[i*inPlane:][:inPlane], c.out[0].F[i*outPlane:][:outPlane]
		sums := make([]float64, outPlane)
		rows(func(r row) { axpy(sums[r.out:r.out+r.n], 1, src[r.in:], r.step) })
		for j, s := range sums {
			dst[j] = float32(s / counts[j])
		}
	})
	return nil
}

// averagePoolBackward gives each element of a window its share of the output's gradient.
func averagePoolBackward(c *call, dOut, dIn []*tensor.Tensor) error {
	x := c.in[0]
	win, err := newWindow(c.node, x.Shape[2:], c.node.Attrs.Ints("kernel_shape"))
	if err != nil || dIn[0] == nil {
		return err
	}
	rows := win.rows()
	inPlane, outPlane := product(x.Shape[2:]), product(c.out[0].Shape[2:])
	counts := win.counts(c.node.Attrs.Int("count_include_pad", 0) != 0)
	c.parallel(x.Shape[0]*x.Shape[1], func(i int) {
		sums, dy := make([]float64, inPlane), dOut[0].F[i*outPlane:][:outPlane]
		rows(func(r row) {
			for j := range r.n {
				sums[r.in+j*r.step] += float64(dy[r.out+j]) / counts[r.out+j]
			}
		})
		addSums(dIn[0].F[i*inPlane:][:inPlane], sums)
	})
	return nil
}

// counts returns for each output how many elements its window holds: of the input, and of the padding too if
// padded, but nothing beyond that (which a ceil_mode window may reach).
func (w window) counts(padded bool) []float64 {
	counts := []float64{1}
	for _, a := range w {
		var next []float64
		along := a.count(padded)
		for _, n := range counts {
			for _, k := range along {
				next = append(next, n*k)
			}
		}
		counts = next
	}
	return counts
}

func (a axisWindow) count(padded bool) []float64 {
	n := make([]float64, a.out)
	if padded {
		for o := range n {
			left := a.padBegin + a.in + a.padEnd - o*a.stride
			n[o] = float64(min(a.kernel, (left+a.dilation-1)/a.dilation))
		}
		return n
	}
	for _, t := range a.taps() {
		for i := range t.n {
			n[t.out+i]++
		}
	}
	return n
}
