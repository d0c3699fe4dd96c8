//go:build !purego

package kernel

import (
	"unsafe"

	"github.com/graft-ml/graft/internal/cpu"
)

// useConvInt8AVX2 says whether convolutions of bytes use assembly.
var useConvInt8AVX2 = cpu.HasAVX2

func init() {
	cpu.Register("convint8", "AVX2", &useConvInt8AVX2)
}

// int8Args is what the assembly of AVX2 gets; the offsets are package asm's.
type int8Args struct {
	src, dst, res [int8Pixels]unsafe.Pointer // of each pixel
	sums          [int8Pixels][16]int32      // where the assembly keeps them
	int8Block
	count         int // minus 8 times the pixels
	dstAt, resAt  int // bytes from dst and res to the channels
	hasRes, float int // not zero: there is a residual, the output is float32
	lo, hi        float32
	zero          [2]int16 // of the output
	resScale      float32
	resZero       int32
	ones          [2]int16
	order         [8]int32 // what brings packed bytes into order
}

// int8Block is what the assembly of AVX2 gets of a block.
type int8Block struct {
	weights, offsets   unsafe.Pointer    // of the units
	groups             [maxGroup + 1]int // of so many units each
	start, scale, bias unsafe.Pointer    // of the channels
	next               unsafe.Pointer    // weights to ask for
}

// point fills what the assembly gets of each block. A last one asks for its own weights.
func (p *PackedInt8) point(blockC int) {
	if len(p.weights) == 0 {
		return
	}
	for i := range p.blocks {
		b, next := &p.blocks[i], &p.blocks[min(i+1, len(p.blocks)-1)]
		b.native = int8Block{weights: unsafe.Pointer(&p.weights[b.weights]), offsets: unsafe.Pointer(&p.offsets[b.units]), groups: b.groups,
			start: unsafe.Pointer(&p.start[i*blockC]), scale: unsafe.Pointer(&p.scale[i*blockC]), bias: unsafe.Pointer(&p.bias[i*blockC]),
			next: unsafe.Pointer(&p.weights[next.weights])}
	}
}

// int8Scratch holds the pixels of a block of which some channels do not exist.
type int8Scratch struct {
	floats [int8Pixels][16]float32
	bytes  [int8Pixels][16]uint8
	res    [int8Pixels][16]uint8
}

// tileInt8 returns the channels of a full block, and the least that a block may have.
func tileInt8() (block, vector int) {
	switch {
	case useConvInt8VNNI:
		return 32, 16
	case useConvInt8AVX2:
		return 16, 16
	}
	return genericC, genericC
}

// groupsInt8 reports whether the kernel adds products of several units in 16 bits.
func groupsInt8() bool { return useConvInt8AVX2 && !useConvInt8VNNI }

// run computes the pixels [p0, p1) of the blocks [b0, b1). Where the weights of all stay in the second-level cache, some
// pixels go through all blocks, so that inputs and outputs are still at hand; else all pixels through one.
func (t *int8Task) run(p0, p1, b0, b1 int) {
	const cache = 256 << 10
	switch {
	case !useConvInt8VNNI && !useConvInt8AVX2 || !t.packed.whole:
		t.runGeneric(p0, p1, b0, b1)
	case useConvInt8VNNI:
		t.runVNNI(p0, p1, b0, b1)
	case (b1-b0)*t.blockC*t.Conv.taps() <= cache:
		t.runBlocks(p0, p1, b0, b1)
	default:
		for b := b0; b < b1; b++ {
			t.runBlocks(p0, p1, b, b+1)
		}
	}
}

// runBlocks computes a tile of pixels after the other, in each block after block; those that are not full at last.
func (t *int8Task) runBlocks(p0, p1, b0, b1 int) {
	const way, few = 4096, 12 // of the first-level cache: fewer pixels, if their distance leaves them two lines of each
	most := int8Pixels
	if t.Conv.StrideW*t.Conv.Src.Pixel%(way/2) == 0 {
		most = few
	}
	a := t.args()
	fewUnits := t.isFew()
	for p, at := p0, walkFrom(p0, t.Conv.OutH, t.Conv.OutW); p < p1; {
		n, group := share(p1-p, most), -1
		first := at
		for b := b0; b < b1; b++ {
			if t.at(b); t.width < t.blockC {
				continue
			}
			if t.group != group {
				at, group = first, t.group
				t.point(&a, n, &at)
			}
			t.aim(&a)
			if fewUnits {
				convInt8FewAVX2(&a)
			} else {
				convInt8AVX2(&a)
			}
		}
		if group < 0 {
			break // none is full
		}
		p += n
	}
	for b := b0; b < b1; b++ {
		if t.at(b); t.width < t.blockC {
			t.runPartial(p0, p1)
		}
	}
}

// isFew reports whether the convolution has so few units that sums stay in registers rather than weights.
func (t *int8Task) isFew() bool {
	const most = 16
	return t.res == nil && t.floats == nil && t.Conv.taps() <= 4*most
}

// args returns the arguments that all pixels of all blocks share.
func (t *int8Task) args() int8Args {
	a := int8Args{lo: t.clamp.lo, hi: t.clamp.hi, resScale: t.resScale, resZero: int32(t.Res.Zero), ones: [2]int16{1, 1}, order: [8]int32{0, 4, 1, 5, 2, 6, 3, 7}}
	a.zero = [2]int16{int16(t.clamp.zero), int16(t.clamp.zero)}
	if t.res != nil {
		a.hasRes = 1
	}
	if t.floats != nil {
		a.float = 1
	}
	return a
}

// aim sets the arguments that are the block's.
func (t *int8Task) aim(a *int8Args) {
	a.int8Block = t.packed.blocks[t.block].native
	a.dstAt, a.resAt = t.outC, t.outC
	if t.floats != nil {
		a.dstAt = 4 * t.outC
	}
}

// point makes the pointers those of the next n pixels, at their first channels; an odd last one is there twice.
func (t *int8Task) point(a *int8Args, n int, at *walk) {
	even := (n + 1) &^ 1
	a.count = -8 * even
	v := &t.Conv
	for i := 0; i < n; {
		k := min(at.left(), n-i)
		src, dst, res := t.srcAt(*at), v.Dst.At(at.n, at.y, at.x), v.Res.At(at.n, at.y, at.x)
		for j := range k {
			a.src[i+j] = unsafe.Pointer(&t.src[src+j*v.StrideW*v.Src.Pixel])
			if t.floats != nil {
				a.dst[i+j] = unsafe.Pointer(&t.floats[dst+j*v.Dst.Pixel])
			} else {
				a.dst[i+j] = unsafe.Pointer(&t.bytes[dst+j*v.Dst.Pixel])
			}
			if t.res != nil {
				a.res[i+j] = unsafe.Pointer(&t.res[res+j*v.Res.Pixel])
			}
		}
		i += k
		at.skip(k)
	}
	a.src[even-1], a.dst[even-1], a.res[even-1] = a.src[n-1], a.dst[n-1], a.res[n-1]
}

// runPartial computes the pixels [p0, p1) of a block of which some channels do not exist: the assembly, which computes
// all, reads what is added from a scratch and writes to one.
func (t *int8Task) runPartial(p0, p1 int) {
	var s int8Scratch
	a := t.args()
	t.aim(&a)
	a.dstAt, a.resAt = 0, 0
	at := walkFrom(p0, t.Conv.OutH, t.Conv.OutW)
	for p := p0; p < p1; {
		n := share(p1-p, int8Pixels)
		from, k := at, at
		t.point(&a, n, &at)
		for i := range n {
			if t.res != nil {
				copy(s.res[i][:t.width], t.res[t.Conv.Res.At(k.n, k.y, k.x)+t.outC:])
			}
			a.res[i], a.dst[i] = unsafe.Pointer(&s.res[i]), unsafe.Pointer(&s.bytes[i])
			if t.floats != nil {
				a.dst[i] = unsafe.Pointer(&s.floats[i])
			}
			k.next()
		}
		even := (n + 1) &^ 1
		a.dst[even-1], a.res[even-1] = a.dst[n-1], a.res[n-1]
		convInt8AVX2(&a)
		for i := range n {
			d := t.Conv.Dst.At(from.n, from.y, from.x) + t.outC
			if t.floats != nil {
				copy(t.floats[d:], s.floats[i][:t.width])
			} else {
				copy(t.bytes[d:], s.bytes[i][:t.width])
			}
			from.next()
		}
		p += n
	}
}
