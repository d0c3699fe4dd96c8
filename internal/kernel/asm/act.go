package asm

// ActKernel is an elementwise function of one variable; Name is that of package kernel's Func.
type ActKernel struct {
	AVX512 bool
	Name   string
}

// ActNames are the functions that have kernels. Clip is Relu too.
var ActNames = []string{"Clip", "LeakyRelu", "Sigmoid", "HardSigmoid", "HardSwish", "SiLU", "Tanh", "Erf", "Gelu", "GeluTanh", "Sqrt", "Exp"}

// ActKernels returns the kernels of an instruction set.
func ActKernels(avx512 bool) []ActKernel {
	var all []ActKernel
	for _, name := range ActNames {
		all = append(all, ActKernel{avx512, name})
	}
	return all
}

// FuncName returns the name of the kernel's function, as in actSiLUAVX2.
func (k ActKernel) FuncName() string { return "act" + k.Name + ConvTile{AVX512: k.AVX512}.isa() }

// The working registers of an activation: the input, the output, and two more.
const (
	sX slot = iota
	sY
	sT
	sS
	actSlots = 4
)

// actVectors is how many vectors an activation works on at a time. A step waits for the one before, so others must
// stand in between.
func actVectors(avx512 bool) int {
	if avx512 {
		return 4
	}
	return 3
}

// Act returns the function of a kernel. For each element of each row it computes what package kernel's Act
// tells, from source 0, with the parameters A and B. A NaN stays a NaN.
func Act(k ActKernel) *Func {
	bodies := map[string]func(v *rowsFunc){
		"Clip": clipTo, "LeakyRelu": leakyRelu, "HardSigmoid": hardSigmoid, "HardSwish": hardSwish,
		"Sigmoid": sigmoid, "SiLU": silu, "GeluTanh": geluTanh,
		"Tanh": tanh, "Erf": erf, "Gelu": gelu, "Exp": expFull,
		"Sqrt": func(v *rowsFunc) { v.do(VSQRTPS, sX, sY) },
	}
	body := bodies[k.Name]
	return newRows(k.FuncName(), k.AVX512, 1, actSlots, actVectors(k.AVX512), func(v *rowsFunc) {
		v.load(0, sX)
		body(v)
		v.store(sY)
	})
}

// Bounds: the value is the operand that maximum and minimum return where one is NaN.

func clipTo(v *rowsFunc) {
	v.do(VMAXPS, sX, slotA, sY)
	v.do(VMINPS, sY, slotB, sY)
}

func hardSigmoid(v *rowsFunc) {
	v.do(VMOVUPS, slotB, sY)
	v.do(VFMADD231PS, slotA, sX, sY)
	v.do(VMAXPS, sY, v.register(kZero, sT), sY)
	v.do(VMINPS, sY, v.register(kOne, sT), sY)
}

func hardSwish(v *rowsFunc) {
	v.do(VMOVUPS, kHalf, sY)
	v.do(VFMADD231PS, kSixth, sX, sY)
	v.do(VMAXPS, sY, v.register(kZero, sT), sY)
	v.do(VMINPS, sY, v.register(kOne, sT), sY)
	v.do(VMULPS, sX, sY, sY)
}

func leakyRelu(v *rowsFunc) {
	v.do(VMULPS, slotA, sX, sT)
	v.do(VMOVUPS, sX, sY)
	v.selectNegative(sX, sT, sY)
}

// selectNegative sets to to from where by is negative.
func (v *rowsFunc) selectNegative(by, from, to slot) {
	if !v.avx512 {
		v.do(VBLENDVPS, by, from, to, to)
		return
	}
	for u := range v.vectors {
		v.emit(VPMOVD2M, v.operand(by, u), signs(u))
		v.emit(VMOVUPS, v.operand(from, u), signs(u), v.operand(to, u))
	}
}

// polynomial sets to to the polynomial of x whose coefficients are the constants first … last.
func (v *rowsFunc) polynomial(first, last konst, x, to slot) {
	v.do(VMOVUPS, last, to)
	for c := last - 1; c >= first; c-- {
		v.do(VFMADD213PS, c, x, to)
	}
}

// exponent splits e to the y, y in sY: it sets sS to a power of two, whose exponent must be −127 (which gives 0)
// to 128, and sT to what makes sS·(1+sT) the result. It changes sY.
func (v *rowsFunc) exponent() {
	v.do(VMOVUPS, kLog2E, sT)
	v.do(VFMADD213PS, kRound, sY, sT)
	v.do(VPSLLD, Imm(23), sT, sS)
	v.do(VSUBPS, kRound, sT, sT)
	v.do(VFMADD231PS, kLn2Hi, sT, sY)
	v.do(VFMADD231PS, kLn2Lo, sT, sY)
	v.polynomial(kExp2, kExp6, sY, sT)
	v.do(VFMADD213PS, kOne, sY, sT)
	v.do(VMULPS, sY, sT, sT)
}

// atLeast bounds sY from below so that exponent takes it; e to what is bounded is 0.
func (v *rowsFunc) atLeast(least konst) { v.do(VMAXPS, sY, v.register(least, sT), sY) }

// exp sets sT to e to the y, y in sY, which must lie between kExpMin and 0.
func (v *rowsFunc) exp() {
	v.exponent()
	v.do(VFMADD213PS, sS, sS, sT)
}

// expm1 is exp less 1, exact to the last bits near 0.
func (v *rowsFunc) expm1() {
	v.exponent()
	v.do(VSUBPS, kOne, sS, sY)
	v.do(VFMADD213PS, sY, sS, sT)
}

// logistic sets sY to 1/(1+e⁻ʸ) of the y in sY, which has the sign of sX: with e to −|y|, which cannot overflow,
// it is e/(1+e) where y is negative.
func (v *rowsFunc) logistic() {
	v.do(VORPS, kSign, sY, sY)
	v.atLeast(kExpMin)
	v.exp()
	v.do(VMOVUPS, kOne, sS)
	v.do(VADDPS, sT, sS, sY)
	v.selectNegative(sX, sT, sS)
	v.do(VDIVPS, sY, sS, sY)
}

func sigmoid(v *rowsFunc) {
	v.do(VMOVUPS, sX, sY)
	v.logistic()
}

func silu(v *rowsFunc) {
	sigmoid(v)
	v.do(VMULPS, sX, sY, sY)
}

// geluTanh is x·sigmoid(2u) for the u in tanh(u).
func geluTanh(v *rowsFunc) {
	v.do(VMULPS, sX, sX, sT)
	v.do(VMOVUPS, kGeluTanh3, sY)
	v.do(VFMADD213PS, kGeluTanh1, sT, sY)
	v.do(VMULPS, sX, sY, sY)
	v.logistic()
	v.do(VMULPS, sX, sY, sY)
}

// tanh is −m/(2+m) for m = e^(−2|x|) − 1, with the sign of x.
func tanh(v *rowsFunc) {
	v.do(VADDPS, sX, sX, sY)
	v.do(VORPS, kSign, sY, sY)
	v.atLeast(kExpMin)
	v.expm1()
	v.do(VADDPS, kTwo, sT, sY)
	v.do(VDIVPS, sY, sT, sY)
	v.copySign(sY)
}

// copySign sets sY to from with the sign of sX.
func (v *rowsFunc) copySign(from slot) {
	v.do(VANDPS, kAbs, from, sY)
	v.do(VANDPS, kSign, sX, sT)
	v.do(VORPS, sT, sY, sY)
}

// erf is 1 − e to the logarithm of the complement, a polynomial without a constant term.
func erf(v *rowsFunc) {
	v.do(VANDPS, kAbs, sX, sY)
	v.do(VMINPS, sY, v.register(kErfMax, sT), sY)
	v.polynomial(kErf0, kErf8, sY, sT)
	v.do(VMULPS, sT, sY, sY)
	v.expm1()
	v.copySign(sT)
}

// gelu is max(x, 0) − a·Φ(−a) for a = |x|.
func gelu(v *rowsFunc) {
	v.do(VANDPS, kAbs, sX, sX)
	v.do(VMINPS, sX, v.register(kGeluMax, sT), sX)
	v.polynomial(kGelu0, kGelu10, sX, sY)
	v.atLeast(kExpMin)
	v.exp()
	v.load(0, sY)
	v.do(VMAXPS, sY, v.register(kZero, sS), sY)
	v.do(VFNMADD231PS, sT, sX, sY)
}

// expFull is e to the x for any x: what it is multiplied by is cut into two powers of two.
func expFull(v *rowsFunc) {
	v.do(VMAXPS, sX, v.register(kExpLeast, sT), sY)
	v.do(VMINPS, sY, v.register(kExpMost, sT), sY)
	v.exponent()
	v.do(VPSRAD, Imm(23), sS, sX)
	v.do(VPADDD, kBias, sX, sX)
	v.do(VPSRAD, Imm(1), sX, sS)
	v.do(VPSUBD, sS, sX, sX)
	v.do(VPSLLD, Imm(23), sS, sS)
	v.do(VPSLLD, Imm(23), sX, sX)
	v.do(VFMADD213PS, sS, sS, sT)
	v.do(VMULPS, sX, sT, sY)
}
