package dataset

import (
	"errors"
	"fmt"
	"os"
	"runtime"
)

// Options says how a source is opened. The zero value is the default of every field.
type Options struct {
	Exclude      []string // classes to leave out; a name that is none is an error
	Unlabelled   bool     // every picture of a folder or archive counts, wherever it lies, and has no label; tables keep theirs
	Threads      int      // files read at once; 0: GOMAXPROCS
	MaxFileBytes int64    // a larger file is skipped; 0: 1 GiB
	MaxMembers   int      // an archive with more members is refused; 0: 10 million
	MaxBytes     int64    // an archive with more unpacked bytes is refused; 0: 64 GiB
	TempDir      string   // where a .tar.gz is unpacked; "": os.TempDir()
}

// An archive that unpacks to more than freeBytes and to more than maxRatio times its own size is taken for
// a bomb. Deflate reaches 1032:1 on zeros; folders of pictures stay near 1:1.
const (
	maxRatio  = 200
	freeBytes = 1 << 30
)

func (o Options) withDefaults() (Options, error) {
	var errs []error
	for _, f := range []struct {
		name  string
		value int64
	}{{"Threads", int64(o.Threads)}, {"MaxFileBytes", o.MaxFileBytes}, {"MaxMembers", int64(o.MaxMembers)}, {"MaxBytes", o.MaxBytes}} {
		if f.value < 0 {
			errs = append(errs, fmt.Errorf("dataset: options: %s is %d, want 0 or more", f.name, f.value))
		}
	}
	if o.Unlabelled && len(o.Exclude) > 0 {
		errs = append(errs, fmt.Errorf("dataset: options: Exclude names classes, and Unlabelled has none"))
	}
	if o.Threads == 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	if o.MaxFileBytes == 0 {
		o.MaxFileBytes = 1 << 30
	}
	if o.MaxMembers == 0 {
		o.MaxMembers = 10_000_000
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 64 << 30
	}
	if o.TempDir == "" {
		o.TempDir = os.TempDir()
	}
	return o, errors.Join(errs...)
}

// checkBytes returns an error if an archive of size bytes may not unpack to total bytes.
func (o Options) checkBytes(total, size int64) error {
	if total > o.MaxBytes {
		return FormatError(fmt.Sprintf("unpacks to more than %d bytes, the limit", o.MaxBytes))
	}
	if total > freeBytes && total/maxRatio > size {
		return FormatError(fmt.Sprintf("unpacks to more than %d times its %d bytes: refused as a decompression bomb", maxRatio, size))
	}
	return nil
}
