package nn

// ops is the operator table: one line an operator, each defined in its own file.
var ops = map[string]*opDef{}
