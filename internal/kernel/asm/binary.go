package asm

// BinaryKernel is an elementwise operation of two sources, or of one and the parameter A, which stands on the
// right unless Left. ScaleShift has three sources: the product of the first two plus the third, rounded twice.
type BinaryKernel struct {
	AVX512       bool
	Name         string
	Scalar, Left bool
}

// BinaryKernels returns the kernels of an instruction set. Operations that commute have no scalar on the left.
func BinaryKernels(avx512 bool) []BinaryKernel {
	var all []BinaryKernel
	for _, name := range []string{"Add", "Sub", "Mul", "Div", "Max", "Min"} {
		all = append(all, BinaryKernel{avx512, name, false, false}, BinaryKernel{avx512, name, true, false})
		if name == "Sub" || name == "Div" {
			all = append(all, BinaryKernel{avx512, name, true, true})
		}
	}
	return append(all, BinaryKernel{AVX512: avx512, Name: "ScaleShift"})
}

// FuncName returns the name of the kernel's function, as in binaryAddScalarAVX2.
func (k BinaryKernel) FuncName() string {
	name := "binary" + k.Name
	if k.Left {
		name += "Left"
	}
	if k.Scalar {
		name += "Scalar"
	}
	return name + ConvTile{AVX512: k.AVX512}.isa()
}

// Sources returns the number of sources.
func (k BinaryKernel) Sources() int {
	switch {
	case k.Name == "ScaleShift":
		return 3
	case k.Scalar:
		return 1
	}
	return 2
}

// Binary returns the function of a kernel. A maximum or minimum with a NaN is one.
func Binary(k BinaryKernel) *Func {
	return newRows(k.FuncName(), k.AVX512, k.Sources(), 3, actVectors(k.AVX512), func(v *rowsFunc) {
		left, right := sX, sY
		v.load(0, sX)
		switch {
		case k.Left:
			left, right = slotA, sX
		case k.Scalar:
			right = slotA
		default:
			v.load(1, sY)
		}
		v.combine(k.Name, left, right)
		v.store(sT)
	})
}

// combine sets sT to the operation of two registers.
func (v *rowsFunc) combine(name string, left, right slot) {
	switch name {
	case "Max", "Min": // left is what is returned where one is NaN
		v.do(map[string]Op{"Max": VMAXPS, "Min": VMINPS}[name], left, right, sT)
		v.keepNaN(right, sT)
	case "ScaleShift":
		v.do(VMULPS, right, left, sT)
		v.load(2, sX)
		v.do(VADDPS, sX, sT, sT)
	default:
		v.do(map[string]Op{"Add": VADDPS, "Sub": VSUBPS, "Mul": VMULPS, "Div": VDIVPS}[name], right, left, sT)
	}
}

// keepNaN makes to NaN where from is. On AVX2 it changes sX.
func (v *rowsFunc) keepNaN(from, to slot) {
	if !v.avx512 {
		v.do(VCMPPS, unordered, from, from, sX)
		v.do(VORPS, sX, to, to)
		return
	}
	for u := range v.vectors {
		x := v.operand(from, u)
		v.emit(VCMPPS, unordered, x, x, signs(u))
		v.emit(VMOVUPS, x, signs(u), v.operand(to, u))
	}
}
