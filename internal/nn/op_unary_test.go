package nn

import (
	"math"
	"testing"

	"github.com/graft-ml/graft/internal/tensor"
)

func TestUnary(t *testing.T) {
	in := []*tensor.Tensor{f32(sh(2, 2), -4, -1, 0.25, 4)}
	one := func(v ...float32) []*tensor.Tensor { return []*tensor.Tensor{f32(sh(2, 2), v...)} }
	runCases(t, []opCase{
		{name: "values", op: "Ceil", in: list(f32(sh(4), -1.5, -0.5, 0.25, 2)), want: list(f32(sh(4), -1, 0, 1, 2))},
		{name: "values", op: "Floor", in: list(f32(sh(4), -1.5, -0.5, 0.25, 2)), want: list(f32(sh(4), -2, -1, 0, 2))},
		{name: "values", op: "Sqrt", in: in, want: one(nan, nan, 0.5, 2)},
		{name: "values", op: "Exp", in: in, want: one(0.018315639, 0.36787944, 1.2840254, 54.59815)},
		{name: "values", op: "Log", in: in, want: one(nan, nan, -1.3862944, 1.3862944)},
		{name: "zero", op: "Log", in: []*tensor.Tensor{f32(nil, 0)}, want: []*tensor.Tensor{f32(nil, -inf)}},
		{name: "values", op: "Erf", in: in, want: one(-1, -0.8427008, 0.2763264, 1)},
		{name: "values", op: "Reciprocal", in: in, want: one(-0.25, -1, 4, 0.25)},
		{name: "values", op: "HardSwish", in: in, want: one(0, -1./3, 0.25*(0.25/6+0.5), 4)},
		{name: "default", op: "LeakyRelu", in: in, want: one(-0.04, -0.01, 0.25, 4)},
		{name: "alpha", op: "LeakyRelu", at: Attrs{"alpha": float32(0.5)}, in: in, want: one(-2, -0.5, 0.25, 4)},
		{name: "default", op: "HardSigmoid", in: in, want: one(0, 0.3, 0.55, 1)},
		{name: "alpha and beta", op: "HardSigmoid", at: Attrs{"alpha": float32(1), "beta": float32(0)}, in: in, want: one(0, 0, 0.25, 1)},
		{name: "nan stays", op: "HardSigmoid", in: []*tensor.Tensor{f32(sh(1), float32(math.NaN()))}, want: []*tensor.Tensor{f32(sh(1), nan)}},
		{name: "empty", op: "Exp", in: []*tensor.Tensor{f32(sh(0, 3))}, want: []*tensor.Tensor{f32(sh(0, 3))}},
		{name: "integers", op: "Exp", in: []*tensor.Tensor{ints(1)}, err: "int64, want float32"},
	})
}
