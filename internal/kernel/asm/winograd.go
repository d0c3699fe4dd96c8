package asm

import "fmt"

// Offsets in bytes of the fields of the struct that a Winograd transform gets; package kernel's winogradArgs
// describes them. The first ones are for both directions, those from WinogradRes on for the output.
const (
	WinogradSrc      = 0   // pointer
	WinogradDst      = 8   // pointer
	WinogradTmp      = 16  // pointer
	WinogradSlab     = 24  // int
	WinogradRow      = 32  // int
	WinogradPixel    = 40  // int
	WinogradBlocks   = 48  // int, at least 1
	WinogradCoef     = 56  // [8]float32
	WinogradRes      = 88  // pointer
	WinogradResRow   = 96  // int
	WinogradResPixel = 104 // int
	WinogradBias     = 112 // pointer
	WinogradRows     = 120 // int, at least 1
	WinogradCols     = 128 // int, at least 1
	WinogradLo       = 136 // float32
	WinogradHi       = 140 // float32
	WinogradSize     = 144
)

// WinogradTile is a transform of the algorithm F(Out×Out, 3×3): of pixels to the domain of the products, or, if
// Inverse, of products to pixels. If Grad, it is one of the gradient by the weights: of Out×Out pixels of dY to the
// domain of the products, or, if Inverse, of products to 3×3 weights.
type WinogradTile struct {
	AVX512  bool
	Out     int // 2 or 4; 4 if Grad
	Inverse bool
	Grad    bool
}

// Name returns the name of the function, as in winogradIn4AVX2.
func (t WinogradTile) Name() string {
	way := "In"
	if t.Inverse {
		way = "Out"
	}
	if t.Grad {
		way = "Grad" + way
	}
	return fmt.Sprintf("winograd%s%d%s", way, t.Out, ConvTile{AVX512: t.AVX512}.isa())
}

// in returns the side of the square of products.
func (t WinogradTile) in() int    { return t.Out + 2 }
func (t WinogradTile) bytes() int { return 4 * ConvTile{AVX512: t.AVX512}.Lanes() }

// WinogradTiles returns all transforms of an instruction set.
func WinogradTiles(avx512 bool) []WinogradTile {
	return []WinogradTile{{avx512, 2, false, false}, {avx512, 2, true, false}, {avx512, 4, false, false}, {avx512, 4, true, false},
		{avx512, 4, false, true}, {avx512, 4, true, true}}
}

// The registers of a Winograd transform, besides a group's distances.
const (
	wArgs    = AX
	wBase    = BX
	wTmp     = CX
	wRes     = R8
	wResRow  = R9
	wResRow3 = R10
	wLines   = R11
	wBlocks  = R12
	wRows    = R13
	wBias    = rStep5 // on the way out, where no group needs it
	wOffset  = R14    // of the channels at work, in bytes
)

type winogradFunc struct {
	WinogradTile
	*Func
}

// Winograd returns the function of a transform of one tile, for Blocks full vectors of channels. With n = Out+2
// and line the transform of one dimension, which package kernel's twins spell out, the way in takes n×n pixels,
// transforms their columns to Tmp and the rows of that to dst, one product a slab. The way out takes n×n
// products, transforms their rows to Tmp and the columns of that to Out×Out pixels, of which it writes
//
//	dst[y][x] = min(max(pixel + bias + res[y][x], lo), hi)
//
// for the first Rows×Cols. A nil residual is not added. Tmp holds n×n vectors of 64 bytes. A NaN stays a NaN.
//
// Of a gradient, the way in takes Out×Out pixels to n×n products, and the way out n×n products to 3×3 weights, which
// lie in dst as pixels do and are what is written.
func Winograd(t WinogradTile) *Func {
	w := &winogradFunc{t, &Func{Name: t.Name(), ISA: "AVX2, FMA"}}
	if t.AVX512 {
		w.ISA = "AVX512F"
	}
	w.emit(MOVQ, Arg{}, wArgs)
	for i := range w.coefs() {
		w.emit(VBROADCASTSS, w.arg(WinogradCoef+4*i), w.coef(i))
	}
	w.emit(XORQ, wOffset, wOffset)
	w.emit(MOVQ, w.arg(WinogradBlocks), wBlocks)
	w.label("block")
	switch {
	case t.Grad && t.Inverse:
		w.products()
		w.weights()
	case t.Inverse:
		w.products()
		w.pixels()
	default:
		w.columns()
		w.slabs()
	}
	w.emit(ADDQ, Imm(w.bytes()), wOffset)
	w.emit(DECQ, wBlocks)
	w.emit(JNE, Label("block"))
	w.emit(VZEROUPPER)
	w.emit(RET)
	return w.Func
}

func (w *winogradFunc) arg(off int) Mem { return Mem{Base: wArgs, Disp: off} }

func (w *winogradFunc) v(n int) Reg {
	if w.AVX512 {
		return Z0 + Reg(n)
	}
	return Y0 + Reg(n)
}

// coefs returns the number of coefficients, which stay in the first registers.
func (w *winogradFunc) coefs() int {
	if w.Out == 2 {
		return 1
	}
	return 8
}
func (w *winogradFunc) coef(i int) Reg { return w.v(i) }
func (w *winogradFunc) free(i int) Reg { return w.v(8 + i) }

// tmp returns vector i from where wTmp stands.
func (w *winogradFunc) tmp(i int) Mem { return Mem{Base: wTmp, Disp: i * w.bytes()} }

// point makes reg the address of the channels at work behind the pointer at off.
func (w *winogradFunc) point(off int, reg Reg) {
	w.emit(MOVQ, w.arg(off), reg)
	w.emit(ADDQ, wOffset, reg)
}

// loop emits body n times over.
func (w *winogradFunc) loop(l Label, n Operand, body func()) {
	w.emit(MOVQ, n, wLines)
	w.label(l)
	body()
	w.emit(DECQ, wLines)
	w.emit(JNE, l)
}

// columns transforms the columns of the pixels to Tmp.
func (w *winogradFunc) columns() {
	n := w.across()
	w.point(WinogradSrc, wBase)
	w.emit(MOVQ, w.arg(WinogradTmp), wTmp)
	w.loadSteps(w.arg(WinogradRow), n)
	w.loop("column", Imm(n), func() {
		w.lineIn(func(i int) Mem { return inGroup(wBase, i) }, func(i int) Mem { return w.tmp(i * n) })
		w.emit(ADDQ, w.arg(WinogradPixel), wBase)
		w.emit(ADDQ, Imm(w.bytes()), wTmp)
	})
}

// across returns the side of the square of pixels on the way in.
func (w *winogradFunc) across() int {
	if w.Grad {
		return w.Out
	}
	return w.in()
}

// slabs transforms the rows of Tmp to the slabs.
func (w *winogradFunc) slabs() {
	n := w.in()
	w.point(WinogradDst, wBase)
	w.emit(MOVQ, w.arg(WinogradTmp), wTmp)
	w.loadSteps(w.arg(WinogradSlab), n)
	w.loop("row", Imm(n), func() {
		w.lineIn(w.tmp, func(i int) Mem { return inGroup(wBase, i) })
		w.nextSlabs()
		w.emit(ADDQ, Imm(w.across()*w.bytes()), wTmp)
	})
}

// nextSlabs moves on by the slabs of a row.
func (w *winogradFunc) nextSlabs() {
	if w.Out == 2 {
		w.emit(LEAQ, Mem{wBase, rStep, 4, 0}, wBase)
	} else {
		w.emit(LEAQ, Mem{wBase, rStep3, 2, 0}, wBase)
	}
}

// products transforms the rows of the products to Tmp.
func (w *winogradFunc) products() {
	w.point(WinogradSrc, wBase)
	w.emit(MOVQ, w.arg(WinogradTmp), wTmp)
	w.loadSteps(w.arg(WinogradSlab), w.in())
	w.loop("row", Imm(w.in()), func() {
		out := w.lineOut(func(i int) Mem { return inGroup(wBase, i) })
		for i, r := range out {
			w.emit(VMOVUPS, r, w.tmp(i))
		}
		w.nextSlabs()
		w.emit(ADDQ, Imm(len(out)*w.bytes()), wTmp)
	})
}

// pixels transforms the columns of Tmp to pixels and finishes them.
func (w *winogradFunc) pixels() {
	w.point(WinogradDst, wBase)
	w.emit(MOVQ, w.arg(WinogradTmp), wTmp)
	w.loadSteps(w.arg(WinogradRow), w.Out)
	w.emit(MOVQ, w.arg(WinogradRes), wRes)
	w.emit(TESTQ, wRes, wRes)
	w.emit(JEQ, Label("start"))
	w.emit(ADDQ, wOffset, wRes)
	w.emit(MOVQ, w.arg(WinogradResRow), wResRow)
	w.emit(LEAQ, Mem{wResRow, wResRow, 2, 0}, wResRow3)
	w.label("start")
	w.loop("column", w.arg(WinogradCols), func() {
		y := w.lineOut(func(i int) Mem { return w.tmp(i * w.Out) })
		w.bias(y)
		w.residual(y)
		w.store(y)
		w.emit(ADDQ, w.arg(WinogradPixel), wBase)
		w.emit(ADDQ, Imm(w.bytes()), wTmp)
	})
}

// weights transforms the columns of Tmp to weights.
func (w *winogradFunc) weights() {
	w.point(WinogradDst, wBase)
	w.emit(MOVQ, w.arg(WinogradTmp), wTmp)
	w.loadSteps(w.arg(WinogradRow), 3)
	w.loop("column", Imm(3), func() {
		for i, r := range w.lineOut(func(i int) Mem { return w.tmp(i * 3) }) {
			w.emit(VMOVUPS, r, inGroup(wBase, i))
		}
		w.emit(ADDQ, w.arg(WinogradPixel), wBase)
		w.emit(ADDQ, Imm(w.bytes()), wTmp)
	})
}

// bias adds the bias to a column of pixels.
func (w *winogradFunc) bias(y []Reg) {
	w.emit(MOVQ, w.arg(WinogradBias), wBias)
	for _, r := range y {
		w.emit(VADDPS, Mem{wBias, wOffset, 1, 0}, r, r)
	}
}

// residual adds the residual to the rows that exist.
func (w *winogradFunc) residual(y []Reg) {
	at := []Mem{{Base: wRes}, {wRes, wResRow, 1, 0}, {wRes, wResRow, 2, 0}, {wRes, wResRow3, 1, 0}}
	w.emit(TESTQ, wRes, wRes)
	w.emit(JEQ, Label("clip"))
	w.untilRows("added", len(y), func(i int) { w.emit(VADDPS, at[i], y[i], y[i]) })
	w.emit(ADDQ, w.arg(WinogradResPixel), wRes)
	w.label("clip")
}

// store clips and writes the rows that exist. The pixel is the source that maximum and minimum return where one is
// NaN.
func (w *winogradFunc) store(y []Reg) {
	lo, hi := w.free(0), w.free(2) // lineOut leaves them
	w.emit(VBROADCASTSS, w.arg(WinogradLo), lo)
	w.emit(VBROADCASTSS, w.arg(WinogradHi), hi)
	w.untilRows("stored", len(y), func(i int) {
		w.emit(VMAXPS, y[i], lo, y[i])
		w.emit(VMINPS, y[i], hi, y[i])
		w.emit(VMOVUPS, y[i], inGroup(wBase, i))
	})
}

// untilRows emits what is to be done with each row that exists.
func (w *winogradFunc) untilRows(done Label, rows int, f func(i int)) {
	w.emit(MOVQ, w.arg(WinogradRows), wRows)
	for i := range rows {
		if i > 0 {
			w.emit(DECQ, wRows)
			w.emit(JEQ, done)
		}
		f(i)
	}
	w.label(done)
}

// lineIn transforms a line of pixels.
func (w *winogradFunc) lineIn(from, to func(i int) Mem) {
	switch {
	case w.Grad:
		w.lineGrad(from, to)
	case w.Out == 2:
		w.lineIn2(from, to)
	default:
		w.lineIn4(from, to)
	}
}

// lineIn2 gives d0-d2, d1+d2, d2-d1, d1-d3. The only coefficient is -1.
func (w *winogradFunc) lineIn2(from, to func(i int) Mem) {
	minus := w.coef(0)
	d := []Reg{w.free(0), w.free(1), w.free(2)}
	sum, less := w.free(3), w.free(4)
	for i, r := range d {
		w.emit(VMOVUPS, from(i), r)
	}
	w.emit(VADDPS, d[1], d[2], sum)
	w.emit(VMOVUPS, d[2], less)
	w.emit(VFMADD231PS, minus, d[2], d[0])
	w.emit(VFMADD231PS, minus, d[1], less)
	w.emit(VFMADD231PS, from(3), minus, d[1])
	for i, r := range []Reg{d[0], sum, less, d[1]} {
		w.emit(VMOVUPS, r, to(i))
	}
}

// lineIn4 gives, for the points ±a and ±b and the coefficients -b², -a², -(a²+b²), a²b², a, -a, b, -b,
// d4-(a²+b²)d2+a²b²d0, (d4-b²d2)±a(d3-b²d1), (d4-a²d2)±b(d3-a²d1), d5-(a²+b²)d3+a²b²d1.
func (w *winogradFunc) lineIn4(from, to func(i int) Mem) {
	d := [5]Reg{None, w.free(0), w.free(1), w.free(2), w.free(3)}
	even, odd := [2]Reg{w.free(4), w.free(5)}, [2]Reg{w.free(6), w.free(7)}
	for i := 1; i <= 4; i++ {
		w.emit(VMOVUPS, from(i), d[i])
	}
	for p := range 2 {
		w.emit(VMOVUPS, d[4], even[p])
		w.emit(VFMADD231PS, d[2], w.coef(p), even[p])
		w.emit(VMOVUPS, d[3], odd[p])
		w.emit(VFMADD231PS, d[1], w.coef(p), odd[p])
	}
	w.emit(VFMADD231PS, d[2], w.coef(2), d[4])
	w.emit(VFMADD231PS, from(0), w.coef(3), d[4])
	w.emit(VMOVUPS, d[4], to(0))
	w.emit(VMOVUPS, from(5), d[2])
	w.emit(VFMADD231PS, d[3], w.coef(2), d[2])
	w.emit(VFMADD231PS, d[1], w.coef(3), d[2])
	w.emit(VMOVUPS, d[2], to(5))
	for p := range 2 {
		w.emit(VMOVUPS, even[p], d[4])
		w.emit(VFMADD231PS, odd[p], w.coef(4+2*p), d[4])
		w.emit(VFMADD231PS, odd[p], w.coef(5+2*p), even[p])
		w.emit(VMOVUPS, d[4], to(1+2*p))
		w.emit(VMOVUPS, even[p], to(2+2*p))
	}
}

// lineOut transforms a line of products and returns the registers of the pixels.
func (w *winogradFunc) lineOut(from func(i int) Mem) []Reg {
	switch {
	case w.Grad:
		return w.lineWeights(from)
	case w.Out == 2:
		return w.lineOut2(from)
	}
	return w.lineOut4(from)
}

// lineOut2 gives m0+m1+m2 and m1-m2-m3. The only coefficient is -1.
func (w *winogradFunc) lineOut2(from func(i int) Mem) []Reg {
	minus, m1, m2, sum := w.coef(0), w.free(1), w.free(2), w.free(3)
	w.emit(VMOVUPS, from(1), m1)
	w.emit(VMOVUPS, from(2), m2)
	w.emit(VADDPS, m1, m2, sum)
	w.emit(VADDPS, from(0), sum, sum)
	w.emit(VFMADD231PS, minus, m2, m1)
	w.emit(VFMADD231PS, from(3), minus, m1)
	return []Reg{sum, m1}
}

// lineOut4 gives, with s = m1+m2, e = m1-m2, t = m3+m4, f = m3-m4 and the coefficients a, b, a², b², a³, b³, -1, 0,
// m0+(s+t), ae+bf, a²s+b²t, m5+a³e+b³f.
func (w *winogradFunc) lineOut4(from func(i int) Mem) []Reg {
	m := [5]Reg{None, w.free(0), w.free(1), w.free(2), w.free(3)}
	sum, last := [2]Reg{w.free(4), w.free(5)}, w.free(6)
	for p := range 2 {
		x, y := m[1+2*p], m[2+2*p]
		w.emit(VMOVUPS, from(1+2*p), x)
		w.emit(VMOVUPS, from(2+2*p), y)
		w.emit(VADDPS, x, y, sum[p])
		w.emit(VFMADD231PS, w.coef(6), y, x)
	}
	y1, y2 := m[2], m[4]
	w.emit(VMOVUPS, w.coef(7), y1)
	w.emit(VMOVUPS, w.coef(7), y2)
	w.emit(VMOVUPS, from(5), last)
	for p := range 2 {
		diff := m[1+2*p]
		w.emit(VFMADD231PS, diff, w.coef(p), y1)
		w.emit(VFMADD231PS, sum[p], w.coef(2+p), y2)
		w.emit(VFMADD231PS, diff, w.coef(4+p), last)
	}
	w.emit(VADDPS, sum[0], sum[1], sum[0])
	w.emit(VADDPS, from(0), sum[0], sum[0])
	return []Reg{sum[0], y1, y2, last}
}
