package train

// average is the exponential moving average of parameters: what is measured and kept in their place, since it
// wanders less than they do.
type average struct {
	decay float64 // 0: none is kept
	steps int
	of    map[string][]float32 // by name of the parameter
}

// include begins to average the parameters that are not averaged yet, at their present values.
func (a *average) include(params []*param) {
	if a.decay == 0 {
		return
	}
	if a.of == nil {
		a.of = map[string][]float32{}
	}
	for _, p := range params {
		if a.of[p.name] == nil {
			a.of[p.name] = append([]float32(nil), p.w...)
		}
	}
}

// step moves the averages towards the values. Early ones, which know little, move faster: by at least 9 in
// 10+t, as in TensorFlow's ExponentialMovingAverage.
func (a *average) step(op *optimizer, params []*param) {
	if a.decay == 0 {
		return
	}
	a.steps++
	keep := float32(min(a.decay, float64(1+a.steps)/float64(10+a.steps)))
	for _, p := range params {
		of := a.of[p.name]
		op.chunks(len(of), func(lo, hi int) {
			for i := lo; i < hi; i++ {
				of[i] += (1 - keep) * (p.w[i] - of[i])
			}
		})
	}
}
