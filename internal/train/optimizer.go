package train

import (
	"math"

	"github.com/graft-ml/graft/internal/nn"
)

// param is something that trains: values, their gradient, and the memory of the optimiser.
type param struct {
	w, g  []float32
	decay bool      // weights decay, biases do not
	m, v  []float32 // running means of the gradient and of its square; m is SGD's velocity
}

// optimizer changes parameters by their gradients.
type optimizer struct {
	o     HeadOptions
	pool  *nn.Pool
	steps int // done so far
}

// The constants of Adam (Kingma and Ba, arXiv:1412.6980).
const (
	beta1, beta2 = 0.9, 0.999
	epsilon      = 1e-8
)

// step does one step of the given learning rate for each of params. The arithmetic is that of torch.optim, in
// float32.
func (op *optimizer) step(params []*param, rate float64) {
	op.steps++
	for _, p := range params {
		if p.m == nil {
			p.m = make([]float32, len(p.w))
			if op.o.Optimizer != SGD {
				p.v = make([]float32, len(p.w))
			}
		}
		decay := op.o.WeightDecay
		if !p.decay {
			decay = 0
		}
		const chunk = 1 << 13
		op.pool.Run((len(p.w)+chunk-1)/chunk, func(i int) {
			lo, hi := i*chunk, min(len(p.w), (i+1)*chunk)
			if op.o.Optimizer == SGD {
				op.sgd(p, lo, hi, float32(rate), float32(decay))
			} else {
				op.adam(p, lo, hi, rate, decay)
			}
		})
	}
}

// sgd: v ← momentum·v + g, w ← w − rate·v; Nesterov's form steps along g + momentum·v. The first velocity is g.
func (op *optimizer) sgd(p *param, lo, hi int, rate, decay float32) {
	momentum := float32(op.o.Momentum)
	for i := lo; i < hi; i++ {
		g := p.g[i] + decay*p.w[i]
		v := momentum*p.m[i] + g
		p.m[i] = v
		if op.o.Nesterov {
			v = g + momentum*v
		}
		p.w[i] -= rate * v
	}
}

// adam: m and v are running means of g and g², corrected for their start at zero; w ← w − rate·m/(√v + ε).
// AdamW shrinks w apart from that; Adam adds the decay to g.
func (op *optimizer) adam(p *param, lo, hi int, rate, decay float64) {
	pull, shrink := float32(decay), float32(1)
	if op.o.Optimizer == AdamW {
		pull, shrink = 0, float32(1-rate*decay)
	}
	size := float32(rate / (1 - math.Pow(beta1, float64(op.steps))))
	root := float32(math.Sqrt(1 - math.Pow(beta2, float64(op.steps))))
	for i := lo; i < hi; i++ {
		w := p.w[i]
		g := p.g[i] + pull*w
		m := beta1*p.m[i] + (1-beta1)*g
		v := beta2*p.v[i] + (1-beta2)*g*g
		p.m[i], p.v[i] = m, v
		p.w[i] = w*shrink - size*m/(float32(math.Sqrt(float64(v)))/root+epsilon)
	}
}
