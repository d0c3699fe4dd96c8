package dataset

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// listing is the names in a source: regular files that may be pictures, folders, and what was left out
// without being opened.
type listing struct {
	files   []file
	dirs    map[string]struct{} // every folder that is not hidden, without the root
	skipped []Skipped
	ignored Counts
	members int // of an archive
}

func (l *listing) ignore(kind string) {
	if l.ignored == nil {
		l.ignored = Counts{}
	}
	l.ignored[kind]++
}

// leaveOut names a file that is not opened. It counts as bad if it is named like a picture.
func (l *listing) leaveOut(path, reason string) {
	if p, ok := memberPath(path); ok {
		path = p
	}
	l.skipped = append(l.skipped, Skipped{Path: path, Reason: reason, Bad: namedPicture(path)})
}

// addDir notes a folder and those around it.
func (l *listing) addDir(dir string) {
	if l.dirs == nil {
		l.dirs = map[string]struct{}{}
	}
	for dir != "." {
		if _, ok := l.dirs[dir]; ok {
			return
		}
		l.dirs[dir] = struct{}{}
		dir = path.Dir(dir)
	}
}

// walk lists dir and all below it. Only a root that cannot be read is an error.
func (l *listing) walk(ctx context.Context, fsys fs.FS, dir string) error {
	var below []string
	err := eachEntry(ctx, fsys, dir, func(e fs.DirEntry) {
		p := path.Join(dir, e.Name())
		if kind := hiddenKind(e.Name()); kind != "" {
			l.ignore(kind)
			return
		}
		mode := e.Type()
		if mode&fs.ModeSymlink != 0 {
			mode = l.follow(fsys, p)
		}
		switch {
		case mode.IsDir():
			l.addDir(p)
			below = append(below, p)
		case mode.IsRegular():
			l.files = append(l.files, file{path: p})
		case mode&fs.ModeSymlink == 0:
			l.leaveOut(p, notRegularError(mode).Error())
		}
	})
	if ctx.Err() != nil || err != nil && dir == "." {
		return err
	}
	if err != nil {
		l.skipped = append(l.skipped, Skipped{Path: dir, Reason: "folder: " + reasonOf(err), Bad: true})
	}
	for _, p := range below {
		if err := l.walk(ctx, fsys, p); err != nil {
			return err
		}
	}
	return nil
}

// eachEntry visits what dir holds, in no order. It reads part by part where it can: the entries of a
// million files take more memory than the rest of their listing.
func eachEntry(ctx context.Context, fsys fs.FS, dir string, visit func(fs.DirEntry)) error {
	f, err := fsys.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	r, ok := f.(fs.ReadDirFile)
	if !ok {
		return &fs.PathError{Op: "readdir", Path: dir, Err: errors.New("not a folder that can be listed")}
	}
	for {
		entries, err := r.ReadDir(1024)
		for _, e := range entries {
			visit(e)
		}
		if err == io.EOF {
			return nil
		}
		if err = cmp.Or(ctx.Err(), err); err != nil {
			return err
		}
	}
}

// follow returns the mode of the regular or special file that the link p leads to. A link that leads to
// none, or to a folder, is noted here: following links to folders could go round for ever.
func (l *listing) follow(fsys fs.FS, p string) fs.FileMode {
	info, err := fs.Stat(fsys, p)
	switch {
	case err != nil:
		l.leaveOut(p, "link: "+reasonOf(err))
	case info.IsDir():
		l.leaveOut(p, "link to a folder: not followed")
	default:
		return info.Mode()
	}
	return fs.ModeSymlink
}

// addMember lists a regular file of an archive. Names that lead out of it are refused.
func (l *listing) addMember(name string, size, at int64) {
	p, ok := memberPath(name)
	if !ok {
		l.leaveOut(name, "its path leads out of the archive")
		return
	}
	if kind := hiddenPathKind(p); kind != "" {
		l.ignore(kind)
		return
	}
	l.addDir(path.Dir(p))
	l.files = append(l.files, file{p, size, at})
}

// addMemberDir lists a folder of an archive.
func (l *listing) addMemberDir(name string) {
	if p, ok := memberPath(name); ok && p != "." && hiddenPathKind(p) == "" {
		l.addDir(p)
	}
}

// memberPath returns the clean form of a name in an archive, or false if it leads out of it.
func memberPath(name string) (p string, ok bool) {
	if strings.HasPrefix(name, "/") || slices.Contains(strings.Split(name, "/"), "..") {
		return "", false
	}
	return path.Clean(name), true
}

// countMember counts a member of an archive and returns an error when there are too many.
func (l *listing) countMember(ctx context.Context, o Options) error {
	l.members++
	if l.members > o.MaxMembers {
		return FormatError(fmt.Sprintf("more members than the limit, %d", o.MaxMembers))
	}
	return ctx.Err()
}

// dropRepeats sorts the files by path and keeps the first of those with the same one.
func (l *listing) dropRepeats() {
	slices.SortStableFunc(l.files, func(a, b file) int { return strings.Compare(a.path, b.path) })
	kept := l.files[:0]
	for i, f := range l.files {
		if i > 0 && f.path == kept[len(kept)-1].path {
			l.leaveOut(f.path, "repeats the name of an earlier member")
			continue
		}
		kept = append(kept, f)
	}
	l.files = kept
}
