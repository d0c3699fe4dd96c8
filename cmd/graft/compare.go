package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/graft-ml/graft"
	"github.com/graft-ml/graft/metric"
)

func newCompare() *cobra.Command {
	out := newOutput()
	cmd := &cobra.Command{
		Use:   "compare RUN_A RUN_B",
		Short: "Tell whether one run is better than another",
		Long: `Compare two runs on the test pictures that they have in common: the difference of their accuracies with a 95 %
interval, and how likely so large a difference is by chance alone (McNemar's exact test). Runs of the same data with
the same --seed and --test have the same test pictures. Runs with --repeats or --folds are also compared split by split,
by the corrected resampled t-test of Nadeau and Bengio: only that says whether another split would give the same answer.`,
		Example: "  graft compare runs/photos runs/photos-2",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := graft.Compare(args[0], args[1])
			if err != nil {
				return err
			}
			if out.JSON {
				return out.object(c)
			}
			showComparison(out, c)
			return nil
		},
	}
	out.addFlags(cmd.Flags())
	return cmd
}

func showComparison(out *output, c *graft.Comparison) {
	p := c.Paired
	out.printf("%d test pictures in common\n", p.N)
	if c.Apart > 0 {
		out.printf("%d pictures of one run alone are left out\n", c.Apart)
	}
	if c.SplitA != c.SplitB {
		out.printf("the runs have different splits (%s; %s): their training pictures differ too\n", splitWords(c.SplitA), splitWords(c.SplitB))
	}
	out.printf("\n%-40s %6.1f %%   alone right on %d\n", c.A, 100*c.AccuracyA, p.OnlyA)
	out.printf("%-40s %6.1f %%   alone right on %d\n", c.B, 100*c.AccuracyB, p.OnlyB)
	out.printf("\n%s\n", verdict(p.Difference, p.P))
	if s := c.OverSplits; s != nil {
		out.printf("\n%d splits in common", s.N)
		if s.Apart > 0 {
			out.printf(", %d of one run alone are left out", s.Apart)
		}
		out.printf(": means of %.1f and %.1f %%\n%s\n", 100*s.MeanA, 100*s.MeanB, verdict(s.Difference, s.P))
	}
}

// verdict says how the second run differs from the first, and whether that may be chance.
func verdict(d metric.Interval, p float64) string {
	text := fmt.Sprintf("difference %+.1f points (95 %% interval %+.1f to %+.1f), p = %.2g: ", 100*d.Value, 100*d.Low, 100*d.High, p)
	switch {
	case p >= 0.05:
		return text + "it may be chance"
	case d.Value > 0:
		return text + "the second is better"
	}
	return text + "the first is better"
}

// splitWords describes a split in short.
func splitWords(s graft.SplitInfo) string {
	return fmt.Sprintf("seed %d, %d learnt from, %d tested", s.Seed, s.Train+s.Validation, s.Test)
}
