//go:build !purego

package kernel

import (
	"math"
	"unsafe"

	"github.com/graft-ml/graft/internal/cpu"
)

// useConvBF16AVX2 says whether convolutions of bfloat16 use the tiles of AVX2, which give the bits of those of
// AVX-512.
var useConvBF16AVX2 = cpu.HasAVX2 && !cpu.HasBF16

// useToBF16AVX2 says whether rounding to bfloat16 uses assembly.
var useToBF16AVX2 = cpu.HasAVX2

func init() {
	cpu.Register("convbf16", "AVX2", &useConvBF16AVX2)
	cpu.Register("tobf16", "AVX2", &useToBF16AVX2)
}

// halvesArgs is what the assembly that rounds to bfloat16 gets; the offsets are package asm's.
type halvesArgs struct {
	src, dst          unsafe.Pointer
	blocks            int // of 16 elements
	one, round, quiet uint32
	abs, least, sign  uint32
	order             [8]int32 // what brings packed halves into order
}

// toBF16 rounds the elements of src. The last ones are rounded with some before them again.
func toBF16(dst []uint16, src []float32) {
	const block = 16
	n := len(src)
	if !useToBF16AVX2 || n < block {
		toBF16Generic(dst, src)
		return
	}
	a := halvesArgs{src: unsafe.Pointer(&src[0]), dst: unsafe.Pointer(&dst[0]), blocks: n / block, one: 1, round: 1<<15 - 1, quiet: 1 << 6,
		abs: 1<<31 - 1, least: 1 << 23, sign: 1<<32 - 1<<15, order: [8]int32{0, 1, 4, 5, 2, 3, 6, 7}}
	toBF16AVX2(&a)
	if n%block != 0 {
		a.src, a.dst, a.blocks = unsafe.Pointer(&src[n-block]), unsafe.Pointer(&dst[n-block]), 1
		toBF16AVX2(&a)
	}
}

// tileBF16 returns the channels of a full block, and the least that a block may have.
func tileBF16() (block, vector int) {
	switch {
	case useConvBF16:
		return 32, 16
	case useConvBF16AVX2:
		return 16, 8
	}
	return genericC, genericC
}

// run computes the pixels [p0, p1) of the blocks [b0, b1).
func (t *bf16Task) run(p0, p1, b0, b1 int) {
	switch {
	case !t.packed.whole:
		t.runGeneric(p0, p1, b0, b1)
	case useConvBF16:
		t.runTiles(p0, p1, b0, b1)
	case useConvBF16AVX2:
		t.runAVX2(p0, p1, b0, b1)
	default:
		t.runGeneric(p0, p1, b0, b1)
	}
}

func (d *DepthwiseBF16) run(dst, src []uint16, packed []float32, r0, r1 int) {
	d.runGeneric(dst, src, packed, r0, r1)
}

// bf16Args is what a tile of AVX2 gets; the offsets are package asm's.
type bf16Args struct {
	src, dst, res    [bf16Pixels]unsafe.Pointer // of each pixel; no res: nil
	weights, offsets unsafe.Pointer             // of the units
	units            int
	start            unsafe.Pointer // of the channels
	partial          int            // not zero: some channels do not exist
	lo, hi           float32
	mode, saved      uint32 // the state of float arithmetic while products are added, and where the usual one is kept
	upper            uint32
	mask             [16]int32 // -1 for each channel that exists
}

// flushMode is the usual state of float arithmetic but for subnormal numbers, which are zeros.
const flushMode = 0x1f80 | 1<<15 | 1<<6

// bf16Chunk is the number of pixels that are computed for all blocks before others: their inputs stay in the caches.
const bf16Chunk = 64

// bf16Walk is where some pixels lie: their inputs, outputs and residuals.
type bf16Walk struct {
	at            [bf16Chunk]walk
	src, dst, res [bf16Chunk]int
}

// take fills in n pixels from at on.
func (w *bf16Walk) take(at *walk, v *Conv, n int) {
	for i := range n {
		w.at[i] = *at
		w.src[i] = v.Src.At(at.n, at.y*v.StrideH, at.x*v.StrideW)
		w.dst[i], w.res[i] = v.Dst.At(at.n, at.y, at.x), v.Res.At(at.n, at.y, at.x)
		at.next()
	}
}

// runAVX2 computes the pixels [p0, p1) of the blocks [b0, b1).
func (t *bf16Task) runAVX2(p0, p1, b0, b1 int) {
	var w bf16Walk
	at := walkFrom(p0, t.Conv.OutH, t.Conv.OutW)
	for p := p0; p < p1; p += bf16Chunk {
		n := min(bf16Chunk, p1-p)
		w.take(&at, &t.Conv, n)
		for b := b0; b < b1; b++ {
			t.at(b)
			if t.floats != nil && t.res == nil {
				t.blockAVX2(&w, n)
			} else {
				t.blockAVX2Narrow(&w, n)
			}
		}
	}
}

// argsAVX2 returns what tiles get of the block.
func (t *bf16Task) argsAVX2() bf16Args {
	blockC, units := t.blockC(), len(t.packed.offsets)
	a := bf16Args{weights: unsafe.Pointer(&t.packed.weights[t.block*units*blockC*2]), offsets: unsafe.Pointer(&t.packed.offsets[0]), units: units,
		start: unsafe.Pointer(&t.packed.bias[t.block*blockC]), lo: t.lo, hi: t.hi, mode: flushMode, upper: 0xffff0000}
	for i := range t.width {
		a.mask[i] = -1
	}
	a.partial = blockC - t.width
	return a
}

// blockAVX2 computes n pixels of the block to an output of float32, with such a residual or none.
func (t *bf16Task) blockAVX2(w *bf16Walk, n int) {
	a, vectors := t.argsAVX2(), t.blockC()/8
	src, dst, res := unsafe.Pointer(&t.src[0]), unsafe.Pointer(&t.floats[0]), unsafe.Pointer(unsafe.SliceData(t.wide))
	for i := 0; i < n; i += bf16Pixels {
		pixels := min(bf16Pixels, n-i)
		for p := range pixels {
			a.src[p] = unsafe.Add(src, 2*(w.src[i+p]+t.inC))
			a.dst[p] = unsafe.Add(dst, 4*(w.dst[i+p]+t.outC))
			if t.wide != nil {
				a.res[p] = unsafe.Add(res, 4*(w.res[i+p]+t.outC))
			}
		}
		convBF16AVX2(&a, pixels, vectors)
	}
}

// blockAVX2Narrow is blockAVX2 where the output or the residual is bfloat16.
func (t *bf16Task) blockAVX2Narrow(w *bf16Walk, n int) {
	var sums [bf16Pixels][16]float32
	a, vectors := t.argsAVX2(), t.blockC()/8
	a.partial, a.lo, a.hi = 0, float32(math.Inf(-1)), float32(math.Inf(1))
	for i := 0; i < n; i += bf16Pixels {
		pixels := min(bf16Pixels, n-i)
		for p := range pixels {
			a.src[p] = unsafe.Add(unsafe.Pointer(&t.src[0]), 2*(w.src[i+p]+t.inC))
			a.dst[p] = unsafe.Pointer(&sums[p])
		}
		convBF16AVX2(&a, pixels, vectors)
		for p := range pixels {
			t.store(sums[p][:t.width], w.at[i+p], 0)
		}
	}
}
