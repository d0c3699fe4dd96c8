package asm

// NormPartials is the number of partial sums over a row: element i goes to partial i mod NormPartials, and those
// are added in halves.
const NormPartials = 32

// NormKernel is a kernel that needs whole rows: LayerNorm or Softmax.
type NormKernel struct {
	AVX512 bool
	Name   string
}

// NormKernels returns the kernels of an instruction set.
func NormKernels(avx512 bool) []NormKernel {
	return []NormKernel{{avx512, "LayerNorm"}, {avx512, "Softmax"}}
}

// FuncName returns the name of the kernel's function, as in normLayerNormAVX2.
func (k NormKernel) FuncName() string { return "norm" + k.Name + ConvTile{AVX512: k.AVX512}.isa() }

// Sources returns the number of sources.
func (k NormKernel) Sources() int {
	if k.Name == "LayerNorm" {
		return 3
	}
	return 1
}

// The working registers of one vector, those of exponent among them.
const (
	nX slot = iota
	nY
	nT
	nS
	normSlots = 4
)

// normFunc is a rowsFunc whose rounds are NormPartials elements, the last of a row with masks, so that an element
// meets the same partial sum on every instruction set. RowsBlocks counts rounds and RowsTail is the rest; RowsMask
// points to a mask of NormPartials elements and RowsLanes has as many bits.
type normFunc struct{ rowsFunc }

// rMask is where AVX2's masks are.
const rMask = R11

// Norm returns the function of a kernel: LayerNorm computes
//
//	(x − mean)·(1/√(variance + B))·scale + shift, the sums divided by A,
//
// from x, scale and shift; Softmax computes e to the x − max, divided by their sum.
func Norm(k NormKernel) *Func {
	body := (*normFunc).softmax
	if k.Name == "LayerNorm" {
		body = (*normFunc).layerNorm
	}
	return newNorm(k.FuncName(), k.AVX512, k.Sources(), body)
}

// newNorm returns the function whose body computes a row.
func newNorm(name string, avx512 bool, sources int, body func(v *normFunc)) *Func {
	v := &normFunc{rowsFunc{Func: &Func{Name: name, ISA: "AVX2, FMA"}, avx512: avx512, sources: sources, slots: normSlots, unroll: 1, vectors: 1, home: map[konst]Reg{}}}
	if v.avx512 {
		v.ISA = "AVX512F"
	}
	v.label("row")
	body(v)
	v.nextRow()
	code := v.Insts
	v.Insts = nil
	v.startShared()
	if v.avx512 {
		for u := range v.rounds() {
			v.emit(KMOVW, v.arg(RowsLanes+2*u), v.exist(u))
		}
	} else {
		v.emit(MOVQ, v.arg(RowsMask), rMask)
	}
	v.Insts = append(v.Insts, code...)
	return v.Func
}

// rounds returns the vectors of one round.
func (v *normFunc) rounds() int { return NormPartials / v.lanes() }

// partial returns the register of the partial results of vector u of a round, kept that of result i of a row: the
// last ones.
func (v *normFunc) partial(u int) Reg {
	if v.avx512 {
		return None - 2 + Reg(u)
	}
	return Z0 - 4 + Reg(u)
}

func (v *normFunc) kept(i int) Reg { return v.partial(0) - 2 + Reg(i) }

// exist is AVX-512's mask of the elements of vector u of the last round that exist.
func (v *normFunc) exist(u int) Reg { return K0 + 1 + Reg(u) }

// maskAt is where AVX2's mask of them is.
func (v *normFunc) maskAt(u int) Mem { return Mem{Base: rMask, Disp: 32 * u} }

// get reads the elements of vector u from base, zero where none are; put writes them.
func (v *normFunc) get(base Reg, u int, to slot) {
	v.move(u, v.place(base, u), v.operand(to, 0), VMOVUPSZ)
}

func (v *normFunc) put(u int, from slot) { v.putTo(rDst, u, from) }

func (v *normFunc) putTo(base Reg, u int, from slot) {
	v.move(u, v.operand(from, 0), v.place(base, u), VMOVUPS)
}

func (v *normFunc) place(base Reg, u int) Mem { return Mem{base, rIndex, 1, 4 * v.lanes() * u} }

func (v *normFunc) move(u int, from, to Operand, masked Op) {
	switch {
	case !v.tail:
		v.emit(VMOVUPS, from, to)
	case v.avx512:
		v.emit(masked, from, v.exist(u), to)
	default:
		v.emit(VMOVUPS, v.maskAt(u), v.mask())
		v.emit(VMASKMOVPS, from, v.mask(), to)
	}
}

// only makes what does not exist of vector u zero.
func (v *normFunc) only(u int, s slot) {
	r := v.operand(s, 0)
	switch {
	case !v.tail:
	case v.avx512:
		v.emit(VMOVUPSZ, r, v.exist(u), r)
	default:
		v.emit(VANDPS, v.maskAt(u), r, r)
	}
}

// pass calls body for all vectors of a row.
func (v *normFunc) pass(name Label, body func(u int)) {
	v.emit(XORQ, rIndex, rIndex)
	v.emit(MOVQ, v.arg(RowsBlocks), rBlocks)
	v.emit(TESTQ, rBlocks, rBlocks)
	v.emit(JEQ, name+"Rest")
	v.label(name)
	for _, v.tail = range []bool{false, true} {
		for u := range v.rounds() {
			body(u)
		}
		if v.tail {
			break
		}
		v.emit(ADDQ, Imm(4*NormPartials), rIndex)
		v.emit(DECQ, rBlocks)
		v.emit(JNE, name)
		v.label(name + "Rest")
		v.emit(MOVQ, v.arg(RowsTail), rBlocks)
		v.emit(TESTQ, rBlocks, rBlocks)
		v.emit(JEQ, name+"Done")
	}
	v.label(name + "Done")
}

// clearPartials sets all partial results.
func (v *normFunc) clearPartials(to konst) {
	for u := range v.rounds() {
		v.do(VMOVUPS, to, v.partial(u))
	}
}

// reduce joins the partial results by op, in halves, and leaves the result in every element of the first.
func (v *normFunc) reduce(op Op) {
	for half := v.rounds() / 2; half > 0; half /= 2 {
		for u := range half {
			v.emit(op, v.partial(u+half), v.partial(u), v.partial(u))
		}
	}
	all, spare := v.partial(0), v.operand(nT, 0)
	swap := func(shuffle Op, args ...Operand) {
		v.emit(shuffle, append(args, spare)...)
		v.emit(op, spare, all, all)
	}
	if v.avx512 {
		swap(VSHUFF64X2, Imm(0x4e), all, all)
		swap(VSHUFF64X2, Imm(0xb1), all, all)
	} else {
		swap(VPERM2F128, Imm(0x01), all, all)
	}
	swap(VPERMILPS, Imm(0x4e), all)
	swap(VPERMILPS, Imm(0xb1), all)
}

// moments leaves the mean of a row in kept(0), and what the sum of squares gives, the variance + B, in the first partial.
func (v *normFunc) moments() {
	mean, sum := v.kept(0), v.partial(0)
	v.clearPartials(kZero)
	v.pass("sum", func(u int) {
		v.get(rSrc[0], u, nX)
		v.do(VADDPS, nX, v.partial(u), v.partial(u))
	})
	v.reduce(VADDPS)
	v.do(VDIVPS, slotA, sum, mean)
	v.clearPartials(kZero)
	v.pass("square", func(u int) {
		v.get(rSrc[0], u, nX)
		v.do(VSUBPS, mean, nX, nX)
		v.only(u, nX)
		v.do(VFMADD231PS, nX, nX, v.partial(u))
	})
	v.reduce(VADDPS)
	v.do(VDIVPS, slotA, sum, sum)
	v.do(VADDPS, slotB, sum, sum)
}

// invert sets kept(1) to one over the root of the first partial.
func (v *normFunc) invert() {
	v.do(VSQRTPS, v.partial(0), v.partial(0))
	v.do(VMOVUPS, kOne, v.kept(1))
	v.do(VDIVPS, v.partial(0), v.kept(1), v.kept(1))
}

func (v *normFunc) layerNorm() {
	mean, inverse := v.kept(0), v.kept(1)
	v.moments()
	v.invert()
	v.pass("scale", func(u int) {
		v.get(rSrc[0], u, nX)
		v.do(VSUBPS, mean, nX, nX)
		v.do(VMULPS, inverse, nX, nX)
		v.get(rSrc[1], u, nY)
		v.get(rSrc[2], u, nT)
		v.do(VFMADD231PS, nX, nY, nT)
		v.put(u, nT)
	})
}

func (v *normFunc) softmax() {
	most, sum := v.kept(0), v.partial(0)
	v.clearPartials(kMinusInf)
	v.pass("max", func(u int) {
		v.get(rSrc[0], u, nX)
		switch {
		case v.tail && v.avx512:
			v.do(VMAXPS, nX, v.partial(u), v.exist(u), v.partial(u))
			return
		case v.tail:
			v.do(VMOVUPS, kMinusInf, nY)
			v.do(VBLENDVPS, v.mask(), nX, nY, nX)
		}
		v.do(VMAXPS, nX, v.partial(u), v.partial(u))
	})
	v.reduce(VMAXPS)
	v.do(VMOVUPS, sum, most)
	v.clearPartials(kZero)
	v.pass("exp", func(u int) {
		v.get(rSrc[0], u, nX)
		v.do(VSUBPS, most, nX, nY)
		v.atLeast(kExpMin)
		v.exp()
		v.put(u, nT)
		v.only(u, nT)
		v.do(VADDPS, nT, v.partial(u), v.partial(u))
	})
	v.reduce(VADDPS)
	v.pass("divide", func(u int) {
		v.get(rDst, u, nX)
		v.do(VDIVPS, sum, nX, nX)
		v.put(u, nX)
	})
}
