//go:build !purego

package kernel

import (
	"unsafe"

	"github.com/graft-ml/graft/internal/cpu"
)

// useConvInt8VNNI and useConvBF16 say whether convolutions of low precision use the tiles of AVX-512.
var useConvInt8VNNI, useConvBF16 = cpu.HasVNNI, cpu.HasBF16

func init() {
	cpu.Register("convint8", "VNNI", &useConvInt8VNNI)
	cpu.Register("convbf16", "BF16", &useConvBF16)
}

// interpretBF16 stands in for the tiles in tests on processors that lack their instructions.
var interpretBF16 func(args *lowArgs, pixels, vectors int)

// lowArgs is what a tile of AVX-512 gets; the offsets are package asm's. Steps are in bytes.
type lowArgs struct {
	src, dst, res             [2]unsafe.Pointer // of each group of pixels; no res: nil
	srcStep, dstStep, resStep int               // between the pixels of a group
	weights, offsets          unsafe.Pointer    // of the units
	units                     int
	start, scale, bias        unsafe.Pointer // of the channels
	float                     int            // not zero: the output is float32
	lo, hi, resScale          float32
	zero, resZero             int32
	lanes                     uint32 // a bit for each channel that exists
	resFloat                  int    // not zero: the residual is float32
}

// hidden returns a so that the compiler does not see what becomes of it: a call of a function value would move the
// arguments, and all that they point to, to the heap.
func (a *lowArgs) hidden() *lowArgs {
	x := uintptr(unsafe.Pointer(a))
	return *(**lowArgs)(unsafe.Pointer(&x))
}

// lowTask is what the tiles of both precisions are told alike.
type lowTask struct {
	Conv          *Conv
	src, dst, res unsafe.Pointer // the first elements of the slices
	size, dstSize int            // bytes of an element
	resSize       int
	args          lowArgs
}

// init sets the steps.
func (t *lowTask) init() {
	v := t.Conv
	t.args.srcStep = t.size * v.StrideW * v.Src.Pixel
	t.args.dstStep = t.dstSize * v.Dst.Pixel
	t.args.resStep = t.resSize * v.Res.Pixel
}

// shape returns the rows and the pixels of a row in which a walk goes through the output: one row, where all pixels of
// a picture are equally far from one another.
func (t *lowTask) shape() (h, w int) {
	v := t.Conv
	if v.StrideH*v.Src.Row == v.OutW*v.StrideW*v.Src.Pixel && v.Dst.Row == v.OutW*v.Dst.Pixel && (t.res == nil || v.Res.Row == v.OutW*v.Res.Pixel) {
		return 1, v.OutH * v.OutW
	}
	return v.OutH, v.OutW
}

// lowTile is the pixels of a tile: the first group, and the second, which may be empty.
type lowTile struct {
	first [2]walk
	n     [2]int
}

// next takes at most left pixels from at on.
func (l *lowTile) next(at *walk, left int) (pixels int) {
	l.n = [2]int{}
	for i := range l.n {
		l.first[i] = *at
		l.n[i] = min(at.left(), groupPixels, left-pixels)
		pixels += l.n[i]
		at.skip(l.n[i])
		if l.n[i] < groupPixels || pixels == left {
			break
		}
	}
	return pixels
}

// point returns the pointers of a tile, from the channels inC of the input and outC of the output on. They are no stores
// through t, which would make what they point to escape.
func (t *lowTask) point(l *lowTile, inC, outC int) (src, dst, res [2]unsafe.Pointer) {
	v := t.Conv
	for i, n := range l.n {
		if k := l.first[i]; n > 0 {
			src[i] = unsafe.Add(t.src, t.size*(v.Src.At(k.n, k.y*v.StrideH, k.x*v.StrideW)+inC))
			dst[i] = unsafe.Add(t.dst, t.dstSize*(v.Dst.At(k.n, k.y, k.x)+outC))
			if t.res != nil {
				res[i] = unsafe.Add(t.res, t.resSize*(v.Res.At(k.n, k.y, k.x)+outC))
			}
		}
	}
	return src, dst, res
}

// runVNNI computes the pixels [p0, p1) of the blocks [b0, b1).
func (t *int8Task) runVNNI(p0, p1, b0, b1 int) {
	l := lowTask{Conv: &t.Conv, size: 1, dstSize: 1, resSize: 1, src: unsafe.Pointer(&t.src[0]), dst: unsafe.Pointer(unsafe.SliceData(t.bytes))}
	if t.floats != nil {
		l.dst, l.dstSize, l.args.float = unsafe.Pointer(&t.floats[0]), 4, 1
	}
	if t.res != nil {
		l.res = unsafe.Pointer(&t.res[0])
	}
	a := &l.args
	a.lo, a.hi, a.resScale, a.zero, a.resZero = t.clamp.lo, t.clamp.hi, t.resScale, t.clamp.zero, int32(t.Res.Zero)
	l.init()
	var tile lowTile
	h, w := l.shape()
	for p, at := p0, walkFrom(p0, h, w); p < p1; {
		n := tile.next(&at, p1-p)
		for b := b0; b < b1; b++ {
			t.at(b)
			k, c := &t.packed.blocks[b], b*t.blockC
			a.weights, a.offsets, a.units = unsafe.Pointer(&t.packed.weights[k.weights]), unsafe.Pointer(&t.packed.offsets[k.units]), k.groups[1]
			a.start, a.scale, a.bias = unsafe.Pointer(&t.packed.start[c]), unsafe.Pointer(&t.packed.scale[c]), unsafe.Pointer(&t.packed.bias[c])
			a.lanes = uint32(1<<t.width - 1)
			a.src, a.dst, a.res = l.point(&tile, t.inC, t.outC)
			convVNNI(a, n, t.blockC/16)
		}
		p += n
	}
}

// runTiles computes the pixels [p0, p1) of the blocks [b0, b1).
func (t *bf16Task) runTiles(p0, p1, b0, b1 int) {
	l := lowTask{Conv: &t.Conv, size: 2, dstSize: 2, resSize: 2, src: unsafe.Pointer(&t.src[0]), dst: unsafe.Pointer(unsafe.SliceData(t.halves))}
	if t.floats != nil {
		l.dst, l.dstSize, l.args.float = unsafe.Pointer(&t.floats[0]), 4, 1
	}
	switch {
	case t.wide != nil:
		l.res, l.resSize, l.args.resFloat = unsafe.Pointer(&t.wide[0]), 4, 1
	case t.res != nil:
		l.res = unsafe.Pointer(&t.res[0])
	}
	l.args.lo, l.args.hi, l.args.offsets, l.args.units = t.lo, t.hi, unsafe.Pointer(&t.packed.offsets[0]), len(t.packed.offsets)
	l.init()
	blockC := t.blockC()
	var tile lowTile
	h, w := l.shape()
	for p, at := p0, walkFrom(p0, h, w); p < p1; {
		n := tile.next(&at, p1-p)
		for b := b0; b < b1; b++ {
			t.at(b)
			l.args.weights, l.args.start = unsafe.Pointer(&t.packed.weights[b*l.args.units*blockC*2]), unsafe.Pointer(&t.packed.bias[b*blockC])
			l.args.lanes = uint32(1<<t.width - 1)
			l.args.src, l.args.dst, l.args.res = l.point(&tile, t.inC, t.outC)
			if interpretBF16 != nil {
				interpretBF16(l.args.hidden(), n, blockC/16)
			} else {
				convBF16(&l.args, n, blockC/16)
			}
		}
		p += n
	}
}
