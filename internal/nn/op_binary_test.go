package nn

import (
	"testing"

	"github.com/graft-ml/graft/internal/tensor"
)

func TestArithmetic(t *testing.T) {
	type list = []*tensor.Tensor
	a, b := f32(sh(2, 2), 1, 2, 3, -4), f32(sh(2, 2), 2, 4, -8, 0.5)
	u8 := func(v ...int64) *tensor.Tensor {
		t := ints(v...)
		t.DType = tensor.Uint8
		return t
	}
	runCases(t, []opCase{
		{name: "same shape", op: "Add", in: list{a, b}, want: list{f32(sh(2, 2), 3, 6, -5, -3.5)}},
		{name: "same shape", op: "Sub", in: list{a, b}, want: list{f32(sh(2, 2), -1, -2, 11, -4.5)}},
		{name: "same shape", op: "Mul", in: list{a, b}, want: list{f32(sh(2, 2), 2, 8, -24, -2)}},
		{name: "same shape", op: "Div", in: list{a, b}, want: list{f32(sh(2, 2), 0.5, 0.5, -0.375, -8)}},
		{name: "by zero", op: "Div", in: list{f32(sh(3), 1, -1, 0), f32(sh(1), 0)}, want: list{f32(sh(3), inf, -inf, nan)}},
		{name: "row", op: "Sub", in: list{a, f32(sh(2), 1, 10)}, want: list{f32(sh(2, 2), 0, -8, 2, -14)}},
		{name: "column on the left", op: "Sub", in: list{f32(sh(2, 1), 1, 10), a}, want: list{f32(sh(2, 2), 0, -1, 7, 14)}},
		{name: "both stretch", op: "Mul", in: list{f32(sh(2, 1), 1, 10), f32(sh(3), 1, 2, 3)}, want: list{f32(sh(2, 3), 1, 2, 3, 10, 20, 30)}},
		{name: "channels", op: "Add", in: list{f32(sh(1, 2, 1, 2), 1, 2, 3, 4), f32(sh(2, 1, 1), 10, 20)}, want: list{f32(sh(1, 2, 1, 2), 11, 12, 23, 24)}},
		{name: "scalar", op: "Add", in: list{f32(nil, 1), f32(nil, 2)}, want: list{f32(nil, 3)}},
		{name: "empty", op: "Add", in: list{f32(sh(0, 2)), f32(sh(2), 1, 2)}, want: list{f32(sh(0, 2))}},
		{name: "integers", op: "Div", in: list{ints(7, -7, 9), ints(2, 2, -4)}, want: list{ints(3, -3, -2)}},
		{name: "integers by zero", op: "Div", in: list{ints(7), ints(0)}, err: "division by zero"},
		{name: "bytes wrap", op: "Sub", in: list{u8(1, 200), u8(3, 100)}, want: list{u8(254, 100)}},
		{name: "no match", op: "Add", in: list{seq(2, 3), seq(2)}, err: "[[2 3] [2]] do not broadcast"},
		{name: "mixed types", op: "Add", in: list{seq(2), ints(1, 2)}, err: "int64, want float32"},
	})
}
