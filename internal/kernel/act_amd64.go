//go:build !purego

package kernel

import "github.com/graft-ml/graft/internal/cpu"

// useActAVX2 and useActAVX512 say which kernels activations use, the widest first.
var useActAVX2, useActAVX512 = cpu.HasAVX2, cpu.HasAVX512

func init() {
	cpu.Register("act", "AVX512", &useActAVX512)
	cpu.Register("act", "AVX2", &useActAVX2)
}

// run applies a, which is not Identity.
func (a Act) run(dst, src []float32, r Rows) {
	lanes := 16
	switch {
	case useActAVX512:
	case useActAVX2:
		lanes = 8
	default:
		a.runGeneric(dst, src, r)
		return
	}
	f, args := a.Func, r.args(lanes)
	args.dst, args.src[0] = element(dst, 0), element(src, 0)
	args.a, args.b = a.A, a.B
	if f == Relu {
		f = Clip
		args.a, args.b = a.bounds()
	}
	if lanes == 16 {
		actAVX512(&args, f)
	} else {
		actAVX2(&args, f)
	}
}
