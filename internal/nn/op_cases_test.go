package nn

import (
	"slices"

	"github.com/graft-ml/graft/internal/tensor"
)

// shapes and fixed shorten the tables.
type (
	shapes = []tensor.Shape
	fixed  = map[int]*tensor.Tensor
)

// gradCases is the table of the operators: each row is run as shape, forward, gradient, and round trip through a file.
func gradCases() []gradCase {
	return slices.Concat(unaryCases(), binaryCases(), productCases(), convCases(), poolCases(), normCases(), reduceCases(), moveCases())
}

// apart spreads 14 values over [−3.5, 3.5), 0.5 apart and none nearer than 0.25 to a multiple of 0.5.
const apart = 3.5

func unaryCases() []gradCase {
	m, one := shapes{sh(3, 5)}, int64(1)
	kinks := shapes{sh(2, 7)}
	lo, hi := f32(nil, -1), f32(nil, 1.5)
	return []gradCase{
		{op: "Relu", name: "positive", in: m, from: 0.3},
		{op: "Relu", name: "negative", in: m, from: -2.3},
		{op: "Relu", name: "both", in: kinks, from: -1, scale: apart},
		{op: "LeakyRelu", name: "default", in: kinks, from: -1, scale: apart},
		{op: "LeakyRelu", name: "alpha", at: Attrs{"alpha": float32(0.3)}, in: kinks, from: -1, scale: apart},
		{op: "Clip", name: "both", in: shapes{sh(2, 7), nil, nil}, fixed: fixed{1: lo, 2: hi}, from: -1, scale: apart},
		{op: "Clip", name: "relu6", in: shapes{sh(2, 7), nil, nil}, fixed: fixed{1: f32(nil, 0), 2: f32(nil, 6)}, from: -0.45, scale: 7},
		{op: "Clip", name: "max only", in: shapes{sh(2, 7), nil, nil}, fixed: fixed{1: nil, 2: hi}, from: -1, scale: apart},
		{op: "Clip", name: "min trains", in: shapes{sh(2, 7), nil}, from: -1, scale: apart, shift: 0.5},
		{op: "Clip", name: "max trains", in: shapes{sh(2, 7), nil, nil}, fixed: fixed{1: lo}, from: -1, scale: apart, shift: 0.5},
		{op: "HardSigmoid", name: "default", in: kinks, from: -1, scale: apart},
		{op: "HardSigmoid", name: "alpha and beta", at: Attrs{"alpha": float32(0.5), "beta": float32(0.25)}, in: kinks, from: -1, scale: apart},
		{op: "HardSwish", name: "both ends", in: kinks, from: -1, scale: apart},
		{op: "Abs", name: "both sides", in: kinks, from: -1, scale: apart},
		{op: "Floor", name: "both sides", in: kinks, from: -1, scale: apart},
		{op: "Ceil", name: "both sides", in: kinks, from: -1, scale: apart},
		{op: "Neg", name: "matrix", in: m, from: -1},
		{op: "Sigmoid", name: "matrix", in: m, from: -1},
		{op: "Tanh", name: "matrix", in: m, from: -1, scale: 0.5},
		{op: "Gelu", name: "exact", in: m, from: -1},
		{op: "Gelu", name: "tanh", at: Attrs{"approximate": "tanh"}, in: m, from: -1},
		{op: "Erf", name: "matrix", in: m, from: -1, scale: 0.5},
		{op: "Exp", name: "matrix", in: m, from: -1},
		{op: "Log", name: "matrix", in: m, from: 1.5},
		{op: "Sqrt", name: "matrix", in: m, from: 1.5},
		{op: "Reciprocal", name: "positive", in: m, from: 1.5},
		{op: "Reciprocal", name: "negative", in: m, from: -3.5},
		{op: "Identity", name: "matrix", in: m, from: -1},
		{op: "Cast", name: "to itself", at: Attrs{"to": one}, in: m, from: -1},
		{op: "Dropout", name: "no mask", in: m, from: -1},
		{op: "Softmax", name: "last axis", in: m, from: -1},
		{op: "Softmax", name: "middle axis", at: Attrs{"axis": one}, in: shapes{sh(2, 3, 2)}, from: -1},
		{op: "LogSoftmax", name: "last axis", in: m, from: -1},
		{op: "LogSoftmax", name: "first axis", at: Attrs{"axis": int64(0)}, in: shapes{sh(2, 3, 2)}, from: -1},
	}
}

func binaryCases() (cases []gradCase) {
	for _, op := range []string{"Add", "Sub", "Mul", "Div", "Pow"} {
		cases = append(cases,
			gradCase{op: op, name: "same shape", in: shapes{sh(3, 5), sh(3, 5)}, from: 1.5},
			gradCase{op: op, name: "row", in: shapes{sh(3, 5), sh(5)}, from: 1.5},
			gradCase{op: op, name: "column on the left", in: shapes{sh(3, 1), sh(3, 5)}, from: 1.5},
			gradCase{op: op, name: "channels", in: shapes{sh(2, 3, 2, 2), sh(3, 1, 1)}, from: 1.5},
			gradCase{op: op, name: "gate", in: shapes{sh(2, 3, 1, 1), sh(2, 3, 2, 2)}, from: 1.5},
			gradCase{op: op, name: "both stretch", in: shapes{sh(3, 1), sh(1, 5)}, from: 1.5},
			gradCase{op: op, name: "scalar", in: shapes{sh(3, 5), nil}, from: 1.5})
	}
	for _, op := range []string{"Max", "Min"} {
		cases = append(cases,
			gradCase{op: op, name: "one", in: shapes{sh(3, 5)}, from: -1},
			gradCase{op: op, name: "two", in: shapes{sh(2, 7), sh(2, 7)}, from: -1, scale: apart, shift: 0.25},
			gradCase{op: op, name: "row", in: shapes{sh(2, 7), sh(7)}, from: -1, scale: apart, shift: 0.5},
			gradCase{op: op, name: "three stretch", in: shapes{sh(3, 1), sh(1, 4), nil}, from: -1, scale: 6, shift: 0.3})
	}
	wide := bools(sh(2, 3), 1, 0, 1, 0, 0, 1)
	return append(cases,
		gradCase{op: "Pow", name: "whole exponents", in: shapes{sh(3, 5), nil}, fixed: fixed{1: ints(0, 1, 2, 3, -1)}, from: -3.5},
		gradCase{op: "PRelu", name: "channels", in: shapes{sh(1, 2, 7), sh(2, 1)}, from: -1, scale: apart},
		gradCase{op: "PRelu", name: "scalar", in: shapes{sh(2, 7), nil}, from: -1, scale: apart},
		gradCase{op: "PRelu", name: "whole", in: shapes{sh(2, 7), sh(2, 7)}, from: -1, scale: apart},
		gradCase{op: "Where", name: "whole", in: shapes{nil, sh(2, 3), sh(2, 3)}, fixed: fixed{0: wide}, from: -1},
		gradCase{op: "Where", name: "all stretch", in: shapes{nil, sh(2, 1), sh(3)}, fixed: fixed{0: bools(sh(2, 1, 3), wide.I...)}, from: -1},
		gradCase{op: "Where", name: "condition stretches", in: shapes{nil, sh(4, 2), nil}, fixed: fixed{0: bools(sh(4, 1), 1, 0, 0, 1)}, from: -1})
}

func productCases() []gradCase {
	one := int64(1)
	alpha := Attrs{"alpha": float32(0.5), "beta": float32(2)}
	return []gradCase{
		{op: "Gemm", name: "plain", in: shapes{sh(3, 5), sh(5, 2)}, from: -1},
		{op: "Gemm", name: "bias row", in: shapes{sh(3, 5), sh(5, 7), sh(7)}, from: -1},
		{op: "Gemm", name: "bias column", at: alpha, in: shapes{sh(3, 5), sh(5, 7), sh(3, 1)}, from: -1},
		{op: "Gemm", name: "bias scalar", at: alpha, in: shapes{sh(3, 5), sh(5, 7), nil}, from: -1},
		{op: "Gemm", name: "bias whole", at: alpha, in: shapes{sh(3, 5), sh(5, 7), sh(3, 7)}, from: -1},
		{op: "Gemm", name: "transA", at: Attrs{"transA": one}, in: shapes{sh(5, 3), sh(5, 7), sh(7)}, from: -1},
		{op: "Gemm", name: "transB", at: Attrs{"transB": one}, in: shapes{sh(3, 5), sh(7, 5), sh(7)}, from: -1},
		{op: "Gemm", name: "both", at: Attrs{"transA": one, "transB": one}, in: shapes{sh(5, 3), sh(7, 5)}, from: -1},
		{op: "MatMul", name: "matrices", in: shapes{sh(3, 5), sh(5, 2)}, from: -1},
		{op: "MatMul", name: "row", in: shapes{sh(5), sh(5, 2)}, from: -1},
		{op: "MatMul", name: "column", in: shapes{sh(3, 5), sh(5)}, from: -1},
		{op: "MatMul", name: "stack on the left", in: shapes{sh(2, 3, 5), sh(5, 2)}, from: -1},
		{op: "MatMul", name: "stacks stretch", in: shapes{sh(2, 1, 3, 5), sh(3, 5, 2)}, from: -1},
	}
}

func convCases() []gradCase {
	list := func(v ...int64) []int64 { return v }
	return []gradCase{
		{op: "Conv", name: "3×3", at: Attrs{"pads": list(1, 1, 1, 1)}, in: shapes{sh(2, 3, 4, 5), sh(2, 3, 3, 3), sh(2)}, from: -1},
		{op: "Conv", name: "no bias", in: shapes{sh(1, 2, 3, 4), sh(3, 2, 2, 2)}, from: -1},
		{op: "Conv", name: "1×1", in: shapes{sh(2, 3, 2, 3), sh(4, 3, 1, 1), sh(4)}, from: -1},
		{op: "Conv", name: "1×1 stride 2", at: Attrs{"strides": list(2, 2)}, in: shapes{sh(2, 3, 3, 4), sh(2, 3, 1, 1)}, from: -1},
		{op: "Conv", name: "stride 2, pads at the end", at: Attrs{"strides": list(2, 2), "pads": list(0, 0, 1, 1)}, in: shapes{sh(1, 2, 4, 4), sh(2, 2, 3, 3), sh(2)}, from: -1},
		{op: "Conv", name: "strides 2 and 3, all pads unlike", at: Attrs{"strides": list(2, 3), "pads": list(1, 0, 2, 3)}, in: shapes{sh(1, 1, 5, 5), sh(2, 1, 3, 2)}, from: -1},
		{op: "Conv", name: "same lower", at: Attrs{"strides": list(2, 2), "auto_pad": "SAME_LOWER"}, in: shapes{sh(1, 1, 5, 4), sh(2, 1, 3, 3)}, from: -1},
		{op: "Conv", name: "dilations", at: Attrs{"dilations": list(2, 3), "pads": list(1, 2, 1, 2)}, in: shapes{sh(1, 2, 5, 6), sh(2, 2, 2, 3), sh(2)}, from: -1},
		{op: "Conv", name: "groups", at: Attrs{"group": int64(2), "pads": list(1, 1, 0, 0)}, in: shapes{sh(2, 4, 3, 3), sh(6, 2, 2, 2), sh(6)}, from: -1},
		{op: "Conv", name: "depthwise", at: Attrs{"group": int64(3), "pads": list(1, 1, 1, 1), "strides": list(2, 2)}, in: shapes{sh(2, 3, 5, 4), sh(3, 1, 3, 3), sh(3)}, from: -1},
		{op: "Conv", name: "depthwise × 2", at: Attrs{"group": int64(2)}, in: shapes{sh(1, 2, 3, 3), sh(4, 1, 2, 2)}, from: -1},
		{op: "Conv", name: "kernel on padding only", at: Attrs{"pads": list(3, 3, 0, 0), "strides": list(2, 2)}, in: shapes{sh(1, 1, 2, 2), sh(1, 1, 2, 2)}, from: -1},
		{op: "Conv", name: "one axis", at: Attrs{"pads": list(2, 1), "strides": list(2)}, in: shapes{sh(2, 2, 7), sh(3, 2, 3), sh(3)}, from: -1},
		{op: "Conv", name: "three axes", at: Attrs{"pads": list(1, 0, 0, 0, 1, 1)}, in: shapes{sh(1, 2, 3, 2, 3), sh(2, 2, 2, 2, 2), sh(2)}, from: -1},
	}
}

func poolCases() (cases []gradCase) {
	list := func(v ...int64) []int64 { return v }
	ceil, k2 := int64(1), list(2, 2)
	// 0.2 between the values of a maximum: n of them over [−0.1·n, 0.1·n).
	for _, p := range []struct {
		name string
		at   Attrs
		x    tensor.Shape
	}{
		{"2×2", pools(k2, nil), sh(1, 2, 3, 4)},
		{"3×3 stride 2", pools(list(3, 3), Attrs{"strides": k2, "pads": list(1, 1, 1, 1)}), sh(2, 1, 5, 4)},
		{"pads unlike", pools(list(3, 2), Attrs{"strides": list(2, 1), "pads": list(2, 0, 1, 1)}), sh(1, 1, 4, 3)},
		{"same upper", pools(k2, Attrs{"strides": k2, "auto_pad": "SAME_UPPER"}), sh(1, 1, 3, 5)},
		{"ceil", pools(k2, Attrs{"strides": k2, "ceil_mode": ceil}), sh(1, 2, 3, 5)},
		{"ceil and pads", pools(list(3, 3), Attrs{"strides": k2, "ceil_mode": ceil, "pads": list(0, 1, 1, 0)}), sh(1, 1, 4, 5)},
		{"one axis", pools(list(3), Attrs{"strides": list(2), "pads": list(1, 0)}), sh(2, 1, 6)},
		{"three axes", pools(list(2, 2, 2), nil), sh(1, 1, 3, 2, 3)},
	} {
		scale := 0.1 * float32(product(p.x))
		cases = append(cases, gradCase{op: "MaxPool", name: p.name, at: p.at, in: shapes{p.x}, from: -1, scale: scale},
			gradCase{op: "AveragePool", name: p.name, at: p.at, in: shapes{p.x}, from: -1},
			gradCase{op: "AveragePool", name: p.name + ", padding counted", at: merged(p.at, Attrs{"count_include_pad": int64(1)}), in: shapes{p.x}, from: -1})
	}
	for _, x := range []tensor.Shape{sh(2, 3, 2, 3), sh(2, 2, 4), sh(3, 2)} {
		name := x.String()
		cases = append(cases, gradCase{op: "GlobalAveragePool", name: name, in: shapes{x}, from: -1},
			gradCase{op: "GlobalMaxPool", name: name, in: shapes{x}, from: -1, scale: 0.1 * float32(product(x))})
	}
	return append(cases, gradCase{op: "MaxPool", name: "dilation", at: pools(k2, Attrs{"dilations": k2}), in: shapes{sh(1, 1, 4, 3)}, from: -1, scale: 1.2})
}

// merged returns the attributes of a and b.
func merged(a, b Attrs) Attrs {
	out := Attrs{}
	for _, from := range []Attrs{a, b} {
		for name, v := range from {
			out[name] = v
		}
	}
	return out
}

func normCases() []gradCase {
	stats := fixed{3: f32(sh(3), 0.3, -0.2, 1), 4: f32(sh(3), 0.5, 1, 2)}
	bn := func(x tensor.Shape) shapes { return shapes{x, sh(3), sh(3), nil, nil} }
	three := Attrs{"axis": int64(1), "epsilon": float32(1e-2)}
	lrn := func(size int64) Attrs {
		return Attrs{"size": size, "alpha": float32(0.7), "beta": float32(0.6), "bias": float32(1.5)}
	}
	return []gradCase{
		{op: "BatchNormalization", name: "picture", in: bn(sh(2, 3, 2, 3)), fixed: stats, from: -1},
		{op: "BatchNormalization", name: "matrix", at: Attrs{"epsilon": float32(0.1)}, in: bn(sh(4, 3)), fixed: stats, from: -1},
		{op: "BatchNormalization", name: "one axis", in: bn(sh(2, 3, 5)), fixed: stats, from: -1},
		{op: "LayerNormalization", name: "last axis", in: shapes{sh(3, 5), sh(5), sh(5)}, from: -1},
		{op: "LayerNormalization", name: "no shift", in: shapes{sh(2, 2, 4), sh(4)}, from: -1, scale: 3},
		{op: "LayerNormalization", name: "two axes", at: three, in: shapes{sh(2, 2, 3), sh(2, 3), sh(2, 3)}, from: -1},
		{op: "LayerNormalization", name: "all outputs", at: three, in: shapes{sh(3, 2, 4), sh(2, 4), sh(2, 4)}, from: -1, outs: 3},
		{op: "LRN", name: "size 3", at: lrn(3), in: shapes{sh(2, 4, 1, 2)}, from: -1},
		{op: "LRN", name: "even size", at: lrn(4), in: shapes{sh(1, 5, 2, 1)}, from: -1},
		{op: "LRN", name: "wider than the channels", at: lrn(9), in: shapes{sh(1, 3, 2)}, from: -1},
		{op: "LRN", name: "size 1", at: lrn(1), in: shapes{sh(2, 3)}, from: -1},
	}
}

func reduceCases() []gradCase {
	x := sh(2, 3, 4)
	return []gradCase{
		{op: "ReduceMean", name: "all", in: shapes{x}, from: -1},
		{op: "ReduceMean", name: "middle", at: Attrs{"axes": []int64{1}}, in: shapes{x}, from: -1},
		{op: "ReduceMean", name: "two, dropped", at: Attrs{"axes": []int64{-1, 0}, "keepdims": int64(0)}, in: shapes{x}, from: -1},
		{op: "ReduceMean", name: "pixels", at: Attrs{"axes": []int64{2, 3}}, in: shapes{sh(2, 3, 2, 2)}, from: -1},
		{op: "ReduceSum", name: "all", in: shapes{x}, from: -1},
		{op: "ReduceSum", name: "last, dropped", at: Attrs{"keepdims": int64(0)}, in: shapes{x, nil}, fixed: fixed{1: ints(-1)}, from: -1},
		{op: "ReduceSum", name: "outer two", in: shapes{x, nil}, fixed: fixed{1: ints(0, 1)}, from: -1},
		{op: "ReduceSum", name: "nothing", at: Attrs{"noop_with_empty_axes": int64(1)}, in: shapes{x}, from: -1},
	}
}

func moveCases() []gradCase {
	cube := sh(2, 3, 4)
	axis := func(a int64) Attrs { return Attrs{"axis": a} }
	mode := func(m string) Attrs { return Attrs{"mode": m} }
	with := func(x tensor.Shape, more ...*tensor.Tensor) (shapes, fixed) {
		in, f := shapes{x}, fixed{}
		for i, v := range more {
			in, f[1+i] = append(in, nil), v
		}
		return in, f
	}
	cases := []gradCase{
		{op: "Flatten", name: "cube", in: shapes{sh(3, 2, 2)}},
		{op: "Concat", name: "channels", at: axis(1), in: shapes{sh(2, 3, 2), sh(2, 1, 2), sh(2, 2, 2)}},
		{op: "Concat", name: "first axis", at: axis(0), in: shapes{sh(1, 3), sh(2, 3)}},
		{op: "Concat", name: "last axis", at: axis(-1), in: shapes{sh(2, 1, 2), sh(2, 1, 3)}},
		{op: "Transpose", name: "reverse", in: shapes{cube}},
		{op: "Transpose", name: "channels last", at: Attrs{"perm": []int64{0, 2, 3, 1}}, in: shapes{sh(2, 3, 2, 2)}},
		{op: "Transpose", name: "scalar", in: shapes{nil}},
		{op: "Split", name: "equal", at: axis(1), in: shapes{sh(2, 6, 2)}, outs: 3},
	}
	for _, c := range []struct {
		op, name string
		at       Attrs
		x        tensor.Shape
		more     []*tensor.Tensor
		outs     int
	}{
		{op: "Split", name: "sizes", at: axis(-1), x: cube, more: list(ints(1, 0, 3)), outs: 3},
		{op: "Slice", name: "middle", x: cube, more: list(ints(1), ints(3), ints(2))},
		{op: "Slice", name: "backwards by 2", x: cube, more: list(ints(9, -1), ints(-9, -9), ints(2, 1), ints(-2, -1))},
		{op: "Slice", name: "first axes", x: cube, more: list(ints(1, 0), ints(2, 2))},
		{op: "Slice", name: "nothing", x: cube, more: list(ints(0), ints(9))},
		{op: "Pad", name: "zeros", x: cube, more: list(ints(1, 0, 2, 0, 1, 1))},
		{op: "Pad", name: "crop", x: cube, more: list(ints(-1, 1, -2, 0, -1, 1))},
		{op: "Pad", name: "edge", at: mode("edge"), x: cube, more: list(ints(0, 1, 2, 1, 1, 0))},
		{op: "Pad", name: "reflect", at: mode("reflect"), x: cube, more: list(ints(0, 2, 3, 0, 1, 2))},
		{op: "Gather", name: "rows", x: cube, more: list(ints(1, 0, 1, -1))},
		{op: "Gather", name: "columns", at: axis(-1), x: cube, more: list(i64(sh(2, 2), 0, 3, 3, -2))},
		{op: "Gather", name: "one", at: axis(1), x: cube, more: list(i64(nil, 2))},
		{op: "Expand", name: "both ways", x: sh(3, 1), more: list(ints(2, 1, 4))},
		{op: "Expand", name: "scalar", more: list(ints(2, 3))},
		{op: "Reshape", name: "rest", x: cube, more: list(ints(0, -1, 2))},
		{op: "Squeeze", name: "one", x: sh(2, 1, 3, 1), more: list(ints(1))},
		{op: "Squeeze", name: "all", x: sh(1, 2, 1, 3)},
		{op: "Unsqueeze", name: "two", x: sh(2, 3), more: list(ints(0, -1))},
	} {
		in, f := with(c.x, c.more...)
		cases = append(cases, gradCase{op: c.op, name: c.name, at: c.at, in: in, fixed: f, outs: c.outs})
	}
	for i := range cases {
		cases[i].from = -1
	}
	return append(cases, gradCase{op: "Pad", name: "value trains", in: shapes{cube, nil, nil}, fixed: fixed{1: ints(1, 0, 0, 0, -1, 2)}, from: -1})
}
