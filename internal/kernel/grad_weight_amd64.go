//go:build !purego

package kernel

import "unsafe"

// gradArgs is what a tile of a weight gradient gets; the offsets are package asm's. Distances are in bytes.
type gradArgs struct {
	src, dy, dst           unsafe.Pointer
	images, rows, cols     int
	step, rowGap, imageGap int // from a pixel of src to the next, and besides behind a row and an image
}

// args returns the arguments for the pixels, without the pointers.
func (s *strided) args() gradArgs {
	return gradArgs{images: s.images, rows: s.rows, cols: s.cols, step: 4 * s.step, rowGap: 4 * (s.row - s.cols*s.step), imageGap: 4 * (s.image - s.rows*s.row)}
}

// run adds to the sums of the elements [0, n).
func (t *gradTask) run(sums []float32, n int) {
	most := maxPixelsAVX2
	switch {
	case useConvAVX512:
		most = maxPixelsAVX512
	case !useConvAVX2:
		t.runGeneric(sums, n)
		return
	}
	a := t.args()
	a.dy = element(t.dy, 0)
	for i := 0; i < n; {
		k := share(n-i, most)
		a.src, a.dst = element(t.data, t.at+i), element(sums, i*t.width)
		if most == maxPixelsAVX512 {
			gradAVX512(&a, k, t.width/16)
		} else {
			gradAVX2(&a, k, t.width/8)
		}
		i += k
	}
}

func (s *strided) copy(dst []float32, n, width int) {
	_, vector := tileC()
	if n != width || vector == genericC || n != vector && n != 2*vector {
		s.copyGeneric(dst, n, width)
		return
	}
	a := s.args()
	a.src, a.dst = element(s.data, s.at), element(dst, 0)
	if useConvAVX512 {
		gradPanelAVX512(&a, n/vector)
	} else {
		gradPanelAVX2(&a, n/vector)
	}
}
