package kernel

// runGeneric computes the pixels [p0, p1) of the blocks [b0, b1).
func (t *bf16Task) runGeneric(p0, p1, b0, b1 int) {
	for b := b0; b < b1; b++ {
		t.at(b)
		t.blockGeneric(p0, p1)
	}
}

// blockGeneric computes the pixels [p0, p1) of the block.
func (t *bf16Task) blockGeneric(p0, p1 int) {
	blockC := t.blockC()
	for at := walkFrom(p0, t.Conv.OutH, t.Conv.OutW); p0 < p1; p0++ {
		var sum [genericC]float32
		src := t.src[t.Conv.Src.At(at.n, at.y*t.Conv.StrideH, at.x*t.Conv.StrideW)+t.inC:]
		for c := 0; c < t.width; c += genericC {
			copy(sum[:], t.packed.bias[t.block*blockC+c:])
			t.sum(&sum, src, c)
			t.store(sum[:min(genericC, t.width-c)], at, c)
		}
		at.next()
	}
}

// sum adds the products of the pixel whose input src starts with, for the channels of the block from c on. A window
// of less than a unit ends before its unit does.
func (t *bf16Task) sum(sum *[genericC]float32, src []uint16, c int) {
	size, units := 2*t.blockC(), len(t.packed.offsets)
	w := t.packed.weights[t.block*units*size+2*c:]
	for i, off := range t.packed.offsets {
		var x [2]float32
		for j, v := range src[off/2 : min(int(off/2)+2, len(src))] {
			x[j] = flush(FromBF16(v))
		}
		k := w[i*size:][:2*genericC]
		for j := range sum {
			s := flush(sum[j] + flush(float32(x[1]*FromBF16(k[2*j+1]))))
			sum[j] = flush(s + flush(float32(x[0]*FromBF16(k[2*j]))))
		}
	}
}

// store is the epilogue of the channels of the block from c on of one pixel.
func (t *bf16Task) store(sum []float32, k walk, c int) {
	d := t.Conv.Dst.At(k.n, k.y, k.x) + t.outC + c
	r := t.Conv.Res.At(k.n, k.y, k.x) + t.outC + c
	for j, x := range sum {
		switch {
		case t.wide != nil:
			x += t.wide[r+j]
		case t.res != nil:
			x += FromBF16(t.res[r+j])
		}
		x = min(max(x, t.lo), t.hi)
		if t.floats != nil {
			t.floats[d+j] = x
		} else {
			t.halves[d+j] = ToBF16(x)
		}
	}
}
