//go:build !amd64 || purego

package kernel

func (a Act) run(dst, src []float32, n, width, to, from int) {
	a.runGeneric(dst, src, n, width, to, from)
}
