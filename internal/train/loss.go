package train

import (
	"math"

	"github.com/graft-ml/graft/internal/nn"
)

// loss is what training minimises, for one picture a row of logits. Sums and exponentials are float64.
type loss struct {
	classes   int
	multi     bool
	smoothing float64
	weights   []float64 // of the classes; multi-label: of their positives
	target    []float64 // of the picture at hand
	exps      []float64 // of its logits, less the largest
}

func newLoss(o HeadOptions, weights []float64) *loss {
	return &loss{classes: o.Classes, multi: o.MultiLabel, smoothing: o.LabelSmoothing, weights: weights, target: make([]float64, o.Classes), exps: make([]float64, o.Classes)}
}

// weight returns what a picture counts for in the mean.
func (l *loss) weight(labels []int) float64 {
	if l.multi {
		return 1
	}
	return l.weights[labels[0]]
}

// total returns the sum of weight over pictures.
func (l *loss) total(labels [][]int) float64 {
	sum := 0.0
	for _, y := range labels {
		sum += l.weight(y)
	}
	return sum
}

// sum returns the sum of the losses of pictures; divided by total it is their mean. If dz is not nil, it gets
// scale times the derivatives by the logits z. Both are [N,K].
func (l *loss) sum(dz, z []float32, labels [][]int, scale float64) float64 {
	return l.each(dz, z, len(labels), scale, func(i int) { l.aim(labels[i]) })
}

// lossRows is how many pictures a task of parallelSum has.
const lossRows = 64

// parallelSum is sum by all workers of pool. The sums of parts of lossRows pictures are added in their order.
func (l *loss) parallelSum(pool *nn.Pool, dz, z []float32, labels [][]int, scale float64) float64 {
	n, k := len(labels), l.classes
	sums := make([]float64, (n+lossRows-1)/lossRows)
	pool.Begin()
	defer pool.End()
	pool.Run(len(sums), func(i int) {
		own := *l
		own.target, own.exps = make([]float64, k), make([]float64, k)
		lo, hi := i*lossRows, min(n, (i+1)*lossRows)
		sums[i] = own.sum(dz[lo*k:hi*k], z[lo*k:hi*k], labels[lo:hi], scale)
	})
	sum := 0.0
	for _, s := range sums {
		sum += s
	}
	return sum
}

// each is sum for n pictures, whose targets set puts into l.target.
func (l *loss) each(dz, z []float32, n int, scale float64, set func(i int)) float64 {
	sum := 0.0
	for i := range n {
		zi := z[i*l.classes : (i+1)*l.classes]
		var di []float32
		if dz != nil {
			di = dz[i*l.classes : (i+1)*l.classes]
		}
		set(i)
		if l.multi {
			sum += l.sigmoid(di, zi, scale)
		} else {
			sum += l.softmax(di, zi, scale)
		}
	}
	return sum
}

// softTotal is total for soft labels y [N,K]: how much of each class is in each picture.
func (l *loss) softTotal(y []float32) float64 {
	if l.multi {
		return float64(len(y) / l.classes)
	}
	sum := 0.0
	for i, v := range y {
		sum += float64(v) * l.weights[i%l.classes]
	}
	return sum
}

// softSum is sum for soft labels.
func (l *loss) softSum(dz, z, y []float32, scale float64) float64 {
	return l.each(dz, z, len(y)/l.classes, scale, func(i int) { l.aimSoft(y[i*l.classes : (i+1)*l.classes]) })
}

// mean returns the mean loss of a batch and its gradient by the logits.
func (l *loss) mean(dz, z []float32, labels [][]int) float64 {
	total := l.total(labels)
	return l.sum(dz, z, labels, 1/total) / total
}

// aim sets the target of a picture by its labels. For softmax it is t = (1−ε)·w[y] at the class and ε/K·w
// everywhere, as torch's CrossEntropyLoss has label smoothing and weights; for sigmoids (1−ε)·y + ε/2.
func (l *loss) aim(labels []int) {
	if l.multi {
		for c := range l.target {
			l.target[c] = l.smoothing / 2
		}
		for _, c := range labels {
			l.target[c] += 1 - l.smoothing
		}
		return
	}
	for c := range l.target {
		t := l.smoothing / float64(l.classes) * l.weights[c]
		if c == labels[0] {
			t += (1 - l.smoothing) * l.weights[c]
		}
		l.target[c] = t
	}
}

// aimSoft is aim for soft labels.
func (l *loss) aimSoft(y []float32) {
	for c, v := range y {
		if l.multi {
			l.target[c] = l.smoothing/2 + (1-l.smoothing)*float64(v)
		} else {
			l.target[c] = (l.smoothing/float64(l.classes) + (1-l.smoothing)*float64(v)) * l.weights[c]
		}
	}
}

// softmax is the cross-entropy −Σ t·log p of p = softmax(z). Its gradient is p·Σt − t.
func (l *loss) softmax(dz, z []float32, scale float64) float64 {
	top := math.Inf(-1)
	for _, v := range z {
		top = max(top, float64(v))
	}
	all := 0.0
	for c, v := range z {
		l.exps[c] = math.Exp(float64(v) - top)
		all += l.exps[c]
	}
	norm := top + math.Log(all)
	value, mass := 0.0, 0.0
	for c, v := range z {
		t := l.target[c]
		mass += t
		if t > 0 { // 0·∞ is no loss
			value += t * (norm - float64(v))
		}
	}
	if dz != nil {
		for c, e := range l.exps {
			dz[c] = float32(scale * (e/all*mass - l.target[c]))
		}
	}
	return value
}

// sigmoid is the mean over the classes of the binary cross-entropy −w·t·log σ(z) − (1−t)·log(1−σ(z)), with w the
// weight of positives, as torch's BCEWithLogitsLoss has it.
func (l *loss) sigmoid(dz, z []float32, scale float64) float64 {
	value, each := 0.0, 1/float64(l.classes)
	for c, v := range z {
		t, w, x := l.target[c], l.weights[c], float64(v)
		value += each * (w*t*softplus(-x) + (1-t)*softplus(x))
		if dz != nil {
			p := 1 / (1 + math.Exp(-x))
			dz[c] = float32(scale * each * (w*t*(p-1) + (1-t)*p))
		}
	}
	return value
}

// softplus is log(1 + exp(x)), without overflow.
func softplus(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }
