package transform

import "math"

// drawErasing is torchvision's RandomErasing with its usual scale and ratio: a box of 2 to 33 % of the area
// and of an aspect between 0.3 and 3.3.
func drawErasing(d *drawing, probability float64) {
	const least, most, narrow, wide = 0.02, 0.33, 0.3, 3.3
	if !d.r.Chance(probability) {
		return
	}
	for range 10 {
		area := float64(d.w) * float64(d.h) * d.r.Between(least, most)
		ratio := math.Exp(d.r.Between(math.Log(narrow), math.Log(wide)))
		h, w := int(math.RoundToEven(math.Sqrt(area*ratio))), int(math.RoundToEven(math.Sqrt(area/ratio)))
		if h < 1 || w < 1 || h >= d.h || w >= d.w {
			continue
		}
		y, x := d.r.Below(d.h-h+1), d.r.Below(d.w-w+1)
		d.add(func(p *picture) { p.erase(x, y, w, h) }, "erasing %dx%d", w, h)
		return
	}
}

// erase fills a box with the picture's mean colour. torchvision's zeros come after normalisation, where they are
// the mean colour of all pictures; a picture's own needs no statistics and is as quiet.
func (p *picture) erase(x, y, w, h int) {
	var sum [3]int64
	for i := 0; i+2 < len(p.pix); i += 3 {
		px := p.pix[i : i+3 : i+3]
		sum[0], sum[1], sum[2] = sum[0]+int64(px[0]), sum[1]+int64(px[1]), sum[2]+int64(px[2])
	}
	n := int64(p.w) * int64(p.h)
	r, g, b := uint8((sum[0]+n/2)/n), uint8((sum[1]+n/2)/n), uint8((sum[2]+n/2)/n)
	for row := y; row < y+h; row++ {
		box := p.pix[3*(row*p.w+x):][:3*w]
		for i := 0; i+2 < len(box); i += 3 {
			box[i], box[i+1], box[i+2] = r, g, b
		}
	}
}
