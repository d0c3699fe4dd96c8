package onnx

import "github.com/graft-ml/graft/internal/tensor"

// The numbers of TensorProto.DataType.
const (
	protoFloat    = 1
	protoUint8    = 2
	protoInt8     = 3
	protoInt32    = 6
	protoInt64    = 7
	protoBool     = 9
	protoFloat16  = 10
	protoDouble   = 11
	protoBFloat16 = 16
)

// dtypes maps TensorProto.DataType to the type that its elements have in memory. A double is narrowed to
// float32 when it is read.
var dtypes = map[int64]tensor.DType{
	protoFloat:    tensor.Float32,
	protoUint8:    tensor.Uint8,
	protoInt32:    tensor.Int32,
	protoInt64:    tensor.Int64,
	protoBool:     tensor.Bool,
	protoFloat16:  tensor.Float16,
	protoDouble:   tensor.Float32,
	protoBFloat16: tensor.BFloat16,
}

// protoNames are all the types of the standard, for messages.
var protoNames = [...]string{"undefined", "float", "uint8", "int8", "uint16", "int16", "int32", "int64", "string", "bool",
	"float16", "double", "uint32", "uint64", "complex64", "complex128", "bfloat16", "float8e4m3fn", "float8e4m3fnuz",
	"float8e5m2", "float8e5m2fnuz", "uint4", "int4"}

// dtypeOf returns the type in memory of the proto type p.
func dtypeOf(p int64) (tensor.DType, error) {
	if d, ok := dtypes[p]; ok {
		return d, nil
	}
	if p > 0 && p < int64(len(protoNames)) {
		return 0, unsupportedf("element type %s (graft reads float, float16, bfloat16, double, int64, int32, uint8 and bool)",
			protoNames[p])
	}
	return 0, formatErrorf("element type %d does not exist", p)
}

// protoOf returns the proto type that d is written as.
func protoOf(d tensor.DType) (int64, error) {
	switch d {
	case tensor.Float32:
		return protoFloat, nil
	case tensor.Float16:
		return protoFloat16, nil
	case tensor.BFloat16:
		return protoBFloat16, nil
	case tensor.Int64:
		return protoInt64, nil
	case tensor.Int32:
		return protoInt32, nil
	case tensor.Uint8:
		return protoUint8, nil
	case tensor.Bool:
		return protoBool, nil
	case tensor.Int8:
		return protoInt8, nil
	}
	return 0, formatErrorf("element type %v", d)
}

// rawSize is the size in bytes of an element of proto type p in raw_data.
func rawSize(p int64) int {
	switch p {
	case protoUint8, protoBool:
		return 1
	case protoFloat16, protoBFloat16:
		return 2
	case protoFloat, protoInt32:
		return 4
	}
	return 8 // int64, double
}
