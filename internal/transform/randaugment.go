package transform

import (
	"math"
)

// levels is the number of magnitudes of RandAugment: torchvision's num_magnitude_bins, less the zero.
const levels = 30

// drawRandAugment is torchvision's RandAugment (Cubuk and others: RandAugment, 2019) with num_ops=2: twice, one of
// 14 changes at the magnitude of 30, with a random sign where it has one. Shear is about the middle here, not
// about a corner.
func drawRandAugment(d *drawing, magnitude float64) {
	for range 2 {
		i, sign := d.r.Below(len(randomChanges)), float64(1)
		if d.r.Chance(0.5) {
			sign = -1
		}
		randomChanges[i](d, magnitude/levels, sign)
	}
}

// randomChanges are RandAugment's. m is the part of the largest magnitude, sign -1 or 1.
var randomChanges = [...]func(d *drawing, m, sign float64){
	func(d *drawing, m, sign float64) {}, // identity
	func(d *drawing, m, sign float64) { d.shear(sign * degrees(0.3*m)) },
	func(d *drawing, m, sign float64) {
		angle := sign * degrees(0.3*m)
		d.addMotion(affine{a: 1, d: math.Tan(angle * math.Pi / 180), e: 1}, "shear y %+.1f°", angle)
	},
	func(d *drawing, m, sign float64) { d.shift(sign*150.0/331*m, 0) },
	func(d *drawing, m, sign float64) { d.shift(0, sign*150.0/331*m) },
	func(d *drawing, m, sign float64) { d.rotate(sign * 30 * m) },
	func(d *drawing, m, sign float64) { d.brightness(sign * 0.9 * m) },
	func(d *drawing, m, sign float64) { d.saturation(sign * 0.9 * m) },
	func(d *drawing, m, sign float64) { d.contrast(sign * 0.9 * m) },
	func(d *drawing, m, sign float64) {
		by := sign * 0.9 * m
		d.add(func(p *picture) { p.sharpen(1 + by) }, "sharpness %+.0f%%", 100*by)
	},
	func(d *drawing, m, sign float64) {
		bits := 8 - int(math.RoundToEven(4*m))
		d.add(func(p *picture) { p.posterize(bits) }, "posterize %d bits", bits)
	},
	func(d *drawing, m, sign float64) {
		threshold := 255 * (1 - m)
		d.add(func(p *picture) { p.solarize(threshold) }, "solarize %.0f", threshold)
	},
	func(d *drawing, m, sign float64) { d.add((*picture).autoContrast, "autocontrast") },
	func(d *drawing, m, sign float64) { d.add((*picture).equalize, "equalize") },
}

// degrees is the angle of a slope.
func degrees(slope float64) float64 { return math.Atan(slope) * 180 / math.Pi }

// posterize keeps the upper bits of each value, as Pillow's ImageOps.posterize.
func (p *picture) posterize(bits int) {
	mask := uint8(0xff << (8 - bits))
	for i, v := range p.pix {
		p.pix[i] = v & mask
	}
}

// solarize inverts values from the threshold on, as Pillow's ImageOps.solarize.
func (p *picture) solarize(threshold float64) {
	for i, v := range p.pix {
		if float64(v) >= threshold {
			p.pix[i] = 255 - v
		}
	}
}

// histograms counts the values of each channel.
func (p *picture) histograms() (count [3][256]int) {
	for i := 0; i+2 < len(p.pix); i += 3 {
		px := p.pix[i : i+3 : i+3]
		count[0][px[0]]++
		count[1][px[1]]++
		count[2][px[2]]++
	}
	return count
}

// autoContrast stretches each channel to 0–255, as Pillow's ImageOps.autocontrast.
func (p *picture) autoContrast() {
	var tables [3][256]uint8
	for c, count := range p.histograms() {
		lo, hi := 0, 255
		for lo < 255 && count[lo] == 0 {
			lo++
		}
		for hi > 0 && count[hi] == 0 {
			hi--
		}
		for v := range tables[c] {
			tables[c][v] = uint8(v)
			if hi > lo {
				scale := 255 / float64(hi-lo)
				tables[c][v] = uint8(min(max(float64(float64(v)*scale)-float64(float64(lo)*scale), 0), 255))
			}
		}
	}
	p.lookUp(&tables[0], &tables[1], &tables[2])
}

// equalize makes all values of a channel about as frequent, as Pillow's ImageOps.equalize.
func (p *picture) equalize() {
	var tables [3][256]uint8
	for c, count := range p.histograms() {
		total, last := 0, 0
		for v, n := range count {
			total += n
			if n > 0 {
				last = v
			}
		}
		step := (total - count[last]) / 255
		n := step / 2
		for v := range tables[c] {
			tables[c][v] = uint8(v)
			if step > 0 {
				tables[c][v] = uint8(min(n/step, 255))
				n += count[v]
			}
		}
	}
	p.lookUp(&tables[0], &tables[1], &tables[2])
}

// sharpen brings each pixel to factor times its distance from a smoothed picture, as Pillow's
// ImageEnhance.Sharpness, but rounded: 0 is smooth, 2 is sharp. The outermost pixels stay.
func (p *picture) sharpen(factor float64) {
	const weights = 13 // of Pillow's SMOOTH: 5 in the middle and 1 around it
	n := 3 * p.w
	buf := getScratch(len(p.pix))
	defer scratch.Put(buf)
	src := *buf
	copy(src, p.pix)
	for y := 1; y < p.h-1; y++ {
		above, row, below := src[(y-1)*n:][:n], src[y*n:][:n], src[(y+1)*n:][:n]
		out := p.pix[y*n:][:n]
		for i := 3; i < n-3; i++ {
			sum := int(above[i-3]) + int(above[i]) + int(above[i+3]) + int(row[i-3]) + int(row[i+3]) +
				int(below[i-3]) + int(below[i]) + int(below[i+3]) + 5*int(row[i])
			smooth := float64((sum + weights/2) / weights)
			out[i] = clampByte(smooth + float64(factor*(float64(row[i])-smooth)))
		}
	}
}
