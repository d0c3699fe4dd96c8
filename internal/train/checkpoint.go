package train

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// tuneState is where a training is, beside its arrays.
type tuneState struct {
	Facts map[string]string `json:"facts"`

	Phase    int `json:"phase"`    // the index
	Epoch    int `json:"epoch"`    // epochs of the phase that are done
	Steps    int `json:"steps"`    // steps of the phase that are done
	Averaged int `json:"averaged"` // steps that the moving average has seen
	Done     int `json:"done"`     // steps in all

	// Of the epoch under way.
	Step        int    `json:"step"` // steps that are done
	Sum, Weight number // of the losses
	Right, All  int
	Rate        number // of the last step
	Seconds     number

	History []storedEpoch `json:"history"`
	Best    bestState     `json:"best"`

	arrays map[string][]float32 // what was read, until it is used
}

// bestState says which epoch is the best so far, and which file has its values.
type bestState struct {
	Epoch int    `json:"epoch"` // from 1; 0: none yet
	Loss  number `json:"loss"`
	File  string `json:"file,omitempty"`
	Sum   string `json:"sha256,omitempty"`
}

// number is a float64 that JSON keeps to the bit, NaN and infinities too.
type number float64

func (n number) MarshalJSON() ([]byte, error) {
	return strconv.AppendQuote(nil, strconv.FormatFloat(float64(n), 'g', -1, 64)), nil
}

func (n *number) UnmarshalJSON(b []byte) error {
	text, err := strconv.Unquote(string(b))
	if err != nil {
		return err
	}
	v, err := strconv.ParseFloat(text, 64)
	*n = number(v)
	return err
}

// storedEpoch is an Epoch whose numbers may be NaN.
type storedEpoch struct {
	Phase                                                                 string
	TrainLoss, TrainAccuracy, ValLoss, ValAccuracy, LearningRate, Seconds number
}

// stepped takes a step into account.
func (s *tuneState) stepped(sum, weight float64, right score, rate float64, took time.Duration) {
	s.Sum, s.Weight = s.Sum+number(sum), s.Weight+number(weight)
	s.Right, s.All = s.Right+right.right, s.All+right.all
	s.Rate, s.Seconds = number(rate), s.Seconds+number(took.Seconds())
	s.Step, s.Steps, s.Averaged, s.Done = s.Step+1, s.Steps+1, s.Averaged+1, s.Done+1
}

// ended takes the end of an epoch into account.
func (s *tuneState) ended(e Epoch) {
	s.History = append(s.History, storedEpoch{e.Phase, number(e.TrainLoss), number(e.TrainAccuracy), number(e.ValLoss),
		number(e.ValAccuracy), number(e.LearningRate), number(e.Seconds)})
	s.Epoch++
	s.Step, s.Sum, s.Weight, s.Right, s.All, s.Seconds = 0, 0, 0, 0, 0, 0
}

// next begins the next phase.
func (s *tuneState) next() { s.Phase, s.Epoch, s.Steps = s.Phase+1, 0, 0 }

func (s *tuneState) history() []Epoch {
	var out []Epoch
	for i, e := range s.History {
		out = append(out, Epoch{Epoch: i + 1, Phase: e.Phase, TrainLoss: float64(e.TrainLoss), TrainAccuracy: float64(e.TrainAccuracy),
			ValLoss: float64(e.ValLoss), ValAccuracy: float64(e.ValAccuracy), LearningRate: float64(e.LearningRate), Seconds: float64(e.Seconds)})
	}
	return out
}

// Prefixes of the names of arrays in a checkpoint: values, the two memories of the optimiser, moving averages.
const (
	valueArray   = "w:"
	firstArray   = "m:"
	secondArray  = "v:"
	averageArray = "e:"
)

// take returns the arrays of the training as it stands.
func (s *tuneState) take(t *tuning) []array {
	var out []array
	for _, p := range t.params {
		out = append(out, array{valueArray + p.name, p.w}, array{firstArray + p.name, p.m})
		if p.v != nil {
			out = append(out, array{secondArray + p.name, p.v})
		}
		if a := t.average.of[p.name]; a != nil {
			out = append(out, array{averageArray + p.name, a})
		}
	}
	stats := t.tape.Stats()
	for _, name := range slices.Sorted(maps.Keys(stats)) {
		out = append(out, array{valueArray + name, stats[name]})
	}
	return out
}

// give puts the arrays that were read where they belong, once the tape of their phase is made.
func (s *tuneState) give(t *tuning) error {
	arrays := s.arrays
	if arrays == nil {
		return nil
	}
	s.arrays = nil
	fill := func(dst []float32, name string) error {
		src, ok := arrays[name]
		if !ok || len(src) != len(dst) {
			return fmt.Errorf("train: checkpoint: array %q has %d numbers, want %d", name, len(src), len(dst))
		}
		copy(dst, src)
		return nil
	}
	var errs []error
	for _, p := range t.params {
		errs = append(errs, fill(p.w, valueArray+p.name), fill(p.m, firstArray+p.name))
		if p.v != nil {
			errs = append(errs, fill(p.v, secondArray+p.name))
		}
		if a := arrays[averageArray+p.name]; a != nil && len(a) == len(p.w) {
			if t.average.of == nil {
				t.average.of = map[string][]float32{}
			}
			t.average.of[p.name] = a
		} else if t.o.Average > 0 {
			errs = append(errs, fmt.Errorf("train: checkpoint: no average of %q", p.name))
		}
	}
	for name, v := range t.tape.Stats() {
		errs = append(errs, fill(v, valueArray+name))
	}
	return errors.Join(errs...)
}

// checkpointer writes and finds the checkpoints of a training.
type checkpointer struct{ Checkpoints }

// defaultEvery is the time between checkpoints within an epoch.
const defaultEvery = 10 * time.Minute

func (c *checkpointer) every() time.Duration {
	if c.Every > 0 {
		return c.Every
	}
	return defaultEvery
}

// Names of the files: by the steps that are done, and by the epoch whose values they hold.
const (
	stepFile = "step-"
	bestFile = "best-"
	fileExt  = ".ckpt"
)

func fileName(kind string, n int) string { return fmt.Sprintf("%s%010d%s", kind, n, fileExt) }

// files returns the numbers of the files of a kind, the largest first.
func (c *checkpointer) files(kind string) ([]int, error) {
	entries, err := os.ReadDir(c.Dir)
	if err != nil {
		return nil, err
	}
	var out []int
	for _, e := range entries {
		text, ok := strings.CutPrefix(e.Name(), kind)
		if n, err := strconv.Atoi(strings.TrimSuffix(text, fileExt)); ok && err == nil && e.Name() == fileName(kind, n) {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	slices.Reverse(out)
	return out, nil
}

// prune removes the files of a kind that drop picks.
func (c *checkpointer) prune(kind string, drop func(place, n int) bool) error {
	all, err := c.files(kind)
	for place, n := range all {
		if drop(place, n) {
			if rm := os.Remove(filepath.Join(c.Dir, fileName(kind, n))); rm != nil && !errors.Is(rm, fs.ErrNotExist) {
				err = errors.Join(err, rm)
			}
		}
	}
	return err
}

// save writes a checkpoint: first the values of the best epoch, if they are new, then the state that names
// that file. The last two states are kept, and the best epochs that they name: the state before this one knows the
// best epoch of this one or the one before that.
func (t *tuning) save() error {
	if t.keep == nil {
		return nil
	}
	c := t.keep
	s := &t.state
	if s.Best.Epoch > 0 && s.Best.File == "" {
		var arrays []array
		for _, name := range slices.Sorted(maps.Keys(t.best)) {
			arrays = append(arrays, array{valueArray + name, t.best[name]})
		}
		name := fileName(bestFile, s.Best.Epoch)
		sum, err := writeArrays(filepath.Join(c.Dir, name), bestState{Epoch: s.Best.Epoch}, arrays)
		if err != nil {
			return err
		}
		s.Best.File, s.Best.Sum = name, hex.EncodeToString(sum[:])
	}
	s.Facts = c.Facts
	if _, err := writeArrays(filepath.Join(c.Dir, fileName(stepFile, s.Done)), s, s.take(t)); err != nil {
		return err
	}
	t.saved = time.Now()
	if t.hooks.Saved != nil {
		t.hooks.Saved()
	}
	const kept = 2
	old := func(place, _ int) bool { return place >= kept }
	return errors.Join(c.prune(stepFile, old), c.prune(bestFile, old))
}
