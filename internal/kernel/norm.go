package kernel

import "math"

// LayerNorm sets the elements of each row to (x − mean)/√(variance + eps)·scale + shift, with the mean and the biased
// variance of the row; scale and shift are as long as a row. dst may be src where the steps are alike.
//
// Sums over a row are normPartials partial ones, added in halves: as many on every instruction set.
func LayerNorm(dst, src, scale, shift []float32, eps float32, r Rows) {
	if r.empty() {
		return
	}
	must("norm output", len(dst), 0, r.reach(r.To))
	must("norm input", len(src), 0, r.reach(r.From))
	must("norm parameters", min(len(scale), len(shift)), 0, r.Width)
	r.From2 = 0
	layerNorm(dst, src, scale, shift, eps, r)
}

// Softmax sets the elements of each row to e to the x − max, divided by their sum. A row with a NaN is NaN. dst may
// be src where the steps are alike.
func Softmax(dst, src []float32, r Rows) {
	if r.empty() {
		return
	}
	must("softmax output", len(dst), 0, r.reach(r.To))
	must("softmax input", len(src), 0, r.reach(r.From))
	softmax(dst, src, r)
}

// partials are the partial results of a row: that of element i is i mod normPartials.
type partials [normPartials]float32

// sum adds the partial sums in halves.
func (p *partials) sum() float32 {
	for half := normPartials / 2; half > 0; half /= 2 {
		for i := range half {
			p[i] += p[i+half]
		}
	}
	return p[0]
}

func layerNormGeneric(dst, src, scale, shift []float32, eps float32, r Rows) {
	n := float32(r.Width)
	for i := range r.N {
		x, y := src[i*r.From:][:r.Width], dst[i*r.To:][:r.Width]
		var sum, square partials
		for j, v := range x {
			sum[j%normPartials] += v
		}
		mean := sum.sum() / n
		for j, v := range x {
			d := v - mean
			square[j%normPartials] += float32(d * d)
		}
		inverse := 1 / float32(math.Sqrt(float64(square.sum()/n+eps)))
		for j, v := range x {
			y[j] = float32(float32((v-mean)*inverse)*scale[j]) + shift[j]
		}
	}
}

func softmaxGeneric(dst, src []float32, r Rows) {
	for i := range r.N {
		x, y := src[i*r.From:][:r.Width], dst[i*r.To:][:r.Width]
		most := float32(math.Inf(-1))
		for _, v := range x {
			if v > most {
				most = v
			}
		}
		var sum partials
		for j, v := range x {
			y[j] = expNegative(max(v-most, expMin))
			sum[j%normPartials] += y[j]
		}
		total := sum.sum()
		for j := range y {
			y[j] /= total
		}
	}
}
