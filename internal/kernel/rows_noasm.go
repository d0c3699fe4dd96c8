//go:build !amd64 || purego

package kernel

func (a Act) run(dst, src []float32, r Rows) { a.runGeneric(dst, src, r) }

func binaryRows(op Op, dst, a, b []float32, r Rows) { binaryRowsGeneric(op, dst, a, b, r) }

func binaryScalar(op Op, dst, x []float32, y float32, left bool) {
	binaryScalarGeneric(op, dst, x, y, left)
}

func scaleShift(dst, src, scale, shift []float32, r Rows) {
	scaleShiftGeneric(dst, src, scale, shift, r)
}

func (p *pooling) run(dst, src []float32) { p.runGeneric(dst, src) }

func layerNorm(dst, src, scale, shift []float32, eps float32, r Rows) {
	layerNormGeneric(dst, src, scale, shift, eps, r)
}

func softmax(dst, src []float32, r Rows) { softmaxGeneric(dst, src, r) }

func (c columns) run(kind columnKind, r Rows) { c.runGeneric(kind, r) }

func (n *normalizing) run(r Rows) { n.runGeneric(r) }

func normGrad(dx, dy, x, mean []float32, g BatchNormGrad, r Rows) {
	normGradGeneric(dx, dy, x, mean, g, r)
}

func (a Act) gradRows(dx, dy, v []float32, r Rows) { a.gradRowsGeneric(dx, dy, v, r) }

func (p *poolingGrad) run(dx, dy, x, y []float32) { p.runGeneric(dx, dy, x, y) }

func layerNormGrad(dx, dscale, dshift, x, dy, scale []float32, eps float32, r Rows) {
	layerNormGradGeneric(dx, dscale, dshift, x, dy, scale, eps, r)
}
