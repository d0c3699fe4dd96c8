package main

import (
	"github.com/spf13/cobra"

	"github.com/graft-ml/graft"
)

func newSplit() *cobra.Command {
	var o graft.SplitOptions
	out := newOutput()
	cmd := &cobra.Command{
		Use:   "split DIR|ARCHIVE|CSV OUT",
		Short: "Write train/ and test/ trees, split inside each class",
		Long: `Write train/ and test/ trees of the pictures, split inside each class by a hash of seed and content: pictures
with the same bytes are never on both sides. The source is not changed.`,
		Example: "  graft split photos photos-split --test 0.35\n  graft split photos photos-split --mode symlink",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Progress = out.event
			if err := settleTest(cmd, &o.Test, o.PerClass); err != nil {
				return err
			}
			s, err := graft.Split(cmd.Context(), args[0], args[1], o)
			if err != nil {
				return err
			}
			if out.JSON {
				return out.object(s)
			}
			out.printf("%s: %d pictures in train/, %d in test/\n", args[1], s.Train, s.Test)
			return nil
		},
	}
	f := cmd.Flags()
	f.Float64Var(&o.Test, "test", defaultTest, "share of each class for the test")
	f.IntVar(&o.PerClass, "train-per-class", 0, "so many pictures of each class go to train/, all others to test/ (instead of --test)")
	f.Uint64Var(&o.Seed, "seed", 0, "of the split")
	f.StringVar(&o.Mode, "mode", "", "copy, hardlink or symlink (default copy)")
	f.StringSliceVar(&o.Exclude, "exclude", nil, "class to leave out (repeatable)")
	out.addFlags(f)
	return cmd
}
