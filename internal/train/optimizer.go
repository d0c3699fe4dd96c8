package train

import (
	"math"

	"github.com/graft-ml/graft/internal/nn"
)

// param is something that trains: values, their gradient, and the memory of the optimiser.
type param struct {
	name  string
	w, g  []float32
	decay bool      // weights decay, biases and the parameters of normalisations do not
	scale float64   // of the learning rate; 0 means 1
	m, v  []float32 // running means of the gradient and of its square; m is SGD's velocity
}

// rule says how an optimiser turns gradients into steps.
type rule struct {
	kind     string // Adam, AdamW, LAMB or SGD
	momentum float64
	nesterov bool
	decay    float64
}

// rule returns what o says of the optimiser.
func (o HeadOptions) rule() rule { return rule{o.Optimizer, o.Momentum, o.Nesterov, o.WeightDecay} }

// optimizer changes parameters by their gradients.
type optimizer struct {
	rule
	pool    *nn.Pool
	steps   int       // done so far
	update  []float32 // LAMB: the step of a parameter before it is scaled
	partial []float64 // sums of the chunks of a parameter
}

// The constants of Adam (Kingma and Ba, arXiv:1412.6980), and the epsilon that LAMB has instead (You et al.,
// arXiv:1904.00962).
const (
	beta1, beta2 = 0.9, 0.999
	epsilon      = 1e-8
	epsilonLAMB  = 1e-6
)

// chunk is how many elements of a parameter a task works on, and how many are summed before their sum joins
// others: it fixes the order of sums, whatever the number of threads.
const chunk = 1 << 13

// step does one step of the given learning rate for each of params. The arithmetic is that of torch.optim, in
// float32.
func (op *optimizer) step(params []*param, rate float64) {
	op.steps++
	for _, p := range params {
		p.remember(op.kind)
		rate := rate
		if p.scale != 0 {
			rate *= p.scale
		}
		decay := op.decay
		if !p.decay {
			decay = 0
		}
		switch op.kind {
		case SGD:
			op.chunks(len(p.w), func(lo, hi int) { op.sgd(p, lo, hi, float32(rate), float32(decay)) })
		case LAMB:
			op.lamb(p, rate, decay)
		default:
			op.chunks(len(p.w), func(lo, hi int) { op.adam(p, lo, hi, rate, decay) })
		}
	}
}

// remember makes p's memory for an optimiser of the kind.
func (p *param) remember(kind string) {
	if p.m == nil {
		p.m = make([]float32, len(p.w))
	}
	if p.v == nil && kind != SGD {
		p.v = make([]float32, len(p.w))
	}
}

// chunks calls do for the parts of n elements.
func (op *optimizer) chunks(n int, do func(lo, hi int)) {
	op.pool.Run((n+chunk-1)/chunk, func(i int) { do(i*chunk, min(n, (i+1)*chunk)) })
}

// sgd: v ← momentum·v + g, w ← w − rate·v; Nesterov's form steps along g + momentum·v. The first velocity is g.
func (op *optimizer) sgd(p *param, lo, hi int, rate, decay float32) {
	momentum := float32(op.momentum)
	w := p.w[lo:hi]
	grad, m := p.g[lo:hi][:len(w)], p.m[lo:hi][:len(w)]
	for i, x := range w {
		g := grad[i] + decay*x
		v := momentum*m[i] + g
		m[i] = v
		if op.nesterov {
			v = g + momentum*v
		}
		w[i] = x - rate*v
	}
}

// adam: m and v are running means of g and g², corrected for their start at zero; w ← w − rate·m/(√v + ε).
// AdamW shrinks w apart from that; Adam adds the decay to g.
func (op *optimizer) adam(p *param, lo, hi int, rate, decay float64) {
	pull, shrink := float32(decay), float32(1)
	if op.kind == AdamW {
		pull, shrink = 0, float32(1-rate*decay)
	}
	size := float32(rate / (1 - math.Pow(beta1, float64(op.steps))))
	root := op.root()
	w := p.w[lo:hi]
	grad, m, v := p.g[lo:hi][:len(w)], p.m[lo:hi][:len(w)], p.v[lo:hi][:len(w)]
	for i, x := range w {
		g := grad[i] + pull*x
		m[i], v[i] = moments(m[i], v[i], g)
		w[i] = x*shrink - size*m[i]/(float32(math.Sqrt(float64(v[i])))/root+epsilon)
	}
}

// moments takes g into the running means of an element and returns them.
func moments(m, v, g float32) (float32, float32) {
	return beta1*m + (1-beta1)*g, beta2*v + (1-beta2)*g*g
}

// root is what the root of v is divided by to correct it for its start at zero.
func (op *optimizer) root() float32 {
	return float32(math.Sqrt(1 - math.Pow(beta2, float64(op.steps))))
}

// lamb is Adam's step with the decay added, u, scaled for each parameter as a whole: w ← w − rate·‖w‖/‖u‖·u. What does
// not decay, and what is zero, is not scaled.
func (op *optimizer) lamb(p *param, rate, decay float64) {
	u := sized(op.update, len(p.w))
	op.update = u
	start := float32(1 - math.Pow(beta1, float64(op.steps)))
	root := op.root()
	op.chunks(len(u), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			m, v := moments(p.m[i], p.v[i], p.g[i])
			p.m[i], p.v[i] = m, v
			u[i] = m/start/(float32(math.Sqrt(float64(v)))/root+epsilonLAMB) + float32(decay)*p.w[i]
		}
	})
	trust := 1.0
	if p.decay {
		if w, s := op.norm(p.w), op.norm(u); w > 0 && s > 0 {
			trust = w / s
		}
	}
	size := float32(rate * trust)
	op.chunks(len(u), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			p.w[i] -= size * u[i]
		}
	})
}

// norm returns the Euclidean norm of x.
func (op *optimizer) norm(x []float32) float64 { return math.Sqrt(op.squares(x)) }

// squares returns Σx², chunk by chunk in float64.
func (op *optimizer) squares(x []float32) float64 {
	op.partial = sized(op.partial, (len(x)+chunk-1)/chunk)
	op.chunks(len(x), func(lo, hi int) {
		sum := 0.0
		for _, v := range x[lo:hi] {
			sum += float64(v) * float64(v)
		}
		op.partial[lo/chunk] = sum
	})
	total := 0.0
	for _, s := range op.partial {
		total += s
	}
	return total
}

// clip scales the gradients of all of params down to a common norm of most, and returns the norm that they had.
func (op *optimizer) clip(params []*param, most float64) float64 {
	total := 0.0
	for _, p := range params {
		total += op.squares(p.g)
	}
	norm := math.Sqrt(total)
	if !(norm > most) { // a norm that is no number is left for the loss to show
		return norm
	}
	by := float32(most / (norm + 1e-6)) // torch's clip_grad_norm_
	for _, p := range params {
		op.chunks(len(p.g), func(lo, hi int) {
			for i := lo; i < hi; i++ {
				p.g[i] *= by
			}
		})
	}
	return norm
}
