package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/graft-ml/graft"
	"github.com/graft-ml/graft/internal/sample"
)

// demoPerClass is how many pictures of each sign the demo draws: enough that the test accuracy has an
// interval worth printing, few enough that the whole job fits in a minute.
const demoPerClass = 60

func newDemo() *cobra.Command {
	var keep string
	var o graft.TrainOptions
	out := newOutput()
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run the whole job on a generated set of traffic signs",
		Long: `Draw a set of traffic signs, train a classifier on it, evaluate it, and predict three pictures.
Nothing is downloaded. Without --out everything lies in a temporary folder.`,
		Example: "  graft demo\n  graft demo --out demo",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Progress = out.event
			return demo(cmd, out, keep, o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&keep, "out", "", "keep pictures and run in this new folder")
	f.Uint64Var(&o.Seed, "seed", 1, "of the pictures, the split and the training")
	f.IntVar(&o.Reading.Threads, "threads", 0, "workers (default: all cores)")
	out.addFlags(f)
	return cmd
}

func demo(cmd *cobra.Command, out *output, dir string, o graft.TrainOptions) error {
	start := time.Now()
	dir, err := demoDir(dir)
	if err != nil {
		return err
	}
	photos := filepath.Join(dir, "signs")
	files, err := sample.Generate(o.Seed, demoPerClass)
	if err != nil {
		return err
	}
	if err := writeFiles(photos, files); err != nil {
		return err
	}
	out.event(graft.Event{Note: fmt.Sprintf("drew %d pictures of traffic signs in %.1f s", len(files), time.Since(start).Seconds())})

	o.Out = filepath.Join(dir, "run")
	o.Reading.NoCache = true
	run, err := graft.Train(cmd.Context(), photos, o)
	if err != nil {
		return err
	}
	if err := showRun(out, run); err != nil || out.JSON {
		return err
	}
	out.printf("\nthree pictures of the test:\n")
	p := prediction{out: out, top: 2}
	if err := p.run(cmd.Context(), run.Model, spread(photos, run.TestPaths, 3)); err != nil {
		return err
	}
	out.printf("\nthe whole demo took %.1f s\n", time.Since(start).Seconds())
	out.printf("now with your own photos, one folder for each class:\n\n    %s train DIR\n", self())
	return nil
}

// demoDir makes the folder that the demo works in: a new one of that name, or a temporary one for "".
func demoDir(dir string) (string, error) {
	if dir == "" {
		return os.MkdirTemp("", "graft-demo-")
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o777); err != nil {
		return "", err
	}
	if err := os.Mkdir(dir, 0o777); err != nil {
		return "", fmt.Errorf("--out: %w (the demo wants a new folder)", err)
	}
	return dir, nil
}

func writeFiles(dir string, files []sample.File) error {
	for _, f := range files {
		path := filepath.Join(dir, filepath.FromSlash(f.Path))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return err
		}
		if err := os.WriteFile(path, f.Data, 0o666); err != nil {
			return err
		}
	}
	return nil
}

// spread returns n of the paths, evenly spaced, joined to dir.
func spread(dir string, paths []string, n int) []string {
	var out []string
	for i := range min(n, len(paths)) {
		out = append(out, filepath.Join(dir, filepath.FromSlash(paths[(2*i+1)*len(paths)/(2*n)])))
	}
	return out
}
