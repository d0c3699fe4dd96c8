package dataset

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Mode is how WriteTree puts a picture into its tree.
type Mode int

const (
	Copy     Mode = iota
	Hardlink      // the same file under a second name; the same disk is needed
	Symlink       // by the absolute path
)

// WriteTree writes the split to the folder out as train/CLASS/… and test/CLASS/…. The pictures for
// validation are in train: opened again and split with the same shares and seed, the tree gives them back.
// Within a class, files keep their names and folders; where two would collide, a number is added.
//
// The folder out must be new or empty, and not within the data. It is built beside its place and renamed
// at the end, so it is there whole or not at all; the data is never changed. Links need data in a folder.
func WriteTree(ctx context.Context, d *Dataset, s *Split, out string, mode Mode) error {
	if err := d.canWriteTree(mode); err != nil {
		return err
	}
	out, err := d.checkOut(out)
	if err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(out), "."+filepath.Base(out)+"-*")
	if err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	// The folder within has the usual rights; the temporary one around it is for the owner only.
	w := treeWriter{d: d, dir: filepath.Join(tmp, "tree"), mode: mode, used: map[string]bool{}}
	err = w.write(ctx, s)
	if err == nil {
		os.Remove(out) // an empty folder, which not every system replaces by renaming
		err = os.Rename(w.dir, out)
	}
	if err != nil {
		err = fmt.Errorf("dataset: %s: %w", out, err)
	}
	return errors.Join(err, os.RemoveAll(tmp))
}

// canWriteTree returns an error if d cannot be written as folders, or not with links.
func (d *Dataset) canWriteTree(mode Mode) error {
	if d.MultiLabel {
		return UnsupportedError(d.shown + ": pictures with many labels do not fit into one folder per class")
	}
	if mode != Copy && d.root == "" {
		return UnsupportedError(d.shown + ": links need a folder of files: copy instead")
	}
	for _, c := range d.Classes {
		if c != filepath.Base(c) || !filepath.IsLocal(c) || c == "." {
			return FormatError(fmt.Sprintf("%s: the class %q cannot be the name of a folder", d.shown, c))
		}
		if hiddenKind(c) != "" {
			return FormatError(fmt.Sprintf("%s: a folder named %q is hidden and would not be read again", d.shown, c))
		}
	}
	return nil
}

// checkOut returns the absolute path of out, with its links followed as far as it exists.
func (d *Dataset) checkOut(out string) (string, error) {
	abs, err := filepath.Abs(out)
	if err != nil {
		return "", fmt.Errorf("dataset: %w", err)
	}
	entries, err := os.ReadDir(abs)
	switch {
	case err == nil && len(entries) > 0:
		return "", FormatError(out + ": exists and is not empty: name a new folder")
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("dataset: %w", err)
	}
	resolved, err := realPath(abs)
	if err != nil {
		return "", err
	}
	if d.root != "" && d.tree {
		root, err := realPath(d.root)
		if err != nil {
			return "", err
		}
		if rel, err := filepath.Rel(root, resolved); err == nil && filepath.IsLocal(rel) {
			return "", FormatError(fmt.Sprintf("%s: lies within the data folder %s, which is never changed: name a folder outside it", out, d.shown))
		}
	}
	if err := os.MkdirAll(filepath.Dir(resolved), 0o777); err != nil {
		return "", fmt.Errorf("dataset: %w", err)
	}
	return resolved, nil
}

// realPath follows the links in an absolute path as far as it exists.
func realPath(p string) (string, error) {
	resolved, err := filepath.EvalSymlinks(p)
	if errors.Is(err, fs.ErrNotExist) && p != filepath.Dir(p) {
		if resolved, err = realPath(filepath.Dir(p)); err == nil {
			return filepath.Join(resolved, filepath.Base(p)), nil
		}
	}
	if err != nil {
		return "", fmt.Errorf("dataset: %w", err)
	}
	return resolved, nil
}

type treeWriter struct {
	d    *Dataset
	dir  string
	mode Mode
	used map[string]bool
}

func (w *treeWriter) write(ctx context.Context, s *Split) error {
	for _, part := range []struct {
		name    string
		samples []int
	}{{Train, s.Train}, {Train, s.Validation}, {Test, s.Test}} {
		for _, i := range part.samples {
			if err := ctx.Err(); err != nil {
				return err
			}
			p := &w.d.Samples[i]
			to := path.Join(part.name, w.d.Classes[p.Labels[0]], w.d.within(p))
			if err := w.put(p, filepath.Join(w.dir, filepath.FromSlash(w.free(to)))); err != nil {
				return fmt.Errorf("%s: %w", p.Path, err)
			}
		}
	}
	return nil
}

// within returns the path of a sample within its class.
func (d *Dataset) within(s *Sample) string {
	if !d.tree {
		return s.Path
	}
	rel := s.Path[d.base:]
	if d.ready {
		_, rel, _ = strings.Cut(rel, "/")
	}
	_, rel, _ = strings.Cut(rel, "/")
	return rel
}

// free returns p, or the first of p-2, p-3 … that is not in use.
func (w *treeWriter) free(p string) string {
	ext := path.Ext(p)
	for n, name := 2, p; ; n++ {
		if !w.used[name] {
			w.used[name] = true
			return name
		}
		name = fmt.Sprintf("%s-%d%s", strings.TrimSuffix(p, ext), n, ext)
	}
}

// put makes the file to from the sample s.
func (w *treeWriter) put(s *Sample, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		return err
	}
	if w.mode == Copy {
		b, err := w.d.ReadFile(s)
		if err != nil {
			return err
		}
		return os.WriteFile(to, b, 0o666)
	}
	from := filepath.Join(w.d.root, filepath.FromSlash(s.Path))
	if w.mode == Symlink {
		return os.Symlink(from, to)
	}
	from, err := filepath.EvalSymlinks(from) // a link to a link would break where it is relative
	if err != nil {
		return err
	}
	return os.Link(from, to)
}
