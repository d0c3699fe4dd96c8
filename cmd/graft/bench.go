package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/graft-ml/graft"
)

func newBench() *cobra.Command {
	var o graft.BenchOptions
	out := newOutput()
	cmd := &cobra.Command{
		Use:   "bench [BACKBONE|FILE]",
		Short: "Measure this machine, and how fast it runs a network",
		Long: `Measure how many multiplications and additions this machine can do, and how many pictures a second it runs through
a network (default: the embedded graft_s), as the smallest, median and largest of several measurements. Nothing is
fetched: a published network that is not in the store is built with random weights, which changes no speed. With --train
it measures steps of training: forward, backward through all of the network, and the update of its weights.`,
		Example: "  graft bench\n  graft bench resnet50 --batch 1 --layers\n  graft bench resnet18 --train\n  graft bench resnet50 --write resnet50.onnx",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.Backbone.Name = args[0]
			}
			o.Progress = out.event
			r, err := graft.Bench(cmd.Context(), o)
			if err != nil {
				return err
			}
			if out.JSON {
				return out.object(r)
			}
			return showBench(out, r)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.Train, "train", false, "measure steps of training")
	f.StringVar(&o.BatchNorm, "batch-norm", "", "with --train, statistics of batch normalisations: frozen or batch (default batch)")
	f.IntVar(&o.Batch, "batch", 0, "pictures computed together (default 8, with --train 16)")
	f.IntVar(&o.Threads, "threads", 0, "workers (default: all cores)")
	f.Float64Var(&o.Seconds, "seconds", 5, "how long to run the network")
	f.BoolVar(&o.Layers, "layers", false, "a table of the network's steps")
	f.StringVar(&o.Precision, "precision", "", "f32, bf16 or int8 (default f32)")
	f.StringVar(&o.Write, "write", "", "write the network that is measured to this ONNX file, that of int8 quantised for other runtimes")
	addFacts(f, &o.Backbone)
	f.StringVar(&o.Backbone.Cut, "cut", "", `tensor that is the feature; "none": the file's own output (default: before the classifier)`)
	addStore(f, &o.Backbone.Hub)
	out.addFlags(f)
	return cmd
}

// origins say where the weights of a measured network are from.
var origins = map[string]string{"embedded": "the embedded weights", "file": "the file's weights", "store": "weights of the store", "random": "random weights"}

func showBench(out *output, r *graft.BenchReport) error {
	out.printf("%s, %d cores, %s\n", r.CPU, r.Cores, r.Path)
	out.printf("peak     %.1f GFLOP/s of float32 on one thread, %.1f on %d; copies %.1f GB/s\n", r.Peak.OneThread, r.Peak.AllThreads, r.Threads, r.CopySpeed)
	for _, low := range []struct {
		name string
		p    *graft.Peak
	}{{"GOP/s of int8", r.PeakInt8}, {"GFLOP/s of bf16", r.PeakBF16}} {
		if low.p != nil {
			out.printf("         %.1f %s on one thread, %.1f on %d\n", low.p.OneThread, low.name, low.p.AllThreads, r.Threads)
		}
	}
	per := "a picture"
	if r.Train {
		per = "for a picture's step"
	}
	out.printf("network  %s with %s: %dx%d pixels, %.3g GFLOP %s, %d features\n", r.Network, origins[r.Weights], r.Width, r.Height, r.GFLOP, per, r.Features)
	if r.Train {
		out.printf("train    steps of %d pictures on %d threads in %s, %s statistics: %.3g million numbers, %d MB\n\n", r.Batch, r.Threads, r.Precision,
			r.BatchNorm, float64(r.Params)/1e6, r.Memory)
	} else {
		out.printf("run      batches of %d on %d threads in %s\n\n", r.Batch, r.Threads, r.Precision)
	}
	w := tabwriter.NewWriter(out.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "%-13s\tmin\tmedian\tmax\t\n", "")
	for _, row := range []struct {
		name, format string
		v            graft.Spread
		unit         float64
	}{
		{"pictures/s", "%.1f", r.Images, 1},
		{"ms a batch", "%.2f", r.BatchTime, 1},
		{"GFLOP/s", "%.1f", r.GFLOPS, 1},
		{"share of peak", "%.1f %%", r.PeakShare, 100},
	} {
		number := func(v float64) string { return fmt.Sprintf(row.format, row.unit*v) }
		fmt.Fprintf(w, "%-13s\t%s\t%s\t%s\t\n", row.name, number(row.v.Min), number(row.v.Median), number(row.v.Max))
	}
	if err := w.Flush(); err != nil || len(r.Layers) == 0 {
		return err
	}
	out.printf("\n")
	return showLayers(out, r.Layers)
}

func showLayers(out *output, layers []graft.Layer) error {
	op, geometry := len("step"), len("geometry")
	for _, l := range layers {
		op, geometry = max(op, len(l.Op)), max(geometry, len(l.Geometry))
	}
	w := tabwriter.NewWriter(out.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "%-*s  %-*s\tms\tof time\tGFLOP/s\tof peak\tGB/s\t\n", op, "step", geometry, "geometry")
	for _, l := range layers {
		fmt.Fprintf(w, "%-*s  %-*s\t%.3f\t%.1f %%\t%s\t%s\t%.1f\t\n", op, l.Op, geometry, l.Geometry, l.Time.Median, 100*l.TimeShare,
			positive("%.1f", l.GFLOPS), positive("%.1f %%", 100*l.PeakShare), l.Megabytes/max(l.Time.Median, 1e-6))
	}
	return w.Flush()
}
