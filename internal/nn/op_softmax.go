package nn

import (
	"math"

	"github.com/graft-ml/graft/internal/tensor"
)

// opSoftmax is y = exp(x) / Σ exp(x), the sum over the attribute axis (default -1), as from opset 13.
var opSoftmax = &opDef{
	minIn: 1, maxIn: 1, minOut: 1, maxOut: 1,
	shape:    softmaxShape,
	forward:  func(c *call) error { return eachLine(c, softmaxLine) },
	backward: softmaxBackward,
}

// opLogSoftmax is the logarithm of Softmax.
var opLogSoftmax = &opDef{
	minIn: 1, maxIn: 1, minOut: 1, maxOut: 1,
	shape:    softmaxShape,
	forward:  func(c *call) error { return eachLine(c, logSoftmaxLine) },
	backward: logSoftmaxBackward,
}

func softmaxShape(n *Node, in []Info) ([]Info, error) {
	if _, err := axisOf(n, n.Attrs.Int("axis", -1), len(in[0].Shape)); err != nil {
		return nil, err
	}
	return likeFloats(n, in)
}

// line is where the elements along one axis lie: start, start+step, … (size of them).
type line struct{ start, step, size int }

// eachLine calls f for the elements of each line along the node's axis.
func eachLine(c *call, f func(y, x []float32, l line)) error {
	x, y := c.in[0].F, c.out[0].F
	lines(c, func(l line) { f(y, x, l) })
	return nil
}

// lines calls f for each line along the node's axis, in parallel.
func lines(c *call, f func(l line)) {
	shape := c.in[0].Shape
	axis, _ := axisOf(c.node, c.node.Attrs.Int("axis", -1), len(shape)) // softmaxShape has checked it
	size, step := shape[axis], product(shape[axis+1:])
	if len(c.in[0].F) == 0 {
		return
	}
	count := len(c.in[0].F) / size
	per := max(1, 2048/size) // exp is dear, so fewer elements a task
	c.parallel((count+per-1)/per, func(t int) {
		for i := t * per; i < min(count, (t+1)*per); i++ {
			f(line{start: i/step*step*size + i%step, step: step, size: size})
		}
	})
}

func softmaxLine(y, x []float32, l line) {
	top, sum := lineTop(x, l), 0.0
	for i, k := l.start, 0; k < l.size; i, k = i+l.step, k+1 {
		e := math.Exp(float64(x[i]) - top)
		y[i] = float32(e)
		sum += e
	}
	for i, k := l.start, 0; k < l.size; i, k = i+l.step, k+1 {
		y[i] = float32(float64(y[i]) / sum)
	}
}

func logSoftmaxLine(y, x []float32, l line) {
	top, sum := lineTop(x, l), 0.0
	for i, k := l.start, 0; k < l.size; i, k = i+l.step, k+1 {
		sum += math.Exp(float64(x[i]) - top)
	}
	shift := top + math.Log(sum)
	for i, k := l.start, 0; k < l.size; i, k = i+l.step, k+1 {
		y[i] = float32(float64(x[i]) - shift)
	}
}

// lineTop returns the largest element of l, which exp is taken relative to so that it cannot overflow.
func lineTop(x []float32, l line) float64 {
	top := math.Inf(-1)
	for i, k := l.start, 0; k < l.size; i, k = i+l.step, k+1 {
		top = max(top, float64(x[i]))
	}
	return top
}

// softmaxBackward: dX = y·(dY − Σ y·dY).
func softmaxBackward(c *call, dOut, dIn []*tensor.Tensor) error {
	if dIn[0] == nil {
		return nil
	}
	y, dy, dx := c.out[0].F, dOut[0].F, dIn[0].F
	lines(c, func(l line) {
		sum := 0.0
		for i, k := l.start, 0; k < l.size; i, k = i+l.step, k+1 {
			sum += float64(y[i]) * float64(dy[i])
		}
		for i, k := l.start, 0; k < l.size; i, k = i+l.step, k+1 {
			dx[i] += float32(float64(y[i]) * (float64(dy[i]) - sum))
		}
	})
	return nil
}

// logSoftmaxBackward: dX = dY − exp(y)·Σ dY.
func logSoftmaxBackward(c *call, dOut, dIn []*tensor.Tensor) error {
	if dIn[0] == nil {
		return nil
	}
	y, dy, dx := c.out[0].F, dOut[0].F, dIn[0].F
	lines(c, func(l line) {
		sum := 0.0
		for i, k := l.start, 0; k < l.size; i, k = i+l.step, k+1 {
			sum += float64(dy[i])
		}
		for i, k := l.start, 0; k < l.size; i, k = i+l.step, k+1 {
			dx[i] += float32(float64(dy[i]) - math.Exp(float64(y[i]))*sum)
		}
	})
	return nil
}
