// Package dataset tells which labelled pictures there are and which of them are for training, validation
// and test.
//
// Input: a folder with one folder per class, an archive of such folders, a ready train/test tree, a CSV or
// TSV, or any fs.FS. Output: a Dataset (paths, labels, hashes; no pixels), a Split of it, and the files
// split.csv and skipped.csv.
//
// Invariants: the source is only read, never changed, and nothing of an archive is written under the name
// that it gives. Files are known by their content: the name's extension only tells a damaged picture from
// what never was one. Bad input is listed in Dataset.Skipped, not fatal. The same files, options and seed
// give the same result, in whatever order the files are found and with any number of threads.
package dataset

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/graft-ml/graft/internal/sniff"
)

// Sample is one picture.
type Sample struct {
	Path   string            // slash-separated, relative to the data's root; in an archive the member's name
	Labels []int             // ascending indices into Dataset.Classes; exactly one unless MultiLabel; shared, do not modify
	SHA256 [sha256.Size]byte // of the file's bytes
	Size   int64             // bytes
	Split  string            // what a ready tree or a CSV's column says: "", Train, Validation or Test

	at int64 // where an archive holds it
}

// The values of Sample.Split and of the split column of split.csv.
const (
	Train      = "train"
	Validation = "validation"
	Test       = "test"
)

// Skipped is a file that is not used, and why.
type Skipped struct {
	Path, Class, Reason string // Class is "" where it is not known

	// Bad says that the file should have been a picture and is damaged, unreadable or missing: it counts
	// as a failure. The others are left out for what they are or where they lie.
	Bad bool
}

// Dataset is the labelled pictures of one source. Its methods may be called from many goroutines at once.
type Dataset struct {
	Name       string    // the folder's or file's name, without an archive's extension
	Classes    []string  // sorted by their bytes
	Samples    []Sample  // sorted by Path
	MultiLabel bool      // a picture may have any number of labels
	Skipped    []Skipped // sorted by Path
	Ignored    Counts    // files that are no pictures, by kind: "video", "text", "hidden", "system" …
	// Convertible counts the pictures in formats that another program must convert first: "heic", "avif", "raw".
	Convertible Counts
	Notes       []string // remarks for the user, one sentence each

	shown string // what errors call it: the path as it was given
	src   source
	root  string // the folder on disk that Paths are relative to; "" if there is none
	base  int    // how many leading bytes of each Path are wrapper folders
	ready bool   // a train/test tree: a folder lies between the wrappers and the class
	tree  bool   // the class is a folder in each Path
	limit int64  // bytes that ReadFile returns at most
}

// Counts is a number of files for each kind.
type Counts map[string]int

// Total returns the number of files of all kinds.
func (c Counts) Total() int {
	n := 0
	for _, v := range c {
		n += v
	}
	return n
}

// String lists the counts by kind: "3 text, 12 video".
func (c Counts) String() string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(c)) {
		parts = append(parts, fmt.Sprintf("%d %s", c[k], k))
	}
	return strings.Join(parts, ", ")
}

// FormatError is an input that cannot be used as it is; the text says what to change.
type FormatError string

func (e FormatError) Error() string { return "dataset: " + string(e) }

// UnsupportedError is an input that this package does not read.
type UnsupportedError string

func (e UnsupportedError) Error() string { return "dataset: " + string(e) }

// Open lists the pictures of a folder, an archive (.zip, .tar, .tar.gz, .tgz) or a table (.csv, .tsv).
// What a file is, its content decides. Every picture is read once, for its hash; a .tar.gz is unpacked
// to a temporary file that has no name and goes with Close.
//
// In a folder, links to regular files are followed and links to folders are not. The caller must Close
// the result.
func Open(ctx context.Context, path string, o Options) (*Dataset, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	d := &Dataset{Name: nameOf(abs), shown: path, limit: o.MaxFileBytes}
	switch {
	case info.IsDir():
		d.Name, d.root = filepath.Base(abs), abs
		err = d.openTree(ctx, dirFS(abs), o)
	case info.Mode().IsRegular():
		err = d.openFile(ctx, abs, o)
	default:
		err = UnsupportedError(path + ": a " + kindOf(info.Mode()) + ", want a folder, an archive or a CSV")
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// OpenFS lists the pictures of fsys, which has one folder per class or is a ready train/test tree. The
// name is for messages and for Dataset.Name.
func OpenFS(ctx context.Context, fsys fs.FS, name string, o Options) (*Dataset, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	d := &Dataset{Name: name, shown: name, limit: o.MaxFileBytes}
	if err := d.openTree(ctx, fsys, o); err != nil {
		return nil, err
	}
	return d, nil
}

// openTree lists a folder of folders.
func (d *Dataset) openTree(ctx context.Context, fsys fs.FS, o Options) error {
	d.src = fsSource{fsys}
	var l listing
	if err := l.walk(ctx, fsys, "."); err != nil {
		return fmt.Errorf("dataset: %s: %w", d.shown, err)
	}
	return d.fromFolders(ctx, &l, o)
}

// openFile opens an archive or a table.
func (d *Dataset) openFile(ctx context.Context, path string, o Options) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	d.src = fileOnly{f}
	head := make([]byte, sniff.HeadLen)
	n, err := io.ReadFull(f, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return fmt.Errorf("dataset: %w", err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	head = head[:n]
	var l listing
	switch {
	case isZip(head):
		d.src, err = listZip(ctx, &l, f, o)
	case isGzip(head):
		d.src, err = listTarGz(ctx, &l, f, o)
	case isTar(head):
		d.src, err = listTar(ctx, &l, f, o)
	case sniff.Of(head) == sniff.Text || isTableName(path):
		return d.openCSV(ctx, f, o)
	default:
		err = UnsupportedError(fmt.Sprintf("%s: neither a folder, a .zip, .tar or .tar.gz archive, a CSV nor a TSV (its content is %s)", d.shown, sniff.Of(head)))
	}
	if err != nil {
		return inArchive(d.shown, err)
	}
	return d.fromFolders(ctx, &l, o)
}

// ReadFile returns the bytes of s, which must be one of d.Samples. It is an error if they are not those
// that Open has seen.
func (d *Dataset) ReadFile(s *Sample) ([]byte, error) {
	r, n, err := d.src.open(file{s.Path, s.Size, s.at})
	if err != nil {
		return nil, fmt.Errorf("dataset: %s: %s", s.Path, reasonOf(err))
	}
	defer r.Close()
	if n != s.Size || n > d.limit {
		return nil, fmt.Errorf("dataset: %s: changed since it was listed: %d bytes, were %d", s.Path, n, s.Size)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, fmt.Errorf("dataset: %s: %s", s.Path, reasonOf(err))
	}
	if sha256.Sum256(b) != s.SHA256 {
		return nil, fmt.Errorf("dataset: %s: changed since it was listed: other content", s.Path)
	}
	return b, nil
}

// Close releases the source and deletes what was unpacked. ReadFile must not be called after it.
func (d *Dataset) Close() error {
	if d.src == nil {
		return nil
	}
	err := d.src.Close()
	d.src = nil
	return err
}

// ConvertHint returns one message on how to convert the Convertible pictures, or "" if there are none.
func (d *Dataset) ConvertHint() string {
	if d.Convertible.Total() == 0 {
		return ""
	}
	return fmt.Sprintf("%d pictures (%s) are in formats that are not read and were left out; convert them to JPEG first, "+
		"for example with ImageMagick: magick mogrify -format jpg *.heic", d.Convertible.Total(), d.Convertible)
}

// isTableName is asked where the content is not clear: a table may be empty or in an old encoding.
func isTableName(path string) bool {
	ext := strings.ToLower(filepath.Ext(path))
	return ext == ".csv" || ext == ".tsv"
}

// nameOf returns the last element of a file's path without the extensions of archives and tables.
func nameOf(path string) string {
	name := filepath.Base(path)
	for _, ext := range []string{".tar.gz", ".tgz", ".tar", ".zip", ".csv", ".tsv"} {
		if len(name) > len(ext) && strings.EqualFold(name[len(name)-len(ext):], ext) {
			return name[:len(name)-len(ext)]
		}
	}
	return name
}
