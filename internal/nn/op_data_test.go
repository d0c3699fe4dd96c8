package nn

import (
	"math"
	"testing"

	"github.com/graft-ml/graft/internal/tensor"
)

// list is shorter than the slice literal that case tables need so often.
func list(t ...*tensor.Tensor) []*tensor.Tensor { return t }

func TestConcatSplit(t *testing.T) {
	runCases(t, []opCase{
		{name: "axis 1", op: "Concat", at: Attrs{"axis": int64(1)}, in: list(f32(sh(2, 1), 1, 2), f32(sh(2, 2), 3, 4, 5, 6)),
			want: list(f32(sh(2, 3), 1, 3, 4, 2, 5, 6))},
		{name: "negative axis, integers", op: "Concat", at: Attrs{"axis": int64(-1)}, in: list(ints(1), ints(), ints(2, 3)), want: list(ints(1, 2, 3))},
		{name: "extents", op: "Concat", at: Attrs{"axis": int64(0)}, in: list(seq(1, 2), seq(1, 3)), err: "want float32 [1 2] but for axis 0"},
		{name: "ranks", op: "Concat", at: Attrs{"axis": int64(0)}, in: list(seq(2), seq(1, 2)), err: "input 1"},
		{name: "types", op: "Concat", at: Attrs{"axis": int64(0)}, in: list(ints(1), seq(1)), err: "input 1"},
		{name: "scalars", op: "Concat", at: Attrs{"axis": int64(0)}, in: list(i64(nil, 1), i64(nil, 2)), err: "axis 0 of a value of rank 0"},

		{name: "sizes", op: "Split", at: Attrs{"axis": int64(1)}, in: list(seq(2, 3), ints(1, 2)),
			want: list(f32(sh(2, 1), 0, 3), f32(sh(2, 2), 1, 2, 4, 5))},
		{name: "equal", op: "Split", in: list(ints(1, 2, 3, 4)), want: list(ints(1, 2), ints(3, 4))},
		{name: "empty part", op: "Split", in: list(ints(1, 2), ints(0, 2)), want: list(ints(), ints(1, 2))},
		{name: "unequal", op: "Split", in: list(ints(1, 2, 3)), want: list(ints(), ints()), err: "split [1 1]"},
		{name: "too few", op: "Split", in: list(ints(1, 2, 3), ints(1, 1)), want: list(ints(), ints()), err: "split [1 1]"},
		{name: "too many", op: "Split", in: list(ints(1, 2, 3), ints(3, 1)), want: list(ints(), ints()), err: "split [3 1]"},
		{name: "negative", op: "Split", in: list(ints(1, 2, 3), ints(4, -1)), want: list(ints(), ints()), err: "split [4 -1]"},
		{name: "outputs", op: "Split", in: list(ints(1, 2, 3), ints(3)), want: list(ints(), ints()), err: "for 2 outputs"},
	})
}

func TestSlice(t *testing.T) {
	x := ints(0, 1, 2, 3, 4)
	runCases(t, []opCase{
		{name: "middle", op: "Slice", in: list(x, ints(1), ints(3)), want: list(ints(1, 2))},
		{name: "from the end", op: "Slice", in: list(x, ints(-3), ints(-1)), want: list(ints(2, 3))},
		{name: "beyond", op: "Slice", in: list(x, ints(-100), ints(math.MaxInt64)), want: list(x)},
		{name: "nothing", op: "Slice", in: list(x, ints(4), ints(2)), want: list(ints())},
		{name: "step 2", op: "Slice", in: list(x, ints(0), ints(5), nil, ints(2)), want: list(ints(0, 2, 4))},
		{name: "backwards", op: "Slice", in: list(x, ints(-1), ints(math.MinInt64), ints(0), ints(-1)), want: list(ints(4, 3, 2, 1, 0))},
		{name: "backwards by 3", op: "Slice", in: list(x, ints(4), ints(-6), ints(0), ints(-3)), want: list(ints(4, 1))},
		{name: "backwards, start clamped", op: "Slice", in: list(x, ints(100), ints(2), ints(0), ints(-1)), want: list(ints(4, 3))},
		{name: "huge steps", op: "Slice", in: list(x, ints(1), ints(5), ints(0), ints(math.MaxInt64)), want: list(ints(1))},
		{name: "huge negative steps", op: "Slice", in: list(x, ints(1), ints(-9), ints(0), ints(math.MinInt64)), want: list(ints(1))},
		{name: "two axes", op: "Slice", in: list(seq(3, 3), ints(2, 1), ints(-9, 3), ints(0, -1), ints(-2, 1)), want: list(f32(sh(2, 2), 7, 8, 1, 2))},
		{name: "empty axis", op: "Slice", in: list(f32(sh(0, 2)), ints(-1), ints(-9), ints(0), ints(-1)), want: list(f32(sh(0, 2)))},
		{name: "step 0", op: "Slice", in: list(x, ints(0), ints(5), ints(0), ints(0)), err: "step 0"},
		{name: "lengths", op: "Slice", in: list(x, ints(0, 1), ints(5)), err: "differ in length"},
		{name: "axis", op: "Slice", in: list(x, ints(0), ints(5), ints(1)), err: "axis 1 of a value of rank 1"},
		{name: "axis twice", op: "Slice", in: list(x, ints(0, 0), ints(5, 5), ints(0, -1)), err: "axes of a value"},
		{name: "floats as starts", op: "Slice", in: list(x, seq(1), ints(5)), err: "want int64"},
	})
}

func TestReshapeAndFriends(t *testing.T) {
	x := seq(2, 3)
	as := func(d ...int) *tensor.Tensor { return f32(d, x.F...) }
	runCases(t, []opCase{
		{name: "all known", op: "Reshape", in: list(x, ints(3, 2)), want: list(as(3, 2))},
		{name: "rest", op: "Reshape", in: list(x, ints(-1, 1, 2)), want: list(as(3, 1, 2))},
		{name: "kept", op: "Reshape", in: list(x, ints(0, 1, -1)), want: list(as(2, 1, 3))},
		{name: "scalar", op: "Reshape", in: list(f32(sh(1, 1), 5), ints()), want: list(f32(nil, 5))},
		{name: "allowzero", op: "Reshape", at: Attrs{"allowzero": int64(1)}, in: list(f32(sh(0, 3)), ints(3, 0)), want: list(f32(sh(3, 0)))},
		{name: "two rests", op: "Reshape", in: list(x, ints(-1, -1)), err: "target [-1 -1]"},
		{name: "does not divide", op: "Reshape", in: list(x, ints(4, -1)), err: "[2 3] does not reshape to [4 -1]"},
		{name: "too many", op: "Reshape", in: list(x, ints(7)), err: "does not reshape"},
		{name: "kept beyond", op: "Reshape", in: list(x, ints(2, 3, 0)), err: "keeps axis 2"},
		{name: "overflow", op: "Reshape", in: list(x, ints(1<<30, 1<<30, 1<<30)), err: "too large"},
		{name: "negative", op: "Reshape", in: list(x, ints(-2, 3)), err: "target [-2 3]"},
		{name: "rest of nothing", op: "Reshape", in: list(f32(sh(0, 3)), ints(0, -1)), err: "does not reshape"},

		{name: "all", op: "Squeeze", in: list(f32(sh(1, 2, 1), 1, 2)), want: list(f32(sh(2), 1, 2))},
		{name: "one", op: "Squeeze", in: list(f32(sh(1, 2, 1), 1, 2), ints(-1)), want: list(f32(sh(1, 2), 1, 2))},
		{name: "not 1", op: "Squeeze", in: list(f32(sh(1, 2), 1, 2), ints(1)), err: "axis 1 of [1 2] is not 1"},
		{name: "front and back", op: "Unsqueeze", in: list(f32(sh(2), 1, 2), ints(0, -1)), want: list(f32(sh(1, 2, 1), 1, 2))},
		{name: "order does not matter", op: "Unsqueeze", in: list(i64(nil, 7), ints(1, 0)), want: list(i64(sh(1, 1), 7))},
		{name: "twice", op: "Unsqueeze", in: list(f32(sh(2), 1, 2), ints(0, 0)), err: "named twice"},
		{name: "beyond", op: "Unsqueeze", in: list(f32(sh(2), 1, 2), ints(5)), err: "axis 5 of a value of rank 2"},

		{name: "reverse", op: "Transpose", in: list(x), want: list(f32(sh(3, 2), 0, 3, 1, 4, 2, 5))},
		{name: "perm", op: "Transpose", at: Attrs{"perm": []int64{1, 2, 0}}, in: list(seq(2, 2, 2)), want: list(f32(sh(2, 2, 2), 0, 4, 1, 5, 2, 6, 3, 7))},
		{name: "scalar", op: "Transpose", in: list(f32(nil, 3)), want: list(f32(nil, 3))},
		{name: "twice", op: "Transpose", at: Attrs{"perm": []int64{0, 0}}, in: list(x), err: "perm [0 0]"},
		{name: "short", op: "Transpose", at: Attrs{"perm": []int64{0}}, in: list(x), err: "perm [0]"},
		{name: "empty", op: "Transpose", at: Attrs{"perm": []int64{}}, in: list(x), err: "perm []"},
	})
}

// The gradient of a change of shape is the gradient, added in its order.
func TestReshapeGradient(t *testing.T) {
	for op, arg := range map[string]*tensor.Tensor{"Reshape": ints(3, 2), "Squeeze": ints(0), "Unsqueeze": ints(0)} {
		c := &call{node: &Node{Op: op}, in: list(seq(1, 6), arg), out: list(seq(3, 2))}
		dX := f32(sh(1, 6), 1, 1, 1, 1, 1, 1)
		if err := ops[op].backward(c, list(seq(3, 2)), list(dX, nil)); err != nil {
			t.Fatal(err)
		}
		equal(t, dX, f32(sh(1, 6), 1, 2, 3, 4, 5, 6), 0)
	}
}

func TestPad(t *testing.T) {
	mode := func(m string) Attrs { return Attrs{"mode": m} }
	x := f32(sh(2, 3), 1, 2, 3, 4, 5, 6)
	runCases(t, []opCase{
		{name: "zeros", op: "Pad", in: list(x, ints(0, 1, 1, 0)), want: list(f32(sh(3, 4), 0, 1, 2, 3, 0, 4, 5, 6, 0, 0, 0, 0))},
		{name: "value", op: "Pad", in: list(ints(7), ints(1, 1), i64(nil, 9)), want: list(ints(9, 7, 9))},
		{name: "crop", op: "Pad", in: list(x, ints(-1, -1, 0, 1)), want: list(f32(sh(1, 3), 5, 6, 0))},
		{name: "edge", op: "Pad", at: mode("edge"), in: list(x, ints(1, 0, 0, 2)), want: list(f32(sh(3, 5), 1, 2, 3, 3, 3, 1, 2, 3, 3, 3, 4, 5, 6, 6, 6))},
		{name: "reflect", op: "Pad", at: mode("reflect"), in: list(ints(1, 2, 3), ints(2, 2)), want: list(ints(3, 2, 1, 2, 3, 2, 1))},
		{name: "reflect more than once", op: "Pad", at: mode("reflect"), in: list(ints(1, 2), ints(3, 2)), want: list(ints(2, 1, 2, 1, 2, 1, 2))},
		{name: "reflect one", op: "Pad", at: mode("reflect"), in: list(ints(1), ints(1, 1)), want: list(ints(1, 1, 1))},
		{name: "from nothing", op: "Pad", in: list(ints(), ints(1, 1)), want: list(ints(0, 0))},
		{name: "edge of nothing", op: "Pad", at: mode("edge"), in: list(ints(), ints(1, 1)), err: "without elements"},
		{name: "count", op: "Pad", in: list(x, ints(1, 1)), err: "2 pads, want 4"},
		{name: "crops all", op: "Pad", in: list(ints(1, 2), ints(-2, -1)), err: "crop more than"},
		{name: "huge", op: "Pad", in: list(ints(1, 2), ints(math.MaxInt64, 1)), err: "pads of 9223372036854775807"},
		{name: "mode", op: "Pad", at: mode("mirror"), in: list(ints(1, 2), ints(1, 1)), err: `mode "mirror"`},
		{name: "value of two", op: "Pad", in: list(ints(1), ints(1, 1), ints(1, 2)), err: "want a scalar"},
	})
}

func TestGather(t *testing.T) {
	x := seq(2, 3)
	runCases(t, []opCase{
		{name: "rows", op: "Gather", in: list(x, ints(1, -2, 1)), want: list(f32(sh(3, 3), 3, 4, 5, 0, 1, 2, 3, 4, 5))},
		{name: "columns", op: "Gather", at: Attrs{"axis": int64(1)}, in: list(x, i64(sh(1, 2), 2, 0)), want: list(f32(sh(2, 1, 2), 2, 0, 5, 3))},
		{name: "scalar index", op: "Gather", in: list(ints(4, 5, 6), i64(nil, -1)), want: list(i64(nil, 6))},
		{name: "beyond", op: "Gather", in: list(x, ints(2)), err: "index 2 on an axis of 2"},
		{name: "before", op: "Gather", in: list(x, ints(-3)), err: "index -3"},
		{name: "floats", op: "Gather", in: list(x, seq(1)), err: "indices are float32"},
		{name: "scalar data", op: "Gather", in: list(f32(nil, 1), ints(0)), err: "rank 0"},
	})
}

func TestMade(t *testing.T) {
	value := func(v *tensor.Tensor) Attrs { return Attrs{"value": v} }
	runCases(t, []opCase{
		{name: "tensor", op: "Constant", at: value(ints(1, 2)), want: list(ints(1, 2))},
		{name: "float", op: "Constant", at: Attrs{"value_float": float32(2)}, want: list(f32(nil, 2))},
		{name: "floats", op: "Constant", at: Attrs{"value_floats": []float32{1, 2}}, want: list(f32(sh(2), 1, 2))},
		{name: "int", op: "Constant", at: Attrs{"value_int": int64(3)}, want: list(i64(nil, 3))},
		{name: "ints", op: "Constant", at: Attrs{"value_ints": []int64{3}}, want: list(ints(3))},
		{name: "string", op: "Constant", at: Attrs{"value_string": "x"}, err: "not supported"},
		{name: "torn", op: "Constant", at: value(&tensor.Tensor{DType: tensor.Int64, Shape: sh(5), I: []int64{1}}), err: "[5] over 1 elements"},

		{name: "zeros", op: "ConstantOfShape", in: list(ints(2, 1)), want: list(f32(sh(2, 1), 0, 0))},
		{name: "value", op: "ConstantOfShape", at: value(ints(7)), in: list(ints(3)), want: list(ints(7, 7, 7))},
		{name: "scalar", op: "ConstantOfShape", in: list(ints()), want: list(f32(nil, 0))},
		{name: "huge", op: "ConstantOfShape", in: list(ints(1<<20, 1<<20)), err: "too large"},
		{name: "overflow", op: "ConstantOfShape", in: list(ints(1<<40, 1<<40)), err: "too many elements"},
		{name: "empty but huge", op: "ConstantOfShape", in: list(ints(0, 1<<40)), err: "too large"},
		{name: "negative", op: "ConstantOfShape", in: list(ints(-1)), err: "extent -1"},
		{name: "two values", op: "ConstantOfShape", at: value(ints(7, 8)), in: list(ints(3)), err: "2 elements"},

		{name: "both ways", op: "Expand", in: list(f32(sh(2, 1), 1, 2), ints(2, 1, 2)), want: list(f32(sh(2, 2, 2), 1, 1, 2, 2, 1, 1, 2, 2))},
		{name: "no match", op: "Expand", in: list(seq(2), ints(3)), err: "do not broadcast"},
		{name: "huge", op: "Expand", in: list(seq(1), ints(1<<40)), err: "too large"},
		{name: "negative", op: "Expand", in: list(seq(1), ints(-3)), err: "extent -3"},

		{name: "integers", op: "Range", in: list(i64(nil, 10), i64(nil, 4), i64(nil, -2)), want: list(ints(10, 8, 6))},
		{name: "floats", op: "Range", in: list(f32(nil, 0), f32(nil, 1), f32(nil, 0.4)), want: list(f32(sh(3), 0, 0.4, 0.8))},
		{name: "nothing", op: "Range", in: list(i64(nil, 1), i64(nil, 1), i64(nil, 1)), want: list(ints())},
		{name: "away", op: "Range", in: list(f32(nil, 0), f32(nil, inf), f32(nil, -1)), want: list(f32(sh(0)))},
		{name: "by 0", op: "Range", in: list(i64(nil, 1), i64(nil, 2), i64(nil, 0)), err: "not a count"},
		{name: "by nan", op: "Range", in: list(f32(nil, 1), f32(nil, 2), f32(nil, nan)), err: "not a count"},
		{name: "huge", op: "Range", in: list(i64(nil, 0), i64(nil, math.MaxInt64), i64(nil, 1)), err: "not a count"},
		{name: "list", op: "Range", in: list(ints(0, 0), i64(nil, 1), i64(nil, 1)), err: "want a scalar"},

		{name: "all", op: "Shape", in: list(seq(2, 3)), want: list(ints(2, 3))},
		{name: "part", op: "Shape", at: Attrs{"start": int64(-2), "end": int64(-1)}, in: list(seq(2, 3, 4)), want: list(ints(3))},
		{name: "clamped", op: "Shape", at: Attrs{"start": int64(-9), "end": int64(9)}, in: list(seq(2)), want: list(ints(2))},
		{name: "nothing", op: "Shape", at: Attrs{"start": int64(2)}, in: list(seq(2)), want: list(ints())},
	})
}

func TestCast(t *testing.T) {
	half := &tensor.Tensor{DType: tensor.Float16, Shape: sh(2), Raw: []byte{0x00, 0x3c, 0x00, 0xc0}}   // 1, -2
	brain := &tensor.Tensor{DType: tensor.BFloat16, Shape: sh(2), Raw: []byte{0x80, 0x3f, 0x00, 0xc0}} // 1, -2
	typed := func(d tensor.DType, v ...int64) *tensor.Tensor {
		return &tensor.Tensor{DType: d, Shape: sh(len(v)), I: v}
	}
	to := func(n int64) Attrs { return Attrs{"to": n} }
	runCases(t, []opCase{
		{name: "float to int64", op: "Cast", at: to(7), in: list(f32(sh(5), 1.9, -1.9, nan, inf, 1e30)),
			want: list(ints(1, -1, 0, math.MaxInt64, math.MaxInt64))},
		{name: "float to bool", op: "Cast", at: to(9), in: list(f32(sh(3), 0, 0.5, nan)), want: list(typed(tensor.Bool, 0, 1, 1))},
		{name: "int64 to float", op: "Cast", at: to(1), in: list(ints(-3)), want: list(f32(sh(1), -3))},
		{name: "int64 to int32", op: "Cast", at: to(6), in: list(ints(1<<32 + 5)), want: list(typed(tensor.Int32, 5))},
		{name: "int64 to uint8", op: "Cast", at: to(2), in: list(ints(257)), want: list(typed(tensor.Uint8, 1))},
		{name: "half to float", op: "Cast", at: to(1), in: list(half), want: list(f32(sh(2), 1, -2))},
		{name: "float to half", op: "Cast", at: to(10), in: list(f32(sh(2), 1, -2)), want: list(half)},
		{name: "bfloat16 to float", op: "Cast", at: to(1), in: list(brain), want: list(f32(sh(2), 1, -2))},
		{name: "float to bfloat16", op: "Cast", at: to(16), in: list(f32(sh(2), 1.001, -2)), want: list(brain)},
		{name: "to string", op: "Cast", at: to(8), in: list(ints(1)), err: "type 8"},
		{name: "to nothing", op: "Cast", in: list(ints(1)), err: "type 0"},
	})
}
