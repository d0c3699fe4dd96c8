package dataset

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// table is what a CSV or TSV says, one entry a path.
type table struct {
	rows       []tableRow // sorted by path
	multiLabel bool
	hasSplit   bool
	notes      []string
}

type tableRow struct {
	path   string
	labels []string // sorted, without repeats
	split  string
	line   int
}

// openCSV reads the table in f; its paths are relative to its folder.
func (d *Dataset) openCSV(ctx context.Context, f *os.File, o Options) error {
	defer f.Close()
	t, err := parseTable(f)
	if err != nil {
		return FormatError(d.shown + ": " + err.Error())
	}
	d.root = filepath.Dir(f.Name())
	fsys := dirFS(d.root)
	d.src, d.MultiLabel, d.Notes = fsSource{fsys}, t.multiLabel, t.notes
	counts := map[string]int{}
	for _, r := range t.rows {
		for _, label := range r.labels {
			counts[label]++
		}
	}
	ex, err := newExclusion(counts, o.Exclude)
	if err != nil {
		return FormatError(d.shown + ": " + err.Error())
	}
	t.exclude(ex)
	files := make([]file, len(t.rows))
	for i, r := range t.rows {
		files[i].path = r.path
	}
	s := sorter{d: d, holds: map[string]bool{}, named: true}
	d.Ignored, d.Convertible = Counts{}, Counts{}
	if err := inspect(ctx, d.src, files, o, s.tell); err != nil {
		return fmt.Errorf("dataset: %s: %w", d.shown, err)
	}
	if len(d.Samples) == 0 {
		return d.noPictures()
	}
	labels, err := d.setClasses(counts, ex)
	if err != nil {
		return err
	}
	d.label(t, labels)
	return d.finish()
}

// exclude takes the labels in ex from every row; a row that had no others goes.
func (t *table) exclude(ex exclusion) {
	t.rows = slices.DeleteFunc(t.rows, func(r tableRow) bool {
		return len(r.labels) > 0 && !slices.ContainsFunc(r.labels, func(l string) bool { return !ex.has(l) })
	})
	for i := range t.rows {
		t.rows[i].labels = slices.DeleteFunc(t.rows[i].labels, ex.has)
	}
}

// find returns the row of a path that is in t.
func (t *table) find(path string) tableRow {
	i, _ := slices.BinarySearchFunc(t.rows, path, func(r tableRow, p string) int { return strings.Compare(r.path, p) })
	return t.rows[i]
}

// label gives samples and skipped files what their rows say. Rows with one label share its list.
func (d *Dataset) label(t *table, labels map[string][]int) {
	for i := range d.Samples {
		s := &d.Samples[i]
		row := t.find(s.Path)
		s.Split = row.split
		if len(row.labels) == 1 {
			s.Labels = labels[row.labels[0]]
			continue
		}
		for _, name := range row.labels { // sorted, as Classes are
			s.Labels = append(s.Labels, labels[name][0])
		}
	}
	for i := range d.Skipped {
		d.Skipped[i].Class = strings.Join(t.find(d.Skipped[i].Path).labels, "|")
	}
}

// columns are the indices of the known columns in a row; -1 if there is none.
type columns struct {
	path, label, split int
	fields             int
	headerLine         int
}

// parseTable reads a CSV or TSV with the header path,label[,split]. Its errors name the line.
func parseTable(r io.Reader) (*table, error) {
	c, err := newTableReader(r)
	if err != nil {
		return nil, err
	}
	head, err := c.Read()
	if err == io.EOF {
		return nil, errors.New("no rows: want the header path,label[,split]")
	}
	if err != nil {
		return nil, csvError(err)
	}
	t := &table{}
	cols, err := t.header(head)
	if err != nil {
		return nil, err
	}
	for {
		fields, err := c.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, csvError(err)
		}
		line, _ := c.FieldPos(0)
		row, err := cols.row(fields)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		row.line = line
		t.rows = append(t.rows, row)
	}
	return t, t.merge()
}

// newTableReader returns a reader of the rows in r, which are separated by commas or tabs: by what comes
// first after the first name in the header.
func newTableReader(r io.Reader) (*csv.Reader, error) {
	b := bufio.NewReaderSize(r, 64<<10)
	head, err := b.Peek(b.Size())
	if err != nil && err != io.EOF {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		return nil, errors.New("the text is UTF-16: save it as UTF-8")
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		head = head[3:]
		if _, err := b.Discard(3); err != nil {
			return nil, err
		}
	}
	c := csv.NewReader(b)
	c.FieldsPerRecord, c.ReuseRecord = -1, true
	first, _, _ := bytes.Cut(bytes.TrimLeft(head, "\r\n"), []byte("\n"))
	if i := bytes.IndexAny(first, ",\t"); i >= 0 {
		c.Comma = rune(first[i])
	}
	return c, nil
}

// csvError says in which line a row is malformed.
func csvError(err error) error {
	var p *csv.ParseError
	if errors.As(err, &p) {
		at := fmt.Sprintf("line %d", p.Line)
		if p.StartLine != p.Line {
			at = fmt.Sprintf("line %d, in the row that begins in line %d", p.Line, p.StartLine)
		}
		return fmt.Errorf("%s: %w (quotes within a quoted field are doubled)", at, p.Err)
	}
	return err
}

// header finds the columns.
func (t *table) header(names []string) (columns, error) {
	cols := columns{path: -1, label: -1, split: -1, fields: len(names)}
	var extra []string
	for i, name := range names {
		var col *int
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "path":
			col = &cols.path
		case "label":
			col = &cols.label
		case "split":
			col = &cols.split
		default:
			extra = append(extra, name)
			continue
		}
		if *col >= 0 {
			return cols, fmt.Errorf("line 1: the column %q occurs twice", name)
		}
		*col = i
	}
	if cols.path < 0 || cols.label < 0 {
		return cols, fmt.Errorf("line 1: the header is %s; want path,label[,split], separated by commas or tabs", quoted(names))
	}
	if len(extra) > 0 {
		t.notes = append(t.notes, "columns that are not used: "+quoted(extra))
	}
	t.hasSplit = cols.split >= 0
	return cols, nil
}

// row reads one row.
func (c columns) row(fields []string) (tableRow, error) {
	var r tableRow
	if len(fields) != c.fields {
		return r, fmt.Errorf("%d fields, want %d as in the header", len(fields), c.fields)
	}
	p := strings.Clone(fields[c.path]) // fields are parts of one string for the row
	if p == "" {
		return r, errors.New("the path is empty")
	}
	r.path = path.Clean(filepath.ToSlash(p))
	if path.IsAbs(r.path) || !filepath.IsLocal(filepath.FromSlash(r.path)) || r.path == "." {
		return r, fmt.Errorf("the path %q: want one relative to the table's folder that does not leave it", p)
	}
	for _, label := range splitLabels(fields[c.label]) {
		label = strings.TrimSpace(label)
		if label == "" {
			return r, fmt.Errorf("the label %q has an empty name", fields[c.label])
		}
		r.labels = append(r.labels, strings.Clone(label))
	}
	if c.split >= 0 {
		name := strings.TrimSpace(fields[c.split])
		if r.split = splitNamed(name); r.split == "" && name != "" {
			return r, fmt.Errorf("the split is %q, want train, validation (val, valid) or test", name)
		}
	}
	return r, nil
}

// merge sorts the rows and joins those of one path, then checks what concerns them all.
func (t *table) merge() error {
	if len(t.rows) == 0 {
		return errors.New("no rows below the header")
	}
	slices.SortStableFunc(t.rows, func(a, b tableRow) int {
		return cmp.Or(strings.Compare(a.path, b.path), cmp.Compare(a.line, b.line))
	})
	kept := t.rows[:1]
	for _, r := range t.rows[1:] {
		last := &kept[len(kept)-1]
		if r.path != last.path {
			kept = append(kept, r)
			continue
		}
		if r.split != last.split {
			return fmt.Errorf("line %d: %q is in split %q, in line %d in %q", r.line, r.path, r.split, last.line, last.split)
		}
		last.labels = append(last.labels, r.labels...)
	}
	clear(t.rows[len(kept):])
	t.rows = kept
	shared := map[string][]string{} // rows with one label share its list and its name
	some := 0
	for i := range t.rows {
		r := &t.rows[i]
		slices.Sort(r.labels)
		r.labels = slices.Compact(r.labels)
		if len(r.labels) > 1 {
			t.multiLabel = true
		}
		if len(r.labels) == 1 {
			if _, ok := shared[r.labels[0]]; !ok {
				shared[r.labels[0]] = r.labels
			}
			r.labels = slices.Clip(shared[r.labels[0]])
		}
		if r.split != "" {
			some++
		}
	}
	return t.check(some)
}

// check refuses rows that lack what the others have. Of the rows, split have a split.
func (t *table) check(split int) error {
	for _, r := range t.rows {
		if len(r.labels) == 0 && !t.multiLabel {
			return fmt.Errorf("line %d: the label is empty", r.line)
		}
		if r.split == "" && split > 0 {
			return fmt.Errorf("line %d: the split is empty, and %d other pictures have one", r.line, split)
		}
	}
	if t.hasSplit && split == 0 {
		t.notes = append(t.notes, "the column split is empty: pictures are split by seed")
	}
	return nil
}
