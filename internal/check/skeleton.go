package check

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"testing"
)

// LoadSkeleton opens a file whose arrays were left out because Seeded draws them: the skeleton at path, which
// testdata/backbones/skeleton.py wrote. It returns the whole file and its size. The arrays are drawn anew
// whenever they are read, so that a file of any size costs no more memory than its skeleton; reads may be
// concurrent.
func LoadSkeleton(t testing.TB, path string) (r io.ReaderAt, size int64) {
	t.Helper()
	s, err := openSkeleton(path)
	if err != nil {
		t.Fatalf("skeleton %s: %v", path, err)
	}
	return s, s.Size
}

// A skeleton is a file made of literal bytes and of fills, in turn.
type skeleton struct {
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"` // of the whole file
	Fills  []fill `json:"fills"`

	literal []byte // all bytes that no fill covers
}

// A fill is a float32 array, little-endian, that Seeded draws by its name and shape.
type fill struct {
	Skip  int64  `json:"skip"` // how many literal bytes lie between the fill before and this one
	Name  string `json:"name"`
	Shape []int  `json:"shape"`

	offset, end int64 // in the file
	literal     int64 // how many literal bytes lie before it in all
}

func openSkeleton(path string) (*skeleton, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	in := bufio.NewReader(z)
	header, err := in.ReadBytes('\n')
	if err != nil {
		return nil, err
	}
	s := new(skeleton)
	if err := json.Unmarshal(header, s); err != nil {
		return nil, err
	}
	if s.literal, err = io.ReadAll(in); err != nil {
		return nil, err
	}
	return s, s.layOut()
}

// layOut computes where the fills lie and checks that they and the literal bytes make up the file.
func (s *skeleton) layOut() error {
	var end, literal int64
	for i := range s.Fills {
		f := &s.Fills[i]
		if f.Skip < 0 {
			return fmt.Errorf("fill %q lies %d bytes before the end of the one ahead of it", f.Name, -f.Skip)
		}
		n := int64(4)
		for _, d := range f.Shape {
			n *= int64(d)
		}
		literal += f.Skip
		f.literal, f.offset, f.end = literal, end+f.Skip, end+f.Skip+n
		end = f.end
	}
	rest := int64(len(s.literal)) - literal
	if rest < 0 || end+rest != s.Size {
		return fmt.Errorf("fills up to %d and then %d literal bytes, want %d bytes in all", end, rest, s.Size)
	}
	return nil
}

// ReadAt implements io.ReaderAt.
func (s *skeleton) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, fmt.Errorf("offset %d is negative", off)
	}
	for n < len(p) && off < s.Size {
		k := s.readPart(p[n:], off)
		n += k
		off += int64(k)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// readPart reads from the one fill or the one run of literal bytes that off lies in: at least one byte.
func (s *skeleton) readPart(p []byte, off int64) int {
	// The first fill that ends after off: off is in it, or in the literal bytes ahead of it.
	i, _ := slices.BinarySearchFunc(s.Fills, off+1, func(f fill, at int64) int { return cmp.Compare(f.end, at) })
	if i == len(s.Fills) {
		return copy(p, s.literal[int64(len(s.literal))-(s.Size-off):])
	}
	f := &s.Fills[i]
	if off < f.offset {
		return copy(p, s.literal[f.literal-(f.offset-off):f.literal])
	}
	return f.read(p, off-f.offset)
}

// read draws the bytes of f from its byte at on: as many as p takes, f has and a buffer holds.
func (f *fill) read(p []byte, at int64) int {
	var drawn [1024]float32
	var encoded [4 * len(drawn)]byte
	first := at / 4
	count := min(int64(len(drawn)), (f.end-f.offset)/4-first, (at%4+int64(len(p))+3)/4)
	scale, shift := SeededRange(f.Name, f.Shape)
	SeededAt(drawn[:count], f.Name, int(first), scale, shift)
	for i, v := range drawn[:count] {
		binary.LittleEndian.PutUint32(encoded[4*i:], math.Float32bits(v))
	}
	return copy(p, encoded[at%4:4*count])
}
