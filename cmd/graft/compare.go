package main

import (
	"github.com/spf13/cobra"

	"github.com/graft-ml/graft"
)

func newCompare() *cobra.Command {
	out := newOutput()
	cmd := &cobra.Command{
		Use:   "compare RUN_A RUN_B",
		Short: "Tell whether one run is better than another",
		Long: `Compare two runs on the test pictures that they have in common: the difference of their accuracies with a 95 %
interval, and how likely so large a difference is by chance alone (McNemar's exact test). Runs of the same data with
the same --seed and --test have the same test pictures.`,
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
	out.printf("\n%-40s %6.1f %%   alone right on %d\n", c.A, 100*c.AccuracyA, p.OnlyA)
	out.printf("%-40s %6.1f %%   alone right on %d\n", c.B, 100*c.AccuracyB, p.OnlyB)
	d := p.Difference
	out.printf("\ndifference %+.1f points (95 %% interval %+.1f to %+.1f), p = %.2g: ", 100*d.Value, 100*d.Low, 100*d.High, p.P)
	switch {
	case p.P >= 0.05:
		out.printf("it may be chance\n")
	case d.Value > 0:
		out.printf("the second is better\n")
	default:
		out.printf("the first is better\n")
	}
}
