//go:build !purego

package kernel

import "unsafe"

// gradRows computes the gradient of an activation, which is not Identity.
func (a Act) gradRows(dx, dy, v []float32, r Rows) {
	lanes := 16
	switch {
	case a.Func != Identity && useActAVX512:
	case a.Func != Identity && useActAVX2:
		lanes = 8
	default:
		a.gradRowsGeneric(dx, dy, v, r)
		return
	}
	f, args := a.Func, r.args(lanes)
	args.dst, args.src[0], args.src[1] = element(dx, 0), element(dy, 0), element(v, 0)
	args.a, args.b = a.A, a.B
	if f == Relu {
		f = Clip
		args.a, args.b = a.bounds()
	}
	if lanes == 16 {
		actGradAVX512(&args, f)
	} else {
		actGradAVX2(&args, f)
	}
}

// batchLanes returns the elements of one vector, 0 where plain Go is in use.
func batchLanes() int {
	switch {
	case useNormAVX512:
		return 16
	case useNormAVX2:
		return 8
	}
	return 0
}

func (n *normalizing) run(r Rows) {
	lanes := batchLanes()
	if lanes == 0 {
		n.runGeneric(r)
		return
	}
	args := r.args(lanes)
	args.dst, args.a, args.b = element(n.dst, 0), n.lo, n.hi
	args.src = [6]unsafe.Pointer{element(n.src, 0), element(n.mean, 0), element(n.scale, 0), element(n.shift, 0), element(n.res, 0)}
	args.from = [6]int{4 * r.From, 0, 0, 0, 4 * n.resStep}
	if n.res != nil {
		if lanes == 16 {
			batchNormalizeAddAVX512(&args)
		} else {
			batchNormalizeAddAVX2(&args)
		}
		return
	}
	if args.group(2) {
		if lanes == 16 {
			batchNormalize2AVX512(&args)
		} else {
			batchNormalize2AVX2(&args)
		}
	}
	switch {
	case !args.rest(r.N, 2):
	case lanes == 16:
		batchNormalizeAVX512(&args)
	default:
		batchNormalizeAVX2(&args)
	}
}

// group makes the rows a multiple of n, and reports whether that leaves any.
func (a *rowsArgs) group(n int) bool {
	a.rows = a.rows / n * n
	return a.rows > 0
}

// rest makes the rows those that group(n) left out of all, and reports whether there are any.
func (a *rowsArgs) rest(all, n int) bool {
	done := all / n * n
	if done == all { // what is behind the last row may be no memory of ours
		return false
	}
	for i, step := range a.from {
		if a.src[i] != nil {
			a.src[i] = unsafe.Add(a.src[i], done*step)
		}
	}
	a.dst = unsafe.Add(a.dst, done*a.to)
	a.rows = all - done
	return true
}

func normGrad(dx, dy, x, mean []float32, g BatchNormGrad, r Rows) {
	lanes := batchLanes()
	if lanes == 0 {
		normGradGeneric(dx, dy, x, mean, g, r)
		return
	}
	args := r.args(lanes)
	args.dst = element(dx, 0)
	args.src = [6]unsafe.Pointer{element(dy, 0), element(g.Shift, 0), element(g.Scale, 0), element(x, 0), element(mean, 0), element(g.Slope, 0)}
	args.from = [6]int{4 * r.From, 0, 0, 4 * r.From2}
	if args.group(2) {
		if lanes == 16 {
			batchNormGrad2AVX512(&args)
		} else {
			batchNormGrad2AVX2(&args)
		}
	}
	switch {
	case !args.rest(r.N, 2):
	case lanes == 16:
		batchNormGradAVX512(&args)
	default:
		batchNormGradAVX2(&args)
	}
}

func layerNormGrad(dx, dscale, dshift, x, dy, scale []float32, eps float32, r Rows) {
	if !useNormAVX512 && !useNormAVX2 {
		layerNormGradGeneric(dx, dscale, dshift, x, dy, scale, eps, r)
		return
	}
	args := r.args(normPartials)
	args.dst = element(dx, 0)
	args.src = [6]unsafe.Pointer{element(x, 0), element(dy, 0), element(scale, 0), element(dscale, 0), element(dshift, 0)}
	args.from = [6]int{4 * r.From, 4 * r.From2}
	args.a, args.b = float32(r.Width), eps
	if useNormAVX512 {
		normLayerNormGradAVX512(&args)
	} else {
		normLayerNormGradAVX2(&args)
	}
}
