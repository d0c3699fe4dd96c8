package train

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"os"

	"github.com/graft-ml/graft/internal/atomicfile"
)

// A checkpoint file is
//
//	"GRAFTCK1", uint32 length of the header, the header as JSON, the numbers, SHA-256 of all that
//
// with little-endian integers and float32. The header says what the training was at, and which arrays follow.
const (
	checkpointMagic = "GRAFTCK1"
	maxHeader       = 64 << 20
	maxArrays       = 1 << 20
)

// DamagedError is the error of a checkpoint that is not whole, or is none.
type DamagedError struct {
	Path string
	Err  error
}

func (e *DamagedError) Error() string { return e.Path + ": damaged checkpoint: " + e.Err.Error() }
func (e *DamagedError) Unwrap() error { return e.Err }

// array is a named array of a checkpoint.
type array struct {
	name string
	data []float32
}

// header is what stands in front of the numbers.
type header struct {
	State  json.RawMessage `json:"state"`
	Arrays []arrayInfo     `json:"arrays"`
}

type arrayInfo struct {
	Name string `json:"name"`
	Len  int    `json:"len"`
}

// writeArrays commits a file with state, as JSON, and arrays at path. It returns the file's checksum.
func writeArrays(path string, state any, arrays []array) (sum [sha256.Size]byte, err error) {
	var h header
	if h.State, err = json.Marshal(state); err != nil {
		return sum, err
	}
	for _, a := range arrays {
		h.Arrays = append(h.Arrays, arrayInfo{a.name, len(a.data)})
	}
	text, err := json.Marshal(h)
	if err != nil {
		return sum, err
	}
	if len(text) > maxHeader {
		return sum, fmt.Errorf("write %s: a header of %d bytes, at most %d", path, len(text), maxHeader)
	}
	err = atomicfile.WriteFile(path, func(w io.Writer) error {
		digest := sha256.New()
		out := io.MultiWriter(w, digest)
		front := binary.LittleEndian.AppendUint32([]byte(checkpointMagic), uint32(len(text)))
		if _, err := out.Write(append(front, text...)); err != nil {
			return err
		}
		for _, a := range arrays {
			if err := writeFloats(out, a.data); err != nil {
				return err
			}
		}
		digest.Sum(sum[:0])
		_, err := w.Write(sum[:])
		return err
	})
	return sum, err
}

// block is how many numbers are written or read at once.
const block = 1 << 14

func writeFloats(w io.Writer, x []float32) error {
	b := make([]byte, 0, 4*min(len(x), block))
	for len(x) > 0 {
		n := min(len(x), block)
		b = b[:0]
		for _, v := range x[:n] {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
		x = x[n:]
	}
	return nil
}

// readArrays reads what writeArrays wrote: the state into state, and the arrays by name. A file that is not
// whole is a *DamagedError; nothing of it is to be used. It never allocates more than a few times the file's size.
func readArrays(path string, state any) (arrays map[string][]float32, sum [sha256.Size]byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, sum, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, sum, err
	}
	r := &arrayReader{in: f, digest: sha256.New(), left: info.Size() - sha256.Size}
	arrays, sum, err = r.read(state)
	if err != nil {
		err = &DamagedError{path, err}
	}
	return arrays, sum, err
}

// arrayReader reads a file and digests what it reads.
type arrayReader struct {
	in     io.Reader
	digest hash.Hash
	left   int64 // bytes before the checksum
}

func (r *arrayReader) bytes(n int64) ([]byte, error) {
	if n > r.left {
		return nil, fmt.Errorf("%d bytes too short", n-r.left)
	}
	r.left -= n
	b := make([]byte, n)
	if _, err := io.ReadFull(r.in, b); err != nil {
		return nil, err
	}
	r.digest.Write(b)
	return b, nil
}

func (r *arrayReader) read(state any) (map[string][]float32, [sha256.Size]byte, error) {
	var sum [sha256.Size]byte
	h, err := r.header()
	if err != nil {
		return nil, sum, err
	}
	arrays := make(map[string][]float32, len(h.Arrays))
	for _, a := range h.Arrays {
		if a.Len < 0 || int64(a.Len) > r.left/4 {
			return nil, sum, fmt.Errorf("array %q of %d numbers, where %d bytes are left", a.Name, a.Len, r.left)
		}
		if _, twice := arrays[a.Name]; twice {
			return nil, sum, fmt.Errorf("array %q twice", a.Name)
		}
		if arrays[a.Name], err = r.floats(a.Len); err != nil {
			return nil, sum, err
		}
	}
	if r.left != 0 {
		return nil, sum, fmt.Errorf("%d bytes too long", r.left)
	}
	r.digest.Sum(sum[:0])
	var want [sha256.Size]byte
	if _, err := io.ReadFull(r.in, want[:]); err != nil {
		return nil, sum, err
	}
	if sum != want {
		return nil, sum, errors.New("the checksum does not match")
	}
	if err := json.Unmarshal(h.State, state); err != nil {
		return nil, sum, fmt.Errorf("state: %w", err)
	}
	return arrays, sum, nil
}

func (r *arrayReader) header() (h header, err error) {
	const front = len(checkpointMagic) + 4
	if r.left < int64(front) {
		return h, errors.New("too short to be one")
	}
	b, err := r.bytes(int64(front))
	if err != nil {
		return h, err
	}
	if !bytes.HasPrefix(b, []byte(checkpointMagic)) {
		return h, fmt.Errorf("it begins with %q, want %q", b[:len(checkpointMagic)], checkpointMagic)
	}
	n := binary.LittleEndian.Uint32(b[len(checkpointMagic):])
	if n > maxHeader {
		return h, fmt.Errorf("a header of %d bytes, at most %d", n, maxHeader)
	}
	if b, err = r.bytes(int64(n)); err != nil {
		return h, fmt.Errorf("header: %w", err)
	}
	if err := json.Unmarshal(b, &h); err != nil {
		return h, fmt.Errorf("header: %w", err)
	}
	if len(h.Arrays) > maxArrays {
		return h, fmt.Errorf("%d arrays, at most %d", len(h.Arrays), maxArrays)
	}
	return h, nil
}

func (r *arrayReader) floats(n int) ([]float32, error) {
	x := make([]float32, 0, n)
	for len(x) < n {
		b, err := r.bytes(4 * int64(min(n-len(x), block)))
		if err != nil {
			return nil, err
		}
		for ; len(b) > 0; b = b[4:] {
			x = append(x, math.Float32frombits(binary.LittleEndian.Uint32(b)))
		}
	}
	return x, nil
}
