package quant

import (
	"math"

	"github.com/graft-ml/graft/internal/nn"
)

// bins is the number of bins on each side of zero.
const bins = 2048

// histogram counts numbers by size, on both sides of zero. Its limit is a power of two that grows as larger numbers
// come, when two bins become one: so it does not depend on their order.
type histogram struct {
	limit    float32 // 0: nothing yet
	positive [bins]int64
	negative [bins]int64
	bad      bool // a number was not finite
}

// add counts the numbers of row, but for zeros, which every scale represents exactly.
func (h *histogram) add(row []float32) {
	scale := h.scale()
	for _, v := range row {
		a := v
		if v < 0 {
			a = -v
		}
		if !(a < h.limit) {
			if v == 0 {
				continue
			}
			if !(a <= math.MaxFloat32/4) {
				h.bad = true
				continue
			}
			h.widen(a)
			scale = h.scale()
		}
		i := int(a * scale)
		if v > 0 {
			h.positive[i]++
		} else if v < 0 {
			h.negative[i]++
		}
	}
}

// scale is what turns a number into that of its bin: exactly, because it is a power of two.
func (h *histogram) scale() float32 {
	if h.limit == 0 {
		return 0
	}
	return bins / h.limit
}

// widen makes the limit larger than v, which is above 0.
func (h *histogram) widen(v float32) {
	if h.limit == 0 {
		h.limit = float32(math.Ldexp(1, max(math.Ilogb(float64(v))+1, -100)))
	}
	for h.limit <= v {
		h.limit *= 2
		for _, side := range []*[bins]int64{&h.positive, &h.negative} {
			for i := range bins / 2 {
				side[i] = side[2*i] + side[2*i+1]
			}
			clear(side[bins/2:])
		}
	}
}

// best returns the scale and zero point whose squared error is least.
func (h *histogram) best() (nn.Quant, bool) {
	top, bottom := h.end(&h.positive), h.end(&h.negative)
	if h.bad || top+bottom == 0 {
		return nn.Quant{}, false
	}
	var best nn.Quant
	least := math.Inf(1)
	for _, hi := range ends(top) {
		for _, lo := range ends(bottom) {
			q := quantOf(lo, hi)
			if e := h.errorOf(q, least); e < least {
				best, least = q, e
			}
		}
	}
	return best, true
}

// end returns the upper bound of the last bin that holds something, 0 if none does.
func (h *histogram) end(side *[bins]int64) float64 {
	for i := bins - 1; i >= 0; i-- {
		if side[i] > 0 {
			return float64(i+1) * float64(h.limit) / bins
		}
	}
	return 0
}

// ends returns the ends of a range that are tried for one side of it: down to a tenth of what occurs.
func ends(end float64) []float64 {
	if end == 0 {
		return []float64{0}
	}
	const steps = 24
	list := make([]float64, steps)
	for i := range list {
		list[i] = end * math.Pow(0.1, float64(i)/steps)
	}
	return list
}

// quantOf returns the scale and zero point of the range from -lo to hi.
func quantOf(lo, hi float64) nn.Quant {
	scale := float32((lo + hi) / 255)
	zero := math.RoundToEven(lo / float64(scale))
	return nn.Quant{Scale: scale, Zero: uint8(min(zero, 255))}
}

// errorOf returns the sum of the squared differences of all numbers, taken to be in the middle of their bins, to what
// they become. It may stop above limit.
func (h *histogram) errorOf(q nn.Quant, limit float64) float64 {
	width := float64(h.limit) / bins
	up, down := 255-float64(q.Zero), float64(q.Zero)
	sum := 0.0
	for i := range bins {
		v := (float64(i) + 0.5) * width
		s := v / float64(q.Scale)
		if n := h.positive[i]; n > 0 {
			d := v - min(math.RoundToEven(s), up)*float64(q.Scale)
			sum += float64(n) * d * d
		}
		if n := h.negative[i]; n > 0 {
			d := v - min(math.RoundToEven(s), down)*float64(q.Scale)
			sum += float64(n) * d * d
		}
		if sum >= limit {
			break
		}
	}
	return sum
}
