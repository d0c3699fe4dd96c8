package dataset

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
)

// fromFolders reads the files of l and takes each picture's class from the folders that it lies in.
func (d *Dataset) fromFolders(ctx context.Context, l *listing, o Options) error {
	l.dropRepeats()
	s := sorter{d: d, holds: map[string]bool{}}
	d.Skipped, d.Ignored, d.Convertible = l.skipped, Counts{}, Counts{}
	for kind, n := range l.ignored {
		d.Ignored[kind] += n
	}
	d.Samples = make([]Sample, 0, len(l.files))
	if err := inspect(ctx, d.src, l.files, o, s.tell); err != nil {
		return fmt.Errorf("dataset: %s: %w", d.shown, err)
	}
	if len(d.Samples) == 0 {
		return d.noPictures()
	}
	if o.Unlabelled {
		return d.finish()
	}
	d.tree = true
	lay := layoutOf(l.dirs, s.holds)
	d.ready = lay.ready
	if lay.base != "." {
		d.base = len(lay.base) + 1
	}
	if err := d.assign(lay, o.Exclude); err != nil {
		return err
	}
	return d.finish()
}

func (d *Dataset) noPictures() error {
	text := d.shown + ": no pictures (JPEG, PNG, GIF, WebP, BMP or TIFF)"
	if d.Ignored.Total() > 0 {
		text += "; it holds " + d.Ignored.String()
	}
	if hint := d.ConvertHint(); hint != "" {
		text += "; " + hint
	}
	if len(d.Skipped) > 0 {
		text += fmt.Sprintf("; %d skipped, the first: %s: %s", len(d.Skipped), d.Skipped[0].Path, d.Skipped[0].Reason)
	}
	return FormatError(text)
}

// layout says how the folders of a tree are to be read.
type layout struct {
	base  string   // the folder in which the classes, or train and test, lie
	ready bool     // base holds train and test
	tops  []string // the folders in base, by full path, sorted
}

// layoutOf strips wrappers, which are folders that hold one folder and no picture, and recognises a ready
// tree. Where that leaves pictures and fewer than two folders, the last wrapper was no wrapper but a class.
func layoutOf(dirs map[string]struct{}, holds map[string]bool) layout {
	children := map[string][]string{}
	for dir := range dirs {
		children[dirOf(dir)] = append(children[dirOf(dir)], dir)
	}
	base := "."
	for !holds[base] && len(children[base]) == 1 {
		base = children[base][0]
	}
	if base != "." && holds[base] && len(children[base]) < 2 {
		base = dirOf(base)
	}
	lay := layout{base: base, tops: children[base]}
	slices.Sort(lay.tops)
	sides := map[string]bool{}
	for _, top := range lay.tops {
		sides[splitNamed(lay.rel(top))] = true
	}
	lay.ready = sides[Train] && !sides[""] && len(sides) > 1
	return lay
}

// rel returns path relative to the base.
func (y layout) rel(path string) string {
	if y.base == "." {
		return path
	}
	return strings.TrimPrefix(path, y.base+"/")
}

// place returns the split and the class that path says; class is "" where it lies in no class's folder.
func (y layout) place(path string) (split, class string) {
	if y.base != "." && !strings.HasPrefix(path, y.base+"/") {
		return "", ""
	}
	rel := y.rel(path)
	if y.ready {
		top, rest, _ := strings.Cut(rel, "/")
		split, rel = splitNamed(top), rest
	}
	class, _, found := strings.Cut(rel, "/")
	if !found {
		return split, ""
	}
	return split, class
}

// splitNamed returns which side a folder's or a column's name means, or "".
func splitNamed(name string) string {
	switch strings.ToLower(name) {
	case "train":
		return Train
	case "val", "valid", "validation":
		return Validation
	case "test":
		return Test
	}
	return ""
}

// assign gives every sample its label and split, and names those without a class.
func (d *Dataset) assign(lay layout, exclude []string) error {
	counts := map[string]int{}
	for _, s := range d.Samples {
		if _, class := lay.place(s.Path); class != "" {
			counts[class]++
		}
	}
	if len(counts) == 0 {
		return FormatError(fmt.Sprintf("%s: %d pictures and no class: put the pictures of each class into a folder named for it", d.shown, len(d.Samples)))
	}
	d.noteEmptyFolders(lay, counts)
	ex, err := newExclusion(counts, exclude)
	if err != nil {
		return FormatError(d.shown + ": " + err.Error())
	}
	labels, err := d.setClasses(counts, ex)
	if err != nil {
		return err
	}
	kept, strays := d.Samples[:0], 0
	for _, s := range d.Samples {
		split, class := lay.place(s.Path)
		switch {
		case class == "":
			strays++
			d.Skipped = append(d.Skipped, Skipped{Path: s.Path, Reason: "no class: it lies beside the folders of the classes"})
		case !ex.has(class):
			s.Split, s.Labels = split, labels[class]
			kept = append(kept, s)
		}
	}
	clear(d.Samples[len(kept):])
	d.Samples = kept
	if strays > 0 {
		d.note("%d pictures lie beside the folders of the classes and are not used", strays)
	}
	for i := range d.Skipped {
		if _, ok := memberPath(d.Skipped[i].Path); ok {
			_, d.Skipped[i].Class = lay.place(d.Skipped[i].Path)
		}
	}
	d.Skipped = slices.DeleteFunc(d.Skipped, func(s Skipped) bool { return ex.has(s.Class) })
	return nil
}

// noteEmptyFolders names the folders that stand where classes do and have no picture that can be used.
func (d *Dataset) noteEmptyFolders(lay layout, counts map[string]int) {
	if lay.ready {
		return
	}
	var empty []string
	for _, top := range lay.tops {
		if name := lay.rel(top); counts[name] == 0 {
			empty = append(empty, name)
		}
	}
	if len(empty) > 0 {
		d.note("no picture to use, so no class: %s", quoted(empty))
	}
}

func (d *Dataset) note(format string, args ...any) {
	d.Notes = append(d.Notes, fmt.Sprintf(format, args...))
}

// finish orders the lists, resolves contents that occur more than once, and remarks on the classes' names.
func (d *Dataset) finish() error {
	slices.SortFunc(d.Samples, func(a, b Sample) int { return strings.Compare(a.Path, b.Path) })
	d.resolveRepeats()
	slices.SortFunc(d.Skipped, func(a, b Skipped) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(a.Reason, b.Reason))
	})
	if pairs := twins(d.Classes); len(pairs) > 0 {
		d.note("classes whose names differ only in case or in how accents are written: %s", strings.Join(pairs, ", "))
	}
	if len(d.Samples) == 0 {
		return d.noPictures()
	}
	return nil
}
