package train

import "math"

// scaler brings features to mean 0 and deviation 1.
type scaler struct {
	mean, inv []float64 // inv is 1/deviation
}

// flat is the deviation, relative to the mean or to the largest deviation of a feature, under which a feature
// counts as constant: what varies less is rounding noise of float32.
const flat = 1e-6

// Standardiser returns what brings a row of features to dst, so that each has mean 0 and deviation 1 in d; those that are
// constant there become 0.
func Standardiser(d Data) func(dst, src []float32) { return newScaler(d).apply }

// newScaler measures d. A constant feature gets inv 0, which leaves it out of the head: there is nothing to be
// learnt from it, and dividing by nearly nothing would let a picture that differs there overrule all else.
func newScaler(d Data) *scaler {
	s := &scaler{mean: make([]float64, d.D), inv: make([]float64, d.D)}
	n := float64(d.N())
	for i := range d.N() {
		for k, x := range d.row(i) {
			s.mean[k] += float64(x)
		}
	}
	for k := range s.mean {
		s.mean[k] /= n
	}
	dev := make([]float64, d.D)
	for i := range d.N() {
		for k, x := range d.row(i) {
			v := float64(x) - s.mean[k]
			dev[k] += v * v
		}
	}
	largest := 0.0
	for k := range dev {
		dev[k] = math.Sqrt(dev[k] / n)
		largest = max(largest, dev[k])
	}
	for k, v := range dev {
		if v > flat*max(largest, math.Abs(s.mean[k])) {
			s.inv[k] = 1 / v
		}
	}
	return s
}

// noScaler leaves features as they are.
func noScaler(width int) *scaler {
	s := &scaler{mean: make([]float64, width), inv: make([]float64, width)}
	for k := range s.inv {
		s.inv[k] = 1
	}
	return s
}

// apply writes the standardised x to dst.
func (s *scaler) apply(dst, x []float32) {
	for k, v := range x {
		dst[k] = float32((float64(v) - s.mean[k]) * s.inv[k])
	}
}

// fold returns the weights [D,n] and bias [n] of a dense layer that does on features what the layer w, b does on
// standardised ones. The sums are float64.
func (s *scaler) fold(w, b []float32) (fw, fb []float32) {
	n := len(b)
	fw, fb = make([]float32, len(w)), make([]float32, n)
	shift := make([]float64, n)
	for k, inv := range s.inv {
		for j, v := range w[k*n : (k+1)*n] {
			scaled := float64(v) * inv
			fw[k*n+j] = float32(scaled)
			shift[j] += scaled * s.mean[k]
		}
	}
	for j, v := range b {
		fb[j] = float32(float64(v) - shift[j])
	}
	return fw, fb
}
