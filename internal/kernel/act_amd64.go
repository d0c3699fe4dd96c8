//go:build !purego

package kernel

import "github.com/graft-ml/graft/internal/cpu"

// useActAVX2 and useActAVX512 say which kernels activations use, the widest first.
var useActAVX2, useActAVX512 = cpu.HasAVX2, cpu.HasAVX512

func init() {
	cpu.Register("act", "AVX512", &useActAVX512)
	cpu.Register("act", "AVX2", &useActAVX2)
}

// run applies a, which is not Identity, to n rows.
func (a Act) run(dst, src []float32, n, width, to, from int) {
	lanes := 16
	switch {
	case useActAVX512:
	case useActAVX2:
		lanes = 8
	default:
		a.runGeneric(dst, src, n, width, to, from)
		return
	}
	f := a.Func
	r := newRows(n, width, lanes)
	r.src[0], r.dst, r.from[0], r.to = element(src, 0), element(dst, 0), 4*from, 4*to
	r.a, r.b = a.A, a.B
	if f == Relu {
		f = Clip
		r.a, r.b = a.bounds()
	}
	if lanes == 16 {
		actAVX512(&r, f)
	} else {
		actAVX2(&r, f)
	}
}
