package asm

import (
	"fmt"
	"math"
)

// Instructions of the elementwise kernels, besides those of the convolutions.
const (
	VFMADD213PS  Op = "VFMADD213PS"
	VFNMADD231PS Op = "VFNMADD231PS"
	VSUBPS       Op = "VSUBPS"
	VMULPS       Op = "VMULPS"
	VDIVPS       Op = "VDIVPS"
	VSQRTPS      Op = "VSQRTPS"
	VANDPS       Op = "VANDPS"
	VORPS        Op = "VORPS"
	VPADDD       Op = "VPADDD"
	VPSUBD       Op = "VPSUBD"
	VBLENDVPS    Op = "VBLENDVPS" // AVX2: by the signs of its first operand
	VPMOVD2M     Op = "VPMOVD2M"  // AVX-512: the signs as a mask

	// These have a constant first.
	VPSLLD     Op = "VPSLLD"
	VPSRAD     Op = "VPSRAD"
	VPERMILPS  Op = "VPERMILPS"
	VPERM2F128 Op = "VPERM2F128"
	VSHUFF64X2 Op = "VSHUFF64X2"
	VCMPPS     Op = "VCMPPS"
)

// mathOps compute a lane from the operands in Go's order; z is what the destination held.
var mathOps = map[Op]func(x, y, z uint32) uint32{
	VFMADD213PS:  func(x, y, z uint32) uint32 { return bits(FMA(float(y), float(z), float(x))) },
	VFNMADD231PS: func(x, y, z uint32) uint32 { return bits(FMA(-float(x), float(y), float(z))) },
	VSUBPS:       func(x, y, _ uint32) uint32 { return bits(float(y) - float(x)) },
	VMULPS:       func(x, y, _ uint32) uint32 { return bits(float(y) * float(x)) },
	VDIVPS:       func(x, y, _ uint32) uint32 { return bits(float(y) / float(x)) },
	VSQRTPS:      func(x, _, _ uint32) uint32 { return bits(float32(math.Sqrt(float64(float(x))))) },
	VANDPS:       func(x, y, _ uint32) uint32 { return x & y },
	VORPS:        func(x, y, _ uint32) uint32 { return x | y },
	VPADDD:       func(x, y, _ uint32) uint32 { return y + x },
	VPSUBD:       func(x, y, _ uint32) uint32 { return y - x },
}

// readsOld holds the instructions of which the destination is an operand too.
var readsOld = map[Op]bool{VFMADD231PS: true, VFMADD213PS: true, VFNMADD231PS: true}

func float(b uint32) float32 { return math.Float32frombits(b) }
func bits(x float32) uint32  { return math.Float32bits(x) }

// math executes the instructions that are not lane by lane alone, and reports whether op is one of them.
func (m *Machine) math(op Op, a []Operand) (known bool, err error) {
	switch op {
	case VPSLLD, VPSRAD, VPERMILPS, VPERM2F128, VSHUFF64X2, VCMPPS:
		return true, m.immediate(op, a)
	case VBLENDVPS:
		return true, m.blend(a)
	case VPMOVD2M:
		v, err := m.read(a[0], 1<<16-1, 16)
		k := a[1].(Reg)
		m.mask[k-K0], m.known[k] = 0, true
		for i, x := range v {
			m.mask[k-K0] |= uint64(x>>31) << i
		}
		return true, err
	}
	return mathOps[op] != nil, nil
}

// blend is VBLENDVPS: where the first operand is negative the second, else the third.
func (m *Machine) blend(a []Operand) error {
	var v [3][16]uint32
	for i := range v {
		var err error
		if v[i], err = m.read(a[i], 1<<8-1, 8); err != nil {
			return err
		}
	}
	out := v[2]
	for i := range 8 {
		if v[0][i]>>31 == 1 {
			out[i] = v[1][i]
		}
	}
	return m.write(a[3], out, 1<<8-1, 8)
}

// immediate executes an instruction whose first operand is a constant.
func (m *Machine) immediate(op Op, a []Operand) error {
	imm, lanes := int(a[0].(Imm)), 8
	if op == VCMPPS && comparisons[Imm(imm)] == nil {
		return fmt.Errorf("comparison %d is not known", imm)
	}
	for _, o := range a[1:] {
		if r, ok := o.(Reg); ok && r >= Z0 {
			lanes = 16
		}
	}
	on := uint64(1)<<lanes - 1
	var v [2][16]uint32
	for i, o := range a[1 : len(a)-1] {
		var err error
		if v[i], err = m.read(o, on, lanes); err != nil {
			return err
		}
	}
	dst, out := a[len(a)-1].(Reg), [16]uint32{}
	for i := range lanes {
		switch op {
		case VPSLLD:
			out[i] = v[0][i] << imm
		case VPSRAD:
			out[i] = uint32(int32(v[0][i]) >> imm)
		case VPERMILPS: // within quarters of 4 lanes
			out[i] = v[0][i&^3+imm>>(2*(i&3))&3]
		case VPERM2F128: // halves of the second source, which is Go's second operand, and the first
			out[i] = v[1-imm>>(i/4*4)>>1&1][imm>>(i/4*4)&1*4+i&3]
		case VSHUFF64X2: // quarters: two of the second operand, then two of the first
			out[i] = v[1-i/8][imm>>(i/4*2)&3*4+i&3]
		case VCMPPS:
			if comparisons[Imm(imm)](float(v[1][i]), float(v[0][i])) {
				out[i] = 1<<32 - 1
			}
		}
	}
	if dst.isMask() {
		m.mask[dst-K0], m.known[dst] = 0, true
		for i, x := range out {
			m.mask[dst-K0] |= uint64(x&1) << i
		}
		return nil
	}
	return m.write(dst, out, on, lanes)
}

// The comparisons of VCMPPS. All but unordered and equalOrNaN are false where one is NaN.
const (
	unordered  Imm = 3 // one is NaN
	ordered    Imm = 7
	equalOrNaN Imm = 8
	less       Imm = 17
	notGreater Imm = 18 // less or equal
	notLess    Imm = 29 // greater or equal
	greater    Imm = 30
)

var comparisons = map[Imm]func(x, y float32) bool{
	unordered:  func(x, y float32) bool { return x != x || y != y },
	ordered:    func(x, y float32) bool { return x == x && y == y },
	equalOrNaN: func(x, y float32) bool { return !(x < y || x > y) },
	less:       func(x, y float32) bool { return x < y },
	notGreater: func(x, y float32) bool { return x <= y },
	notLess:    func(x, y float32) bool { return x >= y },
	greater:    func(x, y float32) bool { return x > y },
}
