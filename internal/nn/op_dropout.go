package nn

import "github.com/graft-ml/graft/internal/tensor"

// opDropout is the identity: the graph is the network as it predicts. In training a Tape multiplies by a
// mask of its own. The optional second output is ONNX's mask, all true.
var opDropout = &opDef{
	minIn: 1, maxIn: 3, minOut: 1, maxOut: 2,
	shape: func(n *Node, in []Info) ([]Info, error) {
		out, err := likeFloats(n, in)
		if err != nil || len(n.Outputs) < 2 {
			return out, err
		}
		return append(out, Info{DType: tensor.Bool, Shape: in[0].Shape.Clone()}), nil
	},
	forward: func(c *call) error {
		copyElems(c.out[0], c.in[0])
		if len(c.out) > 1 && c.out[1] != nil {
			for i := range c.out[1].I {
				c.out[1].I[i] = 1
			}
		}
		return nil
	},
	backward: passGradient,
}
