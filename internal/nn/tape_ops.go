package nn

// tapeOps are the operators that have a faster way on a tape than their definition.
var tapeOps = map[string]tapeOp{
	"Conv":               {forward: tapeConvForward, backward: tapeConvBackward, halo: tapeConvHalo},
	"BatchNormalization": {halo: sameHalo},
	"Relu":               {halo: sameHalo},
	"Clip":               {halo: sameHalo},
	"Add":                {backward: tapeAddBackward, halo: sameHalo},
}

// sameHalo gives the gradient of n's output the halo that those of its inputs need, so that it can become theirs.
func sameHalo(c *tapeCompiler, n *Node) {
	out := n.Outputs[0]
	for i, in := range n.Inputs {
		if c.want(n, i) && c.infos[in].Shape.Equal(c.infos[out].Shape) {
			c.gradHalos[out] = c.gradHalos[out].widen(c.gradHalos[in])
		}
	}
}

// tapeAddBackward hands the gradient of a sum of like shapes on as it is.
func tapeAddBackward(c *tapeCompiler, n *Node) bool {
	out := c.infos[n.Outputs[0]].Shape
	for i, in := range n.Inputs {
		if c.want(n, i) && !c.infos[in].Shape.Equal(out) {
			return false
		}
	}
	dy, _ := c.grad(n.Outputs[0])
	for i, in := range n.Inputs {
		if c.want(n, i) {
			c.pass(in, dy)
		}
	}
	return true
}
