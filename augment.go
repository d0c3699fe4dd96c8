package graft

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/graft-ml/graft/internal/atomicfile"
	"github.com/graft-ml/graft/internal/decode"
	"github.com/graft-ml/graft/internal/report"
	"github.com/graft-ml/graft/internal/transform"
)

// AugmentOptions says what AugmentSheet shows.
type AugmentOptions struct {
	Augment   string // augmentations by name, as "hflip,rotation=15", or a preset; "": "standard"
	Seed      uint64
	Count     int    // draws of each picture; 0: 11
	Size      int    // side of a picture in pixels; 0: 224
	Out       string // the PNG file; "": sheet.png
	MaxPixels int    // larger pictures are refused; 0: 256 megapixels
}

// Sheet says what AugmentSheet wrote.
type Sheet struct {
	Path    string      `json:"path"`
	Augment string      `json:"augment"` // with every strength
	Cells   []SheetCell `json:"cells"`   // from left to right and from top to bottom
}

// SheetCell is one picture of a sheet.
type SheetCell struct {
	File  string   `json:"file"`
	Epoch int      `json:"epoch"` // 0: the picture as it is
	Steps []string `json:"steps"` // what was done to it, with the strengths drawn
}

const (
	defaultDraws, maxDraws        = 11, 200
	defaultCell, minCell, maxCell = 224, 16, 1024
	maxSheetPixels                = 64 << 20
)

// AugmentNames returns the names of the augmentations and of the presets that TrainOptions and AugmentOptions know.
func AugmentNames() (augmentations, presets []string) {
	return transform.AugmentNames(), transform.PresetNames()
}

// AugmentSheet writes a contact sheet of random augmentations: each picture as it is, then what training with
// the same seed would see of it in its first epochs. An existing file is not overwritten, and none is written
// among the pictures.
func AugmentSheet(ctx context.Context, paths []string, o AugmentOptions) (*Sheet, error) {
	o = o.withDefaults()
	a, err := o.validate(len(paths))
	if err != nil {
		return nil, &OptionError{err}
	}
	for _, p := range paths {
		if err := checkBeside(p, o.Out); err != nil {
			return nil, err
		}
	}
	s := &augmentSheet{random: transform.Random{Spec: transform.Spec{Width: o.Size, Height: o.Size}, Augment: a, Seed: o.Seed}, count: o.Count}
	for _, p := range paths {
		if err := s.read(ctx, p, decode.Options{MaxPixels: o.MaxPixels}); err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
	}
	if err := s.mix(); err != nil {
		return nil, err
	}
	out := &Sheet{Path: o.Out, Augment: a.String(), Cells: s.cells}
	return out, atomicfile.WriteNew(o.Out, func(w io.Writer) error { return report.WriteSheet(w, s.layOut()) })
}

func (o AugmentOptions) withDefaults() AugmentOptions {
	if o.Augment == "" {
		o.Augment = "standard"
	}
	if o.Count == 0 {
		o.Count = defaultDraws
	}
	if o.Size == 0 {
		o.Size = defaultCell
	}
	if o.Out == "" {
		o.Out = "sheet.png"
	}
	return o
}

// validate reports the fields that make no sense, together, for a sheet of n pictures.
func (o AugmentOptions) validate(n int) (transform.Augment, error) {
	a, err := transform.ParseAugment(o.Augment)
	errs := []error{err}
	if n == 0 {
		errs = append(errs, errors.New("no picture, want at least one"))
	}
	if a.Mixes() && n == 1 {
		errs = append(errs, errors.New("mixup and cutmix blend pictures: want at least two"))
	}
	if o.Count < 1 || o.Count > maxDraws {
		errs = append(errs, fmt.Errorf("count %d, want 1 to %d", o.Count, maxDraws))
	}
	if o.Size < minCell || o.Size > maxCell {
		errs = append(errs, fmt.Errorf("size %d, want %d to %d", o.Size, minCell, maxCell))
	}
	if errors.Join(errs...) == nil && n > maxSheetPixels/(o.Size*o.Size*(o.Count+1)) {
		errs = append(errs, fmt.Errorf("%d pictures of %d pixels are more than a sheet holds: want fewer files, a smaller count or a smaller size", n*(o.Count+1), o.Size*o.Size))
	}
	return a, errors.Join(errs...)
}

// checkBeside refuses an output that exists, or that would lie among the pictures: in the folder of the picture or
// below, unless that is where the user works.
func checkBeside(picture, out string) error {
	if _, err := os.Lstat(out); err == nil {
		return &OptionError{fmt.Errorf("-o %s: it exists; name a new file", out)}
	}
	folder := filepath.Dir(picture)
	here, err := realPath(".")
	if err != nil {
		return err
	}
	if real, err := realPath(folder); err != nil || real == here {
		return err
	}
	return checkOutside(folder, out)
}

// augmentSheet is a contact sheet in the making.
type augmentSheet struct {
	random transform.Random
	count  int
	files  []string // one for each row of pictures
	keys   []uint64
	cells  []SheetCell // count+1 for each file
	pixels []float32   // [cells,3,size,size]
}

// pictureKey names a picture by its content: it is what random draws depend on.
func pictureKey(sha256 [32]byte) uint64 { return binary.LittleEndian.Uint64(sha256[:]) }

// read adds a picture and its draws.
func (s *augmentSheet) read(ctx context.Context, path string, o decode.Options) error {
	data, err := files{path}.Read(0)
	if err != nil {
		return err
	}
	m, err := decode.Decode(ctx, data, o)
	if err != nil {
		return err
	}
	defer m.Release()
	key := pictureKey(sha256.Sum256(data))
	s.files, s.keys = append(s.files, path), append(s.keys, key)
	for epoch := range s.count + 1 {
		if err := ctx.Err(); err != nil {
			return err
		}
		cell := SheetCell{File: path, Epoch: epoch, Steps: []string{}}
		dst := make([]float32, s.size())
		if epoch == 0 {
			err = s.random.Spec.Apply(dst, m.Pix, m.W, m.H)
		} else {
			d := s.random.At(epoch, key)
			cell.Steps = append(cell.Steps, d.Steps(m.W, m.H)...)
			err = d.Apply(dst, m.Pix, m.W, m.H)
		}
		if err != nil {
			return err
		}
		s.cells, s.pixels = append(s.cells, cell), append(s.pixels, dst...)
	}
	return nil
}

// size is the number of values of one cell.
func (s *augmentSheet) size() int { return 3 * s.random.Spec.Width * s.random.Spec.Height }

// cell is the number of the cell of a file in an epoch.
func (s *augmentSheet) cell(file, epoch int) int { return file*(s.count+1) + epoch }

// mix blends the pictures of each epoch, where that is asked for, as if they were a batch.
func (s *augmentSheet) mix() error {
	if !s.random.Augment.Mixes() {
		return nil
	}
	n, size := len(s.files), s.size()
	for epoch := 1; epoch <= s.count; epoch++ {
		b := transform.Batch{Keys: s.keys, Targets: make([]float32, n*n)}
		for i := range n {
			b.Pixels = append(b.Pixels, s.pixels[s.cell(i, epoch)*size:][:size]...)
			b.Targets[i*n+i] = 1
		}
		if err := s.random.Mix(epoch, b); err != nil {
			return err
		}
		for i := range n {
			at := s.cell(i, epoch)
			copy(s.pixels[at*size:], b.Pixels[i*size:][:size])
			s.cells[at].Steps = append(s.cells[at].Steps, s.shares(b.Targets[i*n:][:n])...)
		}
	}
	return nil
}

// shares says how much of which file is in a blended picture; nothing if it is one alone.
func (s *augmentSheet) shares(targets []float32) []string {
	var parts []string
	for i, t := range targets {
		if t > 0 {
			parts = append(parts, fmt.Sprintf("%.0f%% %s", 100*t, filepath.Base(s.files[i])))
		}
	}
	if len(parts) < 2 {
		return nil
	}
	return parts
}

// layOut arranges the cells: those of several files in a row each, those of one in about as many rows as columns.
func (s *augmentSheet) layOut() report.Sheet {
	out, columns := report.Sheet{Tile: s.random.Spec.Width}, s.count+1
	if len(s.files) == 1 {
		columns = int(math.Ceil(math.Sqrt(float64(columns))))
	}
	for i, c := range s.cells {
		if c.Epoch%columns == 0 {
			row := report.SheetRow{}
			if c.Epoch == 0 {
				row.Title = filepath.Base(c.File)
			}
			out.Rows = append(out.Rows, row)
		}
		row := &out.Rows[len(out.Rows)-1]
		m := fromPlanes(s.pixels[i*s.size():][:s.size()], s.random.Spec.Height, s.random.Spec.Width)
		row.Tiles = append(row.Tiles, report.SheetTile{Image: m, Caption: c.caption()})
	}
	return out
}

// caption is what stands below a cell. Lines are not broken within a step.
func (c SheetCell) caption() string {
	switch {
	case c.Epoch == 0:
		return "original"
	case len(c.Steps) == 0:
		return "unchanged"
	}
	const noBreak = "\u00a0"
	var steps []string
	for _, s := range c.Steps {
		steps = append(steps, strings.ReplaceAll(s, " ", noBreak))
	}
	return strings.Join(steps, ", ")
}
