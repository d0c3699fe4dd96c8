package transform

import "math"

// leastSigma is the standard deviation, in pixels, below which a blur would not change a pixel.
const leastSigma = 0.2

// drawBlur blurs every second picture.
func drawBlur(d *drawing, most float64) {
	blurred, sigma := d.r.Chance(0.5), d.r.Between(0, most)
	if blurred && sigma >= leastSigma {
		d.add(func(p *picture) { p.blur(sigma) }, "blur %.1f", sigma)
	}
}

// blur is torchvision's gaussian_blur with a kernel of three standard deviations either way: separable, the
// picture mirrored at its edges without repeating them. Positions beyond the mirrored picture get the edge.
func (p *picture) blur(sigma float64) {
	k := gaussian(sigma)
	reach := len(k) / 2
	buf := getScratch(len(p.pix))
	defer scratch.Put(buf)
	sum := make([]int32, 3*p.w)
	for y := range p.h { // down, into buf
		clear(sum)
		for j, weight := range k {
			row := p.pix[3*p.w*mirrorIndex(y+j-reach, p.h):][:len(sum)]
			for i, v := range row {
				sum[i] += weight * int32(v)
			}
		}
		rounded((*buf)[3*p.w*y:], sum)
	}
	for y := range p.h { // across, back
		row := (*buf)[3*p.w*y:][:3*p.w]
		clear(sum)
		for j, weight := range k {
			at := j - reach
			lo, hi := min(max(0, -at), p.w), max(min(p.w, p.w-at), 0) // where x+at lies in the row
			for x := range lo {
				addPixel(sum[3*x:], row[3*mirrorIndex(x+at, p.w):], weight)
			}
			for x := max(lo, hi); x < p.w; x++ {
				addPixel(sum[3*x:], row[3*mirrorIndex(x+at, p.w):], weight)
			}
			if lo < hi {
				from := row[3*(lo+at) : 3*(hi+at)]
				to := sum[3*lo:][:len(from)]
				for i, v := range from {
					to[i] += weight * int32(v)
				}
			}
		}
		rounded(p.pix[3*p.w*y:], sum)
	}
}

func addPixel(sum []int32, px []uint8, weight int32) {
	sum[0] += weight * int32(px[0])
	sum[1] += weight * int32(px[1])
	sum[2] += weight * int32(px[2])
}

// rounded writes sums of a byte times the weights of a kernel to dst.
func rounded(dst []uint8, sum []int32) {
	dst = dst[:len(sum)]
	for i, v := range sum {
		dst[i] = uint8((v + 1<<(kernelBits-1)) >> kernelBits)
	}
}

// kernelBits are the fraction bits of a kernel's weights.
const kernelBits = 16

// gaussian returns the weights of a Gaussian kernel, which add up to 1.
func gaussian(sigma float64) []int32 {
	reach := int(math.Ceil(3 * sigma))
	weights, total := make([]float64, 2*reach+1), 0.0
	for i := range weights {
		x := float64(i-reach) / sigma
		weights[i] = math.Exp(-x * x / 2)
		total += weights[i]
	}
	k, rest := make([]int32, len(weights)), int32(1<<kernelBits)
	for i, w := range weights {
		k[i] = int32(math.Round(w / total * (1 << kernelBits)))
		rest -= k[i]
	}
	k[reach] += rest // what rounding left
	return k
}

// mirrorIndex is position i of a row of n pixels that is mirrored at its edges: c b | a b c | b a. A row that is too
// short for that ends in its edge.
func mirrorIndex(i, n int) int {
	if i < 0 {
		i = -i
	}
	if i >= n {
		i = 2*(n-1) - i
	}
	return min(max(i, 0), n-1)
}
