package asm

// ActGradKernel is the gradient of an elementwise function of one variable; Name is that of package kernel's Func.
type ActGradKernel struct {
	AVX512 bool
	Name   string
}

// ActGradKernels returns the kernels of an instruction set.
func ActGradKernels(avx512 bool) []ActGradKernel {
	var all []ActGradKernel
	for _, name := range ActNames {
		all = append(all, ActGradKernel{avx512, name})
	}
	return all
}

// FuncName returns the name of the kernel's function, as in actGradSiLUAVX2.
func (k ActGradKernel) FuncName() string {
	return "actGrad" + k.Name + ConvTile{AVX512: k.AVX512}.isa()
}

// sU is one more working register, of the gradient of Gelu.
const sU slot = actSlots

// ActGrad returns the function of a kernel: source 0 times the derivative at source 1, which is an input or an output
// as package kernel's Act tells, with the parameters A and B.
func ActGrad(k ActGradKernel) *Func {
	body := map[string]func(v *rowsFunc){
		"Clip": clipGrad, "LeakyRelu": leakyReluGrad, "HardSigmoid": hardSigmoidGrad, "HardSwish": hardSwishGrad,
		"Sigmoid": sigmoidGrad, "Tanh": tanhGrad, "SiLU": siluGrad, "Gelu": geluGrad, "GeluTanh": geluTanhGrad, "Erf": erfGrad,
		"Exp":  func(v *rowsFunc) { v.do(VMOVUPS, sX, sY) },
		"Sqrt": func(v *rowsFunc) { v.do(VMOVUPS, kHalf, sY); v.do(VDIVPS, sX, sY, sY) },
	}[k.Name]
	slots, vectors := slot(actSlots), actVectors(k.AVX512)
	if k.Name == "Gelu" {
		slots, vectors = actSlots+1, vectors-1
	}
	return newRows(k.FuncName(), k.AVX512, 2, int(slots), vectors, func(v *rowsFunc) {
		v.load(1, sX)
		body(v)
		v.load(0, sX)
		v.do(VMULPS, sX, sY, sY)
		v.store(sY)
	})
}

// keepIf sets to to from where x compares with y, else to zero.
func (v *rowsFunc) keepIf(comparison Imm, x slot, y, from Operand, to slot) {
	if !v.avx512 {
		v.do(VCMPPS, comparison, y, x, to)
		v.do(VANDPS, from, to, to)
		return
	}
	for u := range v.vectors {
		v.emit(VCMPPS, comparison, v.operand(y, u), v.operand(x, u), signs(u))
		v.emit(VMOVUPSZ, v.operand(from, u), signs(u), v.operand(to, u))
	}
}

func clipGrad(v *rowsFunc) {
	v.keepIf(greater, sX, slotA, kOne, sY)
	v.keepIf(less, sX, slotB, sY, sT)
	v.do(VMOVUPS, sT, sY)
}

func hardSigmoidGrad(v *rowsFunc) {
	v.keepIf(greater, sX, kZero, slotA, sY)
	v.keepIf(less, sX, kOne, sY, sT)
	v.do(VMOVUPS, sT, sY)
}

// leakyReluGrad is A plus 1 − A where x is positive: exactly 1, if A is less.
func leakyReluGrad(v *rowsFunc) {
	v.do(VMOVUPS, kOne, sT)
	v.do(VSUBPS, slotA, sT, sT)
	v.keepIf(greater, sX, kZero, sT, sY)
	v.do(VADDPS, slotA, sY, sY)
}

// hardSwishGrad is x/3 + 1/2 between −3 and 3, and 1 above.
func hardSwishGrad(v *rowsFunc) {
	v.do(VMOVUPS, kHalf, sT)
	v.do(VFMADD231PS, kThird, sX, sT)
	v.keepIf(notLess, sX, kMinusThree, sT, sY)
	v.keepIf(notGreater, sX, kThree, sY, sT)
	v.keepIf(greater, sX, kThree, kOne, sY)
	v.do(VADDPS, sT, sY, sY)
}

func sigmoidGrad(v *rowsFunc) {
	v.do(VMOVUPS, kOne, sY)
	v.do(VSUBPS, sX, sY, sY)
	v.do(VMULPS, sX, sY, sY)
}

func tanhGrad(v *rowsFunc) {
	v.do(VMOVUPS, kOne, sY)
	v.do(VFNMADD231PS, sX, sX, sY)
}

// siluGrad is s + x·s·(1−s) for s = sigmoid(x).
func siluGrad(v *rowsFunc) {
	sigmoid(v)
	v.do(VMOVUPS, kOne, sT)
	v.do(VSUBPS, sY, sT, sT)
	v.do(VMULPS, sY, sX, sX)
	v.do(VFMADD231PS, sT, sX, sY)
}

// bell sets sT to e to −sY, sY not negative.
func (v *rowsFunc) bell() {
	v.do(VORPS, kSign, sY, sY)
	v.atLeast(kExpMin)
	v.exp()
}

func erfGrad(v *rowsFunc) {
	v.do(VMULPS, sX, sX, sY)
	v.bell()
	v.do(VMULPS, kErfSlope, sT, sY)
}

// geluGrad is Φ(x) + x·φ(x).
func geluGrad(v *rowsFunc) {
	v.do(VANDPS, kAbs, sX, sX)
	v.polynomial(kGelu0, kGelu10, sX, sY)
	v.atLeast(kExpMin)
	v.exp()
	v.load(1, sX)
	v.do(VMOVUPS, kOne, sU)
	v.do(VSUBPS, sT, sU, sU)
	v.selectNegative(sX, sT, sU)
	v.do(VMULPS, sX, sX, sY)
	v.do(VMULPS, kHalf, sY, sY)
	v.bell()
	v.do(VMULPS, kInvSqrt2Pi, sT, sT)
	v.do(VFMADD231PS, sT, sX, sU)
	v.do(VMOVUPS, sU, sY)
}

// geluTanhGrad is s + x·s·(1−s)·(the derivative of 2u) for s = sigmoid(2u).
func geluTanhGrad(v *rowsFunc) {
	v.do(VMULPS, sX, sX, sT)
	v.do(VMOVUPS, kGeluTanh3, sY)
	v.do(VFMADD213PS, kGeluTanh1, sT, sY)
	v.do(VMULPS, sX, sY, sY)
	v.logistic()
	v.do(VMULPS, sX, sX, sT)
	v.do(VMOVUPS, kGeluTanhSlope, sS)
	v.do(VFMADD213PS, kGeluTanh1, sT, sS)
	v.do(VMOVUPS, kOne, sT)
	v.do(VSUBPS, sY, sT, sT)
	v.do(VMULPS, sS, sT, sT)
	v.do(VMULPS, sY, sX, sX)
	v.do(VFMADD231PS, sT, sX, sY)
}

// BatchKernel is a kernel of batch normalisation over rows, of which all but the pictures repeat a row:
//
//	Normalize     min(max((x − mean)·scale + shift, A), B)
//	NormalizeAdd  min(max((x − mean)·scale + shift + res, A), B)
//	NormGrad      (dy − shift)·scale + (x − mean)·slope
//
// of sources in the order of their names here.
type BatchKernel struct {
	AVX512 bool
	Name   string
}

// BatchKernels returns the kernels of an instruction set.
func BatchKernels(avx512 bool) []BatchKernel {
	return []BatchKernel{{avx512, "Normalize"}, {avx512, "NormalizeAdd"}, {avx512, "NormGrad"}}
}

// FuncName returns the name of the kernel's function, as in batchNormalizeAVX2.
func (k BatchKernel) FuncName() string { return "batch" + k.Name + ConvTile{AVX512: k.AVX512}.isa() }

// Sources returns the number of sources.
func (k BatchKernel) Sources() int {
	return map[string]int{"Normalize": 4, "NormalizeAdd": 5, "NormGrad": 6}[k.Name]
}

// Batch returns the function of a kernel. A product is fused with the addition behind it.
func Batch(k BatchKernel) *Func {
	return newRows(k.FuncName(), k.AVX512, k.Sources(), 3, actVectors(k.AVX512), func(v *rowsFunc) {
		v.load(0, sX)
		v.load(1, sY)
		v.do(VSUBPS, sY, sX, sX)
		v.load(2, sY)
		if k.Name == "NormGrad" {
			v.do(VMULPS, sY, sX, sT)
			v.load(3, sX)
			v.load(4, sY)
			v.do(VSUBPS, sY, sX, sX)
			v.load(5, sY)
			v.do(VFMADD231PS, sY, sX, sT)
			v.store(sT)
			return
		}
		v.load(3, sT)
		v.do(VFMADD231PS, sY, sX, sT)
		if k.Name == "NormalizeAdd" {
			v.load(4, sX)
			v.do(VADDPS, sX, sT, sT)
		}
		v.do(VMAXPS, sT, slotA, sT)
		v.do(VMINPS, sT, slotB, sT)
		v.store(sT)
	})
}
