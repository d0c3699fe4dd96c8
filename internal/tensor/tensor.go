// Package tensor holds shapes and values: what a graph's edges carry and what a model file stores.
//
// It has no arithmetic. A Tensor is dense and row-major; its elements live in one of three slices, by
// kind of type: floats, integers, or the two-byte floats as they stand in a file.
package tensor

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// DType is an element type. The names are ONNX's, in lower case.
type DType uint8

const (
	Invalid  DType = iota
	Float32        // kept in Tensor.F
	Float16        // two bytes an element, little-endian, kept in Tensor.Raw
	BFloat16       // likewise
	Int64          // kept in Tensor.I, as are all below
	Int32
	Uint8
	Bool
	Int8 // in files that are written alone: nothing computes with it
)

var dtypeNames = [...]string{"invalid", "float32", "float16", "bfloat16", "int64", "int32", "uint8", "bool", "int8"}

func (d DType) String() string {
	if int(d) < len(dtypeNames) {
		return dtypeNames[d]
	}
	return "dtype(" + strconv.Itoa(int(d)) + ")"
}

// IsFloat reports whether d is a floating-point type of any width.
func (d DType) IsFloat() bool { return d == Float32 || d == Float16 || d == BFloat16 }

// Free is the extent of a dimension that is not known before a run: the batch.
const Free = -1

// Shape is the extent of each axis, outermost first. A nil Shape is a scalar.
type Shape []int

// Elems returns the number of elements, or an error if an extent is negative (Free included) or the
// product does not fit in an int.
func (s Shape) Elems() (int, error) {
	n := 1
	for _, d := range s {
		if d < 0 {
			return 0, fmt.Errorf("shape %v: extent %d", s, d)
		}
		if d != 0 && n > math.MaxInt/d {
			return 0, fmt.Errorf("shape %v: too many elements", s)
		}
		n *= d
	}
	return n, nil
}

// Fixed reports whether every extent is known.
func (s Shape) Fixed() bool {
	for _, d := range s {
		if d < 0 {
			return false
		}
	}
	return true
}

// Equal reports whether s and t have the same extents.
func (s Shape) Equal(t Shape) bool {
	if len(s) != len(t) {
		return false
	}
	for i, d := range s {
		if t[i] != d {
			return false
		}
	}
	return true
}

// Clone returns a copy of s.
func (s Shape) Clone() Shape { return append(Shape(nil), s...) }

// String formats s as in messages to users: [N 3 224 224], the free extent as N.
func (s Shape) String() string {
	parts := make([]string, len(s))
	for i, d := range s {
		parts[i] = strconv.Itoa(d)
		if d == Free {
			parts[i] = "N"
		}
	}
	return "[" + strings.Join(parts, " ") + "]"
}

// Tensor is a dense row-major array. Exactly one of F, I and Raw is used, by DType.
type Tensor struct {
	DType DType
	Shape Shape
	F     []float32 // Float32
	I     []int64   // Int64, Int32, Uint8, Int8, Bool (0 or 1)
	Raw   []byte    // Float16, BFloat16: 2 bytes an element, little-endian
}

// New returns a zeroed Float32 or integer tensor. It panics on a shape that has no size.
func New(d DType, shape ...int) *Tensor {
	n, err := Shape(shape).Elems()
	if err != nil {
		panic("tensor: " + err.Error())
	}
	t := &Tensor{DType: d, Shape: Shape(shape).Clone()}
	switch {
	case d == Float32:
		t.F = make([]float32, n)
	case d.IsFloat():
		t.Raw = make([]byte, 2*n)
	default:
		t.I = make([]int64, n)
	}
	return t
}

// FromFloats returns a Float32 tensor over data, which is kept, not copied. It panics if the shape does
// not have len(data) elements.
func FromFloats(data []float32, shape ...int) *Tensor {
	mustHold(shape, len(data))
	return &Tensor{DType: Float32, Shape: Shape(shape).Clone(), F: data}
}

// FromInts returns an Int64 tensor over data, which is kept, not copied. It panics if the shape does not
// have len(data) elements.
func FromInts(data []int64, shape ...int) *Tensor {
	mustHold(shape, len(data))
	return &Tensor{DType: Int64, Shape: Shape(shape).Clone(), I: data}
}

func mustHold(shape Shape, n int) {
	if got, err := shape.Elems(); err != nil || got != n {
		panic(fmt.Sprintf("tensor: shape %v over %d elements", shape, n))
	}
}

// Elems returns the number of elements stored.
func (t *Tensor) Elems() int {
	switch {
	case t.DType == Float32:
		return len(t.F)
	case t.DType.IsFloat():
		return len(t.Raw) / 2
	}
	return len(t.I)
}
