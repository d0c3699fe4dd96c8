package asm

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
)

// gradCase is a call of a tile: pixels and the floats left out behind one, a row and an image.
type gradCase struct{ images, rows, cols, gap, rowGap, imageGap int }

var gradCases = []gradCase{{1, 1, 1, 0, 0, 0}, {2, 3, 4, 5, 1, 7}, {1, 2, 9, 0, 3, 0}, {3, 1, 1, 2, 0, 1}}

func TestGradTiles(t *testing.T) {
	for _, tile := range append(GradTiles(false), GradTiles(true)...) {
		t.Run(tile.Name(), func(t *testing.T) {
			if err := runGradCases(GradWeight(tile), tile, false); err != nil {
				t.Fatal(err)
			}
			if err := runGradCases(GradPanel(tile), tile, true); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// runGradCases returns the first error of the cases of a tile, or of the copy of a panel.
func runGradCases(f *Func, tile GradTile, panel bool) error {
	for _, k := range gradCases {
		if err := runGrad(f, tile, k, panel); err != nil {
			return fmt.Errorf("%+v: %w", k, err)
		}
	}
	return nil
}

// runGrad interprets a case and returns an error if a bit of the output, which its memory bounds, is wrong.
func runGrad(f *Func, tile GradTile, k gradCase, panel bool) error {
	r := rand.New(rand.NewPCG(uint64(tile.Elems), uint64(k.cols)))
	const panels, panelGap = 3, 5
	elems, width := tile.Elems, tile.Vectors*tile.lanes()
	if panel {
		elems = panels * width
	}
	step := elems + k.gap
	row := k.cols*step + k.rowGap
	image := k.rows*row + k.imageGap
	pixels := k.images * k.rows * k.cols
	at := func(p int) int { return p/k.cols/k.rows*image + p/k.cols%k.rows*row + p%k.cols*step }
	src, dy, dst := make([]byte, 4*(at(pixels-1)+elems)), make([]byte, 4*pixels*width), make([]byte, 4*elems*width)
	panelLen := pixels*width + panelGap
	if panel {
		dst = make([]byte, 4*(panels*panelLen-panelGap))
	}
	for _, b := range [][]byte{src, dy, dst} {
		fill(r, b)
	}
	before := bytes.Clone(dst)
	m := Machine{Mem: &Memory{}}
	args := bytes.Repeat([]byte{0x55}, GradSize)
	put := func(off int, v uint64) { binary.LittleEndian.PutUint64(args[off:], v) }
	put(GradSrc, m.Mem.Map("src", src, false))
	put(GradDst, m.Mem.Map("dst", dst, true))
	put(GradPanels, panels)
	put(GradPanelLen, uint64(4*panelLen))
	if !panel {
		put(GradDY, m.Mem.Map("dy", dy, false))
	}
	for off, v := range map[int]int{GradImages: k.images, GradRows: k.rows, GradCols: k.cols, GradStep: 4 * step, GradRowGap: 4 * k.rowGap, GradImageGap: 4 * k.imageGap} {
		put(off, uint64(v))
	}
	if err := m.Run(f, m.Mem.Map("args", args, false)); err != nil {
		return err
	}
	get := func(b []byte, i int) float32 { return float(binary.LittleEndian.Uint32(b[4*i:])) }
	for i := range len(dst) / 4 {
		var want float32
		if in := i % panelLen; panel && in < pixels*width {
			want = get(src, at(in/width)+i/panelLen*width+in%width)
		} else if panel {
			want = get(before, i)
		} else {
			want = get(before, i)
			for p := range pixels {
				want = FMA(get(src, at(p)+i/width), get(dy, p*width+i%width), want)
			}
		}
		if got := get(dst, i); got != want {
			return fmt.Errorf("element %d: %v, want %v", i, got, want)
		}
	}
	return nil
}
