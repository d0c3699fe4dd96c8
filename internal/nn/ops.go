package nn

// ops is the operator table: one line an operator, each defined in its own file.
var ops = map[string]*opDef{
	"Conv":        opConv,
	"Erf":         opErf,
	"Exp":         opExp,
	"HardSigmoid": opHardSigmoid,
	"HardSwish":   opHardSwish,
	"LeakyRelu":   opLeakyRelu,
	"Log":         opLog,
	"Reciprocal":  opReciprocal,
	"Sqrt":        opSqrt,
}
