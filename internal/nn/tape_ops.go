package nn

// tapeOps are the operators that have a faster way on a tape than their definition.
var tapeOps = map[string]tapeOp{
	"Conv": {forward: tapeConvForward, backward: tapeConvBackward, halo: tapeConvHalo},
}
