//go:build !purego

package kernel

import "github.com/graft-ml/graft/internal/cpu"

// useNormAVX2 and useNormAVX512 say which kernels layer normalisation and softmax use, the widest first.
var useNormAVX2, useNormAVX512 = cpu.HasAVX2, cpu.HasAVX512

func init() {
	cpu.Register("norm", "AVX512", &useNormAVX512)
	cpu.Register("norm", "AVX2", &useNormAVX2)
}

func layerNorm(dst, src, scale, shift []float32, eps float32, r Rows) {
	if !useNormAVX512 && !useNormAVX2 {
		layerNormGeneric(dst, src, scale, shift, eps, r)
		return
	}
	args := r.args(normPartials)
	args.dst, args.src[0], args.src[1], args.src[2] = element(dst, 0), element(src, 0), element(scale, 0), element(shift, 0)
	args.a, args.b = float32(r.Width), eps
	if useNormAVX512 {
		normLayerNormAVX512(&args)
	} else {
		normLayerNormAVX2(&args)
	}
}

func softmax(dst, src []float32, r Rows) {
	if !useNormAVX512 && !useNormAVX2 {
		softmaxGeneric(dst, src, r)
		return
	}
	args := r.args(normPartials)
	args.dst, args.src[0] = element(dst, 0), element(src, 0)
	if useNormAVX512 {
		normSoftmaxAVX512(&args)
	} else {
		normSoftmaxAVX2(&args)
	}
}
