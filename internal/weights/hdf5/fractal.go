package hdf5

import "math/bits"

// fractalHeap holds the link and attribute messages of objects that have many of them (specification, III.G).
// Its objects lie in blocks of growing size, in rows of width blocks, under a tree of indirect blocks.
type fractalHeap struct {
	f          *File
	addr       uint64
	idLen      int
	offBytes   int // widths of the offset and the length in the ID of a managed object
	lenBytes   int
	summed     bool // direct blocks have a checksum
	width      uint64
	start      uint64 // size of the blocks in the first two rows
	maxDirect  uint64
	directRows uint64 // rows of direct blocks in an indirect block
	root       uint64
	rows       uint64 // in the root; 0 if it is a direct block
	hugeTree   uint64
	huge       map[uint64]block
	blocks     map[uint64][]byte // by address
	indirect   map[uint64][]uint64
}

type block struct{ addr, size uint64 }

func (f *File) fractalHeap(addr uint64) (*fractalHeap, error) {
	const size = 146
	c, err := f.summed(addr, size, "FRHP", 0)
	if err != nil {
		return nil, err
	}
	h := &fractalHeap{f: f, addr: addr, blocks: map[uint64][]byte{}, indirect: map[uint64][]uint64{}}
	h.idLen = int(c.uint(2))
	if c.uint(2) != 0 {
		return nil, unsupportedf("fractal heap at %d is filtered", addr)
	}
	h.summed = c.uint(1)&2 != 0
	maxManaged := c.uint(4)
	c.skip(8)
	h.hugeTree = c.uint(8)
	c.skip(10 * 8) // free space and counts
	h.width, h.start, h.maxDirect = c.uint(2), c.uint(8), c.uint(8)
	heapBits := c.uint(2)
	c.skip(2)
	h.root, h.rows = c.uint(8), c.uint(2)
	if bits.OnesCount64(h.width) != 1 || bits.OnesCount64(h.start) != 1 || bits.OnesCount64(h.maxDirect) != 1 ||
		h.start > h.maxDirect || h.maxDirect > 1<<31 || heapBits > 64 || h.rows > 64 || h.width > 1<<10 {
		return nil, formatErrorf("fractal heap at %d: blocks of %d to %d bytes, %d in a row, %d rows, %d bits",
			addr, h.start, h.maxDirect, h.width, h.rows, heapBits)
	}
	h.directRows = uint64(bits.Len64(h.maxDirect)-bits.Len64(h.start)) + 2
	h.offBytes = int(heapBits+7) / 8
	h.lenBytes = min((bits.Len64(h.maxDirect)+6)/8, bytesFor(maxManaged))
	return h, nil
}

// object returns the object that an ID names.
func (h *fractalHeap) object(id []byte) ([]byte, error) {
	c := &cursor{b: id}
	switch kind := c.uint(1); kind >> 4 {
	case 0:
		off, n := c.uint(h.offBytes), c.uint(h.lenBytes)
		if c.short {
			break
		}
		return h.managed(off, n)
	case 1:
		return h.hugeObject(c.uint(min(8, len(id)-1)))
	case 2:
		return c.bytes(min(kind&15+1, uint64(len(c.b)))), nil
	}
	return nil, formatErrorf("fractal heap at %d has no object of ID %x", h.addr, id)
}

// managed returns the n bytes at off of the heap's own address space.
func (h *fractalHeap) managed(off, n uint64) ([]byte, error) {
	addr, rows, rest := h.root, h.rows, off
	size := h.start
	for rows > 0 {
		children, err := h.children(addr, rows)
		if err != nil {
			return nil, err
		}
		row, rowStart := uint64(0), uint64(0)
		size = h.start
		if first := h.start * h.width; rest >= first {
			row = uint64(bits.Len64(rest) - bits.Len64(first) + 1)
			rowStart = first << (row - 1)
			size = h.start << (row - 1)
		}
		if row >= rows {
			return nil, formatErrorf("fractal heap at %d has no offset %d", h.addr, off)
		}
		col := (rest - rowStart) / size
		rest -= rowStart + col*size
		addr = children[row*h.width+col]
		if row < h.directRows {
			break
		}
		// An indirect block of so many rows spans size bytes.
		below := bits.Len64(size) - bits.Len64(h.start*h.width) + 1
		if below <= 0 {
			return nil, formatErrorf("fractal heap at %d has %d rows of %d blocks", h.addr, rows, h.width)
		}
		rows = uint64(below)
	}
	return h.direct(addr, size, rest, n)
}

// children returns the addresses in the indirect block at addr: of rows times width blocks.
func (h *fractalHeap) children(addr, rows uint64) ([]uint64, error) {
	if out, ok := h.indirect[addr]; ok && uint64(len(out)) == rows*h.width {
		return out, nil
	}
	c, err := h.f.summed(addr, uint64(13+h.offBytes)+rows*h.width*8+4, "FHIB", 0)
	if err != nil {
		return nil, err
	}
	c.skip(uint64(8 + h.offBytes))
	out := make([]uint64, rows*h.width)
	for i := range out {
		out[i] = c.uint(8)
	}
	h.indirect[addr] = out
	return out, nil
}

// direct returns n bytes at off of the direct block of size bytes at addr.
func (h *fractalHeap) direct(addr, size, off, n uint64) ([]byte, error) {
	b, ok := h.blocks[addr]
	if !ok {
		var err error
		if b, err = h.f.read(addr, size, "fractal heap direct block"); err != nil {
			return nil, err
		}
		if len(b) < 4 || string(b[:4]) != "FHDB" {
			return nil, formatErrorf("no fractal heap direct block at %d", addr)
		}
		if err := h.verify(addr, b); err != nil {
			return nil, err
		}
		h.blocks[addr] = b
	}
	if off > uint64(len(b)) || n > uint64(len(b))-off {
		return nil, formatErrorf("object of %d bytes at %d of the fractal heap direct block at %d, which has %d", n, off, addr, len(b))
	}
	return b[off : off+n], nil
}

// verify checks the checksum of a direct block, which is taken over the block with the checksum's own bytes
// zero.
func (h *fractalHeap) verify(addr uint64, b []byte) error {
	at := 13 + h.offBytes
	if !h.summed || h.f.lax {
		return nil
	}
	if len(b) < at+4 {
		return formatErrorf("fractal heap direct block at %d has %d bytes", addr, len(b))
	}
	c := cursor{b: b[at:]}
	want := uint32(c.uint(4))
	zeroed := append([]byte(nil), b...)
	clear(zeroed[at : at+4])
	if checksum(zeroed) != want {
		return formatErrorf("fractal heap direct block at %d: wrong checksum", addr)
	}
	return nil
}

// hugeObject returns the object of a number that is too large for a block and has its own place.
func (h *fractalHeap) hugeObject(id uint64) ([]byte, error) {
	if h.huge == nil {
		h.huge = map[uint64]block{}
		err := h.f.walk2(h.hugeTree, recHuge, func(record []byte) error {
			c := &cursor{b: record}
			b := block{c.uint(8), c.uint(8)}
			h.huge[c.uint(8)] = b
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	b, ok := h.huge[id]
	if !ok {
		return nil, formatErrorf("fractal heap at %d has no huge object %d", h.addr, id)
	}
	return h.f.read(b.addr, b.size, "fractal heap object")
}
