package asm

// lineGrad transforms a line of pixels of dY: with the coefficients a, b, a², b², a³, b³ it gives
// d0, (d0+a²d2)±(ad1+a³d3), (d0+b²d2)±(bd1+b³d3), d3.
func (w *winogradFunc) lineGrad(from, to func(i int) Mem) {
	var d [4]Reg
	for i := range d {
		d[i] = w.free(i)
		w.emit(VMOVUPS, from(i), d[i])
	}
	even, odd, sum := w.free(4), w.free(5), w.free(6)
	w.emit(VMOVUPS, d[0], to(0))
	w.emit(VMOVUPS, d[3], to(5))
	for p := range 2 {
		w.emit(VMOVUPS, d[0], even)
		w.emit(VFMADD231PS, d[2], w.coef(2+p), even)
		w.emit(VMULPS, d[1], w.coef(p), odd)
		w.emit(VFMADD231PS, d[3], w.coef(4+p), odd)
		w.emit(VADDPS, odd, even, sum)
		w.emit(VSUBPS, odd, even, even)
		w.emit(VMOVUPS, sum, to(1+2*p))
		w.emit(VMOVUPS, even, to(2+2*p))
	}
}

// lineWeights transforms a line of products to weights: with s = m1+m2, e = m1-m2, t = m3+m4, f = m3-m4 and the
// coefficients k0 … k6 it gives k0·m0+k1·s+k2·t, k3·e+k4·f, m5+k5·s+k6·t.
func (w *winogradFunc) lineWeights(from func(i int) Mem) []Reg {
	m := [5]Reg{None, w.free(0), w.free(1), w.free(2), w.free(3)}
	diff, first, last := [2]Reg{w.free(4), w.free(5)}, w.free(6), w.free(7)
	for p := range 2 {
		x, y := m[1+2*p], m[2+2*p]
		w.emit(VMOVUPS, from(1+2*p), x)
		w.emit(VMOVUPS, from(2+2*p), y)
		w.emit(VSUBPS, y, x, diff[p])
		w.emit(VADDPS, y, x, x)
	}
	w.emit(VMULPS, from(0), w.coef(0), first)
	w.emit(VMOVUPS, from(5), last)
	for p := range 2 {
		w.emit(VFMADD231PS, m[1+2*p], w.coef(1+p), first)
		w.emit(VFMADD231PS, m[1+2*p], w.coef(5+p), last)
	}
	w.emit(VMULPS, diff[0], w.coef(3), diff[0])
	w.emit(VFMADD231PS, diff[1], w.coef(4), diff[0])
	return []Reg{first, diff[0], last}
}
