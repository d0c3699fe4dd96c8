package weights

import (
	"archive/zip"
	"errors"
	"io"
)

// Limits of a zip. A torch file has one member for each tensor and a few more.
const (
	maxMembers   = 10_000
	maxDirectory = 2 << 20 // bytes
)

// zipFiles are the members of a zip whose directory has been checked.
type zipFiles struct {
	list  []*zip.File
	files map[string]*zip.File
	size  int64
}

// readZip reads the directory of a zip and checks that it has no more members than one must expect and none
// twice: readers differ in which of two they take.
func readZip(r io.ReaderAt, size int64) (*zipFiles, error) {
	// Package zip believes in any number of members, at 250 bytes of memory each: so the bytes that it reads
	// of the directory are counted.
	b := &budget{r: r, left: maxDirectory}
	z, err := zip.NewReader(b, size)
	switch {
	case errors.Is(err, errBudget):
		return nil, formatErrorf("a zip whose directory has more than %d bytes", maxDirectory)
	case err != nil:
		return nil, formatErrorf("a damaged zip, or one that is cut short: %v", err)
	case len(z.File) > maxMembers:
		return nil, formatErrorf("a zip of %d members, the limit is %d", len(z.File), maxMembers)
	}
	b.unlimited = true
	files := make(map[string]*zip.File, len(z.File))
	for _, f := range z.File {
		if files[f.Name] != nil {
			return nil, formatErrorf("a zip that has the member %.200q twice", f.Name)
		}
		files[f.Name] = f
	}
	return &zipFiles{list: z.File, files: files, size: size}, nil
}

// stored returns where the bytes of a member lie. It must not be compressed.
func (z *zipFiles) stored(name string) (off, n int64, err error) {
	f := z.files[name]
	switch {
	case f == nil:
		return 0, 0, formatErrorf("the zip has no member %.200q", name)
	case f.Flags&1 != 0:
		return 0, 0, unsupportedf("the zip's member %.200q is encrypted", name)
	case f.Method != zip.Store || f.CompressedSize64 != f.UncompressedSize64:
		return 0, 0, unsupportedf("the zip's member %.200q is compressed, want it stored", name)
	}
	off, err = f.DataOffset()
	if err != nil {
		return 0, 0, formatErrorf("the zip's member %.200q: %v", name, err)
	}
	if off > z.size || f.UncompressedSize64 > uint64(z.size-off) {
		return 0, 0, formatErrorf("the zip's member %.200q: %d bytes at %d in a file of %d", name, f.UncompressedSize64, off, z.size)
	}
	return off, int64(f.UncompressedSize64), nil
}

// budget is a reader that stops after a number of bytes, until it is unlimited.
type budget struct {
	r         io.ReaderAt
	left      int
	unlimited bool
}

var errBudget = errors.New("more bytes than allowed")

func (b *budget) ReadAt(p []byte, off int64) (int, error) {
	if !b.unlimited {
		if b.left -= len(p); b.left < 0 {
			return 0, errBudget
		}
	}
	return b.r.ReadAt(p, off)
}
