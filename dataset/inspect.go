package dataset

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/graft-ml/graft/internal/sniff"
)

// verdict is what the content of one file says.
type verdict struct {
	format sniff.Format
	sha    [sha256.Size]byte // of a decodable picture
	size   int64
	reason string // why it could not be read
}

// inspect reads files with o.Threads workers and tells of each, in order. It works block by block, so that
// verdicts on a million files are never held at once.
func inspect(ctx context.Context, src source, files []file, o Options, tell func(file, verdict)) error {
	const block = 4096
	var verdicts [block]verdict
	for part := range slices.Chunk(files, block) {
		var next atomic.Int64
		var workers sync.WaitGroup
		for range min(o.Threads, len(part)) {
			workers.Go(func() {
				buf := make([]byte, 64<<10)
				for ctx.Err() == nil {
					i := int(next.Add(1)) - 1
					if i >= len(part) {
						return
					}
					verdicts[i] = inspectFile(src, part[i], o.MaxFileBytes, buf)
				}
			})
		}
		workers.Wait()
		if err := ctx.Err(); err != nil {
			return err
		}
		for i, f := range part {
			tell(f, verdicts[i])
		}
	}
	return nil
}

// inspectFile reads the head of a file and, if that is a picture's, the rest of it.
func inspectFile(src source, f file, limit int64, buf []byte) verdict {
	r, size, err := src.open(f)
	if err != nil {
		return verdict{reason: reasonOf(err)}
	}
	defer r.Close()
	n, err := io.ReadFull(r, buf[:sniff.HeadLen])
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return verdict{reason: reasonOf(err)}
	}
	if int64(n) < min(size, sniff.HeadLen) {
		return verdict{reason: reasonOf(io.ErrUnexpectedEOF)}
	}
	v := verdict{format: sniff.Of(buf[:n]), size: size}
	if !v.format.Decodable() {
		return v
	}
	if size > limit {
		v.reason = fmt.Sprintf("has %d bytes, more than the limit, %d", size, limit)
		return v
	}
	h := sha256.New()
	h.Write(buf[:n])
	// One byte more than stated shows a file that grows; the buffer's first use is over.
	rest, err := io.CopyBuffer(h, io.LimitReader(r, size-int64(n)+1), buf)
	switch {
	case err != nil:
		v.reason = reasonOf(err)
	case int64(n)+rest != size:
		v.reason = fmt.Sprintf("changed while it was read: %d bytes stated", size)
	}
	h.Sum(v.sha[:0])
	return v
}

// sorter puts inspected files where they belong.
type sorter struct {
	d     *Dataset
	holds map[string]bool // folders that have a picture in them, of any format
	// named says that the user named each file, so that one which is no picture is a bad one.
	named bool
}

func (s *sorter) tell(f file, v verdict) {
	ext := extOf(f.path)
	kind := convertibleExts[ext]
	switch {
	case v.reason != "":
		s.skip(f.path, v.reason, s.named || namedPicture(f.path))
	case v.format.Decodable() && !(v.format == sniff.TIFF && kind == "raw"):
		s.holds[dirOf(f.path)] = true
		s.d.Samples = append(s.d.Samples, Sample{Path: f.path, SHA256: v.sha, Size: v.size, at: f.at})
	case v.format.Convertible():
		s.convertible(f.path, v.format.String())
	case kind != "" && (v.format == sniff.Unknown || v.format == sniff.TIFF):
		s.convertible(f.path, kind)
	case namedPicture(f.path):
		s.skip(f.path, mislabelled(ext, v.format), true)
	case s.named:
		s.skip(f.path, "not a picture: its content is "+v.format.String(), true)
	default:
		s.d.Ignored[kindName(v.format)]++
	}
}

func (s *sorter) skip(path, reason string, bad bool) {
	s.d.Skipped = append(s.d.Skipped, Skipped{Path: path, Reason: reason, Bad: bad})
}

func (s *sorter) convertible(path, kind string) {
	s.holds[dirOf(path)] = true
	s.d.Convertible[kind]++
}

// dirOf is path.Dir for clean paths; it does not allocate.
func dirOf(path string) string {
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		return path[:i]
	}
	return "."
}

func mislabelled(ext string, f sniff.Format) string {
	if f == sniff.Empty {
		return "the file is empty"
	}
	return fmt.Sprintf("mislabelled: named %s, its content is %s", ext, f)
}

func kindName(f sniff.Format) string {
	if f == sniff.Unknown {
		return "other"
	}
	return f.String()
}
