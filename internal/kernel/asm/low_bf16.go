package asm

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Instructions of AVX-512 of the kernels of low precision.
const (
	VPMOVZXBDZ Op = "VPMOVZXBD.Z" // what the mask leaves out becomes zero
	VPMOVZXWDZ Op = "VPMOVZXWD.Z"
	VMOVDQU16  Op = "VMOVDQU16"
)

func init() {
	mathOps[VDPBF16PS] = func(w, x, z uint32) uint32 {
		sum := float(z)
		for _, shift := range []int{0, 16} { // the second of a pair, which is the upper half, first
			sum = flush(sum + flush(flush(float(w<<shift>>16<<16))*flush(float(x<<shift>>16<<16))))
		}
		return bits(sum)
	}
	readsOld[VDPBF16PS] = true
}

// flush returns x, or zero of its sign if x is subnormal.
func flush(x float32) float32 {
	if bits(x)>>23&255 == 0 {
		return float(bits(x) & (1 << 31))
	}
	return x
}

// toBF16 is VCVTNEPS2BF16: 16 lanes to the halves of 8.
func (m *Machine) toBF16(a []Operand) error {
	v, err := m.read(a[0], 1<<16-1, 16)
	if err != nil {
		return err
	}
	var out [16]uint32
	for i, b := range v {
		x := float(b)
		switch {
		case x != x:
			b = b>>16 | 1<<6
		case flush(x) == 0:
			b = b >> 16 & (1 << 15)
		default:
			if b += 1<<15 - 1 + b>>16&1; math.IsInf(float64(x), 0) {
				b = bits(x)
			}
			b >>= 16
		}
		out[i/2] |= b << (16 * (i & 1))
	}
	return m.write(a[1], out, 1<<8-1, 8)
}

// store16 is VMOVDQU16 to memory under a mask.
func (m *Machine) store16(a []Operand) error {
	v, err := m.read(a[0], 1<<8-1, 8)
	k := a[1].(Reg)
	if err = errOr(err, m.needs(k)); err != nil {
		return err
	}
	addr, err := m.address(a[2].(Mem))
	for i := range 16 {
		if m.mask[k-K0]>>i&1 == 1 && err == nil {
			var b []byte
			if b, err = m.Mem.bytes(addr+uint64(2*i), 2, true); err == nil {
				binary.LittleEndian.PutUint16(b, uint16(v[i/2]>>(16*(i&1))))
			}
		}
	}
	return err
}

// The state of float arithmetic: as it is usually, and as it is where subnormal results and operands are zeros of their
// sign (flush to zero, denormals are zeros).
const (
	usualState = 0x1f80
	flushState = usualState | 1<<15 | 1<<6
)

// inState is lane in the machine's state.
func (m *Machine) inState(op Op, src [][16]uint32, old [16]uint32, i int) uint32 {
	if op != VMULPS && op != VADDPS || m.state == usualState {
		return lane(op, src, old, i)
	}
	flushed := make([][16]uint32, len(src))
	for j := range src {
		flushed[j][i] = bits(flush(float(src[j][i])))
	}
	return bits(flush(float(lane(op, flushed, old, i))))
}

// stateOf is VSTMXCSR or VLDMXCSR.
func (m *Machine) stateOf(op Op, at Mem) error {
	addr, err := m.address(at)
	if err != nil {
		return err
	}
	if op == VSTMXCSR {
		return m.Mem.store32(addr, m.state)
	}
	if m.state, err = m.Mem.load32(addr); err == nil && m.state != usualState && m.state != flushState {
		err = fmt.Errorf("state %#x of float arithmetic", m.state)
	}
	return err
}
