package train

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"gonum.org/v1/gonum/optimize"
)

// minimiser fits a linear head to all pictures at once by L-BFGS. It minimises the mean loss plus
// WeightDecay/2·Σw² over the weights without the biases.
type minimiser struct {
	*fit
	ctx context.Context

	standard []float32 // the training data's features, standardised

	at         []float64 // the point that value and slope were computed for
	value      float64
	slope      []float64
	iterations int
	point      []float64 // of the last iteration, with OnlyLast

	last float64 // the value of the iteration recorded last
	err  error
}

// errEnough ends a minimisation that need not go on.
var errEnough = errors.New("enough iterations")

// settled says when L-BFGS has converged: the mean loss has fallen by less than this part of itself over some
// iterations. Below it lies the rounding noise of float32 logits.
var settled = optimize.FunctionConverge{Absolute: 1e-9, Relative: 1e-6, Iterations: 5}

func newMinimiser(ctx context.Context, f *fit) *minimiser {
	m := &minimiser{fit: f, ctx: ctx, last: math.NaN(), standard: make([]float32, len(f.train.X))}
	for i := range f.train.N() {
		f.scaler.apply(m.standard[i*f.train.D:(i+1)*f.train.D], f.train.row(i))
	}
	m.slope = make([]float64, len(f.layers[0].w)+len(f.layers[0].b))
	return m
}

// minimise runs L-BFGS, one iteration an epoch.
func (f *fit) minimise(ctx context.Context) error {
	m := newMinimiser(ctx, f)
	start := make([]float64, 0, len(f.layers[0].w)+len(f.layers[0].b))
	for _, values := range [][]float32{f.layers[0].w, f.layers[0].b} {
		for _, v := range values {
			start = append(start, float64(v))
		}
	}
	converge := settled
	p := optimize.Problem{
		Func: func(x []float64) float64 { m.evaluate(x); return m.value },
		Grad: func(grad, x []float64) { m.evaluate(x); copy(grad, m.slope) },
	}
	res, err := optimize.Minimize(p, start, &optimize.Settings{Recorder: m, Converger: &converge}, &optimize.LBFGS{})
	switch {
	case m.err != nil:
		return m.err
	case errors.Is(err, errEnough):
	case res == nil || res.X == nil:
		return err
	default: // converged, or no step leads further down: within float32 that is the same
		if err := m.iteration(res.X, res.F); err != nil && !errors.Is(err, errEnough) {
			return err
		}
	}
	if !m.o.OnlyLast {
		return nil
	}
	m.set(m.point)
	_, err = m.record(ctx, m.iterations, 0)
	return err
}

// Init is part of optimize.Recorder.
func (m *minimiser) Init() error { return nil }

// Record is told of each evaluation and iteration. The first iteration is the starting point.
func (m *minimiser) Record(at *optimize.Location, op optimize.Operation, stats *optimize.Stats) error {
	if m.err == nil {
		m.err = m.ctx.Err()
	}
	if m.err != nil {
		return m.err
	}
	if op == optimize.MajorIteration && stats.MajorIterations > 1 {
		return m.iteration(at.X, at.F)
	}
	return nil
}

// iteration records the point x, where the value is f, as an epoch, unless it is the one recorded last.
func (m *minimiser) iteration(x []float64, value float64) error {
	if value == m.last {
		return nil
	}
	m.last = value
	m.iterations++
	stop := false
	if m.o.OnlyLast {
		m.point = append(m.point[:0], x...)
	} else {
		m.set(x)
		if stop, m.err = m.record(m.ctx, m.iterations, 0); m.err != nil {
			return m.err
		}
		m.started = time.Now()
	}
	if stop || m.iterations >= m.o.Epochs {
		return errEnough
	}
	return nil
}

// set makes x the values of the head.
func (m *minimiser) set(x []float64) {
	w, b := m.layers[0].w, m.layers[0].b
	for i := range w {
		w[i] = float32(x[i])
	}
	for i := range b {
		b[i] = float32(x[len(w)+i])
	}
}

// evaluate computes value and slope at x. An error is kept in err, and makes the value NaN.
func (m *minimiser) evaluate(x []float64) {
	if slices.Equal(x, m.at) {
		return
	}
	m.at = append(m.at[:0], x...)
	m.set(x)
	if err := m.sweep(); err != nil {
		m.err, m.value = err, math.NaN()
		return
	}
	for i, v := range x[:len(m.layers[0].w)] {
		m.value += m.o.WeightDecay / 2 * v * v
		m.slope[i] += m.o.WeightDecay * v
	}
}

// sweepRows is how many pictures run through the head at once: so many that packing the weights, and unpacking their
// gradient, is little beside the products.
const sweepRows = 2048

// sweep computes the mean loss of all pictures and its slope, part by part in their order.
func (m *minimiser) sweep() error {
	clear(m.slope)
	m.value = 0
	total, n, d := m.loss.total(m.train.Labels), m.train.N(), m.train.D
	for lo := 0; lo < n; lo += sweepRows {
		if err := m.ctx.Err(); err != nil {
			return err
		}
		hi := min(n, lo+sweepRows)
		z, err := m.tape.Forward(hi-lo, [][]float32{m.standard[lo*d : hi*d]}, nil)
		if err != nil {
			return err
		}
		m.dz = sized(m.dz, len(z))
		m.value += m.loss.parallelSum(m.o.Pool, m.dz, z, m.train.Labels[lo:hi], 1/total) / total
		if err := m.tape.Backward(m.dz); err != nil {
			return err
		}
		at := 0
		for _, g := range [][]float32{m.tape.Grad(weightName(0)), m.tape.Grad(biasName(0))} {
			for _, v := range g {
				m.slope[at] += float64(v)
				at++
			}
		}
	}
	return nil
}
