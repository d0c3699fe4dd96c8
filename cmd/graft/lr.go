package main

import (
	"github.com/spf13/cobra"

	"github.com/graft-ml/graft"
)

func newLR() *cobra.Command {
	var o graft.TrainOptions
	var s graft.RateSweep
	out := newOutput()
	cmd := &cobra.Command{
		Use:   "lr DIR|ARCHIVE|CSV",
		Short: "Find a learning rate",
		Long: `Try learning rates on what graft train with the same flags would train: with the strategy frozen on the
head, else on the network. Each step has a higher rate than the one before. Printed are the rate, the
loss of the step and the mean of the losses so far, and a rate to take; -o draws the curve.`,
		Example: `  graft lr photos
  graft lr photos --strategy finetune --steps 60 -o rates.svg`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Progress = out.event
			if err := settleTraining(cmd, &o); err != nil {
				return err
			}
			curve, err := graft.FindRate(cmd.Context(), args[0], o, s)
			if err != nil {
				return err
			}
			return showRates(out, curve, o.Strategy, s.Plot)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&s.Plot, "out", "o", "", "draw the curve to this new file, as SVG")
	f.Float64Var(&s.From, "from", 0, "first rate (default 1e-6, for sgd 1e-5)")
	f.Float64Var(&s.To, "to", 0, "last rate (default 1, for sgd 10)")
	f.IntVar(&s.Steps, "steps", 0, "rates to try (default 100)")
	addTraining(cmd, &o)
	out.addFlags(f)
	return cmd
}

// rateRows is how many rows the table of rates has at most.
const rateRows = 25

func showRates(out *output, c *graft.RateCurve, strategy, plot string) error {
	out.endBar()
	if out.JSON {
		return out.object(c)
	}
	out.printf("%12s %12s %12s\n", "rate", "loss", "mean")
	every := (len(c.Points) + rateRows - 1) / rateRows
	for i, p := range c.Points {
		if i%every == every-1 || i == len(c.Points)-1 {
			out.printf("%12.3g %12.4f %12.4f\n", p.Rate, p.Loss, p.Smooth)
		}
	}
	flag := "--lr"
	if strategy == "partial" || strategy == "finetune" || strategy == "scratch" {
		flag = "--tune-lr"
	}
	out.printf("\nsuggested: %s %.2g (%s)\n", flag, c.Suggested, c.Reason)
	if plot != "" {
		out.printf("plot: %s\n", plot)
	}
	return nil
}
