package asm

import (
	"fmt"
	"strings"
)

// Instructions that Go's assembler lacks. Text writes them as bytes; gen's test has GNU objdump read them back.
const (
	VDPBF16PS     Op = "VDPBF16PS"     // the products of two bfloat16 each, added to float32
	VCVTNEPS2BF16 Op = "VCVTNEPS2BF16" // float32 rounded to bfloat16
)

// opcodes are those in the map 0F38 with the prefix F3, on 512 bits.
var opcodes = map[Op]byte{VDPBF16PS: 0x52, VCVTNEPS2BF16: 0x72}

// encoded returns an instruction on registers as bytes, or nothing if Go's assembler has it. EVEX keeps most of the
// bits of registers inverted.
func encoded(in Inst) []byte {
	op, ok := opcodes[in.Op]
	if !ok {
		return nil
	}
	n := func(i int) byte { v, _ := in.Args[i].(Reg).vector(); return byte(v) }
	rm, v, reg := n(0), byte(0), n(len(in.Args)-1)
	if len(in.Args) == 3 {
		v = n(1)
	}
	not := func(x byte, bit, to int) byte { return (^x >> bit & 1) << to }
	return []byte{0x62, not(reg, 3, 7) | not(rm, 4, 6) | not(rm, 3, 5) | not(reg, 4, 4) | 2,
		^v&15<<3 | 1<<2 | 2, 2<<5 | not(v, 4, 3), op, 3<<6 | reg&7<<3 | rm&7}
}

// text returns an instruction as Go's assembler reads it.
func (in Inst) text() string {
	b := encoded(in)
	if b == nil {
		return in.String()
	}
	var s []string
	for _, x := range b {
		s = append(s, fmt.Sprintf("BYTE $%#02x", x))
	}
	return strings.Join(s, "; ") + " // " + in.String()
}
