package train

import (
	"math"
	"math/rand/v2"

	"github.com/graft-ml/graft/internal/random"
)

// Balance is how unevenly pictures are spread over classes, and what a training does about it.
type Balance struct {
	Most, Least int  // pictures of the largest class, and of the smallest that has any
	Weights     bool // the loss weighs classes equally
	Sampling    bool // every epoch draws classes equally often
}

// imbalance is the ratio of pictures above which something is done about it without being asked to.
const imbalance = 3

// Balance returns what o does about classes of so many pictures. Of sampling and weights it is one at most, for both
// would balance twice.
func (o HeadOptions) Balance(counts []int) Balance {
	b := Balance{Least: math.MaxInt}
	for _, n := range counts {
		if n > 0 {
			b.Most, b.Least = max(b.Most, n), min(b.Least, n)
		}
	}
	if b.Most == 0 {
		b.Least = 0
	}
	uneven := b.Most > imbalance*b.Least
	b.Sampling = o.Sampling == Balanced || o.Sampling == Auto && uneven
	b.Weights = o.ClassWeights == Balanced || (o.ClassWeights == Auto || o.ClassWeights == "") && uneven && !b.Sampling
	return b
}

// losses returns the loss of steps, and the one that epochs are measured by. They differ where sampling is balanced: what
// it minimises in the mean is the balanced loss, and of pictures that are not drawn so that has weights.
func losses(o HeadOptions, counts []int) (steps, measured *loss) {
	b := o.Balance(counts)
	measured = newLoss(o, classWeights(o, counts, b.Weights || b.Sampling))
	if !b.Sampling {
		return measured, measured
	}
	return newLoss(o, classWeights(o, counts, false)), measured
}

// classWeights returns the weight of each class. Balanced means that all classes weigh the same
// together, and a picture 1 in the mean. For multi-label, where a weight raises the positives of a class over
// its negatives, the most frequent class has weight 1. Classes without pictures have weight 1.
func classWeights(o HeadOptions, counts []int, balanced bool) []float64 {
	sum, present, most := 0, 0, 0
	for _, n := range counts {
		if n > 0 {
			sum, present, most = sum+n, present+1, max(most, n)
		}
	}
	w := make([]float64, len(counts))
	for c, n := range counts {
		switch {
		case !balanced || n == 0:
			w[c] = 1
		case o.MultiLabel:
			w[c] = float64(most) / float64(n)
		default:
			w[c] = float64(sum) / (float64(present) * float64(n))
		}
	}
	return w
}

// sampler says which pictures an epoch has, and in which order.
type sampler struct {
	n       int
	seed    uint64
	classes [][]int // balanced: the pictures of each class that has any; else nil
}

func newSampler(labels [][]int, o HeadOptions) *sampler {
	s := &sampler{n: len(labels), seed: o.Seed}
	if !o.Balance(Data{Labels: labels}.counts(o.Classes)).Sampling {
		return s
	}
	all := make([][]int, o.Classes)
	for i, l := range labels {
		all[l[0]] = append(all[l[0]], i)
	}
	for _, class := range all {
		if class != nil {
			s.classes = append(s.classes, class)
		}
	}
	return s
}

// order returns the pictures of an epoch, from 1: each once, shuffled; or, balanced, as many, of which each class has as
// many as the others but for one. A class's pictures are then drawn in one shuffled pass over them after the other,
// through the epochs, so that those of a large class all have their turn and those of a small one come again. It is a
// function of seed and epoch.
func (s *sampler) order(epoch int) []int {
	if s.classes == nil {
		return shuffled(s.n, s.seed, epoch)
	}
	all, k := make([]int, 0, s.n), len(s.classes)
	for c, class := range s.classes {
		// ⌊(epoch·n + c)/k⌋ over the k classes sums to epoch·n (Hermite's identity).
		from, to := ((epoch-1)*s.n+c)/k, (epoch*s.n+c)/k
		var pass []int
		for at := from; at < to; at++ {
			if m := len(class); pass == nil || at%m == 0 {
				pass = shuffledFor(random.New(s.seed, forSampling, uint64(c), uint64(at/m)), m)
			}
			all = append(all, class[pass[at%len(class)]])
		}
	}
	mixed := make([]int, len(all))
	for to, from := range shuffled(len(all), s.seed, epoch) {
		mixed[to] = all[from]
	}
	return mixed
}

// Turn is one place of an epoch: the row of a set that is drawn there, and how often the epoch has drawn it before.
type Turn struct{ Row, Again int }

// Turns returns the rows below n, each once and in their order.
func Turns(n int) []Turn {
	turns := make([]Turn, n)
	for i := range turns {
		turns[i].Row = i
	}
	return turns
}

// Key is what random numbers of the turn are keyed by, for an input of that key: the key itself the first time in the
// epoch, and another one each time it comes again.
func (u Turn) Key(key uint64) uint64 { return random.Again(key, u.Again) }

// turns is order with how often each picture has come before, by all of the epoch.
func (s *sampler) turns(epoch int) []Turn {
	seen := make([]int, s.n)
	turns := make([]Turn, 0, s.n)
	for _, row := range s.order(epoch) {
		turns = append(turns, Turn{row, seen[row]})
		seen[row]++
	}
	return turns
}

// shuffledFor returns the numbers below n in the order that a stream gives.
func shuffledFor(s random.Stream, n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	rand.New(&s).Shuffle(n, func(i, j int) { order[i], order[j] = order[j], order[i] })
	return order
}
