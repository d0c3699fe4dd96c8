package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/graft-ml/graft"
)

func newCluster() *cobra.Command {
	var o graft.ClusterOptions
	out := newOutput()
	cmd := &cobra.Command{
		Use:   "cluster DIR|ARCHIVE [-k N]",
		Short: "Group pictures that have no labels",
		Long: `Group the pictures of a folder by what they show: k-means on the features of a backbone. Writes a folder
with clusters.csv, which says the cluster of each picture, and sheet.png, which shows the most typical pictures of
each cluster. The pictures themselves are left alone.`,
		Example: "  graft cluster photos -k 8\n  graft cluster photos -k 2-20 -o groups",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Progress = out.event
			c, err := graft.Cluster(cmd.Context(), args[0], o)
			if err != nil {
				return err
			}
			out.endBar()
			if out.JSON {
				return out.object(c)
			}
			printClusters(out, c)
			return nil
		},
	}
	f := cmd.Flags()
	f.VarP(&kRange{&o}, "clusters", "k", "number of clusters, or a range as 2-20 of which the best is taken (default 2-20)")
	f.StringVarP(&o.Out, "out", "o", "", "the folder to write (default: NAME-clusters after the data)")
	f.Uint64Var(&o.Seed, "seed", 0, "of the first centres")
	addBackbone(f, &o.Backbone)
	addFeatures(f, &o.Reading)
	out.addFlags(f)
	return cmd
}

// printClusters writes the clusters for people.
func printClusters(out *output, c *graft.Clustering) {
	if len(c.Tried) > 1 {
		out.printf("clusters  silhouette\n")
		for _, t := range c.Tried {
			mark := ""
			if t.K == c.K {
				mark = "  *"
			}
			out.printf("%8d  %10.3f%s\n", t.K, t.Silhouette, mark)
		}
		out.printf("\n")
	}
	out.printf("cluster  pictures  most typical\n")
	for _, g := range c.Clusters {
		out.printf("%7d  %8d  %s\n", g.Number, g.Size, g.Typical)
	}
	out.printf("\n%s holds clusters.csv and sheet.png\n", c.Dir)
}

// kRange is a flag for a number of clusters or a range of numbers.
type kRange struct{ o *graft.ClusterOptions }

func (v *kRange) Type() string   { return "N|N-N" }
func (v *kRange) String() string { return "" }

func (v *kRange) Set(s string) error {
	from, to, ranged := strings.Cut(s, "-")
	if !ranged {
		to = from
	}
	lo, err := strconv.Atoi(from)
	hi, err2 := strconv.Atoi(to)
	if err != nil || err2 != nil || lo < 1 || hi < lo {
		return fmt.Errorf("%q: want a number from 1, or two as in 2-20", s)
	}
	v.o.MinK, v.o.MaxK = lo, hi
	return nil
}
