//go:build !purego

package kernel

import (
	"unsafe"

	"github.com/graft-ml/graft/internal/cpu"
)

// These say whether kernels over bytes use assembly.
var useQuantiseAVX2, usePoolInt8AVX2, useDepthwiseInt8AVX2 = cpu.HasAVX2, cpu.HasAVX2, cpu.HasAVX2

func init() {
	cpu.Register("quantise", "AVX2", &useQuantiseAVX2)
	cpu.Register("poolint8", "AVX2", &usePoolInt8AVX2)
	cpu.Register("depthwiseint8", "AVX2", &useDepthwiseInt8AVX2)
}

// bytesArgs is what the assembly of a kernel over bytes gets; the offsets are package asm's. Steps are in bytes.
type bytesArgs struct {
	src     [2]unsafe.Pointer
	dst     unsafe.Pointer
	blocks  int // of 32 elements
	scale   [2]float32
	srcZero [2]int32
	lo, hi  float32
	zero    [2]int16
	_       uint32
	order   [8]int32 // what brings packed bytes into order
	rows    int      // taps of a pooling
	cols    int
	colStep int
	rowGap  int // besides, after a row of taps
}

// vectorBytes is the number of elements that a kernel over bytes computes at once.
const vectorBytes = 32

// bytesArgsOf returns the arguments of kernels that write bytes.
func bytesArgsOf(c clampByte) bytesArgs {
	return bytesArgs{lo: c.lo, hi: c.hi, zero: [2]int16{int16(c.zero), int16(c.zero)}, order: [8]int32{0, 4, 1, 5, 2, 6, 3, 7}}
}

// rowBlocks calls f for the elements of a row in two parts, each whole blocks of 32: what is left at the end is computed
// with the last ones before it again.
func rowBlocks(width int, f func(from, blocks int)) {
	f(0, width/vectorBytes)
	if width%vectorBytes != 0 {
		f(width-vectorBytes, 1)
	}
}

func quantiseRows(dst []uint8, src []float32, q Quant, r Rows) {
	if !useQuantiseAVX2 || r.Width < vectorBytes {
		quantiseRowsGeneric(dst, src, q, r)
		return
	}
	a := bytesArgsOf(q.clamp(inf(-1), inf(1)))
	a.scale[0] = 1 / q.Scale
	for i := range r.N {
		rowBlocks(r.Width, func(from, blocks int) {
			a.src[0], a.dst, a.blocks = unsafe.Pointer(&src[i*r.From+from]), unsafe.Pointer(&dst[i*r.To+from]), blocks
			quantiseAVX2(&a)
		})
	}
}

func dequantiseRows(dst []float32, src []uint8, q Quant, r Rows) {
	if !useQuantiseAVX2 || r.Width < vectorBytes {
		dequantiseRowsGeneric(dst, src, q, r)
		return
	}
	a := bytesArgs{scale: [2]float32{q.Scale}, srcZero: [2]int32{int32(q.Zero)}}
	for i := range r.N {
		rowBlocks(r.Width, func(from, blocks int) {
			a.src[0], a.dst, a.blocks = unsafe.Pointer(&src[i*r.From+from]), unsafe.Pointer(&dst[i*r.To+from]), blocks
			dequantiseAVX2(&a)
		})
	}
}

// run adds row by row. The end of a row cannot be computed twice, as dst may be a source, and so goes through a scratch.
func (s *AddInt8) run(dst, a, b []uint8, r Rows) {
	if !useQuantiseAVX2 || r.Width < vectorBytes {
		s.runGeneric(dst, a, b, r)
		return
	}
	args := bytesArgsOf(s.Out.clamp(s.Act.bounds()))
	args.scale = [2]float32{s.A.Scale / s.Out.Scale, s.B.Scale / s.Out.Scale}
	args.srcZero = [2]int32{int32(s.A.Zero), int32(s.B.Zero)}
	for i := range r.N {
		out, x, y := dst[i*r.To:][:r.Width], a[i*r.From:][:r.Width], b[i*r.From2:][:r.Width]
		args.src, args.dst = [2]unsafe.Pointer{unsafe.Pointer(&x[0]), unsafe.Pointer(&y[0])}, unsafe.Pointer(&out[0])
		args.blocks = r.Width / vectorBytes
		addInt8AVX2(&args)
		if done := r.Width / vectorBytes * vectorBytes; done < r.Width {
			s.runGeneric(out[done:], x[done:], y[done:], Rows{N: 1, Width: r.Width - done})
		}
	}
}

func maxBytes(out, src []uint8, rows, cols, rowStep, colStep int) {
	if !usePoolInt8AVX2 || len(out) < vectorBytes {
		maxBytesGeneric(out, src, rows, cols, rowStep, colStep)
		return
	}
	a := bytesArgs{rows: rows, cols: cols, colStep: colStep, rowGap: rowStep - cols*colStep}
	rowBlocks(len(out), func(from, blocks int) {
		a.src[0], a.dst, a.blocks = unsafe.Pointer(&src[from]), unsafe.Pointer(&out[from]), blocks
		maxInt8AVX2(&a)
	})
}

// depthInt8Args is what the assembly of a depthwise convolution of bytes gets; the offsets are package asm's.
type depthInt8Args struct {
	src, dst           unsafe.Pointer // of the first pixel
	srcStep, dstStep   int
	pixels             int
	quads              int            // fours of taps
	offsets            unsafe.Pointer // of the taps
	weights            unsafe.Pointer
	weightStep         int            // from four taps to the next
	start, scale, bias unsafe.Pointer // of the channels
	lo, hi             float32
	zero, ones         [2]int16
	single             int // not zero: one more tap
}

func (d *DepthwiseInt8) run(dst, src []uint8, p *PackedDepthwiseInt8, r0, r1 int) {
	v := &d.Depthwise
	if !useDepthwiseInt8AVX2 || v.C < slotC {
		d.runGeneric(dst, src, p, r0, r1)
		return
	}
	clamp := d.Out.clamp(v.Act.bounds())
	n := len(p.start)
	a := depthInt8Args{srcStep: v.StrideW * v.Src.Pixel, dstStep: v.Dst.Pixel, pixels: v.OutW, quads: len(p.offsets) / 4,
		offsets: unsafe.Pointer(&p.offsets[0]), weightStep: 4 * n, lo: clamp.lo, hi: clamp.hi,
		zero: [2]int16{int16(clamp.zero), int16(clamp.zero)}, ones: [2]int16{1, 1}}
	if p.single {
		a.single = 1
	}
	for r := r0; r < r1; r++ {
		from, to := v.Src.At(r/v.OutH, r%v.OutH*v.StrideH, 0), v.Dst.At(r/v.OutH, r%v.OutH, 0)
		for slot := 0; slot < n; slot += slotC {
			c := d.blockStart(slot)
			a.src, a.dst = unsafe.Pointer(&src[from+c]), unsafe.Pointer(&dst[to+c])
			a.weights, a.start = unsafe.Pointer(&p.weights[4*slot]), unsafe.Pointer(&p.start[slot])
			a.scale, a.bias = unsafe.Pointer(&p.scale[slot]), unsafe.Pointer(&p.bias[slot])
			depthwiseInt8AVX2(&a)
		}
	}
}
