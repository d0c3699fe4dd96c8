package hdf5

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Class is the kind of an element type.
type Class int

// The classes of elements that a data set may have. Others are named by their number and cannot be read.
const (
	Other  Class = iota
	Int          // two's complement, or unsigned
	Float        // IEEE 754 binary16, binary32, binary64
	BFloat       // the upper half of a binary32
	Opaque       // bytes; h5py's form of ml_dtypes' bfloat16 has two

	fixedString
	variableString
)

// Type is an element type.
type Type struct {
	Class  Class
	Size   int              // bytes of an element
	Order  binary.ByteOrder // of numbers
	Signed bool             // of an Int

	number  byte // the class's number in the file
	padding byte // how fixedString ends
}

// How a fixed-length string is filled up.
const (
	padNullTerminated = iota
	padNulls
	padSpaces
)

var classNames = [...]string{"integers", "floats", "times", "strings", "bit fields", "opaque bytes", "compounds", "references", "enumerations", "sequences", "arrays", "complex numbers"}

func (t Type) String() string {
	name := "elements of unknown class"
	if int(t.number) < len(classNames) {
		name = classNames[t.number]
	}
	return fmt.Sprintf("%s of %d bytes", name, t.Size)
}

// bytes returns the length of an array of shape dims, false if it does not fit in an int.
func (t Type) bytes(dims []uint64) (uint64, bool) {
	n, fits := uint64(t.Size), true
	for _, d := range dims {
		if d == 0 {
			return 0, true
		}
		var ok bool
		n, ok = mul(n, d)
		fits = fits && ok
	}
	return n, fits && n <= math.MaxInt
}

// parseType parses a datatype message.
func parseType(data []byte) (Type, error) {
	c := &cursor{b: data}
	head, flags, size := c.uint(1), c.uint(3), c.uint(4)
	t := Type{number: byte(head & 15), Size: int(size), Order: binary.LittleEndian}
	if c.short || size == 0 || size > math.MaxInt32 {
		return t, formatErrorf("datatype message of %d bytes, element of %d", len(data), size)
	}
	if flags&1 != 0 {
		t.Order = binary.BigEndian
	}
	switch t.number {
	case 0:
		t.Signed = flags&8 != 0
		offset, precision := c.uint(2), c.uint(2)
		if offset == 0 && precision == 8*size && (size == 1 || size == 2 || size == 4 || size == 8) {
			t.Class = Int
		}
	case 1:
		t.Class = floatClass(c, size, flags)
	case 3:
		t.Class, t.padding = fixedString, byte(flags&15)
	case 5:
		t.Class = Opaque
	case 9:
		if flags&15 == 1 && size == 16 {
			t.Class = variableString
		}
	}
	if c.short {
		return t, formatErrorf("datatype message of %d bytes is cut", len(data))
	}
	return t, nil
}

// floatForm is how the bits of a floating-point number are laid out.
type floatForm struct{ size, precision, expAt, expBits, fracAt, fracBits, bias uint64 }

var floatForms = map[floatForm]Class{
	{2, 16, 10, 5, 0, 10, 15}:    Float,
	{4, 32, 23, 8, 0, 23, 127}:   Float,
	{8, 64, 52, 11, 0, 52, 1023}: Float,
	{2, 16, 7, 8, 0, 7, 127}:     BFloat,
}

// floatClass takes a floating-point type's properties. VAX order and forms that are not IEEE's are Other.
func floatClass(c *cursor, size, flags uint64) Class {
	const vaxOrder, implied, normal = 0x40, 0x20, 0x30
	offset := c.uint(2)
	form := floatForm{size, c.uint(2), c.uint(1), c.uint(1), c.uint(1), c.uint(1), c.uint(4)}
	sign := flags >> 8 & 0xff
	if offset != 0 || flags&vaxOrder != 0 || flags&normal != implied || sign != 8*size-1 {
		return Other
	}
	return floatForms[form]
}

// maxRank is HDF5's own limit.
const maxRank = 32

// parseSpace parses a dataspace message; a scalar has no dimensions, a null dataspace one of extent 0.
func parseSpace(data []byte) ([]uint64, error) {
	c := &cursor{b: data}
	version, rank := c.uint(1), c.uint(1)
	c.skip(1) // whether maximal sizes follow
	null := false
	switch version {
	case 1:
		c.skip(5)
	case 2:
		null = c.uint(1) == 2
	default:
		return nil, unsupportedf("dataspace message version %d, want 1 or 2", version)
	}
	if rank > maxRank {
		return nil, formatErrorf("array of %d dimensions, at most %d are allowed", rank, maxRank)
	}
	if null {
		return []uint64{0}, nil
	}
	dims := make([]uint64, rank)
	for i := range dims {
		dims[i] = c.uint(8)
	}
	if c.short {
		return nil, formatErrorf("dataspace message of %d bytes for %d dimensions", len(data), rank)
	}
	return dims, nil
}
