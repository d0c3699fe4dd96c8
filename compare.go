package graft

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/graft-ml/graft/metric"
)

// predictionsFile is the table of a run's test pictures, and predictionsHeader its columns: several labels are
// joined by "|", and right is 1 where what was predicted is what it should be.
const predictionsFile = "predictions.csv"

var predictionsHeader = []string{"path", "label", "predicted", "probability", "right"}

// writePredictions writes what the model says of the pictures held out. The probability is that of what was
// predicted, of several labels the least.
func (j *job) writePredictions(w io.Writer) error {
	out := csv.NewWriter(w)
	out.Write(predictionsHeader)
	k := len(j.data.Classes)
	for row, i := range j.test {
		s := &j.data.Samples[i]
		said, p := j.said(j.probs[row*k : (row+1)*k])
		names := make([]string, len(said))
		for at, c := range said {
			names[at] = j.data.Classes[c]
		}
		right := "0"
		if slices.Equal(said, s.Labels) {
			right = "1"
		}
		out.Write([]string{s.Path, labelText(j.data, s), strings.Join(names, "|"), strconv.FormatFloat(float64(p), 'g', 6, 32), right})
	}
	out.Flush()
	return out.Error()
}

// said returns the classes that probabilities speak for, and the least of these: the first of the most probable ones,
// or the labels that reach their thresholds.
func (j *job) said(probs []float32) (classes []int, p float32) {
	if !j.data.MultiLabel {
		best := 0
		for c, v := range probs {
			if v > probs[best] {
				best = c
			}
		}
		return []int{best}, probs[best]
	}
	p = 1
	for c, v := range probs {
		if v >= j.thresholds[c] {
			classes, p = append(classes, c), min(p, v)
		}
	}
	return classes, p
}

// Comparison is how two runs did on the test pictures that they have in common.
type Comparison struct {
	A         string        `json:"a"` // the run folders
	B         string        `json:"b"`
	AccuracyA float64       `json:"accuracy_a"` // on the pictures in common; for many labels the share with all of them right
	AccuracyB float64       `json:"accuracy_b"`
	Paired    metric.Paired `json:"paired"`
	Apart     int           `json:"apart"` // test pictures of one run alone: they do not count

	SplitA SplitInfo `json:"split_a"` // of their own; where they differ, the training pictures do too
	SplitB SplitInfo `json:"split_b"`

	OverSplits *SplitComparison `json:"over_splits,omitempty"` // where both runs have several splits, two at least in common
}

// SplitComparison is how two runs with several splits did on those that they have in common.
type SplitComparison struct {
	Key   string  `json:"key"` // of the score that is compared: the first of the report
	MeanA float64 `json:"mean_a"`
	MeanB float64 `json:"mean_b"`
	metric.PairedSplits
	Apart int `json:"apart"` // splits of one run alone
}

// Compare compares two runs by the pictures that both were tested on, which they are matched by: name for name, with one
// label. Runs without one in common, and folders that are no runs, are errors. To compare strategies fairly give both
// runs the same seed: their test pictures are then the same. Runs with several splits are compared over these too, split
// by split: only that comparison includes what the split does.
func Compare(a, b string) (*Comparison, error) {
	inA, err := readPredictions(a)
	if err != nil {
		return nil, err
	}
	inB, err := readPredictions(b)
	if err != nil {
		return nil, err
	}
	c := &Comparison{A: a, B: b}
	var rightA, rightB []bool
	for name, ra := range inA {
		rb, ok := inB[name]
		if !ok {
			c.Apart++
			continue
		}
		rightA, rightB = append(rightA, ra), append(rightB, rb)
	}
	c.Apart += len(inB) - len(rightB)
	if len(rightA) == 0 {
		return nil, fmt.Errorf("%s and %s: no test picture in common (were they trained on the same data, with the same --seed and --test?)", a, b)
	}
	c.AccuracyA, c.AccuracyB = share(rightA), share(rightB)
	c.Paired = metric.ComparePaired(rightA, rightB)
	if c.SplitA, err = readSplitInfo(a); err != nil {
		return nil, err
	}
	if c.SplitB, err = readSplitInfo(b); err != nil {
		return nil, err
	}
	c.OverSplits, err = compareSplits(a, b)
	return c, err
}

// readSplitInfo reads how the pictures of a run were split.
func readSplitInfo(run string) (SplitInfo, error) {
	var m struct{ Split SplitInfo }
	path := filepath.Join(run, "metrics.json")
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, &m)
	}
	if err != nil {
		return m.Split, fmt.Errorf("%s: %w", path, err)
	}
	return m.Split, nil
}

func share(right []bool) float64 {
	n := 0
	for _, r := range right {
		if r {
			n++
		}
	}
	return float64(n) / float64(len(right))
}

// testPicture is a picture and what it should be taken for.
type testPicture struct{ path, label string }

// readPredictions reads the table of a run: which pictures it has right.
func readPredictions(run string) (map[testPicture]bool, error) {
	path := filepath.Join(run, predictionsFile)
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w (want a run folder)", err)
	}
	defer f.Close()
	rows := csv.NewReader(f)
	header, err := rows.Read()
	if err != nil || !slices.Equal(header, predictionsHeader) {
		return nil, fmt.Errorf("%s: columns %v, want %v", path, header, predictionsHeader)
	}
	right := map[testPicture]bool{}
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return right, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if row[4] != "0" && row[4] != "1" {
			line, _ := rows.FieldPos(4)
			return nil, fmt.Errorf("%s: line %d: right is %q, want 0 or 1", path, line, row[4])
		}
		right[testPicture{row[0], row[1]}] = row[4] == "1"
	}
}
