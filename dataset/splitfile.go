package dataset

import (
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// SplitRow is a row of split.csv: a picture and the side that it was on.
type SplitRow struct {
	Path   string
	Labels []string
	Split  string // Train, Validation or Test
	SHA256 [sha256.Size]byte
}

var splitHeader = []string{"path", "label", "split", "sha256"}

// WriteSplit writes split.csv: the pictures that s uses, by path. Labels are joined by '|'; a '|' or '\'
// within a name is preceded by '\'. It can be opened as a table itself where its paths hold.
func WriteSplit(w io.Writer, d *Dataset, s *Split) error {
	side := make([]string, len(d.Samples))
	for name, samples := range s.sides() {
		for _, i := range samples {
			side[i] = name
		}
	}
	c := csv.NewWriter(w)
	err := c.Write(splitHeader)
	for i := range d.Samples {
		if side[i] == "" || err != nil {
			continue
		}
		p := &d.Samples[i]
		err = c.Write([]string{p.Path, joinLabels(d.Classes, p.Labels), side[i], hex.EncodeToString(p.SHA256[:])})
	}
	c.Flush()
	return errors.Join(err, c.Error())
}

// ReadSplit reads what WriteSplit wrote. Its errors name the line.
func ReadSplit(r io.Reader) ([]SplitRow, error) {
	c := csv.NewReader(r)
	c.ReuseRecord, c.FieldsPerRecord = true, len(splitHeader)
	head, err := c.Read()
	if err != nil && err != io.EOF {
		return nil, FormatError("split.csv: " + csvError(err).Error())
	}
	if !slices.Equal(head, splitHeader) {
		return nil, FormatError(fmt.Sprintf("split.csv: the header is %s, want %s", quoted(head), strings.Join(splitHeader, ",")))
	}
	var rows []SplitRow
	for {
		fields, err := c.Read()
		if err == io.EOF {
			return rows, nil
		}
		if err != nil {
			return nil, FormatError("split.csv: " + csvError(err).Error())
		}
		line, _ := c.FieldPos(0)
		row := SplitRow{Path: strings.Clone(fields[0]), Labels: splitLabels(fields[1]), Split: fields[2]}
		if row.Split != Train && row.Split != Validation && row.Split != Test {
			return nil, FormatError(fmt.Sprintf("split.csv: line %d: the split is %q, want train, validation or test", line, row.Split))
		}
		if len(fields[3]) != 2*sha256.Size {
			return nil, FormatError(fmt.Sprintf("split.csv: line %d: the sha256 has %d digits, want %d", line, len(fields[3]), 2*sha256.Size))
		}
		if _, err := hex.Decode(row.SHA256[:], []byte(fields[3])); err != nil {
			return nil, FormatError(fmt.Sprintf("split.csv: line %d: the sha256: %v", line, err))
		}
		row.Split = strings.Clone(row.Split)
		rows = append(rows, row)
	}
}

// WriteSkipped writes skipped.csv: a row for each file that is not used.
func WriteSkipped(w io.Writer, skipped []Skipped) error {
	c := csv.NewWriter(w)
	err := c.Write([]string{"path", "class", "reason"})
	for _, s := range skipped {
		if err == nil {
			err = c.Write([]string{s.Path, s.Class, s.Reason})
		}
	}
	c.Flush()
	return errors.Join(err, c.Error())
}
