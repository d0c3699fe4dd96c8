package nn

import (
	"encoding/binary"
	"math"

	"github.com/graft-ml/graft/internal/tensor"
)

// opCast is Cast between all types that a Tensor has. A float becomes an integer by cutting off its fraction.
// Gradients go through a Cast of Float32 to itself.
var opCast = &opDef{
	minIn: 1, maxIn: 1, minOut: 1, maxOut: 1,
	shape: castShape, forward: castForward, backward: passGradient,
}

// castTypes are the types by their number in ONNX's TensorProto.DataType.
var castTypes = map[int]tensor.DType{
	1: tensor.Float32, 2: tensor.Uint8, 6: tensor.Int32, 7: tensor.Int64, 9: tensor.Bool, 10: tensor.Float16, 16: tensor.BFloat16,
}

func castShape(n *Node, in []Info) ([]Info, error) {
	to, ok := castTypes[n.Attrs.Int("to", 0)]
	if !ok {
		return nil, n.errorf("to type %d of ONNX, which is not supported", n.Attrs.Int("to", 0))
	}
	return []Info{{DType: to, Shape: in[0].Shape}}, nil
}

func castForward(c *call) error {
	x, y := c.in[0], c.out[0]
	switch {
	case y.DType.IsFloat():
		v := x.Float32s()
		copy(y.F, v)
		narrow(y, v)
	case x.DType.IsFloat():
		for i, v := range x.Float32s() {
			if y.DType == tensor.Bool {
				y.I[i] = truth(v != 0)
			} else {
				y.I[i] = wrap(y.DType, toInt(float64(v)))
			}
		}
	default:
		for i, v := range x.I {
			y.I[i] = wrap(y.DType, v)
		}
	}
	return nil
}

// narrow fills a tensor of two-byte floats, rounding to nearest, ties to even. It leaves others alone.
func narrow(y *tensor.Tensor, v []float32) {
	switch y.DType {
	case tensor.Float16:
		for i, x := range v {
			binary.LittleEndian.PutUint16(y.Raw[2*i:], tensor.ToFloat16(x))
		}
	case tensor.BFloat16:
		for i, x := range v {
			b := math.Float32bits(x)
			if x == x {
				b += 0x7fff + b>>16&1
			}
			binary.LittleEndian.PutUint16(y.Raw[2*i:], uint16(b>>16))
		}
	}
}

// wrap reduces v to what type d can hold.
func wrap(d tensor.DType, v int64) int64 {
	switch d {
	case tensor.Int32:
		return int64(int32(v))
	case tensor.Uint8:
		return int64(uint8(v))
	case tensor.Bool:
		return truth(v != 0)
	}
	return v
}

// toInt cuts off the fraction of v; what is beyond an int64 becomes the nearest one, NaN becomes 0.
func toInt(v float64) int64 {
	switch {
	case v != v:
		return 0
	case v >= 1<<63:
		return math.MaxInt64
	case v < -1<<63:
		return math.MinInt64
	}
	return int64(v)
}

// truth returns b as an element of a Bool tensor.
func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
