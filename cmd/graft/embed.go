package main

import (
	"github.com/spf13/cobra"

	"github.com/graft-ml/graft"
)

func newEmbed() *cobra.Command {
	var o graft.EmbedOptions
	out := newOutput()
	cmd := &cobra.Command{
		Use:   "embed DIR|ARCHIVE|CSV -o FILE.parquet",
		Short: "Write the features of pictures as Parquet",
		Long: `Write the features of labelled pictures as a Parquet file with the columns path, label, sha256 and
embedding, which DuckDB and pandas read as it is.`,
		Example: "  graft embed photos -o features.parquet",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Progress = out.event
			s, err := graft.Embed(cmd.Context(), args[0], o)
			if err != nil {
				return err
			}
			out.endBar()
			if out.JSON {
				return out.object(s)
			}
			out.printf("%d pictures, %d numbers each: %s\n", s.Pictures, s.Width, s.Path)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.Out, "out", "o", "", "the file to write (default: NAME.parquet after the data)")
	addBackbone(f, &o.Backbone)
	addReading(f, &o.Reading)
	out.addFlags(f)
	return cmd
}
