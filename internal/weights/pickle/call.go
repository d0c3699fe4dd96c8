package pickle

import "fmt"

// global pushes what module.name is in the Env. That it is looked for here and nowhere else is what keeps a
// pickle from running anything.
func (m *machine) global(module, name string) error {
	full := module + "." + name
	call, ok := m.env.Globals[full]
	if !ok {
		return UnsupportedError(fmt.Sprintf("refuses to call %.200q: weights need no more than what rebuilds tensors", full))
	}
	return m.push(&Class{Name: full, call: call})
}

// lineGlobal is the opcode of protocols below 4, where both names are lines.
func (m *machine) lineGlobal() error {
	module, err := m.in.line()
	if err != nil {
		return err
	}
	name, err := m.in.line()
	if err != nil {
		return err
	}
	return m.global(module, name)
}

// inst is a call of protocol 0: it is read for the name that it would call.
func (m *machine) inst() error {
	if err := m.lineGlobal(); err != nil {
		return err
	}
	return UnsupportedError(fmt.Sprintf("offset %d: opcode INST is not among those that weights need", m.in.pos))
}

func (m *machine) stackGlobal() error {
	name, ok := m.pop().(string)
	module, ok2 := m.pop().(string)
	if !ok || !ok2 {
		return m.failf(m.in.pos, "a global's name that is not a string")
	}
	return m.global(module, name)
}

// reduce calls a class or a function.
func (m *machine) reduce() error {
	args, ok := m.pop().(*Tuple)
	class, ok2 := m.pop().(*Class)
	switch {
	case !ok || !ok2:
		return m.failf(m.in.pos, "calls what is no function, or not with a tuple")
	case class.call == nil:
		return UnsupportedError(fmt.Sprintf("refuses to call %s", class.Name))
	}
	for _, a := range args.Items { // a call may walk through a list that costs one opcode to refer to
		if l, ok := a.(*List); ok {
			m.spent += len(l.Items)
		}
	}
	return m.pushed(class.call(args.Items))
}

// build completes the object on top of the stack with a state. The state of a dict are attributes beside its
// items, such as the versions of layers that torch notes down: nothing that weights need.
func (m *machine) build() error {
	state := m.pop()
	switch v := m.top().(type) {
	case *Dict:
		return nil
	case Builder:
		return v.Build(state)
	}
	return UnsupportedError(fmt.Sprintf("offset %d: refuses to set the state of %s", m.in.pos, Kind(m.top())))
}

func (m *machine) persistent() error {
	if m.env.Persistent == nil {
		return UnsupportedError(fmt.Sprintf("offset %d: a persistent id, where none are known", m.in.pos))
	}
	return m.pushed(m.env.Persistent(m.pop()))
}
