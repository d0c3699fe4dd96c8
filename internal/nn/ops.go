package nn

// ops is the operator table: one line an operator, each defined in its own file.
var ops = map[string]*opDef{
	"Add":         opAdd,
	"Conv":        opConv,
	"Div":         opDiv,
	"Dropout":     opDropout,
	"Erf":         opErf,
	"Exp":         opExp,
	"Flatten":     opFlatten,
	"Gelu":        opGelu,
	"Gemm":        opGemm,
	"HardSigmoid": opHardSigmoid,
	"HardSwish":   opHardSwish,
	"Identity":    opIdentity,
	"LeakyRelu":   opLeakyRelu,
	"Log":         opLog,
	"LogSoftmax":  opLogSoftmax,
	"MatMul":      opMatMul,
	"Mul":         opMul,
	"Reciprocal":  opReciprocal,
	"Relu":        opRelu,
	"Sigmoid":     opSigmoid,
	"Softmax":     opSoftmax,
	"Sqrt":        opSqrt,
	"Sub":         opSub,
	"Tanh":        opTanh,
}
