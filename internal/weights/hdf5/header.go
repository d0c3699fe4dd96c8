package hdf5

// Kinds of header messages (specification, IV.A.2).
const (
	msgDataspace    = 0x01
	msgLinkInfo     = 0x02
	msgDatatype     = 0x03
	msgLink         = 0x06
	msgExternal     = 0x07
	msgLayout       = 0x08
	msgFilters      = 0x0b
	msgAttribute    = 0x0c
	msgContinuation = 0x10
	msgSymbolTable  = 0x11
	msgAttrInfo     = 0x15
)

// sharedMessage is the flag of a message that stands elsewhere in the file.
const sharedMessage = 2

// message is one message of an object header.
type message struct {
	kind uint64
	data []byte
}

// headerForm is what differs between the two versions of object headers.
type headerForm struct {
	version int
	prefix  int // bytes before a message's data
}

// header returns the messages of the object at addr, in the file's order.
func (f *File) header(addr uint64) ([]message, error) {
	if err := f.inside(addr, 1, "object header"); err != nil {
		return nil, err
	}
	// 34 is the longest prefix: signature, version, flags, four times, two limits and an 8-byte size.
	head, err := f.read(addr, min(34, f.limit-addr), "object header")
	if err != nil {
		return nil, err
	}
	if len(head) > 4 && string(head[:4]) == "OHDR" {
		return f.header2(addr, head)
	}
	c := &cursor{b: head}
	version := c.uint(1)
	c.skip(7) // number of messages, which their length implies, and of references
	size := c.uint(4)
	if c.short || version != 1 {
		return nil, formatErrorf("no object header at %d", addr)
	}
	body, err := f.read(addr+16, size, "object header")
	if err != nil {
		return nil, err
	}
	return f.messages(headerForm{version: 1, prefix: 8}, body)
}

func (f *File) header2(addr uint64, head []byte) ([]message, error) {
	c := &cursor{b: head[5:]} // without signature and version
	flags := c.uint(1)
	if flags&0x20 != 0 {
		c.skip(16) // times
	}
	if flags&0x10 != 0 {
		c.skip(4) // limits for dense attributes
	}
	size := c.uint(1 << (flags & 3))
	if c.short {
		return nil, formatErrorf("object header at %d: the file ends at %d", addr, f.limit)
	}
	prefix := uint64(len(head) - len(c.b))
	if err := f.inside(addr, size, "object header"); err != nil {
		return nil, err
	}
	body, err := f.summed(addr, prefix+size+4, "OHDR", 2)
	if err != nil {
		return nil, err
	}
	body.skip(prefix - 5)
	form := headerForm{version: 2, prefix: 4}
	if flags&4 != 0 {
		form.prefix = 6 // creation order
	}
	return f.messages(form, body.b)
}

// messages parses the messages in body and in the blocks that continue it.
func (f *File) messages(form headerForm, body []byte) ([]message, error) {
	var out []message
	seen := map[uint64]bool{}
	for todo := [][]byte{body}; len(todo) > 0; todo = todo[1:] {
		// What is left at the end and too short for a message is a gap.
		for c := (&cursor{b: todo[0]}); len(c.b) >= form.prefix; {
			m, err := form.next(c)
			if err != nil {
				return nil, err
			}
			if m.kind != msgContinuation {
				out = append(out, m)
				continue
			}
			at := &cursor{b: m.data}
			addr, size := at.uint(8), at.uint(8)
			if seen[addr] {
				return nil, formatErrorf("object header continues at %d more than once", addr)
			}
			seen[addr] = true
			more, err := f.continuation(form, addr, size)
			if err != nil {
				return nil, err
			}
			todo = append(todo, more)
		}
	}
	return out, nil
}

// next takes one message.
func (form headerForm) next(c *cursor) (m message, err error) {
	kindBytes := 3 - form.version // 2 in version 1, 1 in version 2
	m.kind = c.uint(kindBytes)
	size, flags := c.uint(2), c.uint(1)
	c.skip(uint64(form.prefix - kindBytes - 3))
	m.data = c.bytes(size)
	switch {
	case c.short:
		return m, formatErrorf("header message 0x%02x of %d bytes goes beyond its object header", m.kind, size)
	case flags&sharedMessage != 0:
		return m, unsupportedf("header message 0x%02x is shared between objects", m.kind)
	}
	return m, nil
}

func (f *File) continuation(form headerForm, addr, size uint64) ([]byte, error) {
	if form.version == 1 {
		return f.read(addr, size, "object header continuation")
	}
	c, err := f.summed(addr, size, "OCHK", noVersion)
	if err != nil {
		return nil, err
	}
	return c.b, nil
}
