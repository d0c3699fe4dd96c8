package hdf5

// maxName bounds the length of names: of links, attributes and the members of string lists.
const maxName = 4096

// localHeap is the data segment of a local heap: the names of a symbol table, each ended by a zero.
type localHeap string

func (f *File) localHeap(addr uint64) (localHeap, error) {
	head, err := f.read(addr, 32, "local heap")
	if err != nil {
		return "", err
	}
	c := &cursor{b: head}
	if string(c.bytes(4)) != "HEAP" || c.uint(1) != 0 {
		return "", formatErrorf("no local heap at %d", addr)
	}
	c.skip(3)
	size := c.uint(8)
	c.skip(8) // free list
	data, err := f.read(c.uint(8), size, "local heap's data")
	return localHeap(data), err
}

// name returns the name at offset at.
func (h localHeap) name(at uint64) (string, error) {
	if at >= uint64(len(h)) {
		return "", formatErrorf("name at %d of a local heap of %d bytes", at, len(h))
	}
	s := h[at:min(uint64(len(h)), at+maxName+1)]
	for i := range len(s) {
		if s[i] == 0 {
			return string(s[:i]), nil
		}
	}
	return "", formatErrorf("name at %d of a local heap does not end within %d bytes", at, len(s))
}

// global returns object number index of the global heap collection at addr.
func (f *File) global(addr, index uint64) (string, error) {
	objects, ok := f.heaps[addr]
	if !ok {
		var err error
		if objects, err = f.collection(addr); err != nil {
			return "", err
		}
		f.heaps[addr] = objects
	}
	s, ok := objects[index]
	if !ok {
		return "", formatErrorf("global heap collection at %d has no object %d", addr, index)
	}
	return s, nil
}

// collection returns the objects of a global heap collection by number. They are parts of one string.
func (f *File) collection(addr uint64) (map[uint64]string, error) {
	head, err := f.read(addr, 16, "global heap collection")
	if err != nil {
		return nil, err
	}
	c := &cursor{b: head}
	if string(c.bytes(4)) != "GCOL" || c.uint(1) != 1 {
		return nil, formatErrorf("no global heap collection at %d", addr)
	}
	c.skip(3)
	data, err := f.read(addr, c.uint(8), "global heap collection")
	if err != nil {
		return nil, err
	}
	all := string(data)
	objects := map[uint64]string{}
	c = &cursor{b: data}
	for c.skip(16); len(c.b) >= 16; {
		index := c.uint(2)
		c.skip(6) // references
		size := c.uint(8)
		if index == 0 { // the free space, which is last
			break
		}
		at := len(all) - len(c.b)
		padded := c.bytes(size + -size&7)
		if c.short || uint64(len(padded)) < size {
			return nil, formatErrorf("object %d of the global heap collection at %d has %d bytes", index, addr, size)
		}
		objects[index] = all[at : at+int(size)]
	}
	return objects, nil
}
