// Package hdf5 reads the part of HDF5 that h5py and Keras write: groups, attributes that hold strings, and
// arrays of numbers.
//
// Input: a file as an io.ReaderAt with its length. Output: a [File]: its groups by name, their attributes,
// and data sets with shape and type whose elements are read piece by piece, when asked for.
//
// Nothing in a file is believed: every offset and length is checked against the file's end before memory is
// taken, structures that point in a circle are refused, all that is read to find the data together is held to
// a few times the file's own length, and an array may not declare more than 1000 times the bytes that are
// stored for it. No other file is ever opened: external links, external storage and virtual data sets are
// refused, as are soft links. Damage is a [FormatError], what this package leaves out an [UnsupportedError].
//
// The format is described in the HDF5 File Format Specification, version 3.0; the names of structures in
// error messages are the specification's.
package hdf5

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// FormatError says that a file is damaged or is no HDF5 file.
type FormatError string

func (e FormatError) Error() string { return "hdf5: " + string(e) }

// UnsupportedError says that a valid file uses a part of HDF5 that this package does not read, or refuses to.
type UnsupportedError string

func (e UnsupportedError) Error() string { return "hdf5: " + string(e) }

func formatErrorf(format string, args ...any) error { return FormatError(fmt.Sprintf(format, args...)) }

func unsupportedf(format string, args ...any) error {
	return UnsupportedError(fmt.Sprintf(format, args...))
}

// within adds the path of an object to what is said about it.
func within(path string, err error) error {
	switch e := err.(type) {
	case nil:
		return nil
	case FormatError:
		return formatErrorf("%q: %s", path, string(e))
	case UnsupportedError:
		return unsupportedf("%q: %s", path, string(e))
	}
	return fmt.Errorf("%q: %w", path, err)
}

// undefined is the address of what is not there.
const undefined = math.MaxUint64

// Signature is what an HDF5 file begins with, at offset 0, 512, 1024, 2048 … .
const Signature = "\x89HDF\r\n\x1a\n"

// File is an open HDF5 file. It is for one goroutine at a time.
type File struct {
	r     io.ReaderAt
	base  uint64 // offset of address 0: the length of the user block
	limit uint64 // addresses are below it

	// budget is how many more bytes of structure may be read. Files in which many objects share one large
	// structure would otherwise cost time that grows with the square of their length.
	budget uint64

	lax    bool // checksums are not looked at, so that a fuzzer gets past them
	root   *Group
	groups map[uint64]*Group
	heaps  map[uint64]map[uint64]string // global heap collections
}

// structureSlack is what even the smallest file may cost to read, maxStructure what the largest may.
const (
	structureSlack = 64 << 10
	maxStructure   = 128 << 20
)

// Open reads the superblock and the root group of the size bytes of r, which must stay open and unchanged for
// as long as the File is used.
func Open(r io.ReaderAt, size int64) (*File, error) { return open(r, size, false) }

func open(r io.ReaderAt, size int64, lax bool) (*File, error) {
	f := &File{r: r, limit: uint64(max(size, 0)), lax: lax, groups: map[uint64]*Group{}, heaps: map[uint64]map[uint64]string{}}
	f.budget = structureSlack + min(4*f.limit, maxStructure)
	root, err := f.superblock()
	if err != nil {
		return nil, err
	}
	object, err := f.open(root, "/")
	if err != nil {
		return nil, err
	}
	var ok bool
	if f.root, ok = object.(*Group); !ok {
		return nil, formatErrorf("the root is not a group")
	}
	return f, nil
}

// Root returns the group that holds all others.
func (f *File) Root() *Group { return f.root }

// superblock finds and checks the superblock and returns the address of the root group's object header.
func (f *File) superblock() (root uint64, err error) {
	size := f.limit
	for at := uint64(0); ; at = max(512, 2*at) {
		head := make([]byte, min(128, size-min(at, size)))
		if len(head) < len(Signature) {
			return 0, formatErrorf("no HDF5 signature in %d bytes", size)
		}
		if _, err := f.r.ReadAt(head, int64(at)); err != nil && err != io.EOF {
			return 0, err
		}
		if string(head[:len(Signature)]) != Signature {
			continue
		}
		c := &cursor{b: head[len(Signature):]}
		version := c.uint(1)
		var s superblock
		switch version {
		case 0, 1:
			s = superblock0(c, version)
		case 2, 3:
			s = superblock2(c)
		default:
			return 0, unsupportedf("superblock version %d, want 0 to 3", version)
		}
		if c.short {
			return 0, formatErrorf("the file ends within the superblock, at %d bytes", size)
		}
		if version >= 2 && !f.lax && checksum(head[:44]) != binary.LittleEndian.Uint32(head[44:]) {
			return 0, formatErrorf("superblock at %d: wrong checksum", at)
		}
		return s.root, f.place(s, at, size)
	}
}

type superblock struct {
	offsets, lengths        uint64 // their widths in bytes
	base, end, driver, root uint64
}

func superblock0(c *cursor, version uint64) (s superblock) {
	c.skip(4) // versions of free space, root entry and shared messages
	s.offsets, s.lengths = c.uint(1), c.uint(1)
	c.skip(9) // ranks of B-trees, flags
	if version == 1 {
		c.skip(4)
	}
	s.base = c.uint(8)
	c.skip(8) // free space
	s.end, s.driver = c.uint(8), c.uint(8)
	c.skip(8) // offset of the root's name
	s.root = c.uint(8)
	return s
}

func superblock2(c *cursor) (s superblock) {
	s.offsets, s.lengths = c.uint(1), c.uint(1)
	c.skip(1)
	s.base = c.uint(8)
	c.skip(8) // extension
	s.end, s.root, s.driver = c.uint(8), c.uint(8), undefined
	c.skip(4) // checksum
	return s
}

// place takes over what the superblock at offset at of a file of size bytes says about addresses.
func (f *File) place(s superblock, at, size uint64) error {
	switch {
	case s.offsets != 8 || s.lengths != 8:
		return unsupportedf("offsets of %d and lengths of %d bytes, want 8", s.offsets, s.lengths)
	case s.base != at:
		return unsupportedf("superblock at offset %d says that it is at %d", at, s.base)
	case s.end > size:
		return formatErrorf("the file is truncated: it has %d bytes and says that it had %d", size, s.end)
	case s.end < size:
		return formatErrorf("%d bytes follow the end that the superblock names, %d", size-s.end, s.end)
	case s.driver != undefined:
		return unsupportedf("a driver information block (a file in several parts)")
	}
	f.base, f.limit = at, size-at
	return nil
}

// read returns the n bytes of the structure what at addr, which count against the budget.
func (f *File) read(addr, n uint64, what string) ([]byte, error) {
	if err := f.inside(addr, n, what); err != nil {
		return nil, err
	}
	if n > f.budget {
		return nil, formatErrorf("%s at %d: the file's structures are read over and over again", what, addr)
	}
	f.budget -= n
	b := make([]byte, n)
	return b, f.fill(b, addr)
}

// inside refuses n bytes at addr that are not all in the file.
func (f *File) inside(addr, n uint64, what string) error {
	switch {
	case addr == undefined:
		return formatErrorf("%s: no address", what)
	case addr >= f.limit:
		return formatErrorf("%s at %d: the file ends at %d", what, addr, f.limit)
	case n > f.limit-addr:
		return formatErrorf("%s at %d has %d bytes: the file ends at %d", what, addr, n, f.limit)
	}
	return nil
}

// fill reads the len(b) bytes at addr, which inside has checked.
func (f *File) fill(b []byte, addr uint64) error {
	n, err := f.r.ReadAt(b, int64(f.base+addr))
	if n == len(b) {
		return nil
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("hdf5: %d bytes at %d: %w", len(b), f.base+addr, err)
}

// noVersion is the version of a structure that has none.
const noVersion = -1

// summed returns the structure of n bytes at addr that begins with a signature and a version and ends with a
// checksum: what is between.
func (f *File) summed(addr, n uint64, magic string, version int) (*cursor, error) {
	what := magicNames[magic]
	b, err := f.read(addr, n, what)
	if err != nil {
		return nil, err
	}
	if len(b) < len(magic)+5 || string(b[:len(magic)]) != magic {
		return nil, formatErrorf("no %s at %d", what, addr)
	}
	body := b[:len(b)-4]
	if !f.lax && checksum(body) != binary.LittleEndian.Uint32(b[len(body):]) {
		return nil, formatErrorf("%s at %d: wrong checksum", what, addr)
	}
	c := &cursor{b: body[len(magic):]}
	if version == noVersion {
		return c, nil
	}
	if v := c.uint(1); v != uint64(version) {
		return nil, unsupportedf("%s at %d has version %d, want %d", what, addr, v, version)
	}
	return c, nil
}

var magicNames = map[string]string{
	"BTHD": "version 2 B-tree header",
	"BTIN": "version 2 B-tree internal node",
	"BTLF": "version 2 B-tree leaf node",
	"FRHP": "fractal heap header",
	"FHIB": "fractal heap indirect block",
	"FAHD": "fixed array header",
	"FADB": "fixed array data block",
	"OHDR": "object header",
	"OCHK": "object header continuation",
	"":     "fixed array page",
}
