package nn

import (
	"math"
	"testing"
)

func TestElementwise(t *testing.T) {
	x := f32(sh(2, 2), -2, -1, 1, 2)
	runCases(t, []opCase{
		{name: "both", op: "Clip", in: list(x, f32(nil, -1), f32(nil, 1)), want: list(f32(sh(2, 2), -1, -1, 1, 1))},
		{name: "max only", op: "Clip", in: list(x, nil, f32(nil, 0)), want: list(f32(sh(2, 2), -2, -1, 0, 0))},
		{name: "neither", op: "Clip", in: list(x), want: list(x)},
		{name: "min above max", op: "Clip", in: list(x, f32(nil, 5), f32(nil, 1)), want: list(f32(sh(2, 2), 1, 1, 1, 1))},
		{name: "nan and integers", op: "Clip", in: list(f32(sh(1), nan), f32(nil, 0), f32(nil, 6)), want: list(f32(sh(1), nan))},
		{name: "integers", op: "Clip", in: list(ints(-5, 5), i64(nil, 0)), want: list(ints(0, 5))},
		{name: "limit of another type", op: "Clip", in: list(x, i64(nil, 0)), err: "input 1 is int64"},
		{name: "list as limit", op: "Clip", in: list(x, seq(2)), err: "want a scalar"},

		{name: "per column", op: "PRelu", in: list(x, f32(sh(2), 0.5, 10)), want: list(f32(sh(2, 2), -1, -10, 1, 2))},
		{name: "slope larger", op: "PRelu", in: list(x, seq(2, 1, 1)), err: "does not broadcast"},
		{name: "no match", op: "PRelu", in: list(x, seq(3)), err: "do not broadcast"},

		{name: "floats", op: "Pow", in: list(f32(sh(3), 2, 4, -1), f32(sh(1), 0.5)), want: list(f32(sh(3), math.Sqrt2, 2, nan))},
		{name: "float by int", op: "Pow", in: list(f32(sh(2), 2, -3), i64(nil, 2)), want: list(f32(sh(2), 4, 9))},
		{name: "int by float", op: "Pow", in: list(ints(2, 3), f32(sh(2), 0.5, 2)), want: list(ints(1, 9))},
		{name: "int by int", op: "Pow", in: list(ints(2, 3, -1, 2), ints(62, -1, -3, 0)), want: list(ints(1<<62, 0, -1, 1))},
		{name: "bool", op: "Pow", in: list(bools(sh(1), 1), ints(1)), err: "input 0 is bool"},

		{name: "three", op: "Max", in: list(f32(sh(2), 1, 5), f32(nil, 3), f32(sh(2, 1), 4, 0)), want: list(f32(sh(2, 2), 4, 5, 3, 5))},
		{name: "one", op: "Max", in: list(seq(2)), want: list(seq(2))},
		{name: "nan", op: "Max", in: list(f32(sh(2), nan, 1), f32(sh(2), 1, nan)), want: list(f32(sh(2), nan, nan))},
		{name: "integers", op: "Min", in: list(ints(1, 5), ints(3)), want: list(ints(1, 3))},
		{name: "nan", op: "Min", in: list(f32(sh(2), nan, 1), f32(sh(2), 1, nan)), want: list(f32(sh(2), nan, nan))},
		{name: "types", op: "Min", in: list(ints(1), seq(1)), err: "input 1 is float32, want int64"},

		{name: "integers", op: "Abs", in: list(ints(-5, 5)), want: list(ints(5, 5))},
		{name: "floats", op: "Abs", in: list(x), want: list(f32(sh(2, 2), 2, 1, 1, 2))},
		{name: "integers", op: "Neg", in: list(ints(-5, 5)), want: list(ints(5, -5))},
		{name: "bool", op: "Neg", in: list(bools(sh(1), 1)), err: "bool"},
	})
}

func TestLogic(t *testing.T) {
	runCases(t, []opCase{
		{name: "floats", op: "Equal", in: list(f32(sh(2), 1, nan), f32(sh(2), 1, nan)), want: list(bools(sh(2), 1, 0))},
		{name: "broadcast", op: "Less", in: list(i64(sh(2, 1), 1, 2), ints(1, 2)), want: list(bools(sh(2, 2), 0, 1, 0, 0))},
		{name: "floats", op: "Greater", in: list(seq(3), f32(nil, 1)), want: list(bools(sh(3), 0, 0, 1))},
		{name: "types", op: "Equal", in: list(ints(1), seq(1)), err: "int64 with float32"},
		{name: "table", op: "And", in: list(bools(sh(2, 1), 0, 1), bools(sh(2), 0, 1)), want: list(bools(sh(2, 2), 0, 0, 0, 1))},
		{name: "integers", op: "And", in: list(ints(1), ints(1)), err: "want bool"},
		{name: "table", op: "Not", in: list(bools(sh(2), 0, 1)), want: list(bools(sh(2), 1, 0))},
		{name: "broadcast", op: "Where", in: list(bools(sh(2, 1), 1, 0), f32(sh(2), 1, 2), f32(nil, 9)), want: list(f32(sh(2, 2), 1, 2, 9, 9))},
		{name: "integers", op: "Where", in: list(bools(nil, 0), ints(1, 2), ints(3)), want: list(ints(3, 3))},
		{name: "condition", op: "Where", in: list(ints(1), ints(1), ints(1)), err: "want bool"},
		{name: "no match", op: "Where", in: list(bools(sh(2), 1, 0), ints(1, 2, 3), ints(1)), err: "do not broadcast"},
	})
}

func TestReduce(t *testing.T) {
	x := seq(2, 3, 2)
	runCases(t, []opCase{
		{name: "middle", op: "ReduceMean", at: Attrs{"axes": []int64{1}}, in: list(x), want: list(f32(sh(2, 1, 2), 2, 3, 8, 9))},
		{name: "outer two, dropped", op: "ReduceMean", at: Attrs{"axes": []int64{-2, 0}, "keepdims": int64(0)}, in: list(x), want: list(f32(sh(2), 5, 6))},
		{name: "all", op: "ReduceMean", in: list(x), want: list(f32(sh(1, 1, 1), 5.5))},
		{name: "nothing", op: "ReduceMean", in: list(f32(sh(0))), want: list(f32(sh(1), nan))},
		{name: "integers", op: "ReduceMean", in: list(ints(1, 2, 4)), want: list(ints(2))},
		{name: "axis", op: "ReduceMean", at: Attrs{"axes": []int64{3}}, in: list(x), err: "axis 3"},
		{name: "twice", op: "ReduceMean", at: Attrs{"axes": []int64{1, -2}}, in: list(x), err: "named twice"},
		{name: "axes as input", op: "ReduceSum", in: list(x, ints(2, 1)), want: list(f32(sh(2, 1, 1), 15, 51))},
		{name: "no axes", op: "ReduceSum", in: list(x, ints()), want: list(f32(sh(1, 1, 1), 66))},
		{name: "no axes, no-op", op: "ReduceSum", at: Attrs{"noop_with_empty_axes": int64(1)}, in: list(x, ints()), want: list(x)},
		{name: "scalar", op: "ReduceSum", in: list(f32(nil, 4)), want: list(f32(nil, 4))},
		{name: "large and small", op: "ReduceSum", in: list(f32(sh(3), 1e8, 1, -1e8)), want: list(f32(sh(1), 1))},
	})
}

func TestNormalisation(t *testing.T) {
	stats := list(f32(sh(2), 1, 2), f32(sh(2), 0, 1), f32(sh(2), 1, 2), f32(sh(2), 4, 1))
	eps := Attrs{"epsilon": float32(0)}
	one := f32(sh(2, 2), 1, 3, 2, 6)
	runCases(t, []opCase{
		{name: "two channels", op: "BatchNormalization", at: eps, in: append(list(f32(sh(1, 2, 2), 1, 3, 2, 3)), stats...), want: list(f32(sh(1, 2, 2), 0, 1, 1, 3))},
		{name: "epsilon", op: "BatchNormalization", at: Attrs{"epsilon": float32(5)}, in: append(list(f32(sh(1, 2), 4, 2)), stats...), want: list(f32(sh(1, 2), 1, 1))},
		{name: "channels", op: "BatchNormalization", in: append(list(seq(1, 3)), stats...), err: "input 1 is [2], want [3]"},
		{name: "training", op: "BatchNormalization", at: Attrs{"training_mode": int64(1)}, in: append(list(seq(1, 2)), stats...), err: "training_mode"},

		{name: "rows", op: "LayerNormalization", at: eps, in: list(one, f32(sh(2), 1, 2), f32(sh(2), 0, 1)),
			want: list(f32(sh(2, 2), -1, 3, -1, 3), f32(sh(2, 1), 2, 4), f32(sh(2, 1), 1, 0.5))},
		{name: "all axes", op: "LayerNormalization", at: Attrs{"epsilon": float32(0), "axis": int64(0)}, in: list(f32(sh(2, 2), 0, 0, 2, 2), f32(sh(2, 2), 1, 1, 1, 1)),
			want: list(f32(sh(2, 2), -1, -1, 1, 1))},
		{name: "scale", op: "LayerNormalization", in: list(one, seq(3)), err: "input 1 is [3], want [2]"},
		{name: "axis", op: "LayerNormalization", at: Attrs{"axis": int64(2)}, in: list(one, seq(2)), err: "axis 2"},

		// Channels 1, 2, 3 with size 2 see (themselves and the next): 1+4, 4+9, 9.
		{name: "neighbours", op: "LRN", at: Attrs{"size": int64(2), "alpha": float32(2), "beta": float32(1), "bias": float32(0)},
			in: list(f32(sh(1, 3, 1, 1), 1, 2, 3)), want: list(f32(sh(1, 3, 1, 1), 1./5, 2./13, 3./9))},
		{name: "no size", op: "LRN", in: list(seq(1, 1, 1, 1)), err: "size 0"},
		{name: "rank", op: "LRN", at: Attrs{"size": int64(1)}, in: list(seq(3)), err: "want [N C"},
	})
}
