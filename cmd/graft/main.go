// Command graft trains, evaluates and runs image classifiers; see the package it is built on.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/graft-ml/graft"
	"github.com/graft-ml/graft/internal/cpu"
)

func main() { os.Exit(run(os.Args[1:])) }

// Exit codes. A signal gives 128 plus its number, as a shell would.
const (
	exitOK = iota
	exitFailure
	exitUsage
)

// run executes one command line and returns the exit code.
func run(args []string) int {
	ctx, stop := context.WithCancelCause(context.Background())
	defer stop(nil)
	go cancelOnSignal(stop)

	if err := cpu.Err(); err != nil {
		fmt.Fprintf(os.Stderr, "graft: %v\n", err)
		return exitUsage
	}
	root := newRoot()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var sig signalled
	switch {
	case errors.As(context.Cause(ctx), &sig):
		fmt.Fprintf(os.Stderr, "graft: stopped by %v\n", sig.Signal)
		return 128 + int(sig.Signal.(syscall.Signal))
	case err == nil:
		return exitOK
	}
	fmt.Fprintf(os.Stderr, "graft: %v\n", err)
	var usage usageError
	var option *graft.OptionError
	if errors.As(err, &usage) || errors.As(err, &option) {
		return exitUsage
	}
	return exitFailure
}

// signalled is the cause of a run that a signal ended.
type signalled struct{ os.Signal }

func (s signalled) Error() string { return "stopped by " + s.Signal.String() }

// cancelOnSignal ends the run at the first SIGINT or SIGTERM; what is being written is finished. A second
// one ends the process at once.
func cancelOnSignal(stop context.CancelCauseFunc) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt, syscall.SIGTERM)
	stop(signalled{<-c})
	signal.Stop(c)
}

// usageError is a command line that cannot be understood.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "graft",
		Short: "Train an image classifier from a folder of labelled photos",
		Long: `graft turns a folder of labelled photos into an image classifier by transfer learning,
on a CPU, and writes it as one plain ONNX file.`,
		Example:       "  graft demo\n  graft train photos\n  graft predict runs/photos/model.onnx new.jpg",
		Version:       graft.Version,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, args []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w (see %s --help)", err, cmd.CommandPath())}
	})
	root.AddCommand(newDemo(), newTrain(), newLR(), newSplit(), newEval(), newCompare(), newPredict(), newEmbed(), newCluster(), newAugment(), newBackbones(), newBench())
	settle(root)
	return root
}

// settle applies to c and all commands below it what holds for each.
func settle(c *cobra.Command) {
	c.Args = asUsage(c.Args)
	c.Flags().SortFlags = false
	for _, sub := range c.Commands() {
		settle(sub)
	}
}

// asUsage makes the errors of an argument check usage errors.
func asUsage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usageError{fmt.Errorf("%w (see %s --help)", err, cmd.CommandPath())}
		}
		return nil
	}
}
