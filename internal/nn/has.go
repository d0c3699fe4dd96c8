package nn

// Has reports whether op is an operator that a graph may contain.
func Has(op string) bool { return ops[op] != nil }
