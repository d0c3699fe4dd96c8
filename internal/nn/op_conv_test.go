package nn

import (
	"testing"

	"github.com/graft-ml/graft/internal/tensor"
)

func TestConv(t *testing.T) {
	ones := func(shape ...int) *tensor.Tensor {
		x := tensor.New(tensor.Float32, shape...)
		for i := range x.F {
			x.F[i] = 1
		}
		return x
	}
	x, k := seq(1, 1, 3, 3), ones(1, 1, 2, 2)
	runCases(t, []opCase{
		{name: "sums of 2×2", op: "Conv", in: []*tensor.Tensor{x, k}, want: []*tensor.Tensor{f32(sh(1, 1, 2, 2), 8, 12, 20, 24)}},
		{name: "bias", op: "Conv", in: []*tensor.Tensor{x, k, f32(sh(1), 0.5)}, want: []*tensor.Tensor{f32(sh(1, 1, 2, 2), 8.5, 12.5, 20.5, 24.5)}},
		{name: "pads at the end only", op: "Conv", at: Attrs{"pads": []int64{0, 0, 1, 1}, "strides": []int64{2, 2}},
			in: []*tensor.Tensor{x, k}, want: []*tensor.Tensor{f32(sh(1, 1, 2, 2), 8, 7, 13, 8)}},
		{name: "same upper", op: "Conv", at: Attrs{"auto_pad": "SAME_UPPER", "strides": []int64{2, 2}},
			in: []*tensor.Tensor{x, k}, want: []*tensor.Tensor{f32(sh(1, 1, 2, 2), 8, 7, 13, 8)}},
		{name: "same lower", op: "Conv", at: Attrs{"auto_pad": "SAME_LOWER", "strides": []int64{2, 2}},
			in: []*tensor.Tensor{x, k}, want: []*tensor.Tensor{f32(sh(1, 1, 2, 2), 0, 3, 9, 24)}},
		{name: "dilation", op: "Conv", at: Attrs{"dilations": []int64{2, 2}}, in: []*tensor.Tensor{x, k},
			want: []*tensor.Tensor{f32(sh(1, 1, 1, 1), 16)}},
		{name: "pointwise", op: "Conv", in: []*tensor.Tensor{seq(2, 2, 1, 2), f32(sh(1, 2, 1, 1), 1, 10)},
			want: []*tensor.Tensor{f32(sh(2, 1, 1, 2), 20, 31, 64, 75)}},
		{name: "depthwise", op: "Conv", at: Attrs{"group": int64(2)}, in: []*tensor.Tensor{seq(1, 2, 1, 2), f32(sh(2, 1, 1, 2), 1, 2, 3, 4)},
			want: []*tensor.Tensor{f32(sh(1, 2, 1, 1), 2, 18)}},
		{name: "one axis", op: "Conv", in: []*tensor.Tensor{f32(sh(1, 1, 4), 1, 2, 3, 4), f32(sh(1, 1, 2), 1, -1)},
			want: []*tensor.Tensor{f32(sh(1, 1, 3), -1, -1, -1)}},
		{name: "three axes", op: "Conv", in: []*tensor.Tensor{seq(1, 1, 2, 2, 2), ones(1, 1, 2, 2, 2)},
			want: []*tensor.Tensor{f32(sh(1, 1, 1, 1, 1), 28)}},
		{name: "no picture", op: "Conv", in: []*tensor.Tensor{f32(sh(0, 1, 3, 3)), k}, want: []*tensor.Tensor{f32(sh(0, 1, 2, 2))}},

		{name: "kernel too large", op: "Conv", in: []*tensor.Tensor{x, ones(1, 1, 4, 4)}, err: "a window of 4 over 3"},
		{name: "channels", op: "Conv", in: []*tensor.Tensor{x, ones(1, 2, 2, 2)}, err: "1 groups"},
		{name: "rank", op: "Conv", in: []*tensor.Tensor{seq(3, 3), ones(2, 2)}, err: "want [N C …]"},
		{name: "no group", op: "Conv", at: Attrs{"group": int64(0)}, in: []*tensor.Tensor{x, k}, err: "0 groups"},
		{name: "stride 0", op: "Conv", at: Attrs{"strides": []int64{0, 1}}, in: []*tensor.Tensor{x, k}, err: "strides [0 1]"},
		{name: "negative pad", op: "Conv", at: Attrs{"pads": []int64{-1, 0, 0, 0}}, in: []*tensor.Tensor{x, k}, err: "pads [-1 0 0 0]"},
		{name: "huge pad", op: "Conv", at: Attrs{"pads": []int64{1 << 62, 0, 0, 0}}, in: []*tensor.Tensor{x, k}, err: "pads"},
		{name: "too large", op: "Conv", at: Attrs{"pads": []int64{1 << 20, 1 << 20, 0, 0}}, in: []*tensor.Tensor{x, k}, err: "too large"},
		{name: "auto_pad", op: "Conv", at: Attrs{"auto_pad": "FOO"}, in: []*tensor.Tensor{x, k}, err: `auto_pad "FOO"`},
		{name: "bias", op: "Conv", in: []*tensor.Tensor{x, k, f32(sh(2), 1, 2)}, err: "bias [2], want [1]"},
		{name: "kernel_shape", op: "Conv", at: Attrs{"kernel_shape": []int64{3, 3}}, in: []*tensor.Tensor{x, k}, err: "kernel_shape"},
		{name: "empty kernel", op: "Conv", in: []*tensor.Tensor{x, f32(sh(1, 1, 0, 0))}, err: "kernel [0 0]"},
	})
}
