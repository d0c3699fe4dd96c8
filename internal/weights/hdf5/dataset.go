package hdf5

import "fmt"

// maxExpansion is how many times larger an array may be than what is stored for it; deflate reaches 1032.
const maxExpansion = 1000

// Dataset is an array of numbers.
type Dataset struct {
	object
	Shape []int
	Type  Type

	bytes   uint64 // of all elements
	layout  layout
	filters []filter
	chunks  []chunk // once located
}

// layout tells where the elements are.
type layout struct {
	class layoutClass
	data  []byte // compact: the elements

	addr uint64 // contiguous: the elements; chunked: the index
	size uint64 // contiguous; a single chunk that is filtered
	mask uint64 // of a single chunk that is filtered

	chunk []uint64 // extents
	index chunkIndex
}

type layoutClass uint64

const (
	compact layoutClass = iota
	contiguous
	chunked
	virtual
)

// newDataset reads all about a data set but its elements and their index.
func newDataset(o object) (*Dataset, error) {
	d := &Dataset{object: o}
	if _, ok := o.find(msgExternal); ok {
		return nil, unsupportedf("external storage: the data are in another file, which is not opened")
	}
	rawSpace, ok1 := o.find(msgDataspace)
	rawType, ok2 := o.find(msgDatatype)
	rawLayout, _ := o.find(msgLayout)
	if !ok1 || !ok2 {
		return nil, formatErrorf("a data set without a dataspace or a datatype")
	}
	dims, err := parseSpace(rawSpace)
	if err != nil {
		return nil, err
	}
	if d.Type, err = parseType(rawType); err != nil {
		return nil, err
	}
	var fits bool
	if d.bytes, fits = d.Type.bytes(dims); !fits {
		return nil, formatErrorf("shape %v of %d bytes an element is more than there can be", dims, d.Type.Size)
	}
	for _, n := range dims {
		if int(n) < 0 {
			return nil, formatErrorf("shape %v", dims)
		}
		d.Shape = append(d.Shape, int(n))
	}
	if raw, ok := o.find(msgFilters); ok {
		if d.filters, err = parseFilters(raw); err != nil {
			return nil, err
		}
	}
	if err := d.parseLayout(rawLayout, len(dims)); err != nil {
		return nil, err
	}
	return d, d.check()
}

// parseLayout parses a data layout message.
func (d *Dataset) parseLayout(data []byte, rank int) error {
	c := &cursor{b: data}
	version := c.uint(1)
	l := &d.layout
	l.class = layoutClass(c.uint(1))
	// Version 5, of HDF5 2.0, differs from 4 in the widths of numbers in the indexes, which these tell too.
	if version < 3 || version > 5 {
		return unsupportedf("data layout message version %d, want 3 to 5", version)
	}
	var err error
	switch l.class {
	case compact:
		l.data = c.bytes(c.uint(2))
	case contiguous:
		l.addr, l.size = c.uint(8), c.uint(8)
	case chunked:
		if version == 3 {
			err = l.chunked3(c, rank, d.Type.Size)
		} else {
			err = l.chunked4(c, rank, d.Type.Size, len(d.filters) > 0)
		}
	case virtual:
		return unsupportedf("a virtual data set: the data are in other files, which are not opened")
	default:
		return unsupportedf("data layout of class %d", l.class)
	}
	if err == nil && c.short {
		err = formatErrorf("data layout message of %d bytes is cut", len(data))
	}
	return err
}

// check refuses a data set that declares other than is stored, as far as this is known without its index.
func (d *Dataset) check() error {
	l := &d.layout
	if d.bytes == 0 {
		return nil
	}
	switch l.class {
	case compact:
		if uint64(len(l.data)) != d.bytes {
			return formatErrorf("shape %v declares %d bytes, %d are stored", d.Shape, d.bytes, len(l.data))
		}
	case contiguous:
		if l.addr == undefined {
			return unsupportedf("shape %v declares %d bytes, none are stored", d.Shape, d.bytes)
		}
		if l.size != d.bytes {
			return formatErrorf("shape %v declares %d bytes, %d are stored", d.Shape, d.bytes, l.size)
		}
		return d.f.inside(l.addr, l.size, "data")
	case chunked:
		if d.bytes/maxExpansion > d.f.limit {
			return formatErrorf("shape %v declares %d bytes in a file of %d", d.Shape, d.bytes, d.f.limit)
		}
	}
	return nil
}

// Extent returns where the elements of a data set that is stored in one piece are, false for others. The
// extents of two data sets of a sound file do not overlap.
func (d *Dataset) Extent() (offset, size int64, ok bool) {
	if d.layout.class != contiguous || d.bytes == 0 {
		return 0, 0, false
	}
	return int64(d.layout.addr), int64(d.layout.size), true
}

// Check reads where all the elements are, without reading them. After it, memory for as many elements as
// Shape declares may be taken: at most maxExpansion times what the file stores for them.
func (d *Dataset) Check() error {
	if d.layout.class != chunked || d.bytes == 0 || d.chunks != nil {
		return nil
	}
	return within(d.path, d.locate())
}

// Read gives all elements, once each, to put, in runs: elems holds those from the row-major index first on,
// as they stand in the file, and is valid during the call only.
func (d *Dataset) Read(put func(first int, elems []byte)) error {
	if err := d.Check(); err != nil {
		return err
	}
	if d.bytes == 0 {
		return nil
	}
	switch d.layout.class {
	case compact:
		put(0, d.layout.data)
	case contiguous:
		return within(d.path, d.readContiguous(put))
	case chunked:
		for i := range d.chunks {
			if err := d.readChunk(i, put); err != nil {
				return within(d.path, within(fmt.Sprintf("chunk %d", i), err))
			}
		}
	}
	return nil
}

func (d *Dataset) readContiguous(put func(first int, elems []byte)) error {
	size := uint64(d.Type.Size)
	buf := make([]byte, min(d.bytes, max(1, 256<<10/size)*size))
	for at := uint64(0); at < d.bytes; at += uint64(len(buf)) {
		buf = buf[:min(uint64(len(buf)), d.bytes-at)]
		if err := d.f.fill(buf, d.layout.addr+at); err != nil {
			return err
		}
		put(int(at/size), buf)
	}
	return nil
}
