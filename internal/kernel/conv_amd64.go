//go:build !purego

package kernel

import (
	"unsafe"

	"github.com/graft-ml/graft/internal/cpu"
)

//go:generate go run ./asm/gen

// useConvAVX2 and useConvAVX512 say which tiles convolutions and matrix products use, the widest first.
var useConvAVX2, useConvAVX512 = cpu.HasAVX2, cpu.HasAVX512

func init() {
	cpu.Register("conv", "AVX512", &useConvAVX512)
	cpu.Register("conv", "AVX2", &useConvAVX2)
}

// groupPixels is the number of pixels that stand at equal distances in a tile of AVX-512: one base address
// reaches no more. A tile has two such groups, the second of which may be anywhere.
const groupPixels = 7

// convArgs is what a tile of assembly gets; the offsets are package asm's. Steps and gaps are in bytes.
type convArgs struct {
	src, dst, res             [6]unsafe.Pointer // of each pixel (AVX2) or group of pixels (AVX-512); no res: nil
	srcStep, dstStep, resStep int               // between the pixels of a group
	weights                   unsafe.Pointer    // bias, then weights
	rows, cols, length        int               // the reduction: rows × cols segments of length elements
	colGap, rowGap            int               // left out after a segment, and after a row of them besides
	lo, hi                    float32           // what the result is clipped to
	partial                   int               // not zero if channels are missing
	lanes                     uint32            // a bit for each channel that exists
	_                         uint32
	mask                      [16]int32      // the same as lanes, -1 for each, for AVX2
	next                      unsafe.Pointer // weights to ask for, half as many as are read
	span                      int            // of the channels, of one or more full blocks, or of a block that is not
}

// tileC returns the channels of a full block, and those that one vector holds: the width of a block whose
// other half would be empty.
func tileC() (block, vector int) {
	switch {
	case useConvAVX512:
		return 32, 16
	case useConvAVX2:
		return 16, 8
	}
	return genericC, genericC
}

// manyBlocks reports whether a task may be of several blocks.
func manyBlocks() bool { return useConvAVX512 || useConvAVX2 }

// run computes the pixels [p0, p1).
func (t *convTask) run(p0, p1 int) {
	switch {
	case useConvAVX512:
		t.runAVX512(p0, p1)
	case useConvAVX2:
		t.runAVX2(p0, p1)
	default:
		t.runGeneric(p0, p1)
	}
}

// args returns the arguments that all tiles of the task share, and the walk through its pixels.
func (t *convTask) args(p0 int) (a convArgs, at walk) {
	length, cols := t.segments()
	a = convArgs{
		srcStep: 4 * t.StrideW * t.Src.Pixel, dstStep: 4 * t.Dst.Pixel, resStep: 4 * t.Res.Pixel,
		weights: element(t.w, 0), next: element(t.next, 0), span: 4 * ((t.blocks-1)*t.blockC() + t.packed),
		rows: t.KH, cols: cols, length: length,
		lo: t.lo, hi: t.hi, lanes: uint32(1<<t.width - 1),
	}
	if cols > 1 {
		a.colGap = 4 * (t.DilW*t.Src.Pixel - length)
	}
	a.rowGap = 4*t.DilH*t.Src.Row - cols*(4*length+a.colGap)
	if t.width < t.packed {
		a.partial = 1
	}
	if !useConvAVX512 {
		for i := range min(t.width, len(a.mask)) {
			a.mask[i] = -1
		}
	}
	h, w := t.OutH, t.OutW
	if t.joined() {
		h, w = 1, h*w
	}
	return a, walkFrom(p0, h, w)
}

// joined reports whether the pixels of consecutive rows are as far apart as those of one row.
func (t *convTask) joined() bool {
	return t.StrideH*t.Src.Row == t.OutW*t.StrideW*t.Src.Pixel && t.Dst.Row == t.OutW*t.Dst.Pixel &&
		(t.res == nil || t.Res.Row == t.OutW*t.Res.Pixel)
}

// point makes the entries [i, n) of the pointers those of pixels that follow one another in a row from k.
func (t *convTask) point(a *convArgs, i, n int, k walk) {
	src, dst := element(t.src, t.srcAt(k)), element(t.dst, t.Dst.At(k.n, k.y, k.x)+t.outC)
	for j := range n - i {
		a.src[i+j] = unsafe.Add(src, j*a.srcStep)
		a.dst[i+j] = unsafe.Add(dst, j*a.dstStep)
	}
	if t.res == nil {
		return
	}
	res := element(t.res, t.Res.At(k.n, k.y, k.x)+t.outC)
	for j := range n - i {
		a.res[i+j] = unsafe.Add(res, j*a.resStep)
	}
}

// element returns the address of s[i]. An empty sum reads none, so s may end at i.
func element(s []float32, i int) unsafe.Pointer {
	return unsafe.Add(unsafe.Pointer(unsafe.SliceData(s)), 4*i)
}

func (t *convTask) runAVX2(p0, p1 int) {
	a, at := t.args(p0)
	vectors := t.packed / 8
	for p := p0; p < p1; {
		n := share(p1-p, maxPixelsAVX2)
		for i := 0; i < n; {
			end := min(i+at.left(), n)
			t.point(&a, i, end, at)
			at.skip(end - i)
			i = end
		}
		convAVX2(&a, n, vectors)
		p += n
		t.ahead(&a)
	}
}

// ahead makes the next tile ask for the second half of the weights that come next, once the first has asked for the
// first half, and those after it for what is at hand.
func (t *convTask) ahead(a *convArgs) {
	if a.next == element(t.next, 0) {
		a.next = element(t.next, len(t.next)/2)
	} else {
		a.next = a.weights
	}
}

// follow makes the second group the pixels after the first.
func (a *convArgs) follow() {
	a.src[1] = unsafe.Add(a.src[0], groupPixels*a.srcStep)
	a.dst[1] = unsafe.Add(a.dst[0], groupPixels*a.dstStep)
	if a.res[0] != nil {
		a.res[1] = unsafe.Add(a.res[0], groupPixels*a.resStep)
	}
}

func (t *convTask) runAVX512(p0, p1 int) {
	a, at := t.args(p0)
	vectors := t.packed / 16
	for p := p0; p < p1; {
		first := at
		n := share(min(at.left(), p1-p), maxPixelsAVX512)
		t.point(&a, 0, 1, at)
		at.skip(min(n, groupPixels))
		if n == groupPixels { // the row ends: the second group may start another
			n += min(groupPixels, at.left(), p1-p-n)
		}
		if n > groupPixels {
			if at.x == first.x+groupPixels {
				a.follow()
			} else {
				t.point(&a, 1, 2, at)
			}
			at.skip(n - groupPixels)
		}
		convAVX512(&a, n, vectors)
		p += n
		t.ahead(&a)
	}
}

// share returns how many of n pixels the next tile takes: as many as it can, but so that no small tile, which
// is slow, is left for the end.
func share(n, most int) int {
	switch {
	case n <= most:
		return n
	case n < 2*most:
		return (n + 1) / 2
	}
	return most
}
