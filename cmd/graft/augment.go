package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/graft-ml/graft"
)

func newAugment() *cobra.Command {
	var o graft.AugmentOptions
	out := newOutput()
	names, presets := graft.AugmentNames()
	cmd := &cobra.Command{
		Use:   "augment FILE… [-o sheet.png]",
		Short: "Show random augmentations of pictures on a contact sheet",
		Long: `Write a contact sheet: each picture as it is, then what training with the same augmentation and seed sees of it
in its first epochs, with the strengths drawn.

An augmentation is a list of names, with a strength or without: hflip,rotation=15,brightness=0.2. What comes later
replaces what came before. fill=reflect, nearest, wrap or constant says what lies beyond the edge of a moved picture.
  names    ` + strings.Join(names[:9], ", ") + `,
           ` + strings.Join(names[9:], ", ") + `
  presets  ` + strings.Join(presets, ", "),
		Example: "  graft augment cat.jpg -o sheet.png\n  graft augment cat.jpg --augment standard,rotation=30,fill=nearest --seed 7 --count 23\n" +
			"  graft augment cat.jpg dog.jpg --augment hflip,cutmix --count 5 -o mixed.png",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := graft.AugmentSheet(cmd.Context(), args, o)
			if err != nil {
				return err
			}
			if out.JSON {
				return out.object(s)
			}
			out.printf("%s: %d pictures, %s\n", s.Path, len(s.Cells), s.Augment)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.Out, "out", "o", "", "the PNG file to write (default: sheet.png)")
	f.StringVar(&o.Augment, "augment", "", "augmentations, or a preset (default: standard)")
	f.Uint64Var(&o.Seed, "seed", 0, "of the draws")
	f.IntVar(&o.Count, "count", 0, "draws of each picture (default 11)")
	f.IntVar(&o.Size, "size", 0, "side of each picture in pixels (default 224)")
	f.IntVar(&o.MaxPixels, "max-pixels", 0, "refuse larger pictures (default 256 megapixels)")
	f.BoolVar(&out.JSON, "json", false, "results as JSON on standard output")
	return cmd
}
