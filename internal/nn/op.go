package nn

import (
	"fmt"

	"github.com/graft-ml/graft/internal/tensor"
)

// Info is what is known of a value before a run.
type Info struct {
	DType tensor.DType
	Shape tensor.Shape   // tensor.Free where the batch stands
	Const *tensor.Tensor // the value itself where it does not depend on an input
}

// opDef is one row of the operator table: all that the package knows of an operator, apart from the
// faster ways that a Plan has for some.
type opDef struct {
	minIn, maxIn   int // number of inputs; maxIn < 0: any number
	minOut, maxOut int // number of outputs

	// shape returns the type and shape of each output. in[i] is the zero Info for an absent input. All
	// extents are known: where the batch is free, Infer calls it for two batches and compares. A rule may
	// set Const where the output is known though the input is not (Shape).
	shape func(n *Node, in []Info) ([]Info, error)

	// forward computes out from in, all row-major with the axes that ONNX states; in[i] is nil for an
	// absent input, out[i] for an absent output. out is allocated by the caller to what shape said and holds
	// garbage. It indexes within bounds for all that shape lets through; an error is for values that are
	// no good (an index out of range). It is not called where all outputs are empty. Sums run in an order
	// that does not depend on the extent of the batch axis or on the number of workers.
	forward func(c *call) error

	// backward adds to dIn[i], where it is not nil, the gradient of the loss by input i. It reads
	// in, out and dOut; dOut[i] is nil where no gradient comes to output i. Nil where there can be none.
	backward func(c *call, dOut, dIn []*tensor.Tensor) error
}

// call is one execution of a node.
type call struct {
	node *Node
	in   []*tensor.Tensor
	out  []*tensor.Tensor
	pool *Pool // nil: run on the calling goroutine
}

// parallel runs f(0) … f(n-1), on the pool if the call has one. Each f(i) writes its own part of the
// outputs, so that the result does not depend on who runs it.
func (c *call) parallel(n int, f func(i int)) {
	if c.pool == nil {
		for i := range n {
			f(i)
		}
		return
	}
	c.pool.Run(n, f)
}

// errorf returns an error that names the node.
func (n *Node) errorf(format string, args ...any) error {
	return fmt.Errorf("%s %q: %w", n.Op, n.Name, fmt.Errorf(format, args...))
}
