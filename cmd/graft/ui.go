package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/graft-ml/graft"
)

// output is how a verb talks: results to out; progress, notes and warnings to err. With --json the results
// are JSON alone; with --quiet there is no progress.
type output struct {
	JSON, Quiet bool

	out, err io.Writer
	terminal bool
	bar      *progressbar.ProgressBar
	step     string    // the step that the bar or the last line is about
	shown    time.Time // when that line was written
	epochs   int       // rows of the epoch table so far
}

func newOutput() *output {
	return &output{out: os.Stdout, err: os.Stderr, terminal: term.IsTerminal(int(os.Stderr.Fd()))}
}

// addFlags adds --json and --quiet.
func (o *output) addFlags(f *pflag.FlagSet) {
	f.BoolVar(&o.JSON, "json", false, "results as JSON on standard output")
	f.BoolVar(&o.Quiet, "quiet", false, "no progress")
}

// printf writes a line of results for people; with --json there are none.
func (o *output) printf(format string, args ...any) {
	if !o.JSON {
		fmt.Fprintf(o.out, format, args...)
	}
}

// object writes v as one line of JSON.
func (o *output) object(v any) error {
	e := json.NewEncoder(o.out)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// event shows the news of a long run.
func (o *output) event(e graft.Event) {
	switch {
	case e.Step != nil:
		o.progress(*e.Step)
	case e.Warn:
		o.endBar()
		fmt.Fprintf(o.err, "warning: %s\n", e.Note)
	case o.Quiet:
	case e.Epoch != nil && e.Epoch.Refit: // no news: its number was chosen, and it is not measured on other pictures
	case e.Epoch != nil:
		o.endBar()
		o.epoch(*e.Epoch)
	default:
		o.endBar()
		fmt.Fprintf(o.err, "%s\n", e.Note)
	}
}

// linesEvery is how often progress is reported where a bar would be noise: in a log.
const linesEvery = 10 * time.Second

func (o *output) progress(s graft.Step) {
	if o.Quiet {
		return
	}
	if o.terminal {
		o.drawBar(s)
		return
	}
	now := time.Now()
	if s.Name != o.step {
		o.step, o.shown = s.Name, now
	}
	if now.Sub(o.shown) >= linesEvery {
		o.shown = now
		fmt.Fprintf(o.err, "%s: %s of %s\n", s.Name, amount(s, s.Done), amount(s, s.Total))
	}
}

// amount writes n in the unit of s.
func amount(s graft.Step, n int) string {
	switch {
	case !s.Bytes:
		return fmt.Sprint(n)
	case n == 0:
		return "?"
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}

func (o *output) drawBar(s graft.Step) {
	if o.bar == nil || s.Name != o.step {
		o.endBar()
		o.step = s.Name
		total := s.Total
		if s.Bytes && total == 0 {
			total = -1
		}
		o.bar = progressbar.NewOptions(total, progressbar.OptionShowBytes(s.Bytes), progressbar.OptionSetWriter(o.err), progressbar.OptionSetDescription(fmt.Sprintf("%-9s", s.Name)),
			progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString("pictures"), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionSetPredictTime(true), progressbar.OptionFullWidth(), progressbar.OptionClearOnFinish())
	}
	o.bar.Set(s.Done)
}

// endBar takes the bar off the screen.
func (o *output) endBar() {
	if o.bar != nil {
		o.bar.Clear()
		o.bar = nil
	}
	o.step = ""
}

func (o *output) epoch(e graft.Epoch) {
	if o.epochs == 0 {
		fmt.Fprintf(o.err, "epoch   train loss  accuracy   val loss  accuracy    seconds\n")
	}
	o.epochs++
	fmt.Fprintf(o.err, "%5d %12.4f  %7.2f%% %10s  %8s %10.2f\n", e.Number, e.TrainLoss, 100*e.TrainAccuracy, number("%.4f", e.ValLoss), number("%.2f%%", 100*e.ValAccuracy), e.Seconds)
}

// number formats v, or a dash where there is none.
func number(format string, v float64) string {
	if math.IsNaN(v) {
		return "–"
	}
	return fmt.Sprintf(format, v)
}

// self is how the user started this program, for the commands that it suggests.
func self() string {
	exe, err := os.Executable()
	if err == nil && strings.Contains(filepath.ToSlash(exe), "/go-build") {
		return "go run ./cmd/graft"
	}
	if strings.ContainsRune(os.Args[0], filepath.Separator) {
		return os.Args[0]
	}
	return "graft"
}

// shellQuote quotes a path for a command line that the user may copy.
func shellQuote(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+=:,@%") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
