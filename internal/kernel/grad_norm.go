package kernel

import "math"

// LayerNormGrad is the gradient of LayerNorm over rows: x and dy start From and From2 apart. It sets dx and adds to
// dscale and dshift, each as long as a row, the sums over the rows in their order. dx may be dy where the steps are
// alike. Sums over a row are normPartials partial ones, as in LayerNorm.
func LayerNormGrad(dx, dscale, dshift, x, dy, scale []float32, eps float32, r Rows) {
	if r.empty() {
		return
	}
	must("norm gradient", len(dx), 0, r.reach(r.To))
	must("norm input", len(x), 0, r.reach(r.From))
	must("norm gradient", len(dy), 0, r.reach(r.From2))
	must("norm parameters", min(len(scale), len(dscale), len(dshift)), 0, r.Width)
	layerNormGrad(dx, dscale, dshift, x, dy, scale, eps, r)
}

func layerNormGradGeneric(dx, dscale, dshift, x, dy, scale []float32, eps float32, r Rows) {
	n := float32(r.Width)
	dscale, dshift, scale = dscale[:r.Width], dshift[:r.Width], scale[:r.Width]
	for i := range r.N {
		x, g, out := x[i*r.From:][:r.Width], dy[i*r.From2:][:r.Width], dx[i*r.To:][:r.Width]
		var sum, square, sumG, sumGX partials
		for j, v := range x {
			sum[j%normPartials] += v
		}
		mean := sum.sum() / n
		for j, v := range x {
			d := v - mean
			square[j%normPartials] += float32(d * d)
			s := g[j] * scale[j]
			sumG[j%normPartials] += s
			sumGX[j%normPartials] += float32(s * d)
		}
		variance := square.sum()/n + eps
		inverse := 1 / float32(math.Sqrt(float64(variance)))
		shift, slope := sumG.sum()/n, sumGX.sum()/n/variance
		for j, v := range x {
			d := v - mean
			dscale[j] += float32(g[j] * float32(d*inverse))
			dshift[j] += g[j]
			out[j] = inverse * (float32(g[j]*scale[j]) - shift - float32(d*slope))
		}
	}
}

// SoftmaxGrad is the gradient of Softmax over rows, from its output y, whose rows start From apart, and dy, whose
// start From2 apart: dx = y·(dy − Σ y·dy). dx may be dy or y where the steps are alike.
func SoftmaxGrad(dx, y, dy []float32, r Rows) {
	if r.empty() {
		return
	}
	must("softmax gradient", len(dx), 0, r.reach(r.To))
	must("softmax output", len(y), 0, r.reach(r.From))
	must("softmax gradient", len(dy), 0, r.reach(r.From2))
	for i := range r.N {
		y, g, out := y[i*r.From:][:r.Width], dy[i*r.From2:][:r.Width], dx[i*r.To:][:r.Width]
		var dot partials
		for j, v := range y {
			dot[j%normPartials] += float32(v * g[j])
		}
		sum := dot.sum()
		for j, v := range y {
			out[j] = v * (g[j] - sum)
		}
	}
}
