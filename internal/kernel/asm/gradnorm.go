package asm

// LayerNormGradName returns the name of LayerNormGrad's function.
func LayerNormGradName(avx512 bool) string {
	return "normLayerNormGrad" + ConvTile{AVX512: avx512}.isa()
}

// LayerNormGrad returns the function of the gradient of LayerNorm. From x, dy and scale, with the mean, the inverse of
// the deviation and the variance + B of each row as LayerNorm computes them, g = dy·scale, and A as what sums over a row
// are divided by, it computes
//
//	dst = inverse·(g − Σ g/A − (x − mean)·(Σ g·(x − mean)/A/(variance + B)))
//
// and adds (x − mean)·inverse·dy to source 3 and dy to source 4, which are rows that are written too.
func LayerNormGrad(avx512 bool) *Func {
	return newNorm(LayerNormGradName(avx512), avx512, 5, (*normFunc).layerNormGrad)
}

func (v *normFunc) layerNormGrad() {
	mean, inverse, variance, shift, slope := v.kept(0), v.kept(1), v.kept(-1), v.kept(-2), v.kept(-3)
	sum := v.partial(0)
	v.moments()
	v.do(VMOVUPS, sum, variance)
	v.invert()
	scaled := func(u int) { // nY is dy·scale
		v.get(rSrc[1], u, nY)
		v.get(rSrc[2], u, nT)
		v.do(VMULPS, nT, nY, nY)
	}
	v.clearPartials(kZero)
	v.pass("grads", func(u int) {
		scaled(u)
		v.do(VADDPS, nY, v.partial(u), v.partial(u))
	})
	v.reduce(VADDPS)
	v.do(VDIVPS, slotA, sum, shift)
	v.clearPartials(kZero)
	v.pass("dots", func(u int) {
		v.get(rSrc[0], u, nX)
		v.do(VSUBPS, mean, nX, nX)
		scaled(u)
		v.do(VFMADD231PS, nX, nY, v.partial(u))
	})
	v.reduce(VADDPS)
	v.do(VDIVPS, slotA, sum, sum)
	v.do(VDIVPS, variance, sum, slope)
	v.pass("store", func(u int) {
		v.get(rSrc[0], u, nX)
		v.do(VSUBPS, mean, nX, nX)
		v.get(rSrc[1], u, nY)
		v.do(VMULPS, inverse, nX, nT)
		v.get(rSrc[3], u, nS)
		v.do(VFMADD231PS, nT, nY, nS)
		v.putTo(rSrc[3], u, nS)
		v.get(rSrc[4], u, nS)
		v.do(VADDPS, nY, nS, nS)
		v.putTo(rSrc[4], u, nS)
		v.get(rSrc[2], u, nT)
		v.do(VMULPS, nT, nY, nY)
		v.do(VSUBPS, shift, nY, nY)
		v.do(VFNMADD231PS, nX, slope, nY)
		v.do(VMULPS, inverse, nY, nY)
		v.put(u, nY)
	})
}
