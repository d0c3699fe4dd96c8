package nn

import (
	"fmt"
	"math"

	"github.com/graft-ml/graft/internal/kernel"
	"github.com/graft-ml/graft/internal/tensor"
)

// Precision is what the convolutions of a Plan, and the values between them, are computed in.
type Precision int

const (
	F32  Precision = iota
	BF16           // bfloat16 values and weights, float32 sums
	Int8           // eight-bit values, seven-bit weights, int32 sums
)

var precisionNames = [...]string{"f32", "bf16", "int8"}

func (p Precision) String() string { return precisionNames[p] }

// Quant says how a value is stored in eight bits: q stands for Scale·(q-Zero), and q is 0 to 255.
type Quant struct {
	Scale float32
	Zero  uint8

	// Mean is what the elements of each channel are on average. Where it is known, the bias of the convolutions that
	// read the value is corrected by what the rounding of their weights adds on average (Nagel et al. 2019).
	Mean []float32
}

// check reports a q that stands for no numbers.
func (q Quant) check(value string) error {
	if !(q.Scale > 0) || math.IsInf(float64(q.Scale), 0) {
		return fmt.Errorf("nn: value %q: quantised in steps of %v, want a number above 0", value, q.Scale)
	}
	return nil
}

func (q Quant) kernel() kernel.Quant { return kernel.Quant{Scale: q.Scale, Zero: q.Zero} }

// The range of quantised weights. An instruction makes sums of two products with bytes in 16 signed bits, which
// 255·64·2 fits into. A depthwise convolution has so few taps that it is worth looking at what the pairs of them are:
// one may be as large as 127 if the other is small, or of the other sign.
const (
	weightLimit = 64
	tapLimit    = 127
)

// weightsFit reports whether the weights of a channel may be divided by scale: all are in the range.
func weightsFit(w []float32, scale float32, depthwise bool) bool {
	if !depthwise {
		return true // they are clipped
	}
	at := func(i int) int {
		if i < len(w) {
			return int(roundWeight(w[i], scale, tapLimit))
		}
		return 0
	}
	for i := 0; i < len(w); i += 2 {
		a, b := at(i), at(i+1)
		if max(a, 0)+max(b, 0) > 2*weightLimit || min(a, 0)+min(b, 0) < -2*weightLimit {
			return false
		}
	}
	return true
}

// QuantiseWeights rounds the weights w [outC, …] of a convolution to integers q and a scale for each output channel: w
// is about q·scale, and q is 0 in a channel with a weight that is not finite. q is within ±64; that of a depthwise
// convolution within ±127, and the positive ones and the negative ones of taps 2i and 2i+1 within ±128 together.
func QuantiseWeights(w []float32, outC int, depthwise bool) (q []int8, scale []float32) {
	q, scale = make([]int8, len(w)), make([]float32, outC)
	per, limit := len(w)/outC, float32(weightLimit)
	if depthwise {
		limit = tapLimit
	}
	for c := range outC {
		row := w[c*per : (c+1)*per]
		if scale[c] = weightScale(row, limit, depthwise); scale[c] == 0 {
			scale[c] = 1
			continue
		}
		for i, v := range row {
			q[c*per+i] = roundWeight(v, scale[c], limit)
		}
	}
	return q, scale
}

// roundWeight returns v, which is finite, in units of scale.
func roundWeight(v, scale, limit float32) int8 {
	return int8(math.RoundToEven(float64(max(-limit, min(limit, v/scale)))))
}

// weightScale returns the scale of the weights of a channel whose squared error is least, of those that clip up to a
// third of the range. It is 0 for a channel of nothing but zeros, and for one with a weight that is not finite.
func weightScale(w []float32, limit float32, depthwise bool) float32 {
	top := float32(0)
	for _, v := range w {
		top = max(top, v, -v)
	}
	const steps = 24
	widest := top / weightLimit
	if !(widest > 0) || math.IsInf(float64(top), 0) {
		return 0
	}
	best, least := widest, math.Inf(1)
	for k := range 2 * steps {
		scale := widest * (1 - float32(k)/(3*steps))
		if !(scale > 0) || !weightsFit(w, scale, depthwise) {
			continue
		}
		sum := 0.0
		for _, v := range w {
			d := float64(v) - float64(roundWeight(v, scale, limit))*float64(scale)
			sum += d * d
		}
		if sum < least {
			best, least = scale, sum
		}
	}
	return best
}

// LowWeights are the weights of a convolution in integers: W·Scale, for each output channel, are about the weights.
type LowWeights struct {
	W     []int8    // within ±64, in the order of the weights
	Scale []float32 // of each output channel
	Bias  []float32 // of each output channel, corrected for what the rounding of the weights adds on average
}

// NewLowWeights quantises the weights w of the given shape, [OutC, InC, KH, KW], and bias (nil: zeros) of a convolution
// that reads a value stored as q.
func NewLowWeights(w []float32, shape tensor.Shape, groups int, bias []float32, q Quant) *LowWeights {
	outC := shape[0]
	low := &LowWeights{Bias: make([]float32, outC)}
	low.W, low.Scale = QuantiseWeights(w, outC, groups == outC && shape[1] == 1)
	copy(low.Bias, bias)
	inC, taps := shape[1], shape[2]*shape[3]
	if len(q.Mean) != inC*groups {
		return low
	}
	for oc := range outC {
		mean, added := q.Mean[oc/(outC/groups)*inC:][:inC], 0.0
		for c, m := range mean {
			for k := range taps {
				i := (oc*inC+c)*taps + k
				added += (float64(low.W[i])*float64(low.Scale[oc]) - float64(w[i])) * float64(m)
			}
		}
		low.Bias[oc] -= float32(added)
	}
	return low
}
