//go:build !purego

package kernel

import "github.com/graft-ml/graft/internal/cpu"

// useBinaryAVX2 and useBinaryAVX512 say which kernels operations of two variables use, the widest first.
var useBinaryAVX2, useBinaryAVX512 = cpu.HasAVX2, cpu.HasAVX512

func init() {
	cpu.Register("binary", "AVX512", &useBinaryAVX512)
	cpu.Register("binary", "AVX2", &useBinaryAVX2)
}

func binaryRows(op Op, dst, a, b []float32, r Rows) {
	switch {
	case useBinaryAVX512:
		args := r.args(16)
		args.dst, args.src[0], args.src[1] = element(dst, 0), element(a, 0), element(b, 0)
		binaryAVX512(&args, op)
	case useBinaryAVX2:
		args := r.args(8)
		args.dst, args.src[0], args.src[1] = element(dst, 0), element(a, 0), element(b, 0)
		binaryAVX2(&args, op)
	default:
		binaryRowsGeneric(op, dst, a, b, r)
	}
}

// binaryScalar sets dst[i] = x[i] op y, or y op x[i] if left, which only operations that do not commute may be.
func binaryScalar(op Op, dst, x []float32, y float32, left bool) {
	lanes := 16
	switch {
	case useBinaryAVX512:
	case useBinaryAVX2:
		lanes = 8
	default:
		binaryScalarGeneric(op, dst, x, y, left)
		return
	}
	args := Rows{N: 1, Width: len(x)}.args(lanes)
	args.dst, args.src[0], args.a = element(dst, 0), element(x, 0), y
	switch {
	case lanes == 16 && left:
		binaryLeftScalarAVX512(&args, op)
	case lanes == 16:
		binaryScalarAVX512(&args, op)
	case left:
		binaryLeftScalarAVX2(&args, op)
	default:
		binaryScalarAVX2(&args, op)
	}
}

func scaleShift(dst, src, scale, shift []float32, r Rows) {
	switch {
	case useBinaryAVX512:
		args := r.args(16)
		args.dst, args.src[0], args.src[1], args.src[2] = element(dst, 0), element(src, 0), element(scale, 0), element(shift, 0)
		binaryScaleShiftAVX512(&args)
	case useBinaryAVX2:
		args := r.args(8)
		args.dst, args.src[0], args.src[1], args.src[2] = element(dst, 0), element(src, 0), element(scale, 0), element(shift, 0)
		binaryScaleShiftAVX2(&args)
	default:
		scaleShiftGeneric(dst, src, scale, shift, r)
	}
}
