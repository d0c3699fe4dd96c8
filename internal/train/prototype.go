package train

import (
	"context"
	"math"

	"github.com/graft-ml/graft/internal/cluster"
	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/tensor"
)

// Heads that are not trained by steps: each class is represented by the mean of its pictures, its prototype, and a
// picture belongs to the class whose prototype is nearest. They have nothing to overfit with, which is what they are for:
// few pictures a class (Snell, Swersky and Zemel 2017; Chen et al., A Closer Look at Few-shot Classification, 2019).

// absent is the logit, before scaling, of a class without pictures: less than any other.
const absent = -1e4

// prototypes fits a head of means to f.train: z = τ·(2x·μ − |μ|²) of features x for a NearestMeanHead, z = τ·cos(x, μ)
// for a CosineHead, with μ the mean over the pictures of a class, for the latter of features of length one. Features are
// standardised unless the options say otherwise. τ makes the logits as sure as they are right: it minimises the loss of
// the training pictures, each against prototypes that were made without it.
func (f *fit) prototypes(ctx context.Context) error {
	p := newPrototypes(f)
	scale := p.temperature(f.loss)
	w, b := make([]float32, p.d*p.k), make([]float32, p.k)
	for c := range p.k {
		b[c] = float32(scale * p.offset(c))
		for i, v := range p.mean(c) {
			w[i*p.k+c] = float32(scale * p.gain() * v)
		}
	}
	head, err := p.graph(f.scaler, w, b)
	if err != nil {
		return err
	}
	_, err = f.keep(ctx, head, 1, 0)
	return err
}

// prototypes are the sums of the features of each class.
type prototypes struct {
	cosine bool
	d, k   int
	x      []float32 // [N,d]: standardised, for a CosineHead of length one
	labels [][]int
	sums   []float64 // [k,d]
	counts []int
}

func newPrototypes(f *fit) *prototypes {
	p := &prototypes{cosine: f.o.Kind == CosineHead, d: f.train.D, k: f.o.Classes, labels: f.train.Labels, counts: f.train.counts(f.o.Classes)}
	p.x, p.sums = make([]float32, len(f.train.X)), make([]float64, p.k*p.d)
	for i, y := range p.labels {
		x := p.row(i)
		f.scaler.apply(x, f.train.row(i))
		if p.cosine {
			cluster.Unit(x, p.d)
		}
		for j, v := range x {
			p.sums[y[0]*p.d+j] += float64(v)
		}
	}
	return p
}

func (p *prototypes) row(i int) []float32 { return p.x[i*p.d : (i+1)*p.d] }

// mean returns the prototype of class c: for a CosineHead its direction.
func (p *prototypes) mean(c int) []float64 {
	m := make([]float64, p.d)
	by := float64(max(p.counts[c], 1))
	if p.cosine {
		by = max(magnitude(p.sums[c*p.d:][:p.d]), tiny)
	}
	for j, v := range p.sums[c*p.d:][:p.d] {
		m[j] = v / by
	}
	return m
}

// tiny stands for a length of zero in a division.
const tiny = 1e-12

func magnitude(v []float64) float64 {
	s := 0.0
	for _, x := range v {
		s += x * x
	}
	return math.Sqrt(s)
}

// gain is what the product of features and prototype counts for, offset what is added to it.
func (p *prototypes) gain() float64 {
	if p.cosine {
		return 1
	}
	return 2
}

func (p *prototypes) offset(c int) float64 {
	switch {
	case p.counts[c] == 0:
		return absent
	case p.cosine:
		return 0
	}
	n := magnitude(p.mean(c))
	return -n * n
}

// logits returns those of the training pictures [N,K] before scaling, that of a picture's own class from the other
// pictures of the class.
func (p *prototypes) logits() []float32 {
	z := make([]float32, len(p.labels)*p.k)
	means, offsets := make([][]float64, p.k), make([]float64, p.k)
	for c := range p.k {
		means[c], offsets[c] = p.mean(c), p.offset(c)
	}
	for i, y := range p.labels {
		x := p.row(i)
		for c := range p.k {
			z[i*p.k+c] = float32(p.gain()*dot(means[c], x) + offsets[c])
		}
		z[i*p.k+y[0]] = float32(p.without(i, y[0]))
	}
	return z
}

// without is the logit of picture i by the prototype of class c without it.
func (p *prototypes) without(i, c int) float64 {
	if p.counts[c] < 2 {
		return absent
	}
	rest := make([]float64, p.d)
	for j, v := range p.row(i) {
		rest[j] = p.sums[c*p.d+j] - float64(v)
	}
	by, offset := float64(p.counts[c]-1), 0.0
	if p.cosine {
		by = max(magnitude(rest), tiny)
	} else {
		n := magnitude(rest) / by
		offset = -n * n
	}
	return p.gain()*dot(rest, p.row(i))/by + offset
}

func dot(a []float64, x []float32) float64 {
	s := 0.0
	for j, v := range x {
		s += a[j] * float64(v)
	}
	return s
}

// temperature returns the factor of the logits that minimises the loss, by golden section over its logarithm. Classes
// with a single picture have no say: nothing is known of them without it.
func (p *prototypes) temperature(l *loss) float64 {
	z := p.logits()
	var rows []float32
	var labels [][]int
	for i, y := range p.labels {
		if p.counts[y[0]] > 1 {
			rows, labels = append(rows, z[i*p.k:(i+1)*p.k]...), append(labels, y)
		}
	}
	if len(labels) == 0 {
		return 1
	}
	scaled := make([]float32, len(rows))
	at := func(log float64) float64 {
		for i, v := range rows {
			scaled[i] = float32(math.Exp(log) * float64(v))
		}
		return l.sum(nil, scaled, labels, 0)
	}
	return math.Exp(goldenSection(at, math.Log(1e-4), math.Log(1e3), 40))
}

// goldenSection returns where f, which has one minimum between lo and hi, is least, after so many steps.
func goldenSection(f func(float64) float64, lo, hi float64, steps int) float64 {
	ratio := (math.Sqrt(5) - 1) / 2
	a, b := hi-ratio*(hi-lo), lo+ratio*(hi-lo)
	fa, fb := f(a), f(b)
	for range steps {
		if fa <= fb {
			hi, b, fb = b, a, fa
			a = hi - ratio*(hi-lo)
			fa = f(a)
		} else {
			lo, a, fa = a, b, fb
			b = lo + ratio*(hi-lo)
			fb = f(b)
		}
	}
	return (lo + hi) / 2
}

// graph returns the head: of nearest means one dense layer that the standardisation is folded into; of cosines the
// standardisation and the scaling to length one before it.
func (p *prototypes) graph(s *scaler, w, b []float32) (*nn.Graph, error) {
	build := nn.NewBuilder("head")
	x := build.Input(Features, tensor.Free, p.d)
	if p.cosine {
		x = unitNodes(build, x, s)
	} else {
		w, b = s.fold(w, b)
	}
	x = build.Op("Gemm", nil, x, build.Const(weightName(0), tensor.FromFloats(w, p.d, p.k)), build.Const(biasName(0), tensor.FromFloats(b, p.k)))
	build.Output(Logits, x)
	return build.Build()
}

// standardiseNodes appends what standardises x [N,D] by s.
func standardiseNodes(b *nn.Builder, x string, s *scaler) string {
	mean, inv := make([]float32, len(s.mean)), make([]float32, len(s.inv))
	for i := range mean {
		mean[i], inv[i] = float32(s.mean[i]), float32(s.inv[i])
	}
	x = b.Op("Sub", nil, x, b.Const("head.mean", tensor.FromFloats(mean, len(mean))))
	return b.Op("Mul", nil, x, b.Const("head.scale", tensor.FromFloats(inv, len(inv))))
}

// unitNodes appends what standardises x [N,D] by s and scales its rows to length one.
func unitNodes(b *nn.Builder, x string, s *scaler) string {
	x = standardiseNodes(b, x, s)
	length := b.Op("Sqrt", nil, b.Op("ReduceSum", nn.Attrs{"keepdims": int64(1)}, b.Op("Mul", nil, x, x), b.Ints(1)))
	length = b.Op("Max", nil, length, b.Const("head.tiny", tensor.FromFloats([]float32{tiny}, 1)))
	return b.Op("Div", nil, x, length)
}
