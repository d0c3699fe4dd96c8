package nn

import (
	"testing"

	"github.com/graft-ml/graft/internal/tensor"
)

func TestActivations(t *testing.T) {
	type list = []*tensor.Tensor
	x := f32(sh(5), -2, -0.5, 0, 0.5, 2)
	runCases(t, []opCase{
		{name: "values", op: "Relu", in: list{x}, want: list{f32(sh(5), 0, 0, 0, 0.5, 2)}},
		{name: "nan stays", op: "Relu", in: list{f32(sh(1), nan)}, want: list{f32(sh(1), nan)}},
		{name: "values", op: "Sigmoid", in: list{x}, want: list{f32(sh(5), 0.11920292, 0.37754067, 0.5, 0.62245933, 0.88079708)}},
		{name: "far", op: "Sigmoid", in: list{f32(sh(2), -1000, 1000)}, want: list{f32(sh(2), 0, 1)}},
		{name: "values", op: "Tanh", in: list{x}, want: list{f32(sh(5), -0.96402758, -0.46211716, 0, 0.46211716, 0.96402758)}},
		{name: "exact", op: "Gelu", in: list{x}, want: list{f32(sh(5), -0.04550026, -0.15426877, 0, 0.34573123, 1.95449974)}},
		{name: "tanh", op: "Gelu", at: Attrs{"approximate": "tanh"}, in: list{x}, want: list{f32(sh(5), -0.04540231, -0.15428599, 0, 0.34571401, 1.95459769)}},
		{name: "other form", op: "Gelu", at: Attrs{"approximate": "quick"}, in: list{x}, err: `"quick"`},
		{name: "two outputs", op: "Dropout", in: list{f32(sh(2), 1, 2)}, want: list{f32(sh(2), 1, 2), bools(sh(2), 1, 1)}},
		{name: "ratio", op: "Dropout", in: list{f32(sh(2), 1, 2), f32(nil, 0.5)}, want: list{f32(sh(2), 1, 2)}},
		{name: "integers", op: "Identity", in: list{ints(1, 2)}, want: list{ints(1, 2)}},
		{name: "default", op: "Flatten", in: list{seq(2, 3, 4)}, want: list{f32(sh(2, 12), seq(24).F...)}},
		{name: "all", op: "Flatten", at: Attrs{"axis": int64(0)}, in: list{seq(2, 3)}, want: list{f32(sh(1, 6), seq(6).F...)}},
		{name: "from the end", op: "Flatten", at: Attrs{"axis": int64(-1)}, in: list{seq(2, 3, 4)}, want: list{f32(sh(6, 4), seq(24).F...)}},
		{name: "axis", op: "Flatten", at: Attrs{"axis": int64(3)}, in: list{seq(2, 3)}, err: "axis 3"},
	})
}

func TestSoftmax(t *testing.T) {
	type list = []*tensor.Tensor
	x := f32(sh(2, 2), 0, 1, 2, 4)
	runCases(t, []opCase{
		{name: "last axis", op: "Softmax", in: list{x}, want: list{f32(sh(2, 2), 0.26894142, 0.73105858, 0.11920292, 0.88079708)}},
		{name: "first axis", op: "Softmax", at: Attrs{"axis": int64(0)}, in: list{x}, want: list{f32(sh(2, 2), 0.11920292, 0.04742587, 0.88079708, 0.95257413)}},
		{name: "large", op: "Softmax", in: list{f32(sh(2), 1000, 1000)}, want: list{f32(sh(2), 0.5, 0.5)}},
		{name: "last axis", op: "LogSoftmax", in: list{x}, want: list{f32(sh(2, 2), -1.31326169, -0.31326169, -2.12692801, -0.12692801)}},
		{name: "first axis", op: "LogSoftmax", at: Attrs{"axis": int64(-2)}, in: list{x}, want: list{f32(sh(2, 2), -2.12692801, -3.04858735, -0.12692801, -0.04858735)}},
		{name: "far", op: "LogSoftmax", in: list{f32(sh(2), 0, -1000)}, want: list{f32(sh(2), 0, -1000)}},
		{name: "axis", op: "Softmax", at: Attrs{"axis": int64(2)}, in: list{x}, err: "axis 2"},
		{name: "empty", op: "Softmax", in: list{f32(sh(0, 2))}, want: list{f32(sh(0, 2))}},
	})
}
