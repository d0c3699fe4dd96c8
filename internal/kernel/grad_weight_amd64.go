//go:build !purego

package kernel

import "unsafe"

// gradArgs is what a tile of a weight gradient gets; the offsets are package asm's. Distances are in bytes.
type gradArgs struct {
	src, dy, dst           unsafe.Pointer
	images, rows, cols     int
	step, rowGap, imageGap int // from a pixel of src to the next, and besides behind a row and an image
	panels, panelLen       int // for copies
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

func (s *strided) copyPanels(dst []float32, width, n, panelLen int) {
	a := s.args()
	a.src, a.dst, a.panels, a.panelLen = element(s.data, s.at), element(dst, 0), n, 4*panelLen
	switch {
	case useConvAVX512:
		gradPanelAVX512(&a, width/16)
	case useConvAVX2:
		gradPanelAVX2(&a, width/8)
	default:
		s.copyPanelsGeneric(dst, width, n, panelLen)
	}
}
