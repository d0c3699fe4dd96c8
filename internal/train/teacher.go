package train

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/tensor"
)

// Teacher is a trained network from whose outputs another learns, beside the labels: knowledge distillation. The loss
// of a picture is
//
//	(1−w)·L + w·T²·KL(softmax(t/T) ‖ softmax(z/T)) + λ·|P(s) − f|²/Width
//
// with L the loss by its labels, z and t the logits of the network and of its teacher, w the Weight and T the Temperature
// (Hinton, Vinyals and Dean, arXiv:1503.02531); s and f their features, λ the weight Features, and P a linear
// projection that trains with the network and is thrown away (after FitNets, arXiv:1412.6550). For several labels a
// picture the second term is the mean over the labels of the divergence of σ(z/T) from σ(t/T).
type Teacher struct {
	Weight      float64 // of the logits, in [0,1]
	Temperature float64 // above 0
	Features    float64 // of the features; 0: they are not learnt from
	Width       int     // of the features
	Memory      int64   // bytes that it takes, for the plan of memory

	// Run returns what the teacher makes of some inputs of the training set in an epoch: logits [n,K] and, where Features
	// are learnt from, features [n,Width], best of mean 0 and deviation 1. x is what the network itself gets of them.
	// The results are valid until the next call, and depend on the epoch and the turns alone.
	Run func(ctx context.Context, epoch int, turns []Turn, x []float32) (logits, features []float32, err error)
}

// validate reports the fields that cannot be used.
func (t *Teacher) validate() error {
	if t == nil {
		return nil
	}
	var errs []error
	if !(t.Weight >= 0 && t.Weight <= 1) {
		errs = append(errs, fmt.Errorf("teacher's weight %v, want 0 to 1", t.Weight))
	}
	if !(t.Temperature > 0 && t.Temperature <= math.MaxFloat32) {
		errs = append(errs, fmt.Errorf("teacher's temperature %v, want a number above 0", t.Temperature))
	}
	if !(t.Features >= 0 && t.Features <= math.MaxFloat32) || t.Features > 0 && t.Width < 1 {
		errs = append(errs, fmt.Errorf("weight %v of the teacher's %d features, want at least 0 of at least 1", t.Features, t.Width))
	}
	if t.Memory < 0 {
		errs = append(errs, fmt.Errorf("teacher of %d bytes of memory, want a positive number", t.Memory))
	}
	if t.Weight == 0 && t.Features == 0 {
		errs = append(errs, errors.New("teacher's logits and features without weight: there is nothing to learn from it"))
	}
	return errors.Join(errs...)
}

// lesson is what a teacher makes of a batch.
type lesson struct {
	*Teacher
	multi            bool
	k, n             int       // classes, pictures of the batch
	logits, features []float32 // [n,k], [n,Width]
}

// lesson asks the teacher about a batch. It is nil without one.
func (t *tuning) lesson(ctx context.Context, turns []Turn, x []float32) (*lesson, error) {
	teacher := t.o.Teacher
	if teacher == nil {
		return nil, nil
	}
	l := &lesson{Teacher: teacher, multi: t.o.MultiLabel, k: t.o.Classes, n: len(turns)}
	var err error
	if l.logits, l.features, err = teacher.Run(ctx, t.number(), turns, x); err != nil {
		return nil, err
	}
	if len(l.logits) != l.n*l.k || teacher.Features > 0 && len(l.features) != l.n*teacher.Width {
		return nil, fmt.Errorf("train: the teacher gives %d logits and %d features for %d pictures, want %d and %d a picture",
			len(l.logits), len(l.features), l.n, l.k, teacher.Width)
	}
	for _, v := range [][]float32{l.logits, l.features} {
		for _, x := range v {
			if !isFinite(float64(x)) {
				return nil, fmt.Errorf("train: the teacher gives %v, want finite numbers", x)
			}
		}
	}
	return l, nil
}

// share is the weight of the labels.
func (l *lesson) share() float64 {
	if l == nil {
		return 1
	}
	return 1 - l.Weight
}

// softened returns the sum of the terms of logits z, those of the pictures from lo on, over the pictures of the batch, and
// adds its derivatives to dz. Both are [·,K].
func (l *lesson) softened(dz, z []float32, lo int) float64 {
	sum, scale, k := 0.0, l.Weight/float64(l.n), l.k
	p, q := make([]float64, k), make([]float64, k)
	for i := 0; i < len(z); i += k {
		zi, ti := z[i:i+k], l.logits[lo*k+i:][:k]
		if l.multi {
			sum += scale * l.sigmoids(dz[i:i+k], zi, ti, scale)
			continue
		}
		logSoftmax(p, zi, l.Temperature)
		logSoftmax(q, ti, l.Temperature)
		divergence := 0.0
		for c := range zi {
			share := math.Exp(q[c])
			if share > 0 { // 0·∞ is no divergence
				divergence += share * (q[c] - p[c])
			}
			dz[i+c] += float32(scale * l.Temperature * (math.Exp(p[c]) - share))
		}
		sum += scale * l.Temperature * l.Temperature * divergence
	}
	return sum
}

// sigmoids returns the mean over the labels of T²·KL(σ(t/T) ‖ σ(z/T)) of a picture and adds scale times its derivatives to dz.
func (l *lesson) sigmoids(dz, z, t []float32, scale float64) float64 {
	sum, each, T := 0.0, 1/float64(len(z)), l.Temperature
	for c, v := range z {
		x, y := float64(v)/T, float64(t[c])/T
		p, q := 1/(1+math.Exp(-x)), 1/(1+math.Exp(-y))
		sum += each * T * T * (q*(softplus(-x)-softplus(-y)) + (1-q)*(softplus(x)-softplus(y)))
		dz[c] += float32(scale * each * T * (p - q))
	}
	return sum
}

// logSoftmax sets dst to log softmax(z/T).
func logSoftmax(dst []float64, z []float32, temperature float64) {
	top, norm := math.Inf(-1), 0.0
	for c, v := range z {
		dst[c] = float64(v) / temperature
		top = max(top, dst[c])
	}
	for _, v := range dst {
		norm += math.Exp(v - top)
	}
	norm = top + math.Log(norm)
	for c := range dst {
		dst[c] -= norm
	}
}

// apart returns the sum of the terms of projected features, those of the pictures from lo on, over the pictures of the
// batch, and sets dp to its derivatives. Both are [·,Width].
func (l *lesson) apart(dp, p []float32, lo int) float64 {
	sum, scale := 0.0, l.Features/float64(l.n*l.Width)
	for i, f := range l.features[lo*l.Width:][:len(p)] {
		d := float64(p[i]) - float64(f)
		sum += scale * d * d
		dp[i] = float32(2 * scale * d)
	}
	return sum
}

// projection is the way from the features of a network to those of its teacher, beside its logits.
type projection struct {
	from         string // the value of the features
	weight, bias string
	in, out      int
}

// newProjection lays out the projection that net needs to learn from the teacher's features, and makes it one of the
// parameters of every phase. It begins with zeros, as heads do. nil: none is needed.
func (t *tuning) newProjection() error {
	if t.o.Teacher == nil || t.o.Teacher.Features == 0 {
		return nil
	}
	g := t.net.Graph
	infos, err := nn.InferAt(g, 1)
	if err != nil {
		return err
	}
	shape := infos[t.net.Features].Shape
	if len(shape) != 2 {
		return fmt.Errorf("train: value %q, whose features are to be like the teacher's, has shape %v, want [N,D]", t.net.Features, shape)
	}
	p := &projection{from: t.net.Features, weight: "teacher.weight", bias: "teacher.bias", in: shape[1], out: t.o.Teacher.Width}
	if p.in > maxWeights/p.out {
		return fmt.Errorf("train: a projection of %d×%d weights to the teacher's features, want at most %d", p.in, p.out, maxWeights)
	}
	for taken := g.Values(); taken[p.weight] || taken[p.bias]; {
		p.weight, p.bias = p.weight+"+", p.bias+"+"
	}
	t.projection = p
	t.values[p.weight], t.values[p.bias] = make([]float32, p.in*p.out), make([]float32, p.out)
	phases := append([]Phase(nil), t.net.Phases...)
	for i := range phases {
		own := phases[i].Params
		phases[i].Params = append(own[:len(own):len(own)], Parameter{Name: p.weight, Decay: true}, Parameter{Name: p.bias})
	}
	t.net.Phases = phases
	return nil
}

// join has g give the projected features behind its logits, in one row: [N,K+Width].
func (p *projection) join(g *nn.Graph, values map[string][]float32) {
	g.Init[p.weight] = tensor.FromFloats(values[p.weight], p.in, p.out)
	g.Init[p.bias] = tensor.FromFloats(values[p.bias], p.out)
	out, joined := p.weight+".projected", p.weight+".joined"
	logits := g.Outputs[0]
	g.Nodes = append(g.Nodes,
		&nn.Node{Op: "Gemm", Name: out, Inputs: []string{p.from, p.weight, p.bias}, Outputs: []string{out}, Attrs: nn.Attrs{}},
		&nn.Node{Op: "Concat", Name: joined, Inputs: []string{logits.Name, out}, Outputs: []string{joined}, Attrs: nn.Attrs{"axis": int64(1)}})
	g.Outputs = []nn.Value{{Name: joined, DType: tensor.Float32, Shape: tensor.Shape{logits.Shape[0], logits.Shape[1] + p.out}}}
}
