package check

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Gradient is a differentiable function as GradCheck sees it.
type Gradient struct {
	// Vars are the slices that the function depends on. They are changed in place while it is checked, and
	// restored. Keep them some Steps away from kinks.
	Vars [][]float32
	// Forward computes the function's outputs from Vars as they stand. The result is read before the
	// next call.
	Forward func() []float32
	// Backward returns the gradient of Σ dOut·out by each of Vars, at the point of the last Forward.
	Backward func(dOut []float32) [][]float32

	Step float64 // distance of the differences; 0 means 1/16
	Tol  float64 // limit of the relative error; 0 means GradTol
}

// GradTol bounds the error of a gradient relative to the largest element of the same gradient. Differences of
// four points with a step of 1/16 on smooth float32 functions of size 1 come within 1e-5 of it: the rounding
// of the values, some 1e-7, is divided by the step, and allowed for apart from this. A wrong formula is off by 1e-2 and more.
const GradTol = 5e-5

// GradCheck compares Backward with differences of Forward for every element of Vars. The outputs are projected
// on a fixed random direction and summed in float64, so that one number stands for all of them.
//
// The step is large on purpose: in float32 the customary 1e-4 leaves nothing but rounding noise in which real
// mistakes hide. The difference of four points has an error of the step to the fourth.
func GradCheck(t testing.TB, g Gradient) {
	t.Helper()
	step, tol := g.Step, g.Tol
	if step == 0 {
		step = 1. / 16
	}
	if tol == 0 {
		tol = GradTol
	}
	rng := rand.New(rand.NewPCG(7, 11))
	start := g.Forward()
	direction := make([]float32, len(start))
	noise := 0.0
	for i, y := range start {
		direction[i] = 2*rng.Float32() - 1
		noise += math.Pow(float64(direction[i])*float64(y), 2)
	}
	// Each output is rounded on its own; what is left of that in a difference counts where the terms of a
	// gradient cancel.
	noise = 4 * 0x1p-24 * math.Sqrt(noise) / step
	got := g.Backward(direction)
	if len(got) != len(g.Vars) {
		t.Errorf("%d gradients, want %d", len(got), len(g.Vars))
		return
	}
	at := func(v []float32, i int, to float32) float64 {
		v[i] = to
		sum := 0.0
		for k, y := range g.Forward() {
			sum += float64(y) * float64(direction[k])
		}
		return sum
	}
	for n, v := range g.Vars {
		dv := append([]float32(nil), got[n]...) // Forward may use its memory again
		if len(dv) != len(v) {
			t.Errorf("variable %d: gradient of %d elements, want %d", n, len(dv), len(v))
			continue
		}
		want := make([]float64, len(v))
		top := 0.0
		for i, x := range v {
			h := float32(step)
			near, far := at(v, i, x+h)-at(v, i, x-h), at(v, i, x+2*h)-at(v, i, x-2*h)
			v[i] = x
			want[i] = (8*near - far) / (12 * step)
			top = max(top, math.Abs(want[i]))
		}
		for i, w := range want {
			if d := math.Abs(float64(dv[i]) - w); !(d <= tol*top+noise) {
				t.Errorf("variable %d element %d: gradient %v, differences say %v (off by %.2g, the largest is %.3g)",
					n, i, dv[i], w, d, top)
				break
			}
		}
	}
}
