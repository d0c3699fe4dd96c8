package graft

import (
	"context"
	"fmt"
	"image"
	"io"

	"github.com/graft-ml/graft/internal/loader"
	"github.com/graft-ml/graft/internal/report"
	"github.com/graft-ml/graft/internal/transform"
)

// Bounds of a contact sheet of clusters.
const (
	sheetTiles = 12
	sheetRows  = 200
	thumbnail  = 112 // pixels
)

// sheet loads the pictures nearest to each centre and returns what writes them as a contact sheet.
func (g *grouping) sheet(ctx context.Context, members [][]int) (func(io.Writer) error, error) {
	var wanted []int
	for _, m := range members[:min(sheetRows, len(members))] {
		for _, row := range m[:min(sheetTiles, len(m))] {
			wanted = append(wanted, g.index[row])
		}
	}
	spec := transform.Spec{Width: thumbnail, Height: thumbnail, Rule: transform.Crop}
	small := map[int]image.Image{}
	_, err := loader.Run(ctx, samples{g.data}, wanted, g.o.Reading.loading(spec), func(b loader.Batch) error {
		for at, i := range b.Index {
			small[i] = fromPlanes(b.Pixels[at*3*thumbnail*thumbnail:], thumbnail, thumbnail)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s := report.Sheet{Tile: thumbnail}
	for c, m := range members[:min(sheetRows, len(members))] {
		row := report.SheetRow{Title: fmt.Sprintf("cluster %d: %s", c+1, count(len(m), "picture", "pictures"))}
		for _, at := range m[:min(sheetTiles, len(m))] {
			if img := small[g.index[at]]; img != nil {
				row.Tiles = append(row.Tiles, report.SheetTile{Image: img})
			}
		}
		s.Rows = append(s.Rows, row)
	}
	return func(w io.Writer) error { return report.WriteSheet(w, s) }, nil
}

// fromPlanes makes an image of RGB 0–255 as float32 [3,h,w].
func fromPlanes(x []float32, h, w int) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range h * w {
		for c := range 3 {
			img.Pix[4*i+c] = uint8(min(max(x[c*h*w+i]+0.5, 0), 255))
		}
		img.Pix[4*i+3] = 255
	}
	return img
}
