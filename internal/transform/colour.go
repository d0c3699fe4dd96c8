package transform

// The weights of R, G and B in a pixel's grey, as Pillow's convert("L"): ITU-R BT.601 with 16 bits of fraction.
const greyR, greyG, greyB = 19595, 38470, 7471

// grey returns how light a pixel is.
func grey(r, g, b uint8) int32 {
	return (greyR*int32(r) + greyG*int32(g) + greyB*int32(b) + 1<<15) >> 16
}

func drawBrightness(d *drawing, most float64) { d.brightness(d.r.Between(-most, most)) }
func drawContrast(d *drawing, most float64)   { d.contrast(d.r.Between(-most, most)) }
func drawSaturation(d *drawing, most float64) { d.saturation(d.r.Between(-most, most)) }

func (d *drawing) brightness(by float64) {
	d.add(func(p *picture) { p.scale(1+by, 0) }, "brightness %+.0f%%", 100*by)
}

func (d *drawing) contrast(by float64) {
	d.add(func(p *picture) { p.scale(1+by, p.meanGrey()) }, "contrast %+.0f%%", 100*by)
}

func (d *drawing) saturation(by float64) {
	d.add(func(p *picture) { p.saturate(1 + by) }, "saturation %+.0f%%", 100*by)
}

func drawGrayscale(d *drawing, probability float64) {
	if d.r.Chance(probability) {
		d.add(func(p *picture) { p.saturate(0) }, "grayscale")
	}
}

func drawHue(d *drawing, most float64) {
	by := d.r.Between(-most, most)
	d.add(func(p *picture) { p.turnHue(by) }, "hue %+.0f°", 360*by)
}

// clampByte rounds v.
func clampByte(v float64) uint8 { return uint8(min(max(v+0.5, 0), 255)) }

// lookUp replaces each value by its entry in one of the tables, of R, G and B.
func (p *picture) lookUp(r, g, b *[256]uint8) {
	for i := 0; i+2 < len(p.pix); i += 3 {
		px := p.pix[i : i+3 : i+3]
		px[0], px[1], px[2] = r[px[0]], g[px[1]], b[px[2]]
	}
}

// scale brings each value to factor times its distance from centre: Pillow's ImageEnhance.Brightness with a
// centre of 0 and its Contrast with the mean of the grey; but rounded, where those cut the fraction off.
func (p *picture) scale(factor float64, centre uint8) {
	var table [256]uint8
	for v := range table {
		table[v] = clampByte(float64(centre) + float64(factor*(float64(v)-float64(centre))))
	}
	p.lookUp(&table, &table, &table)
}

// meanGrey is the rounded mean of the picture's grey.
func (p *picture) meanGrey() uint8 {
	sum := int64(0)
	for i := 0; i+2 < len(p.pix); i += 3 {
		px := p.pix[i : i+3 : i+3]
		sum += int64(grey(px[0], px[1], px[2]))
	}
	n := int64(p.w) * int64(p.h)
	return uint8((sum + n/2) / n)
}

// saturate brings each pixel to factor times its distance from its grey, as Pillow's ImageEnhance.Color, but
// rounded. 0 is a grey picture.
func (p *picture) saturate(factor float64) {
	const bits = 16
	k := int32(factor*(1<<bits) + 0.5)
	for i := 0; i+2 < len(p.pix); i += 3 {
		px := p.pix[i : i+3 : i+3]
		l := grey(px[0], px[1], px[2])
		for c, v := range px {
			px[c] = uint8(min(max(l+(k*(int32(v)-l)+1<<(bits-1))>>bits, 0), 255))
		}
	}
}

// turnHue turns the hue of each pixel by a part of the circle and leaves its largest and smallest value, as
// torchvision's adjust_hue, which goes by HSV.
func (p *picture) turnHue(by float64) {
	turn := float32(6 * by)
	for i := 0; i+2 < len(p.pix); i += 3 {
		px := p.pix[i : i+3 : i+3]
		r, g, b := px[0], px[1], px[2]
		hi, lo := max(r, g, b), min(r, g, b)
		if hi == lo {
			continue
		}
		chroma := float32(hi - lo)
		var h float32 // in sextants, from -1 on
		switch hi {
		case r:
			h = float32(int(g)-int(b)) / chroma
		case g:
			h = 2 + float32(int(b)-int(r))/chroma
		default:
			h = 4 + float32(int(r)-int(g))/chroma
		}
		h += turn
		if h < 0 {
			h += 6
		}
		if h >= 6 {
			h -= 6
		}
		px[0], px[1], px[2] = hueOf(h+5, lo, chroma), hueOf(h+3, lo, chroma), hueOf(h+1, lo, chroma)
	}
}

// hueOf is a channel of the colour of a hue, where k is the hue in sextants from where the channel begins to
// fall: over one sextant it falls, two it is lo, one it rises, and two it is lo plus chroma.
func hueOf(k float32, lo uint8, chroma float32) uint8 {
	for k >= 6 {
		k -= 6
	}
	absent := min(max(min(k, 4-k), 0), 1)
	return uint8(float32(lo) + float32(chroma*(1-absent)) + 0.5)
}
