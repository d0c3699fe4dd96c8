package asm

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Instructions of the kernels of low precision, besides those of the others.
const (
	MOVLQSX Op = "MOVLQSX"

	VPMADDUBSW Op = "VPMADDUBSW" // signed bytes first, unsigned ones second
	VPMADDWD   Op = "VPMADDWD"
	VPADDW     Op = "VPADDW"
	VPMAXUB    Op = "VPMAXUB"
	VPDPBUSD   Op = "VPDPBUSD" // signed bytes first, unsigned ones second
	VCVTDQ2PS  Op = "VCVTDQ2PS"
	VCVTPS2DQ  Op = "VCVTPS2DQ"
	VPMOVZXBD  Op = "VPMOVZXBD"
	VPMOVZXWD  Op = "VPMOVZXWD"

	// These work on each half of 16 bytes, or across all.
	VPACKSSDW    Op = "VPACKSSDW"
	VPACKUSWB    Op = "VPACKUSWB"
	VPUNPCKLBW   Op = "VPUNPCKLBW"
	VPUNPCKHBW   Op = "VPUNPCKHBW"
	VPUNPCKLWD   Op = "VPUNPCKLWD"
	VPUNPCKHWD   Op = "VPUNPCKHWD"
	VPERMD       Op = "VPERMD" // which lanes second
	VEXTRACTI128 Op = "VEXTRACTI128"
	VPMOVDB      Op = "VPMOVDB"
)

func init() {
	for op, f := range map[Op]func(x, y, z uint32) uint32{
		VPMADDUBSW: func(x, y, _ uint32) uint32 { return madd8(x, y) | madd8(x>>16, y>>16)<<16 },
		VPMADDWD: func(x, y, _ uint32) uint32 {
			return uint32(int32(int16(x))*int32(int16(y)) + int32(int16(x>>16))*int32(int16(y>>16)))
		},
		VPADDW: func(x, y, _ uint32) uint32 { return (x+y)&0xffff | (x>>16+y>>16)<<16 },
		VPMAXUB: func(x, y, _ uint32) (z uint32) {
			for s := 0; s < 32; s += 8 {
				z |= max(x>>s&255, y>>s&255) << s
			}
			return z
		},
		VPDPBUSD: func(x, y, z uint32) uint32 {
			for s := 0; s < 32; s += 8 {
				z += uint32(int32(int8(x>>s)) * int32(y>>s&255))
			}
			return z
		},
		VCVTDQ2PS: func(x, _, _ uint32) uint32 { return bits(float32(int32(x))) },
		VCVTPS2DQ: func(x, _, _ uint32) uint32 { return uint32(roundEven(float(x))) },
	} {
		mathOps[op] = f
	}
	readsOld[VPDPBUSD] = true
}

// madd8 is VPMADDUBSW for one sum of two products, which saturates.
func madd8(x, y uint32) uint32 {
	s := int32(int8(x))*int32(y&255) + int32(int8(x>>8))*int32(y>>8&255)
	return uint32(max(-1<<15, min(1<<15-1, s))) & 0xffff
}

// low executes the instructions of low precision that are not lane by lane, and reports whether op is one of them.
func (m *Machine) low(op Op, a []Operand) (known bool, err error) {
	switch op {
	case MOVLQSX:
		b, err := m.bytesAt(a[0].(Mem), 4)
		if err != nil {
			return true, err
		}
		r := a[1].(Reg)
		m.gp[r], m.known[r] = uint64(int32(binary.LittleEndian.Uint32(b))), true
		return true, nil
	case VPMOVZXBD, VPMOVZXWD, VPMOVZXBDZ, VPMOVZXWDZ:
		return true, m.widen(a[0].(Mem), a[1:], map[bool]int{true: 1, false: 2}[op == VPMOVZXBD || op == VPMOVZXBDZ])
	case VPACKSSDW, VPACKUSWB, VPUNPCKLBW, VPUNPCKHBW, VPUNPCKLWD, VPUNPCKHWD, VPERMD:
		return true, m.combine(op, a)
	case VEXTRACTI128:
		v, err := m.read(a[1], 1<<8-1, 8)
		if half := a[0].(Imm); half != 0 && half != 1 {
			return true, fmt.Errorf("no half %d", half)
		}
		var out [16]uint32
		copy(out[:4], v[4*int(a[0].(Imm)):])
		return true, errOr(err, m.write(a[2], out, 1<<4-1, 4))
	case VPMOVDB:
		return true, m.narrow(a)
	case VCVTNEPS2BF16:
		return true, m.toBF16(a)
	case VMOVDQU16:
		return true, m.store16(a)
	case VSTMXCSR, VLDMXCSR:
		return true, m.stateOf(op, a[0].(Mem))
	}
	return false, nil
}

func errOr(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// widen reads elements of size bytes and extends them with zeros; a mask stands before the register.
func (m *Machine) widen(from Mem, to []Operand, size int) error {
	dst := to[len(to)-1].(Reg)
	_, lanes := dst.vector()
	on := uint64(1)<<lanes - 1
	if len(to) == 2 {
		k := to[0].(Reg)
		if err := m.needs(k); err != nil {
			return err
		}
		on &= m.mask[k-K0]
	}
	var out [16]uint32
	for i := range lanes {
		if on>>i&1 == 0 {
			continue
		}
		b, err := m.bytesAt(from.at(i*size), size)
		if err != nil {
			return err
		}
		for j, x := range b {
			out[i] |= uint32(x) << (8 * j)
		}
	}
	return m.write(dst, out, 1<<lanes-1, lanes)
}

// narrow is VPMOVDB: the low byte of each lane to memory, of those that a mask has.
func (m *Machine) narrow(a []Operand) error {
	v, err := m.read(a[0], 1<<16-1, 16)
	if err != nil {
		return err
	}
	on := uint64(1<<16 - 1)
	if k, ok := a[1].(Reg); ok {
		if err := m.needs(k); err != nil {
			return err
		}
		on = m.mask[k-K0]
	}
	addr, err := m.address(a[len(a)-1].(Mem))
	for i := range 16 {
		if on>>i&1 == 1 && err == nil {
			var b []byte
			if b, err = m.Mem.bytes(addr+uint64(i), 1, true); err == nil {
				b[0] = byte(v[i])
			}
		}
	}
	return err
}

// combine executes the instructions of two vectors of 8 lanes that work on bytes or words of each half. Go's second
// operand is the processor's first.
func (m *Machine) combine(op Op, a []Operand) error {
	y, err := m.read(a[0], 1<<8-1, 8)
	x, err2 := m.read(a[1], 1<<8-1, 8)
	if err = errOr(err, err2); err != nil {
		return err
	}
	var out [16]uint32
	if op == VPERMD {
		for i := range 8 {
			out[i] = y[x[i]&7]
		}
		return m.write(a[2], out, 1<<8-1, 8)
	}
	for h := 0; h < 8; h += 4 {
		r := halves(op, lanesBytes(x[h:h+4]), lanesBytes(y[h:h+4]))
		for i := range 4 {
			out[h+i] = binary.LittleEndian.Uint32(r[4*i:])
		}
	}
	return m.write(a[2], out, 1<<8-1, 8)
}

func lanesBytes(v []uint32) (b []byte) {
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, x)
	}
	return b
}

// halves computes 16 bytes of an instruction that packs or interleaves.
func halves(op Op, x, y []byte) (r []byte) {
	from, size := 0, 1
	switch op {
	case VPACKSSDW:
		for _, v := range [][]byte{x, y} {
			for i := 0; i < 16; i += 4 {
				w := int32(binary.LittleEndian.Uint32(v[i:]))
				r = binary.LittleEndian.AppendUint16(r, uint16(max(-1<<15, min(1<<15-1, w))))
			}
		}
		return r
	case VPACKUSWB:
		for _, v := range [][]byte{x, y} {
			for i := 0; i < 16; i += 2 {
				w := int16(binary.LittleEndian.Uint16(v[i:]))
				r = append(r, byte(max(0, min(255, w))))
			}
		}
		return r
	case VPUNPCKHBW:
		from = 8
	case VPUNPCKLWD:
		size = 2
	case VPUNPCKHWD:
		from, size = 8, 2
	}
	for i := from; i < from+8; i += size {
		r = append(r, x[i:i+size]...)
		r = append(r, y[i:i+size]...)
	}
	return r
}

// roundEven is the integer nearest to x, the even one of two; what does not fit is the least integer.
func roundEven(x float32) int32 {
	r := math.RoundToEven(float64(x))
	if !(r >= -1<<31 && r < 1<<31) {
		return -1 << 31
	}
	return int32(r)
}
