package feature

import (
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Activations is a folder of what the frozen part of a network gives for pictures, one file a picture, named
// after the hash of the picture's content: the numbers as little-endian float32 and their CRC-32C. It is there to
// save time and may vanish: files are renamed into place but not synced, and a damaged one counts as missing. Its
// methods may be called from many goroutines.
type Activations struct {
	dir    string
	width  int
	budget int64
	used   atomic.Int64 // bytes, of all folders beside dir too
}

// activationExt ends the name of a file.
const activationExt = ".f32"

// OpenActivations opens the folder of fp below dir, and makes it if there is none. Files have width numbers. All
// folders below dir together are kept within budget bytes: to make room for n pictures, those of other
// fingerprints are removed, the one that was used least recently first; what does not fit then is not stored.
func OpenActivations(dir string, fp Fingerprint, width, n int, budget int64) (*Activations, error) {
	a := &Activations{dir: filepath.Join(dir, fp.String()), width: width, budget: budget}
	if err := os.MkdirAll(a.dir, 0o777); err != nil {
		return nil, fmt.Errorf("activation cache: %w; give another folder with --cache DIR", err)
	}
	now := time.Now()
	os.Chtimes(a.dir, now, now) // says when it was used last; where that is not possible, another goes first
	folders, err := measureFolders(dir)
	if err != nil {
		return nil, fmt.Errorf("activation cache: %w", err)
	}
	var used, own int64
	for _, f := range folders {
		used += f.bytes
		if f.path == a.dir {
			own = f.bytes
		}
	}
	want := max(own, int64(n)*a.fileSize())
	for _, f := range folders {
		if f.path == a.dir || used-own+want <= budget {
			continue
		}
		if err := os.RemoveAll(f.path); err == nil {
			used -= f.bytes
		}
	}
	a.used.Store(used)
	return a, nil
}

func (a *Activations) fileSize() int64 { return 4*int64(a.width) + crc32.Size }

// folder is one of the folders below the cache's.
type folder struct {
	path  string
	bytes int64
	used  time.Time
}

// measureFolders returns the folders in dir, the one that was used least recently first. Temporary files of
// writers that are long dead are removed.
func measureFolders(dir string) ([]folder, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var out []folder
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !e.IsDir() {
			continue
		}
		f := folder{path: filepath.Join(dir, e.Name()), used: info.ModTime()}
		err = filepath.WalkDir(f.path, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return nil // it may be going away
			}
			info, err := d.Info()
			if err != nil {
				return nil
			}
			if strings.HasSuffix(path, tempExt) && time.Since(info.ModTime()) > time.Hour {
				os.Remove(path)
				return nil
			}
			f.bytes += info.Size()
			return nil
		})
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	slices.SortStableFunc(out, func(a, b folder) int { return cmp.Compare(a.used.UnixNano(), b.used.UnixNano()) })
	return out, nil
}

func (a *Activations) path(sha [32]byte) string {
	name := hex.EncodeToString(sha[:])
	return filepath.Join(a.dir, name[:2], name+activationExt)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Has reports whether there is a file for a picture. It may turn out to be damaged.
func (a *Activations) Has(sha [32]byte) bool {
	info, err := os.Stat(a.path(sha))
	return err == nil && info.Size() == a.fileSize()
}

// Get reads the numbers of a picture into dst and reports whether they are there, whole.
func (a *Activations) Get(sha [32]byte, dst []float32) bool {
	if len(dst) != a.width {
		return false
	}
	f, err := os.Open(a.path(sha))
	if err != nil {
		return false
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() != a.fileSize() {
		return false
	}
	b := make([]byte, a.fileSize())
	if _, err := io.ReadFull(f, b); err != nil {
		return false
	}
	values := b[:4*a.width]
	if crc32.Checksum(values, castagnoli) != binary.LittleEndian.Uint32(b[4*a.width:]) {
		return false
	}
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(values[4*i:]))
	}
	return true
}

// tempExt ends the name of a file in the making.
const tempExt = ".tmp"

// Put stores the numbers of a picture, in place of what there is. It reports whether they were stored: beyond the
// budget they are not, which is no error.
func (a *Activations) Put(sha [32]byte, x []float32) (bool, error) {
	if len(x) != a.width {
		return false, fmt.Errorf("activation cache %s: %d numbers, want %d", a.dir, len(x), a.width)
	}
	if a.used.Add(a.fileSize()) > a.budget {
		a.used.Add(-a.fileSize())
		return false, nil
	}
	if err := a.write(a.path(sha), x); err != nil {
		a.used.Add(-a.fileSize())
		return false, fmt.Errorf("activation cache: %w", err)
	}
	return true, nil
}

func (a *Activations) write(path string, x []float32) error {
	b := make([]byte, 0, a.fileSize())
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".graft-*"+tempExt)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
