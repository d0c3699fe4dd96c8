package kernel

// runGeneric computes the pixels [p0, p1) of the blocks [b0, b1).
func (t *int8Task) runGeneric(p0, p1, b0, b1 int) {
	for b := b0; b < b1; b++ {
		t.at(b)
		t.blockGeneric(p0, p1)
	}
}

// blockGeneric computes the pixels [p0, p1) of the block.
func (t *int8Task) blockGeneric(p0, p1 int) {
	blockC := t.blockC
	for at := walkFrom(p0, t.Conv.OutH, t.Conv.OutW); p0 < p1; p0++ {
		var sum [genericC]int32
		for c := 0; c < t.width; c += genericC {
			copy(sum[:], t.packed.start[t.block*blockC+c:])
			t.sum(&sum, t.src[t.srcAt(at):], c)
			t.store(sum[:min(genericC, t.width-c)], at, c)
		}
		at.next()
	}
}

// srcAt returns the index of the first element that the pixel's sum reads.
func (t *int8Task) srcAt(k walk) int {
	return t.Conv.Src.At(k.n, k.y*t.Conv.StrideH, k.x*t.Conv.StrideW) + t.inC
}

// sum adds the products of the pixel whose input src starts with, for the channels of the block from c on. A window
// of less than a unit ends before its unit does.
func (t *int8Task) sum(sum *[genericC]int32, src []uint8, c int) {
	b := &t.packed.blocks[t.block]
	size := 4 * t.blockC
	w := t.packed.weights[b.weights+4*c:]
	s0, s1, s2, s3 := sum[0], sum[1], sum[2], sum[3]
	units := 0
	for n, groups := range b.groups {
		units += n * groups
	}
	for i, off := range t.packed.offsets[b.units:][:units] {
		var x [4]int32
		for j, v := range src[off:min(int(off)+4, len(src))] {
			x[j] = int32(v)
		}
		k := (*[16]int8)(w[i*size:])
		s0 += x[0]*int32(k[0]) + x[1]*int32(k[1]) + x[2]*int32(k[2]) + x[3]*int32(k[3])
		s1 += x[0]*int32(k[4]) + x[1]*int32(k[5]) + x[2]*int32(k[6]) + x[3]*int32(k[7])
		s2 += x[0]*int32(k[8]) + x[1]*int32(k[9]) + x[2]*int32(k[10]) + x[3]*int32(k[11])
		s3 += x[0]*int32(k[12]) + x[1]*int32(k[13]) + x[2]*int32(k[14]) + x[3]*int32(k[15])
	}
	*sum = [genericC]int32{s0, s1, s2, s3}
}

// store is the epilogue of the channels of the block from c on of one pixel.
func (t *int8Task) store(sum []int32, k walk, c int) {
	at := t.block*t.blockC + c
	scale, bias := t.packed.scale[at:][:len(sum)], t.packed.bias[at:][:len(sum)]
	d := t.Conv.Dst.At(k.n, k.y, k.x) + t.outC + c
	r := t.Conv.Res.At(k.n, k.y, k.x) + t.outC + c
	for j, s := range sum {
		x := float32(float32(s)*scale[j]) + bias[j]
		if t.res != nil {
			x += float32(float32(int32(t.res[r+j])-int32(t.Res.Zero)) * t.resScale)
		}
		if t.floats != nil {
			t.floats[d+j] = t.clamp.clip(x)
		} else {
			t.bytes[d+j] = t.clamp.byte(x)
		}
	}
}
