package graft

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/graft-ml/graft/metric"
)

// compareSplits compares the scores of two runs on the splits that both were tested on. Without two of these it
// returns nil.
func compareSplits(a, b string) (*SplitComparison, error) {
	ta, err := readFits(a)
	if err != nil || ta == nil {
		return nil, err
	}
	tb, err := readFits(b)
	if err != nil || tb == nil || ta.key != tb.key {
		return nil, err
	}
	in := map[string]fitRow{}
	for _, f := range tb.rows {
		in[f.tested] = f
	}
	var va, vb []float64
	tested, learnt := 0, 0
	for _, f := range ta.rows {
		other, ok := in[f.tested]
		if !ok {
			continue
		}
		delete(in, f.tested) // the tests of two seeds may be the same where there are few pictures
		va, vb = append(va, f.score), append(vb, other.score)
		tested, learnt = tested+f.test, learnt+f.learnt
	}
	if len(va) < 2 {
		return nil, nil
	}
	c := &SplitComparison{Key: ta.key, PairedSplits: metric.ComparePairedSplits(va, vb, float64(tested)/float64(learnt))}
	c.Apart = len(ta.rows) + len(tb.rows) - 2*len(va)
	for i := range va {
		c.MeanA, c.MeanB = c.MeanA+va[i]/float64(len(va)), c.MeanB+vb[i]/float64(len(vb))
	}
	return c, nil
}

// fitTable is the first score of a run's splits.
type fitTable struct {
	key  string
	rows []fitRow
}

type fitRow struct {
	tested       string
	learnt, test int // pictures
	score        float64
}

// readFits reads splits.csv of a run, nil if it has none.
func readFits(run string) (*fitTable, error) {
	path := filepath.Join(run, fitsFile)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := csv.NewReader(f)
	header, err := lines.Read()
	if err != nil || len(header) <= len(fitsHeader) || !slices.Equal(header[:len(fitsHeader)], fitsHeader) {
		return nil, fmt.Errorf("%s: columns %v, want %v and scores", path, header, fitsHeader)
	}
	t := &fitTable{key: header[len(fitsHeader)]}
	for {
		row, err := lines.Read()
		if errors.Is(err, io.EOF) {
			return t, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		one, err := parseFit(row)
		if err != nil {
			line, _ := lines.FieldPos(0)
			return nil, fmt.Errorf("%s: line %d: %w", path, line, err)
		}
		t.rows = append(t.rows, one)
	}
}

// parseFit reads a line of splits.csv.
func parseFit(row []string) (fitRow, error) {
	f := fitRow{tested: row[5]}
	var counts [3]int // as in fitsHeader: train, validation, test
	for i := range counts {
		n, err := strconv.Atoi(row[2+i])
		if err != nil || n < 0 {
			return f, fmt.Errorf("%s is %q, want a number of pictures", fitsHeader[2+i], row[2+i])
		}
		counts[i] = n
	}
	f.learnt, f.test = counts[0]+counts[1], counts[2]
	var err error
	if f.score, err = strconv.ParseFloat(row[6], 64); err != nil || math.IsNaN(f.score) || math.IsInf(f.score, 0) {
		return f, fmt.Errorf("the score is %q, want a number", row[6])
	}
	if f.learnt == 0 || f.test == 0 {
		return f, fmt.Errorf("%d pictures learnt from and %d tested, want some of each", f.learnt, f.test)
	}
	return f, nil
}
