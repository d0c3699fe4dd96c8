package train

import (
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// restore brings the training to the newest checkpoint that is whole, if the options ask for one. Without one it
// begins anew. A checkpoint of another training is an error.
func (t *tuning) restore() error {
	c := t.keep
	if c == nil {
		return nil
	}
	if err := c.sweep(); err != nil {
		return err
	}
	if !c.Resume {
		return nil
	}
	steps, err := c.files(stepFile)
	if err != nil {
		return err
	}
	for _, n := range steps {
		path := filepath.Join(c.Dir, fileName(stepFile, n))
		err := t.load(path)
		if damaged := (*DamagedError)(nil); errors.As(err, &damaged) {
			if c.Warn != nil {
				c.Warn(err.Error() + "; taking the one before it")
			}
			continue
		}
		if err != nil {
			return err
		}
		if t.hooks.Resumed != nil {
			t.hooks.Resumed(path, t.state.Done)
		}
		// Files from beyond this point would be taken for its successors.
		best := t.state.Best.Epoch
		return errors.Join(c.prune(stepFile, func(_, k int) bool { return k > n }), c.prune(bestFile, func(_, k int) bool { return k > best }))
	}
	return nil
}

// sweep removes what a killed write left behind.
func (c *checkpointer) sweep() error {
	entries, err := os.ReadDir(c.Dir)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".graft-") && strings.HasSuffix(e.Name(), ".tmp") {
			err = errors.Join(err, os.Remove(filepath.Join(c.Dir, e.Name())))
		}
	}
	return err
}

// load reads the checkpoint at path into the training.
func (t *tuning) load(path string) error {
	var s tuneState
	arrays, _, err := readArrays(path, &s)
	if err != nil {
		return err
	}
	if err := differing(s.Facts, t.keep.Facts); err != nil {
		return fmt.Errorf("%s is a checkpoint of another training: %w", path, err)
	}
	if s.Phase < 0 || s.Phase >= len(t.net.Phases) || s.Step < 0 || s.Step > t.steps || s.Best.Epoch > len(s.History) {
		return &DamagedError{path, fmt.Errorf("phase %d of %d, step %d of %d", s.Phase+1, len(t.net.Phases), s.Step, t.steps)}
	}
	var best map[string][]float32
	if s.Best.Epoch > 0 {
		if best, err = t.loadBest(filepath.Join(filepath.Dir(path), filepath.Base(s.Best.File)), s.Best); err != nil {
			return err
		}
	}
	s.arrays = arrays
	t.state, t.best = s, best
	return nil
}

// loadBest reads the values of the best epoch.
func (t *tuning) loadBest(path string, b bestState) (map[string][]float32, error) {
	var own bestState
	arrays, sum, err := readArrays(path, &own)
	if errors.Is(err, os.ErrNotExist) {
		return nil, &DamagedError{path, err}
	}
	if err != nil {
		return nil, err
	}
	if hex.EncodeToString(sum[:]) != b.Sum {
		return nil, &DamagedError{path, errors.New("it is not the file that the checkpoint names")}
	}
	best := map[string][]float32{}
	for name, v := range arrays {
		name = strings.TrimPrefix(name, valueArray)
		if have := t.net.Graph.Init[name]; have == nil || len(have.F) != len(v) {
			return nil, &DamagedError{path, fmt.Errorf("%d numbers of %q, which the network has not", len(v), name)}
		}
		best[name] = v
	}
	return best, nil
}

// differing names the facts in which a checkpoint and this training differ.
func differing(have, want map[string]string) error {
	all := maps.Clone(want)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, have)
	var list []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if have[name] != want[name] {
			list = append(list, fmt.Sprintf("%s %s there, %s here", name, orNone(have[name]), orNone(want[name])))
		}
	}
	if list == nil {
		return nil
	}
	return errors.New(strings.Join(list, "; "))
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
