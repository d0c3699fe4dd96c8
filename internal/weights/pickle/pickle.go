// Package pickle reads the subset of Python's pickle format in which numbers, strings, tuples, lists, dicts
// and calls of a few known functions are written: protocols 2 to 5, as torch.save uses them.
//
// Input: an io.ReaderAt and an [Env], which names everything that a pickle may refer to. Output: Go values.
// Nothing is executed but the functions of the Env: a pickle that refers to anything else is refused by
// that name. Every length is checked against the bytes that are there before memory is taken, and opcodes,
// memo and nesting have limits, so that time and memory are bounded by the input's size. No bytes cause a
// panic.
//
// The opcodes are those of Python's own documentation of the format, the module pickletools.
package pickle

import (
	"bufio"
	"fmt"
	"io"
	"math/big"
)

// Limits of one pickle. A state dict of a thousand tensors takes 40,000 opcodes.
const (
	maxOpcodes = 1_000_000
	maxMemo    = 1_000_000
	maxNesting = 64
)

// FormatError says that bytes are not a pickle, or one that is damaged.
type FormatError string

func (e FormatError) Error() string { return "pickle: " + string(e) }

// UnsupportedError says that a pickle asks for what this package does not do, or refuses to.
type UnsupportedError string

func (e UnsupportedError) Error() string { return "pickle: " + string(e) }

// A Func makes a value of the arguments of a call. Its result may implement [Builder]. It must not keep args.
type Func func(args []any) (any, error)

// A Builder takes the state with which a pickle completes an object.
type Builder interface {
	Build(state any) error
}

// Env is what a pickle may refer to.
type Env struct {
	// Globals are the classes and functions, by module and name joined with a point. One without a Func may
	// be named, but not called.
	Globals map[string]Func

	// Persistent gives the object that a persistent id stands for. Without it, ids are refused.
	Persistent func(id any) (any, error)
}

// Decode reads one pickle, at offset off of r and within the limit bytes that follow, and returns its value
// and the offset behind it. Values are of these types:
//
//	nil, bool, int64, *big.Int (beyond 64 bits), float64, string, []byte
//	*Tuple, *List, *Dict, *Class, and what the functions of env return
//
// A list or a dict may contain itself; who walks through one must know how deep.
//
// Errors are a FormatError, an UnsupportedError, those of env's functions or those of r.
func Decode(r io.ReaderAt, off, limit int64, env Env) (v any, end int64, err error) {
	section := io.NewSectionReader(r, off, limit)
	m := &machine{in: input{buf: bufio.NewReader(section), size: limit}, env: env}
	if err := m.run(); err != nil {
		return nil, 0, err
	}
	return m.stack[0], off + m.in.pos, nil
}

// Tuple is a tuple.
type Tuple struct {
	Items []any
	depth int
}

// List is a list.
type List struct {
	Items []any
	depth int
}

// Dict is a dict, in the order of its insertions. A key that was set twice stands in it twice.
type Dict struct {
	Keys, Values []any
	depth        int
}

// Get returns the value that was last set for key.
func (d *Dict) Get(key string) (any, bool) {
	for i := len(d.Keys) - 1; i >= 0; i-- {
		if d.Keys[i] == any(key) {
			return d.Values[i], true
		}
	}
	return nil, false
}

// Class is a class or a function of Env.Globals.
type Class struct {
	Name string // "torch.FloatStorage"
	call Func
}

// OrderedDict is the Func of Python's collections.OrderedDict: it makes a Dict, empty or, as Python 2 wrote
// it, of a list of pairs.
func OrderedDict(args []any) (any, error) {
	d := &Dict{}
	if len(args) == 0 {
		return d, nil
	}
	pairs, ok := args[0].(*List)
	if !ok || len(args) > 1 {
		return nil, FormatError("arguments that are not one list of pairs")
	}
	d.Keys, d.Values = make([]any, 0, len(pairs.Items)), make([]any, 0, len(pairs.Items))
	for _, p := range pairs.Items {
		var kv []any
		switch p := p.(type) {
		case *Tuple:
			kv = p.Items
		case *List:
			kv = p.Items
		}
		if len(kv) != 2 {
			return nil, FormatError("arguments that are not one list of pairs")
		}
		if err := d.set(kv[0], kv[1]); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func (d *Dict) set(key, value any) error {
	if err := nest(&d.depth, key, value); err != nil {
		return err
	}
	d.Keys, d.Values = append(d.Keys, key), append(d.Values, value)
	return nil
}

// nest raises the depth of what is to contain items, if they are deep.
func nest(depth *int, items ...any) error {
	for _, v := range items {
		d := 0
		switch v := v.(type) {
		case *Tuple:
			d = v.depth
		case *List:
			d = v.depth
		case *Dict:
			d = v.depth
		}
		*depth = max(*depth, d+1)
	}
	if *depth > maxNesting {
		return FormatError(fmt.Sprintf("nests more than %d deep", maxNesting))
	}
	return nil
}

// Kind says in Python's words what v is, for messages: it never prints a value.
func Kind(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		return "a bool"
	case string:
		return "a string"
	case []byte:
		return "bytes"
	case int64, *big.Int:
		return "an int"
	case float64:
		return "a float"
	case *Tuple:
		return "a tuple"
	case *List:
		return "a list"
	case *Dict:
		return "a dict"
	case *Class:
		return v.Name
	}
	return "an object"
}
