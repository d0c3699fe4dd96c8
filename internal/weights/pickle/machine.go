package pickle

import (
	"errors"
	"fmt"
	"slices"
)

// machine is the stack machine that a pickle is a program of.
type machine struct {
	in       input
	env      Env
	stack    []any
	marks    []int // heights of the stack
	memo     map[uint32]any
	frameEnd int64 // 0: not in a frame
	spent    int   // of maxOpcodes
}

// run executes opcodes until STOP.
func (m *machine) run() error {
	for ; m.spent < maxOpcodes; m.spent++ {
		at := m.in.pos
		code, err := m.in.byte()
		if err != nil {
			return err
		}
		if m.frameEnd > 0 && m.in.pos > m.frameEnd {
			if at > m.frameEnd {
				return m.failf(at, "an opcode reaches beyond its frame's end at %d", m.frameEnd)
			}
			m.frameEnd = 0
		}
		op := &opcodes[code]
		switch {
		case op.name == "":
			return m.failf(at, "0x%02x is no opcode", code)
		case op.run == nil:
			return UnsupportedError(fmt.Sprintf("offset %d: opcode %s is not among those that weights need", at, op.name))
		case len(m.stack)-m.floor() < op.needs:
			return m.failf(at, "%s finds too few values on the stack", op.name)
		}
		if err := op.run(m); errors.Is(err, errStop) {
			return m.stop(at)
		} else if err != nil {
			return err
		}
	}
	return FormatError(fmt.Sprintf("more than %d opcodes", maxOpcodes))
}

// errStop is what the opcode STOP returns.
var errStop = errors.New("stop")

func (m *machine) stop(at int64) error {
	if len(m.stack) != 1 || len(m.marks) != 0 {
		return m.failf(at, "STOP with %d values and %d marks on the stack, want one value", len(m.stack), len(m.marks))
	}
	return nil
}

func (m *machine) failf(at int64, format string, args ...any) error {
	return FormatError(fmt.Sprintf("offset %d: ", at) + fmt.Sprintf(format, args...))
}

// floor is the height of the stack below which nothing may be taken: the last mark's.
func (m *machine) floor() int {
	if len(m.marks) == 0 {
		return 0
	}
	return m.marks[len(m.marks)-1]
}

func (m *machine) push(v any) error {
	m.stack = append(m.stack, v)
	return nil
}

// pushed is push for a value that comes with an error.
func (m *machine) pushed(v any, err error) error {
	if err != nil {
		return err
	}
	return m.push(v)
}

// pop takes the topmost value; the table of opcodes says how many of them an opcode needs.
func (m *machine) pop() any {
	v := m.stack[len(m.stack)-1]
	m.stack = m.stack[:len(m.stack)-1]
	return v
}

func (m *machine) top() any { return m.stack[len(m.stack)-1] }

func (m *machine) mark() error {
	if len(m.marks) == maxNesting {
		return m.failf(m.in.pos, "nests more than %d deep", maxNesting)
	}
	m.marks = append(m.marks, len(m.stack))
	return nil
}

// popMark takes the values above the last mark, and the mark. They are the stack's own memory.
func (m *machine) popMark() ([]any, error) {
	if len(m.marks) == 0 {
		return nil, m.failf(m.in.pos, "a mark is missing")
	}
	at := m.floor()
	m.marks = m.marks[:len(m.marks)-1]
	items := m.stack[at:]
	m.stack = m.stack[:at]
	return items, nil
}

func (m *machine) proto() error {
	v, err := m.in.byte()
	if err == nil && v > 5 {
		err = UnsupportedError(fmt.Sprintf("protocol %d, the newest known is 5", v))
	}
	return err
}

func (m *machine) frame() error {
	n, err := m.in.uint(8)
	if err != nil {
		return err
	}
	if left := m.in.size - m.in.pos; n > uint64(max(left, 0)) {
		return m.failf(m.in.pos, "a frame of %d bytes where there are at most %d", n, left)
	}
	if m.frameEnd > m.in.pos {
		return m.failf(m.in.pos, "a frame within a frame")
	}
	m.frameEnd = m.in.pos + int64(n)
	return nil
}

// tuple makes a tuple of items, which may be the stack's own memory.
func (m *machine) tuple(items []any) error {
	t := &Tuple{Items: slices.Clone(items)}
	return m.pushed(t, nest(&t.depth, t.Items...))
}

// topTuple makes a tuple of the topmost n values.
func (m *machine) topTuple(n int) error {
	at := len(m.stack) - n
	items := m.stack[at:]
	m.stack = m.stack[:at]
	return m.tuple(items)
}

// marked calls f with the values above the last mark, which it takes.
func (m *machine) marked(f func(items []any) error) error {
	items, err := m.popMark()
	if err != nil {
		return err
	}
	return f(items)
}

// appendTo adds items to the list on top of the stack.
func (m *machine) appendTo(items []any) error {
	if len(m.stack) == m.floor() {
		return m.failf(m.in.pos, "no list to append to")
	}
	l, ok := m.top().(*List)
	if !ok {
		return m.failf(m.in.pos, "appends to %s", Kind(m.top()))
	}
	l.Items = append(l.Items, items...)
	return nest(&l.depth, items...)
}

// setIn adds pairs to the dict on top of the stack.
func (m *machine) setIn(pairs []any) error {
	if len(m.stack) == m.floor() {
		return m.failf(m.in.pos, "no dict to set an item of")
	}
	d, ok := m.top().(*Dict)
	if !ok {
		return m.failf(m.in.pos, "sets an item of %s", Kind(m.top()))
	}
	if len(pairs)%2 != 0 {
		return m.failf(m.in.pos, "a key without a value")
	}
	for i := 0; i < len(pairs); i += 2 {
		if err := d.set(pairs[i], pairs[i+1]); err != nil {
			return err
		}
	}
	return nil
}

func (m *machine) put(width int) error {
	id, err := m.in.uint(width)
	if err != nil {
		return err
	}
	return m.remember(uint32(id))
}

func (m *machine) remember(id uint32) error {
	if id >= maxMemo {
		return m.failf(m.in.pos, "memo entry %d, the limit is %d", id, maxMemo)
	}
	if m.memo == nil {
		m.memo = map[uint32]any{}
	}
	m.memo[id] = m.top()
	return nil
}

func (m *machine) get(width int) error {
	id, err := m.in.uint(width)
	if err != nil {
		return err
	}
	v, ok := m.memo[uint32(id)]
	if !ok {
		return m.failf(m.in.pos, "memo entry %d was never written", id)
	}
	return m.push(v)
}
