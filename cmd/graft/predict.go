package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/graft-ml/graft"
)

func newPredict() *cobra.Command {
	p := prediction{out: newOutput()}
	cmd := &cobra.Command{
		Use:   "predict MODEL PATH…",
		Short: "Classify pictures",
		Long: `Classify pictures: files, folders (with all that lies below them) and globs.

Of a model for several labels a picture, the labels that it has are marked by *.

A picture that cannot be read is named on standard error, the others are classified all the same, and the
exit code is then 1.`,
		Example: `  graft predict runs/photos/model.onnx new.jpg
  graft predict runs/photos/model.onnx holiday/ --top 3
  graft predict runs/photos/model.onnx 'holiday/*.jpg' --json`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if p.top < 1 {
				return usageError{fmt.Errorf("--top %d, want at least 1", p.top)}
			}
			if p.csv && p.out.JSON {
				return usageError{errors.New("--csv and --json: want one of them")}
			}
			paths, err := expand(args[1:])
			if err != nil {
				return err
			}
			return p.run(cmd.Context(), args[0], paths)
		},
	}
	f := cmd.Flags()
	f.IntVar(&p.top, "top", 5, "classes a picture")
	f.BoolVar(&p.csv, "csv", false, "results as CSV: path,class,probability")
	f.StringVar(&p.options.DumpInput, "dump-input", "", "also write the pixels that the network saw to this .npy file, [N,3,H,W]")
	f.IntVar(&p.options.MaxPixels, "max-pixels", 0, "refuse larger pictures (default 256 megapixels)")
	f.IntVar(&p.options.Threads, "threads", 0, "workers (default: all cores)")
	addExactDecode(f, &p.options.ExactDecode)
	p.out.addFlags(f)
	return cmd
}

// prediction is one run of the verb.
type prediction struct {
	out     *output
	top     int
	csv     bool
	options graft.PredictOptions
}

// predictionJSON is a line of `graft predict --json`.
type predictionJSON struct {
	Path        string             `json:"path"`
	Predictions []graft.Prediction `json:"predictions,omitempty"`
	Error       string             `json:"error,omitempty"`
}

func (p *prediction) run(ctx context.Context, model string, paths []string) error {
	m, err := graft.Open(model, graft.ModelOptions{Threads: p.options.Threads})
	if err != nil {
		return err
	}
	defer m.Close()
	if _, note := m.Precision(); note != "" {
		p.out.event(graft.Event{Note: note, Warn: true})
	}
	write := p.table(paths)
	switch {
	case p.csv:
		w := csv.NewWriter(p.out.out)
		defer w.Flush()
		w.Write([]string{"path", "class", "probability"})
		write = func(r graft.PathPrediction) error { return writeRows(w, r) }
	case p.out.JSON:
		write = func(r graft.PathPrediction) error {
			return p.out.object(predictionJSON{r.Path, r.Predictions, message(r.Err)})
		}
	}
	bad := 0
	err = m.PredictPaths(ctx, paths, p.options, func(r graft.PathPrediction) error {
		if r.Err != nil {
			bad++
			fmt.Fprintf(p.out.err, "graft: %s: %v\n", r.Path, r.Err)
		}
		r.Predictions = r.Predictions[:min(p.top, len(r.Predictions))]
		return write(r)
	})
	if err != nil {
		return err
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d pictures could not be read", bad, len(paths))
	}
	return nil
}

// table writes a row a picture, with the paths aligned.
func (p *prediction) table(paths []string) func(graft.PathPrediction) error {
	width := 0
	for _, path := range paths {
		width = min(max(width, len(path)), 60)
	}
	return func(r graft.PathPrediction) error {
		if r.Err != nil {
			return nil
		}
		var cells []string
		for _, c := range r.Predictions {
			mark := ""
			if c.Label {
				mark = "*"
			}
			cells = append(cells, fmt.Sprintf("%s%s %.1f%%", mark, c.Class, 100*c.Probability))
		}
		_, err := fmt.Fprintf(p.out.out, "%-*s  %s\n", width, r.Path, strings.Join(cells, ", "))
		return err
	}
}

func writeRows(w *csv.Writer, r graft.PathPrediction) error {
	for _, c := range r.Predictions {
		w.Write([]string{r.Path, c.Class, strconv.FormatFloat(float64(c.Probability), 'g', -1, 32)})
	}
	return w.Error()
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// expand turns files, folders and globs into the paths of files, in the order given. Of a folder it takes
// the regular files that graft.IsPicture names, whatever they are called.
func expand(args []string) ([]string, error) {
	var paths []string
	for _, arg := range args {
		matches := []string{arg}
		if _, err := os.Lstat(arg); err != nil {
			if matches, err = filepath.Glob(arg); err != nil {
				return nil, usageError{fmt.Errorf("%s: %w", arg, err)}
			}
			if matches == nil {
				return nil, fmt.Errorf("%s: no such file, folder or match", arg)
			}
		}
		for _, m := range matches {
			found, err := below(m)
			if err != nil {
				return nil, err
			}
			paths = append(paths, found...)
		}
	}
	return paths, nil
}

// below returns path itself if it is not a folder, else the pictures below it.
func below(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return []string{path}, err
	}
	var found []string
	err = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.Type().IsRegular() && graft.IsPicture(p) {
			found = append(found, p)
		}
		return nil
	})
	if err == nil && found == nil {
		err = fmt.Errorf("%s: no pictures in this folder", path)
	}
	return found, err
}
