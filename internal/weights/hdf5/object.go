package hdf5

import "strings"

// object is what groups and data sets have in common.
type object struct {
	f        *File
	path     string
	addr     uint64
	messages []message
	attrs    map[string]attribute // nil until one is asked for
}

// Address tells objects apart: two paths with the same address lead to one object.
func (o *object) Address() uint64 { return o.addr }

// Path returns the path that the object was first opened by.
func (o *object) Path() string { return o.path }

// find returns the data of the first message of a kind.
func (o *object) find(kind uint64) (data []byte, ok bool) {
	for _, m := range o.messages {
		if m.kind == kind {
			return m.data, true
		}
	}
	return nil, false
}

// maxAttrElems bounds the length of string lists.
const maxAttrElems = 1 << 20

// attribute is a small array that belongs to an object.
type attribute struct {
	typ   Type
	elems uint64
	data  []byte
}

// HasAttr reports whether the object has an attribute of that name.
func (o *object) HasAttr(name string) (bool, error) {
	if err := o.loadAttrs(); err != nil {
		return false, within(o.path, err)
	}
	_, ok := o.attrs[name]
	return ok, nil
}

// Strings returns the elements of an attribute that holds strings, of fixed or variable length; a scalar is
// one element. An attribute without elements may be of any type: h5py writes an empty list as numbers.
func (o *object) Strings(name string) ([]string, error) {
	if err := o.loadAttrs(); err != nil {
		return nil, within(o.path, err)
	}
	a, ok := o.attrs[name]
	if !ok {
		return nil, within(o.path, formatErrorf("no attribute %q", name))
	}
	out, err := o.f.strings(a)
	if err != nil {
		return nil, within(o.path, within(name, err))
	}
	return out, nil
}

func (f *File) strings(a attribute) ([]string, error) {
	if a.elems > 0 && a.typ.Class != fixedString && a.typ.Class != variableString {
		return nil, unsupportedf("attribute holds %s, want strings", a.typ)
	}
	out := make([]string, a.elems) // loadAttrs has seen as many elements in the file
	for i := range out {
		b := a.data[i*a.typ.Size : (i+1)*a.typ.Size]
		if a.typ.Class == fixedString {
			out[i] = trim(string(b), a.typ.padding)
			continue
		}
		s, err := f.variable(b)
		if err != nil {
			return nil, err
		}
		out[i] = s
	}
	return out, nil
}

// trim removes what fills a fixed-length string up to its length.
func trim(s string, padding byte) string {
	switch padding {
	case padNullTerminated:
		s, _, _ = strings.Cut(s, "\x00")
	case padNulls:
		s = strings.TrimRight(s, "\x00")
	default:
		s = strings.TrimRight(s, " ")
	}
	return s
}

// variable returns the string that a reference of 16 bytes leads to.
func (f *File) variable(ref []byte) (string, error) {
	c := &cursor{b: ref}
	n, addr, index := c.uint(4), c.uint(8), c.uint(4)
	if n == 0 {
		return "", nil
	}
	s, err := f.global(addr, index)
	if err != nil {
		return "", err
	}
	if n > uint64(len(s)) {
		return "", formatErrorf("string of %d bytes in a global heap object of %d", n, len(s))
	}
	return strings.TrimRight(s[:n], "\x00"), nil
}

// loadAttrs parses the attributes in the header and those that an attribute info message leads to.
func (o *object) loadAttrs() error {
	if o.attrs != nil {
		return nil
	}
	attrs := map[string]attribute{}
	add := func(data []byte) error {
		name, a, err := parseAttribute(data)
		if err != nil {
			return err
		}
		if _, twice := attrs[name]; twice {
			return formatErrorf("two attributes %q", name)
		}
		attrs[name] = a
		return nil
	}
	for _, m := range o.messages {
		var err error
		switch m.kind {
		case msgAttribute:
			err = add(m.data)
		case msgAttrInfo:
			err = o.f.dense(m.data, 2, recAttrName, add)
		}
		if err != nil {
			return err
		}
	}
	o.attrs = attrs
	return nil
}

// dense visits the messages that a link info or an attribute info message leads to: objects of a fractal heap,
// whose IDs are in a B-tree of records of the given kind. orderBytes is the width of a creation order.
func (f *File) dense(info []byte, orderBytes uint64, kind uint64, visit func(data []byte) error) error {
	c := &cursor{b: info}
	version, flags := c.uint(1), c.uint(1)
	if flags&1 != 0 {
		c.skip(orderBytes)
	}
	heapAddr, treeAddr := c.uint(8), c.uint(8)
	switch {
	case c.short:
		return formatErrorf("link or attribute info message of %d bytes", len(info))
	case version != 0:
		return unsupportedf("link or attribute info message version %d, want 0", version)
	case heapAddr == undefined:
		return nil
	}
	h, err := f.fractalHeap(heapAddr)
	if err != nil {
		return err
	}
	return f.walk2(treeAddr, kind, func(record []byte) error {
		c := &cursor{b: record}
		if kind == recLinkName {
			c.skip(4) // hash of the name
		}
		id := c.bytes(uint64(h.idLen))
		if c.short {
			return formatErrorf("B-tree record of %d bytes for heap IDs of %d", len(record), h.idLen)
		}
		data, err := h.object(id)
		if err != nil {
			return err
		}
		return visit(data)
	})
}

// parseAttribute parses an attribute message.
func parseAttribute(data []byte) (name string, a attribute, err error) {
	c := &cursor{b: data}
	version, flags := c.uint(1), c.uint(1)
	nameSize, typeSize, spaceSize := c.uint(2), c.uint(2), c.uint(2)
	pad := uint64(0) // version 1 pads each part to 8 bytes
	switch version {
	case 1:
		pad, flags = 7, 0
	case 2:
	case 3:
		c.skip(1) // character set of the name
	default:
		return "", a, unsupportedf("attribute message version %d, want 1 to 3", version)
	}
	part := func(n uint64) []byte {
		b := c.bytes((n + pad) &^ pad)
		return b[:min(n, uint64(len(b)))]
	}
	rawName, rawType, rawSpace := part(nameSize), part(typeSize), part(spaceSize)
	name = trim(string(rawName), padNullTerminated)
	switch {
	case c.short:
		return "", a, formatErrorf("attribute message of %d bytes is cut", len(data))
	case flags != 0:
		return "", a, unsupportedf("attribute %q has a shared type", name)
	case len(name) > maxName:
		return "", a, formatErrorf("attribute with a name of %d bytes", len(name))
	}
	if a.typ, err = parseType(rawType); err != nil {
		return "", a, within(name, err)
	}
	dims, err := parseSpace(rawSpace)
	if err != nil {
		return "", a, within(name, err)
	}
	a.data = c.b
	size, ok := a.typ.bytes(dims)
	if !ok || size > uint64(len(a.data)) {
		return "", a, within(name, formatErrorf("attribute of shape %v has %d bytes", dims, len(a.data)))
	}
	if a.elems = size / uint64(a.typ.Size); a.elems > maxAttrElems {
		return "", a, within(name, unsupportedf("attribute of %d elements, at most %d are read", a.elems, maxAttrElems))
	}
	return name, a, nil
}
