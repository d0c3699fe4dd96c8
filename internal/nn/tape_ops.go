package nn

// tapeOps are the operators that have a faster way on a tape than their definition.
var tapeOps = map[string]tapeOp{
	"Conv": {forward: tapeConvForward, backward: tapeConvBackward, halo: tapeConvHalo},
	"Gemm": {forward: tapeLinearForward, backward: tapeLinearBackward}, "MatMul": {forward: tapeLinearForward, backward: tapeLinearBackward},
	"BatchNormalization": {halo: sameHalo},
	"Relu":               tapeAct, "Clip": tapeAct, "LeakyRelu": tapeAct, "Sigmoid": tapeAct, "HardSigmoid": tapeAct, "HardSwish": tapeAct,
	"Tanh": tapeAct, "Erf": tapeAct, "Gelu": tapeAct, "Sqrt": tapeAct, "Exp": tapeAct,
	"Add":                {backward: tapeAddBackward, halo: sameHalo},
	"Mul":                {backward: tapeMulBackward, halo: sameHalo},
	"LayerNormalization": {forward: tapeLayerNormForward, backward: tapeLayerNormBackward},
	"Transpose":          {backward: tapeTransposeBackward},
	"Concat":             {backward: tapeConcatBackward},
	"MaxPool":            {backward: tapePoolBackward}, "AveragePool": {backward: tapePoolBackward},
	"GlobalAveragePool": {backward: tapeGlobalPoolBackward}, "ReduceMean": {backward: tapeGlobalPoolBackward},
	"Reshape": tapeReshape, "Flatten": tapeReshape, "Squeeze": tapeReshape, "Unsqueeze": tapeReshape, "Identity": tapeReshape,
}

var (
	tapeAct     = tapeOp{backward: tapeActBackward, halo: sameHalo}
	tapeReshape = tapeOp{backward: tapeReshapeBackward}
)
