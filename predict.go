package graft

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/graft-ml/graft/internal/loader"
	"github.com/graft-ml/graft/internal/sniff"
)

// PredictOptions says how PredictPaths reads pictures.
type PredictOptions struct {
	MaxPixels int // larger pictures are refused; 0: 256 megapixels
	Threads   int // decoders; 0: GOMAXPROCS

	// ExactDecode decodes large JPEGs to all their pixels, as [Reading].ExactDecode.
	ExactDecode bool

	// DumpInput also writes the pixels that the network saw, RGB 0–255 as float32 [N,3,H,W], to a NumPy
	// file of this name: what another runtime must be fed to be compared with. Pictures that could not be
	// read have no row.
	DumpInput string
}

// PathPrediction is the result for one file: all classes, the most probable first, or the reason why the
// picture could not be read.
type PathPrediction struct {
	Path        string
	Predictions []Prediction
	Err         error
}

// IsPicture reports whether the file at path begins like a picture that graft decodes.
func IsPicture(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head, err := io.ReadAll(io.LimitReader(f, sniff.HeadLen))
	return err == nil && sniff.Of(head).Decodable()
}

// PredictPaths classifies the pictures in the files, decoding and running the network at the same time, and
// calls each with the results in the order of paths. An error of each ends the run. A picture that cannot
// be read does not: its result says why.
func (m *Model) PredictPaths(ctx context.Context, paths []string, o PredictOptions, each func(PathPrediction) error) error {
	dump, err := newDump(o.DumpInput, m.info.spec.Height, m.info.spec.Width)
	if err != nil {
		return err
	}
	defer dump.abort()
	opts := Reading{MaxPixels: o.MaxPixels, Threads: o.Threads, ExactDecode: o.ExactDecode}.loading(m.info.spec)
	_, err = loader.Run(ctx, files(paths), indices(len(paths)), opts, func(b loader.Batch) error {
		probs, err := m.probabilities(ctx, b.Pixels, len(b.Index))
		if err != nil {
			return err
		}
		if err := dump.add(b.Pixels); err != nil {
			return err
		}
		return m.emit(paths, b, probs, each)
	})
	if err != nil {
		return err
	}
	return dump.commit()
}

// emit hands the results of one batch to each, pictures that failed in between at their place.
func (m *Model) emit(paths []string, b loader.Batch, probs []float32, each func(PathPrediction) error) error {
	k := len(m.info.classes)
	row, bad := 0, 0
	for row < len(b.Index) || bad < len(b.Failed) {
		var p PathPrediction
		if row < len(b.Index) && (bad == len(b.Failed) || b.Index[row] < b.Failed[bad].Index) {
			p = PathPrediction{Path: paths[b.Index[row]], Predictions: m.ranked(probs[row*k:][:k])}
			row++
		} else {
			p = PathPrediction{Path: paths[b.Failed[bad].Index], Err: b.Failed[bad].Err}
			bad++
		}
		if err := each(p); err != nil {
			return err
		}
	}
	return nil
}

// indices returns 0 … n-1.
func indices(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// files is a loader.Source of files by path.
type files []string

func (f files) Name(i int) string { return f[i] }

// Read reads a whole file. What is not a regular file is refused without opening it, which could block.
func (f files) Read(i int) ([]byte, error) {
	info, err := os.Stat(f[i])
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%v, want a regular file", info.Mode().Type())
	}
	return os.ReadFile(f[i])
}
