package asm

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
)

// maxSteps bounds a run: a kernel that never ends is an error.
const maxSteps = 1 << 22

// Machine interprets functions. Reading a register that nothing was written to is an error, and so is a
// return that leaves the upper halves of the vector registers in use.
type Machine struct {
	Mem *Memory

	// Steps bounds a run; 0 stands for maxSteps.
	Steps int

	// Prefetched holds the addresses that the last run asked for. A prefetch never faults.
	Prefetched map[uint64]bool

	gp        [16]uint64
	mask      [8]uint64
	vec       [32][16]uint32
	known     [256]bool // by Reg; a vector register's flag is that of its Z name
	dirty     bool      // a vector register was written since the last VZEROUPPER
	zero      bool      // flags: the last result was zero,
	less      bool      // or would be negative if it could not overflow
	flagsSet  bool
	state     uint32 // of float arithmetic: MXCSR
	arg       uint64
	jump      Label // set by a jump that is taken
	wantsJump bool
}

// Run interprets f with the argument arg.
func (m *Machine) Run(f *Func, arg uint64) error {
	*m = Machine{Mem: m.Mem, Steps: m.Steps, Prefetched: map[uint64]bool{}, arg: arg, state: usualState}
	labels := map[Label]int{}
	for i, in := range f.Insts {
		if in.Op == LABEL {
			labels[in.Args[0].(Label)] = i
		}
	}
	pc := 0
	steps := cmp.Or(m.Steps, maxSteps)
	for range steps {
		if pc == len(f.Insts) {
			return fmt.Errorf("%s: ran over its end", f.Name)
		}
		in := &f.Insts[pc]
		if in.Op == RET {
			if m.dirty {
				return fmt.Errorf("%s: RET without VZEROUPPER", f.Name)
			}
			if m.state != usualState {
				return fmt.Errorf("%s: RET with float arithmetic in another state", f.Name)
			}
			return nil
		}
		if err := m.step(in); err != nil {
			return fmt.Errorf("%s: instruction %d, %v: %w", f.Name, pc, in, err)
		}
		pc++
		if m.wantsJump {
			m.wantsJump = false
			to, ok := labels[m.jump]
			if !ok {
				return fmt.Errorf("%s: no label %s", f.Name, m.jump)
			}
			pc = to
		}
	}
	return fmt.Errorf("%s: no end after %d instructions", f.Name, steps)
}

func (m *Machine) step(in *Inst) error {
	a := in.Args
	switch in.Op {
	case LABEL:
		return nil
	case PREFETCHT0, PREFETCHT1:
		addr, err := m.address(a[0].(Mem))
		m.Prefetched[addr] = true
		return err
	case MOVQ, ADDQ, SUBQ, DECQ, XORQ, LEAQ, TESTQ, CMPQ:
		return m.integer(in.Op, a)
	case JMP, JEQ, JNE, JLT, JGE:
		return m.branch(in.Op, a[0].(Label))
	case KMOVW:
		b, err := m.bytesAt(a[0].(Mem), 2)
		if err != nil {
			return err
		}
		k := a[1].(Reg)
		m.mask[k-K0], m.known[k] = uint64(binary.LittleEndian.Uint16(b)), true
		return nil
	case VZEROUPPER:
		for i := range m.vec {
			clear(m.vec[i][4:])
		}
		m.dirty = false
		return nil
	case VBROADCASTSS, VMOVUPS, VMOVUPSZ, VMASKMOVPS, VFMADD231PS, VADDPS, VMAXPS, VMINPS, VXORPS:
		return m.vector(in.Op, a)
	}
	if known, err := m.low(in.Op, a); known {
		return err
	}
	switch known, err := m.math(in.Op, a); {
	case err != nil || known && mathOps[in.Op] == nil:
		return err
	case known:
		return m.vector(in.Op, a)
	}
	return fmt.Errorf("unknown instruction")
}

func (m *Machine) branch(op Op, to Label) error {
	if op != JMP && !m.flagsSet {
		return fmt.Errorf("no flags to branch on")
	}
	taken := map[Op]bool{JMP: true, JEQ: m.zero, JNE: !m.zero, JLT: m.less, JGE: !m.less}
	m.jump, m.wantsJump = to, taken[op]
	return nil
}

// integer executes an instruction on general registers.
func (m *Machine) integer(op Op, a []Operand) error {
	last := a[len(a)-1]
	if op == XORQ && a[0] == last { // how a register is set to zero: its old value is not read
		m.flags(true, false)
		op, a = MOVQ, []Operand{Imm(0), last}
	}
	var x, y int64
	var err error
	if op == LEAQ {
		var addr uint64
		addr, err = m.address(a[0].(Mem))
		x = int64(addr)
	} else {
		x, err = m.value(a[0])
	}
	if err == nil && op != MOVQ && op != LEAQ {
		y, err = m.value(last)
	}
	if err != nil {
		return err
	}
	switch op {
	case ADDQ:
		m.flags(x+y == 0, x+y < 0)
		x += y
	case SUBQ:
		m.flags(x == y, y < x)
		x = y - x
	case DECQ:
		m.flags(x == 1, x < 1)
		x--
	case XORQ:
		x ^= y
		m.flags(x == 0, x < 0)
	case TESTQ:
		m.flags(x&y == 0, x&y < 0)
		return nil
	case CMPQ:
		m.flags(x == y, x < y)
		return nil
	}
	r, ok := last.(Reg)
	if !ok || !r.isGP() || r == SP {
		return fmt.Errorf("cannot write to %s", last.text())
	}
	m.gp[r], m.known[r] = uint64(x), true
	return nil
}

func (m *Machine) flags(zero, less bool) { m.zero, m.less, m.flagsSet = zero, less, true }

// value reads an integer operand.
func (m *Machine) value(o Operand) (int64, error) {
	switch o := o.(type) {
	case Imm:
		return int64(o), nil
	case Arg:
		return int64(m.arg), nil
	case Mem:
		b, err := m.bytesAt(o, 8)
		if err != nil {
			return 0, err
		}
		return int64(binary.LittleEndian.Uint64(b)), nil
	case Reg:
		if !o.isGP() {
			return 0, fmt.Errorf("%s is no general register", o.text())
		}
		return int64(m.gp[o]), m.needs(o)
	}
	return 0, fmt.Errorf("%s is no integer", o.text())
}

// needs returns an error if nothing was written to r.
func (m *Machine) needs(r Reg) error {
	if n, lanes := r.vector(); lanes > 0 {
		r = Z0 + Reg(n)
	}
	if !m.known[r] {
		return fmt.Errorf("%s is read before it is written", r.text())
	}
	return nil
}

func (m *Machine) address(o Mem) (uint64, error) {
	if err := m.needs(o.Base); err != nil {
		return 0, err
	}
	addr := m.gp[o.Base] + uint64(o.Disp)
	if o.Scale != 0 {
		if err := m.needs(o.Index); err != nil {
			return 0, err
		}
		addr += m.gp[o.Index] * uint64(o.Scale)
	}
	return addr, nil
}

func (m *Machine) bytesAt(o Mem, n int) ([]byte, error) {
	addr, err := m.address(o)
	if err != nil {
		return nil, err
	}
	return m.Mem.bytes(addr, n, false)
}

// vector executes an instruction on vector registers. A mask, where there is one, stands before the
// destination; lanes that it leaves out are neither read from memory nor written.
func (m *Machine) vector(op Op, a []Operand) error {
	lanes := 0
	for _, o := range a {
		if r, ok := o.(Reg); ok {
			_, n := r.vector()
			lanes = max(lanes, n)
		}
	}
	a, on, err := m.lanesOn(op, a, lanes)
	if err != nil {
		return err
	}
	if op == VBROADCASTSS {
		return m.broadcast(a[0].(Mem), a[1].(Reg), lanes)
	}
	src := make([][16]uint32, len(a)-1)
	for i, o := range a[:len(a)-1] {
		if src[i], err = m.read(o, on, lanes); err != nil {
			return err
		}
	}
	dst := a[len(a)-1]
	var old [16]uint32
	if r, ok := dst.(Reg); ok && (readsOld[op] || on != 1<<lanes-1 && op != VMASKMOVPS && op != VMOVUPSZ) {
		if old, err = m.read(r, on, lanes); err != nil {
			return err
		}
	}
	out := old
	for i := range lanes {
		if on>>i&1 == 1 {
			out[i] = m.inState(op, src, old, i)
		}
	}
	return m.write(dst, out, on, lanes)
}

// lanesOn takes the mask out of the operands and returns the lanes that it turns on.
func (m *Machine) lanesOn(op Op, a []Operand, lanes int) ([]Operand, uint64, error) {
	all := uint64(1)<<lanes - 1
	if len(a) < 3 {
		return a, all, nil
	}
	k, ok := a[len(a)-2].(Reg)
	rest := append(append([]Operand{}, a[:len(a)-2]...), a[len(a)-1])
	switch {
	case ok && k.isMask():
		return rest, m.mask[k-K0] & all, m.needs(k)
	case op == VMASKMOVPS:
		v, err := m.read(k, all, lanes)
		on := uint64(0)
		for i, x := range v {
			on |= uint64(x>>31) << i
		}
		return rest, on, err
	}
	return a, all, nil
}

func (m *Machine) broadcast(from Mem, to Reg, lanes int) error {
	addr, err := m.address(from)
	if err != nil {
		return err
	}
	v, err := m.Mem.load32(addr)
	if err != nil {
		return err
	}
	var out [16]uint32
	for i := range lanes {
		out[i] = v
	}
	return m.write(to, out, 1<<lanes-1, lanes)
}

// read returns the lanes that are on of a vector register or memory.
func (m *Machine) read(o Operand, on uint64, lanes int) (v [16]uint32, err error) {
	switch o := o.(type) {
	case Reg:
		n, width := o.vector()
		if width != lanes {
			return v, fmt.Errorf("%s is not of %d lanes", o.text(), lanes)
		}
		return m.vec[n], m.needs(o)
	case Mem:
		addr, err := m.address(o)
		for i := range lanes {
			if on>>i&1 == 1 && err == nil {
				v[i], err = m.Mem.load32(addr + 4*uint64(i))
			}
		}
		return v, err
	}
	return v, fmt.Errorf("%s is no vector", o.text())
}

// write stores the lanes that are on to memory, or all to a register, whose upper lanes become zero.
func (m *Machine) write(o Operand, v [16]uint32, on uint64, lanes int) error {
	switch o := o.(type) {
	case Reg:
		n, width := o.vector()
		if width != lanes {
			return fmt.Errorf("%s is not of %d lanes", o.text(), lanes)
		}
		clear(v[lanes:])
		m.vec[n], m.known[Z0+Reg(n)], m.dirty = v, true, true
		return nil
	case Mem:
		addr, err := m.address(o)
		for i := range lanes {
			if on>>i&1 == 1 && err == nil {
				err = m.Mem.store32(addr+4*uint64(i), v[i])
			}
		}
		return err
	}
	return fmt.Errorf("cannot write to %s", o.text())
}

// lane computes lane i of an instruction. The processor's maximum and minimum return their second source,
// which is Go's first operand, where either is NaN or both are zero.
func lane(op Op, src [][16]uint32, old [16]uint32, i int) uint32 {
	if f := mathOps[op]; f != nil {
		return f(src[0][i], src[len(src)-1][i], old[i])
	}
	x := math.Float32frombits(src[0][i])
	if op == VMOVUPS || op == VMOVUPSZ || op == VMASKMOVPS {
		return src[0][i]
	}
	y := math.Float32frombits(src[1][i])
	switch op {
	case VXORPS:
		return src[0][i] ^ src[1][i]
	case VADDPS:
		x = y + x
	case VMAXPS:
		if y > x {
			x = y
		}
	case VMINPS:
		if y < x {
			x = y
		}
	case VFMADD231PS:
		x = FMA(y, x, math.Float32frombits(old[i]))
	}
	return math.Float32bits(x)
}

// FMA returns x·y + z with one rounding. The product is exact in float64; the sum is rounded there to odd, so
// that rounding it again to float32 gives what one rounding would.
func FMA(x, y, z float32) float32 {
	p, c := float64(x)*float64(y), float64(z)
	s := p + c
	if math.IsInf(s, 0) || s != s {
		return float32(s)
	}
	v := s - p // Knuth's sum without error: p + c = s + rest
	rest := (p - (s - v)) + (c - v)
	if b := math.Float64bits(s); rest != 0 && b&1 == 0 {
		if rest > 0 == (s > 0) {
			b++
		} else {
			b--
		}
		s = math.Float64frombits(b)
	}
	return float32(s)
}
