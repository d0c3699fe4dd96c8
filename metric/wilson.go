package metric

import "math"

// z95 is the 97.5th percentile of the standard normal distribution.
const z95 = 1.959963984540054

// wilson returns hits/n and its 95 % score interval (E. B. Wilson 1927). Unlike the textbook interval it stays
// within [0, 1] and does not shrink to a point where all pictures are right. Without pictures it is 0 in [0, 1].
func wilson(hits, n int) Interval {
	if n == 0 {
		return Interval{Value: 0, Low: 0, High: 1}
	}
	return WilsonAround(float64(hits)/float64(n), n)
}

// WilsonAround is the 95 % score interval (E. B. Wilson 1927) of a share p of n pictures, at least 1. p·n need not be a
// whole number.
func WilsonAround(p float64, n int) Interval {
	size := float64(n)
	const z2 = z95 * z95
	centre := (p + z2/(2*size)) / (1 + z2/size)
	half := z95 / (1 + z2/size) * math.Sqrt(p*(1-p)/size+z2/(4*size*size))
	// The bounds contain p in exact arithmetic; the last bit must not say otherwise.
	return Interval{Value: p, Low: max(0, min(p, centre-half)), High: min(1, max(p, centre+half))}
}
