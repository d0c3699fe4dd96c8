package main

import (
	"github.com/spf13/cobra"

	"github.com/graft-ml/graft"
	"github.com/graft-ml/graft/internal/report"
)

func newEval() *cobra.Command {
	var o graft.EvalOptions
	out := newOutput()
	cmd := &cobra.Command{
		Use:   "eval MODEL DIR|ARCHIVE|CSV",
		Short: "Evaluate a model on labelled pictures",
		Long: `Evaluate a model on labelled pictures. Classes are matched by name. Pictures whose content the model was
trained on are counted and left out of the headline.`,
		Example: "  graft eval runs/photos/model.onnx more-photos\n  graft eval runs/photos/model.onnx more-photos --json",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Progress = out.event
			m, err := graft.Open(args[0], graft.ModelOptions{Threads: o.Reading.Threads})
			if err != nil {
				return err
			}
			defer m.Close()
			e, err := graft.Evaluate(cmd.Context(), m, args[1], o)
			if err != nil {
				return err
			}
			out.endBar()
			if out.JSON {
				return out.object(e)
			}
			return report.Text(out.out, e.Test, report.TextOptions{Title: args[1]})
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&o.Reading.Exclude, "exclude", nil, "class to leave out (repeatable)")
	addDecoding(f, &o.Reading)
	out.addFlags(f)
	return cmd
}
