package pickle

import "math"

// opcode is one instruction. One without run is known to Python and refused here.
type opcode struct {
	name  string
	needs int // values it finds on the stack, above the last mark
	run   func(*machine) error
}

// opcodes is every instruction of protocols 0 to 5. Of protocol 0, which is text, only what Python 2 still
// writes under protocol 2 is read: globals, and ints beyond 32 bits.
var opcodes = [256]opcode{
	0x80: {"PROTO", 0, (*machine).proto},
	0x95: {"FRAME", 0, (*machine).frame},
	'.':  {"STOP", 1, func(*machine) error { return errStop }},
	'(':  {"MARK", 0, (*machine).mark},
	'0':  {"POP", 1, func(m *machine) error { m.pop(); return nil }},
	'1':  {"POP_MARK", 0, func(m *machine) error { _, err := m.popMark(); return err }},
	'2':  {"DUP", 1, func(m *machine) error { return m.push(m.top()) }},

	'N':  {"NONE", 0, func(m *machine) error { return m.push(nil) }},
	0x88: {"NEWTRUE", 0, func(m *machine) error { return m.push(true) }},
	0x89: {"NEWFALSE", 0, func(m *machine) error { return m.push(false) }},
	'I':  {"INT", 0, func(m *machine) error { return m.pushed(m.in.decimal()) }},
	'J':  {"BININT", 0, func(m *machine) error { n, err := m.in.uint(4); return m.pushed(int64(int32(n)), err) }},
	'K':  {"BININT1", 0, func(m *machine) error { n, err := m.in.uint(1); return m.pushed(int64(n), err) }},
	'M':  {"BININT2", 0, func(m *machine) error { n, err := m.in.uint(2); return m.pushed(int64(n), err) }},
	0x8a: {"LONG1", 0, func(m *machine) error { return m.pushed(m.in.long(1)) }},
	0x8b: {"LONG4", 0, func(m *machine) error { return m.pushed(m.in.long(4)) }},
	'G':  {"BINFLOAT", 0, (*machine).float},

	'T':  {"BINSTRING", 0, func(m *machine) error { return m.pushed(m.in.text(4)) }},
	'U':  {"SHORT_BINSTRING", 0, func(m *machine) error { return m.pushed(m.in.text(1)) }},
	'X':  {"BINUNICODE", 0, func(m *machine) error { return m.pushed(m.in.text(4)) }},
	0x8c: {"SHORT_BINUNICODE", 0, func(m *machine) error { return m.pushed(m.in.text(1)) }},
	0x8d: {"BINUNICODE8", 0, func(m *machine) error { return m.pushed(m.in.text(8)) }},
	'B':  {"BINBYTES", 0, func(m *machine) error { b, err := m.in.counted(4); return m.pushed(b, err) }},
	'C':  {"SHORT_BINBYTES", 0, func(m *machine) error { b, err := m.in.counted(1); return m.pushed(b, err) }},
	0x8e: {"BINBYTES8", 0, func(m *machine) error { b, err := m.in.counted(8); return m.pushed(b, err) }},

	')':  {"EMPTY_TUPLE", 0, func(m *machine) error { return m.tuple(nil) }},
	0x85: {"TUPLE1", 1, func(m *machine) error { return m.topTuple(1) }},
	0x86: {"TUPLE2", 2, func(m *machine) error { return m.topTuple(2) }},
	0x87: {"TUPLE3", 3, func(m *machine) error { return m.topTuple(3) }},
	't':  {"TUPLE", 0, func(m *machine) error { return m.marked(m.tuple) }},

	']': {"EMPTY_LIST", 0, func(m *machine) error { return m.push(&List{}) }},
	'a': {"APPEND", 2, func(m *machine) error { v := m.pop(); return m.appendTo([]any{v}) }},
	'e': {"APPENDS", 0, func(m *machine) error { return m.marked(m.appendTo) }},
	'}': {"EMPTY_DICT", 0, func(m *machine) error { return m.push(&Dict{}) }},
	's': {"SETITEM", 3, func(m *machine) error { v, k := m.pop(), m.pop(); return m.setIn([]any{k, v}) }},
	'u': {"SETITEMS", 0, func(m *machine) error { return m.marked(m.setIn) }},

	'h':  {"BINGET", 0, func(m *machine) error { return m.get(1) }},
	'j':  {"LONG_BINGET", 0, func(m *machine) error { return m.get(4) }},
	'q':  {"BINPUT", 1, func(m *machine) error { return m.put(1) }},
	'r':  {"LONG_BINPUT", 1, func(m *machine) error { return m.put(4) }},
	0x94: {"MEMOIZE", 1, func(m *machine) error { return m.remember(uint32(len(m.memo))) }},

	'c':  {"GLOBAL", 0, (*machine).lineGlobal},
	0x93: {"STACK_GLOBAL", 2, (*machine).stackGlobal},
	'i':  {"INST", 0, (*machine).inst},
	'R':  {"REDUCE", 2, (*machine).reduce},
	0x81: {"NEWOBJ", 2, (*machine).reduce}, // cls.__new__(cls, *args): the same here
	'b':  {"BUILD", 2, (*machine).build},
	'Q':  {"BINPERSID", 1, (*machine).persistent},

	'F': {name: "FLOAT"}, 'L': {name: "LONG"}, 'S': {name: "STRING"}, 'V': {name: "UNICODE"},
	'd': {name: "DICT"}, 'l': {name: "LIST"}, 'g': {name: "GET"}, 'p': {name: "PUT"}, 'P': {name: "PERSID"},
	'o': {name: "OBJ"}, 0x92: {name: "NEWOBJ_EX"}, 0x8f: {name: "EMPTY_SET"}, 0x90: {name: "ADDITEMS"},
	0x91: {name: "FROZENSET"}, 0x82: {name: "EXT1"}, 0x83: {name: "EXT2"}, 0x84: {name: "EXT4"},
	0x96: {name: "BYTEARRAY8"}, 0x97: {name: "NEXT_BUFFER"}, 0x98: {name: "READONLY_BUFFER"},
}

// float is big-endian, unlike everything else.
func (m *machine) float() error {
	b, err := m.in.bytes(8)
	if err != nil {
		return err
	}
	var n uint64
	for _, c := range b {
		n = n<<8 | uint64(c)
	}
	return m.push(math.Float64frombits(n))
}
