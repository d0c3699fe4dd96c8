package nn

import (
	"math"
	"testing"
)

// pools returns pooling attributes with a kernel of k on every axis.
func pools(k []int64, more Attrs) Attrs {
	a := Attrs{"kernel_shape": k}
	for name, v := range more {
		a[name] = v
	}
	return a
}

func TestMaxPool(t *testing.T) {
	x, k2 := seq(1, 1, 3, 3), []int64{2, 2}
	runCases(t, []opCase{
		{name: "2×2", op: "MaxPool", at: pools(k2, nil), in: list(x), want: list(f32(sh(1, 1, 2, 2), 4, 5, 7, 8), i64(sh(1, 1, 2, 2), 4, 5, 7, 8))},
		{name: "column-major indices", op: "MaxPool", at: pools(k2, Attrs{"storage_order": int64(1)}), in: list(x),
			want: list(f32(sh(1, 1, 2, 2), 4, 5, 7, 8), i64(sh(1, 1, 2, 2), 4, 7, 5, 8))},
		{name: "indices of the second channel", op: "MaxPool", at: pools([]int64{2}, nil), in: list(f32(sh(1, 2, 2), 1, 0, 2, 3)),
			want: list(f32(sh(1, 2, 1), 1, 3), i64(sh(1, 2, 1), 0, 3))},
		{name: "padding is no maximum", op: "MaxPool", at: pools([]int64{2}, Attrs{"pads": []int64{1, 0}}), in: list(f32(sh(1, 1, 2), -3, -2)),
			want: list(f32(sh(1, 1, 2), -3, -2))},
		{name: "ceil_mode", op: "MaxPool", at: pools(k2, Attrs{"ceil_mode": int64(1), "strides": []int64{2, 2}}), in: list(x),
			want: list(f32(sh(1, 1, 2, 2), 4, 5, 7, 8))},
		{name: "floor", op: "MaxPool", at: pools(k2, Attrs{"strides": []int64{2, 2}}), in: list(x), want: list(f32(sh(1, 1, 1, 1), 4))},
		{name: "last window on padding is left out", op: "MaxPool", at: pools([]int64{1}, Attrs{"ceil_mode": int64(1), "strides": []int64{2}}),
			in: list(f32(sh(1, 1, 2), 1, 2)), want: list(f32(sh(1, 1, 1), 1))},
		{name: "dilation", op: "MaxPool", at: pools(k2, Attrs{"dilations": []int64{2, 2}}), in: list(x), want: list(f32(sh(1, 1, 1, 1), 8))},
		{name: "same", op: "MaxPool", at: pools(k2, Attrs{"auto_pad": "SAME_LOWER"}), in: list(x), want: list(x)},
		{name: "valid overrides pads", op: "MaxPool", at: pools([]int64{3, 3}, Attrs{"auto_pad": "VALID", "pads": []int64{1, 1, 1, 1}}), in: list(x),
			want: list(f32(sh(1, 1, 1, 1), 8))},
		{name: "nan", op: "MaxPool", at: pools([]int64{3}, nil), in: list(f32(sh(1, 1, 4), 1, nan, 3, 5)), want: list(f32(sh(1, 1, 2), nan, nan))},
		{name: "three axes", op: "MaxPool", at: pools([]int64{2, 2, 2}, nil), in: list(seq(1, 1, 2, 2, 2)), want: list(f32(sh(1, 1, 1, 1, 1), 7))},
		{name: "no kernel", op: "MaxPool", in: list(x), err: "kernel []"},
		{name: "kernel 0", op: "MaxPool", at: pools([]int64{0, 1}, nil), in: list(x), err: "kernel [0 1]"},
		{name: "pads beyond", op: "MaxPool", at: pools(k2, Attrs{"pads": []int64{2, 0, 0, 0}}), in: list(x), err: "nothing else"},
		{name: "huge kernel", op: "MaxPool", at: pools([]int64{math.MaxInt64, 1}, nil), in: list(x), err: "kernel"},
		{name: "rank", op: "MaxPool", at: pools([]int64{1}, nil), in: list(seq(3, 3)), err: "want [N C …]"},
	})
}

func TestAveragePool(t *testing.T) {
	x := f32(sh(1, 1, 3), 3, 6, 9)
	k := []int64{3}
	padded := Attrs{"pads": []int64{1, 1}, "strides": []int64{2}}
	runCases(t, []opCase{
		{name: "plain", op: "AveragePool", at: pools([]int64{2}, nil), in: list(x), want: list(f32(sh(1, 1, 2), 4.5, 7.5))},
		{name: "padding left out", op: "AveragePool", at: pools(k, padded), in: list(x), want: list(f32(sh(1, 1, 2), 4.5, 7.5))},
		{name: "padding counted", op: "AveragePool", at: pools(k, Attrs{"pads": []int64{1, 1}, "strides": []int64{2}, "count_include_pad": int64(1)}), in: list(x),
			want: list(f32(sh(1, 1, 2), 3, 5))},
		// With ceil_mode the second window is 6, 9 and two places beyond the padding, which do not count.
		{name: "beyond the padding", op: "AveragePool", at: pools([]int64{4}, Attrs{"ceil_mode": int64(1), "pads": []int64{1, 0}, "strides": []int64{2}, "count_include_pad": int64(1)}),
			in: list(x), want: list(f32(sh(1, 1, 1), 4.5))},
		{name: "beyond the padding, reached", op: "AveragePool", at: pools([]int64{2}, Attrs{"ceil_mode": int64(1), "strides": []int64{2}, "count_include_pad": int64(1)}),
			in: list(x), want: list(f32(sh(1, 1, 2), 4.5, 9))},
		{name: "two axes", op: "AveragePool", at: pools([]int64{2, 2}, Attrs{"auto_pad": "SAME_UPPER"}), in: list(seq(1, 1, 2, 2)),
			want: list(f32(sh(1, 1, 2, 2), 1.5, 2, 2.5, 3))},
		{name: "integers", op: "AveragePool", at: pools(k, nil), in: list(i64(sh(1, 1, 3), 1, 2, 3)), err: "int64"},
	})
}

func TestGlobalPool(t *testing.T) {
	x := f32(sh(1, 2, 1, 2), 1, 3, -5, -7)
	runCases(t, []opCase{
		{name: "two channels", op: "GlobalAveragePool", in: list(x), want: list(f32(sh(1, 2, 1, 1), 2, -6))},
		{name: "two channels", op: "GlobalMaxPool", in: list(x), want: list(f32(sh(1, 2, 1, 1), 3, -5))},
		{name: "nan", op: "GlobalMaxPool", in: list(f32(sh(1, 1, 2), nan, 1)), want: list(f32(sh(1, 1, 1), nan))},
		{name: "no pixels", op: "GlobalAveragePool", in: list(f32(sh(1, 1, 0))), want: list(f32(sh(1, 1, 1), nan))},
		{name: "rank", op: "GlobalAveragePool", in: list(seq(3)), err: "want [N C …]"},
	})
}
