package hdf5

// chunkIndex is how the chunks of a data set are found.
type chunkIndex uint64

const (
	btreeIndex1 chunkIndex = iota // data layout version 3
	singleChunk
	implicitIndex
	fixedArray
	extensibleArray
	btreeIndex2
)

// maxChunks bounds the number of chunks of a data set, which an implicit index does not.
const maxChunks = 1 << 20

// chunk is where one chunk is stored.
type chunk struct {
	addr, size uint64
	mask       uint64 // bit i: filter i was left out
}

// chunked3 parses what a version 3 layout message says about chunks.
func (l *layout) chunked3(c *cursor, rank, elem int) error {
	n := c.uint(1)
	l.addr = c.uint(8)
	return l.extents(c, n, 4, rank, elem)
}

// extents takes the n extents of a chunk, each of width bytes; the last is the size of an element.
func (l *layout) extents(c *cursor, n uint64, width, rank, elem int) error {
	if n != uint64(rank)+1 {
		return formatErrorf("chunks of %d dimensions in an array of %d", int(n)-1, rank)
	}
	for range n {
		l.chunk = append(l.chunk, c.uint(width))
	}
	if last := l.chunk[rank]; last != uint64(elem) && !c.short {
		return formatErrorf("chunks with elements of %d bytes in an array with elements of %d", last, elem)
	}
	l.chunk = l.chunk[:rank]
	return nil
}

// chunked4 parses what a version 4 layout message says about chunks.
func (l *layout) chunked4(c *cursor, rank, elem int, filtered bool) error {
	const edgesUnfiltered, singleFiltered = 1, 2
	flags, n, width := c.uint(1), c.uint(1), c.uint(1)
	if width > 8 {
		return formatErrorf("chunk extents of %d bytes", width)
	}
	if err := l.extents(c, n, int(width), rank, elem); err != nil {
		return err
	}
	l.index = chunkIndex(c.uint(1))
	switch l.index {
	case singleChunk:
		if flags&singleFiltered != 0 {
			l.size, l.mask = c.uint(8), c.uint(4)
		}
	case implicitIndex:
	case fixedArray:
		c.skip(1) // page bits, again in the header
	case btreeIndex2:
		c.skip(6) // the tree's parameters, again in its header
	case extensibleArray:
		return unsupportedf("chunks in an extensible array (the array can grow)")
	default:
		return unsupportedf("chunk index of type %d", l.index)
	}
	l.addr = c.uint(8)
	if flags&edgesUnfiltered != 0 && filtered {
		return unsupportedf("chunks at the edges are not filtered")
	}
	return nil
}

// locate reads the index of the chunks into d.chunks, in row-major order.
func (d *Dataset) locate() error {
	count, size := uint64(1), uint64(d.Type.Size)
	ok := len(d.Shape) > 0
	for i, extent := range d.layout.chunk {
		if extent == 0 {
			return formatErrorf("chunks of shape %v", d.layout.chunk)
		}
		var ok1, ok2 bool
		count, ok1 = mul(count, (uint64(d.Shape[i])+extent-1)/extent)
		size, ok2 = mul(size, extent)
		ok = ok && ok1 && ok2
	}
	if !ok {
		return formatErrorf("shape %v in chunks of shape %v", d.Shape, d.layout.chunk)
	}
	if count > maxChunks {
		return unsupportedf("%d chunks, at most %d are read", count, maxChunks)
	}
	chunks, err := d.index(count, size)
	if err != nil {
		return err
	}
	return d.accept(chunks, count, size)
}

// accept checks the chunks that the index names and takes them over.
func (d *Dataset) accept(chunks []chunk, count, size uint64) error {
	if uint64(len(chunks)) != count {
		return unsupportedf("%d of %d chunks are stored", len(chunks), count)
	}
	stored := uint64(0)
	for i, c := range chunks {
		if c.addr == undefined {
			return unsupportedf("chunk %d is not stored", i)
		}
		if err := d.f.inside(c.addr, c.size, "chunk"); err != nil {
			return err
		}
		if stored += c.size; stored > d.f.limit {
			return formatErrorf("chunks of more than %d bytes in a file of %d", stored, d.f.limit)
		}
		// A chunk may reach over the edge of the array, but is unpacked whole.
		if size/maxExpansion > c.size {
			return formatErrorf("chunk %d declares %d bytes, %d are stored", i, size, c.size)
		}
	}
	if d.bytes/maxExpansion > stored {
		return formatErrorf("shape %v declares %d bytes, %d are stored", d.Shape, d.bytes, stored)
	}
	d.chunks = chunks
	return nil
}

// index returns the chunks, in row-major order: count of them if none is missing, each of size bytes if it is
// not filtered.
func (d *Dataset) index(count, size uint64) ([]chunk, error) {
	l := &d.layout
	if l.addr == undefined {
		return nil, nil
	}
	switch l.index {
	case btreeIndex1:
		return d.tree1Chunks(size)
	case singleChunk:
		if l.size != 0 {
			size = l.size
		}
		return []chunk{{l.addr, size, l.mask}}, nil
	case implicitIndex:
		total, ok := mul(count, size)
		if !ok {
			return nil, formatErrorf("%d chunks of %d bytes", count, size)
		}
		if err := d.f.inside(l.addr, total, "chunks"); err != nil {
			return nil, err
		}
		chunks := make([]chunk, count)
		for i := range chunks {
			chunks[i] = chunk{addr: l.addr + uint64(i)*size, size: size}
		}
		return chunks, nil
	case fixedArray:
		return d.f.fixedArray(l.addr, count, size)
	}
	return d.tree2Chunks(size)
}

// ordinal returns the row-major number of the chunk with the given position, in chunks or, for unit the
// chunk's extents, in elements.
func (d *Dataset) ordinal(position, unit []uint64) (n uint64, ok bool) {
	for i, p := range position {
		extent := d.layout.chunk[i]
		if unit != nil {
			if p%unit[i] != 0 {
				return 0, false
			}
			p /= unit[i]
		}
		across := (uint64(d.Shape[i]) + extent - 1) / extent
		if p >= across {
			return 0, false
		}
		n = n*across + p
	}
	return n, true
}

// tree1Chunks reads the version 1 B-tree of layout version 3.
func (d *Dataset) tree1Chunks(size uint64) ([]chunk, error) {
	rank := len(d.Shape)
	var out []chunk
	t := &tree1{f: d.f, kind: treeChunks, keySize: uint64(8 + 8*(rank+1)), seen: map[uint64]bool{}}
	t.visit = func(key []byte, child uint64) error {
		c := &cursor{b: key}
		stored, mask := c.uint(4), c.uint(4)
		return d.next(&out, c, d.layout.chunk, chunk{child, stored, mask}, size)
	}
	return out, t.walk(d.layout.addr)
}

// tree2Chunks reads the version 2 B-tree of layout version 4.
func (d *Dataset) tree2Chunks(size uint64) ([]chunk, error) {
	kind := uint64(recChunk)
	if len(d.filters) > 0 {
		kind = recFilteredChunk
	}
	var out []chunk
	err := d.f.walk2(d.layout.addr, kind, func(record []byte) error {
		c := &cursor{b: record}
		entry := chunk{addr: c.uint(8), size: size}
		if kind == recFilteredChunk {
			width := len(record) - 12 - 8*len(d.Shape)
			if width < 1 || width > 8 {
				return formatErrorf("B-tree records of %d bytes", len(record))
			}
			entry.size, entry.mask = c.uint(width), c.uint(4)
		}
		return d.next(&out, c, nil, entry, size)
	})
	return out, err
}

// next appends the chunk whose position c holds, which must be the one after the last.
func (d *Dataset) next(out *[]chunk, c *cursor, unit []uint64, entry chunk, size uint64) error {
	position := make([]uint64, len(d.Shape))
	for i := range position {
		position[i] = c.uint(8)
	}
	n, ok := d.ordinal(position, unit)
	switch {
	case c.short:
		return formatErrorf("B-tree records too short for %d dimensions", len(position))
	case !ok:
		return formatErrorf("chunk at %v of an array of shape %v in chunks of shape %v", position, d.Shape, d.layout.chunk)
	case n < uint64(len(*out)):
		return formatErrorf("chunk at %v comes twice or out of order", position)
	case n > uint64(len(*out)):
		return unsupportedf("the chunk before that at %v is not stored", position)
	}
	*out = append(*out, entry)
	return nil
}

// fixedArray reads the index of an array that cannot grow: entries in row-major order, in pages if they are
// many.
func (f *File) fixedArray(addr, count, size uint64) ([]chunk, error) {
	c, err := f.summed(addr, 28, "FAHD", 0)
	if err != nil {
		return nil, err
	}
	filtered, entry, pageBits := c.uint(1), c.uint(1), c.uint(1)
	entries, block := c.uint(8), c.uint(8)
	if entries != count {
		return nil, unsupportedf("fixed array at %d has %d entries for %d chunks (the array can grow)", addr, entries, count)
	}
	if filtered > 1 || pageBits > 32 || filtered == 0 && entry != 8 || filtered == 1 && (entry < 13 || entry > 20) {
		return nil, formatErrorf("fixed array at %d of kind %d with entries of %d bytes and %d page bits", addr, filtered, entry, pageBits)
	}
	const prefix = 14 // signature, version, kind, address of the header
	var out []chunk
	take := func(c *cursor) {
		for len(c.b) > 0 {
			e := chunk{addr: c.uint(8), size: size}
			if filtered == 1 {
				e.size, e.mask = c.uint(int(entry)-12), c.uint(4)
			}
			out = append(out, e)
		}
	}
	page := uint64(1) << pageBits
	if count <= page {
		c, err := f.summed(block, prefix+count*entry+4, "FADB", 0)
		if err != nil {
			return nil, err
		}
		c.skip(prefix - 5)
		take(c)
		return out, nil
	}
	// A bit for each page tells whether it was ever written; one that was not has no valid checksum.
	pages := (count + page - 1) / page
	at := prefix + (pages+7)/8 + 4
	if _, err := f.summed(block, at, "FADB", 0); err != nil {
		return nil, err
	}
	for at += block; count > 0; {
		n := min(page, count)
		c, err := f.summed(at, n*entry+4, "", noVersion)
		if err != nil {
			return nil, err
		}
		take(c)
		at += n*entry + 4
		count -= n
	}
	return out, nil
}

// readChunk gives the elements of chunk i to put, row by row.
func (d *Dataset) readChunk(i int, put func(first int, elems []byte)) error {
	rank, elem := len(d.Shape), uint64(d.Type.Size)
	extents := d.layout.chunk
	// The position of the chunk's first element, and how much of the chunk lies inside of the array.
	start, inside := make([]uint64, rank), make([]uint64, rank)
	size := elem
	for k, n := rank-1, uint64(i); k >= 0; k-- {
		across := (uint64(d.Shape[k]) + extents[k] - 1) / extents[k]
		start[k] = n % across * extents[k]
		inside[k] = min(extents[k], uint64(d.Shape[k])-start[k])
		n /= across
		size *= extents[k]
	}
	stored := make([]byte, d.chunks[i].size)
	if err := d.f.fill(stored, d.chunks[i].addr); err != nil {
		return err
	}
	data, err := unfilter(d.filters, stored, size, d.chunks[i].mask)
	if err != nil {
		return err
	}
	row := inside[rank-1]
	for at := make([]uint64, rank); ; {
		first, from := uint64(0), uint64(0)
		for k := range rank {
			first = first*uint64(d.Shape[k]) + start[k] + at[k]
			from = from*extents[k] + at[k]
		}
		put(int(first), data[from*elem:(from+row)*elem])
		if !step(at[:rank-1], inside) {
			return nil
		}
	}
}

// step moves at to the next position below limit, last axis fastest; false after the last.
func step(at, limit []uint64) bool {
	for k := len(at) - 1; k >= 0; k-- {
		if at[k]++; at[k] < limit[k] {
			return true
		}
		at[k] = 0
	}
	return false
}
