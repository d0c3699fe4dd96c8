package graft_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/graft-ml/graft"
	"github.com/graft-ml/graft/internal/atomicfile"
)

// The variables that make this program a run that is to be killed: the folder of tinyFolder and the run folder, the
// strategy, the step of a commit at which it kills itself, and its threads.
const (
	killDir, killOut, killStrategy, killStep, killThreads = "GRAFT_TEST_KILL_DIR", "GRAFT_TEST_KILL_OUT", "GRAFT_TEST_KILL_STRATEGY",
		"GRAFT_TEST_KILL_STEP", "GRAFT_TEST_KILL_THREADS"
)

// stepsFile is where a run that ends by itself leaves the number of the steps of its commits.
const stepsFile = "steps"

// victim is such a run: it goes on with what there is, or begins.
func victim() int {
	at, _ := strconv.Atoi(os.Getenv(killStep))
	threads, _ := strconv.Atoi(os.Getenv(killThreads))
	steps := 0
	atomicfile.AtStep = func() {
		if steps++; steps == at {
			self, _ := os.FindProcess(os.Getpid())
			self.Kill()
			select {}
		}
	}
	dir := os.Getenv(killDir)
	o := tinyOptions(dir, os.Getenv(killStrategy))
	o.Out, o.Resume, o.Tuning.CheckpointEvery, o.Reading.Threads = os.Getenv(killOut), true, 1, threads
	if _, err := graft.Train(context.Background(), filepath.Join(dir, "photos"), o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := os.WriteFile(filepath.Join(o.Out, stepsFile), []byte(strconv.Itoa(steps)), 0o666); err != nil {
		return 1
	}
	return 0
}

// hunt runs victims of one strategy.
type hunt struct {
	dir, strategy string
	model         []byte        // of a run that nobody kills
	steps         int           // of its commits
	took          time.Duration // it
	kills         int
}

func newHunt(t *testing.T, dir, strategy string) *hunt {
	h := &hunt{dir: dir, strategy: strategy}
	h.session(t, filepath.Join(t.TempDir(), "first"), 0, 0) // fills the caches, which takes commits too
	out := filepath.Join(t.TempDir(), "whole")
	start := time.Now()
	if !h.session(t, out, 0, 0) {
		t.Fatal("the run that nobody kills did not end")
	}
	h.took, h.model = time.Since(start), readFile(t, filepath.Join(out, "model.onnx"))
	h.steps, _ = strconv.Atoi(string(readFile(t, filepath.Join(out, stepsFile))))
	return h
}

// session runs a victim that is killed at a step of its commits, or after a time, where they are not 0. It reports
// whether the run is finished, by this session or one before.
func (h *hunt) session(t *testing.T, out string, step int, after time.Duration) bool {
	t.Helper()
	if _, err := os.Stat(out); err == nil {
		return true // killed behind the rename that finishes it
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), killDir+"="+h.dir, killOut+"="+out, killStrategy+"="+h.strategy,
		killStep+"="+strconv.Itoa(step), killThreads+"="+strconv.Itoa(1+h.kills%3))
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &text
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if after > 0 {
		defer time.AfterFunc(after, func() { cmd.Process.Kill() }).Stop()
	}
	err := cmd.Wait()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return true
	case !errors.As(err, &exit) || exit.Exited() && exit.ExitCode() == 1 && text.Len() > 0:
		t.Fatalf("killed %d times: %v: %s", h.kills, err, &text)
	}
	h.kills++
	return false
}

// check compares the model of a run that was killed with that of the run that was not.
func (h *hunt) check(t *testing.T, out, how string) {
	t.Helper()
	if !bytes.Equal(readFile(t, filepath.Join(out, "model.onnx")), h.model) {
		t.Errorf("%s, %s: another model", h.strategy, how)
	}
	for _, name := range []string{"metrics.json", "predictions.csv", "history.csv", "split.csv", "skipped.csv"} {
		if _, err := os.Stat(filepath.Join(out, name)); errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s, %s: no %s", h.strategy, how, name)
		}
	}
}

// A run that is killed at any moment, and at any step of a commit, goes on to the bytes of one that was not. The
// variable GRAFT_KILLS says how often runs are killed at random moments, and has them killed at every step.
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("starts and kills processes")
	}
	kills, every := 2, 37
	if n, err := strconv.Atoi(os.Getenv("GRAFT_KILLS")); err == nil {
		kills, every = n, 1
	}
	dir := tinyFolder(t)
	r := rand.New(rand.NewPCG(1, uint64(kills)))
	for _, strategy := range []string{"finetune", "partial", "scratch"} {
		h := newHunt(t, dir, strategy)
		for step := 1; step <= h.steps; step += every {
			out := filepath.Join(t.TempDir(), "run")
			if h.session(t, out, step, 0) {
				t.Errorf("%s: not killed at step %d of %d", strategy, step, h.steps)
			}
			if !h.session(t, out, 0, 0) {
				t.Fatalf("%s: it does not end after step %d", strategy, step)
			}
			h.check(t, out, fmt.Sprintf("killed at step %d", step))
		}
		atSteps := h.kills
		for h.kills < atSteps+kills {
			out := filepath.Join(t.TempDir(), "run")
			for !h.session(t, out, 0, time.Duration(r.Float64()*float64(h.took))) {
			}
			h.check(t, out, "killed at random moments")
		}
		t.Logf("%s: killed at %d steps of commits and %d times at random moments", strategy, atSteps, h.kills-atSteps)
	}
}
