package hdf5

import (
	"bytes"
	"errors"
	"runtime/metrics"
	"testing"
	"time"
)

// maxAlloc is how much memory the tests' damaged files may cost: they are all under 100 kB.
const maxAlloc = 16 << 20

// walkAll opens everything in a file and returns the first error.
func walkAll(data []byte, lax bool) error {
	f, err := open(bytes.NewReader(data), int64(len(data)), lax)
	if err != nil {
		return err
	}
	return walkGroup(f.Root(), map[uint64]bool{})
}

func walkGroup(g *Group, seen map[uint64]bool) error {
	if seen[g.Address()] {
		return nil
	}
	seen[g.Address()] = true
	errs := []error{walkAttrs(&g.object)}
	for _, name := range g.Names() {
		o, err := g.Open(name)
		switch o := o.(type) {
		case *Group:
			err = walkGroup(o, seen)
		case *Dataset:
			err = errors.Join(walkAttrs(&o.object), o.Read(func(int, []byte) {}))
		}
		errs = append(errs, err)
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func walkAttrs(o *object) error {
	if err := o.loadAttrs(); err != nil {
		return err
	}
	for name := range o.attrs {
		if _, err := o.Strings(name); err != nil {
			return err
		}
	}
	return nil
}

// bounded runs f and checks that it took neither long nor much memory.
func bounded(t *testing.T, f func()) {
	t.Helper()
	before, start := allocated(), time.Now()
	f()
	if n, took := allocated()-before, time.Since(start); n > maxAlloc || took > 2*time.Second {
		t.Errorf("took %v and %d bytes of memory", took, n)
	}
}

// allocated returns the bytes that have been allocated so far: it does not stop the world, as ReadMemStats
// does, and large objects are in it at once.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

var tiny = []string{"tiny_earliest.h5", "tiny_v108.h5", "tiny_v114.h5"}

func TestCutAnywhere(t *testing.T) {
	for _, name := range tiny {
		data := readFile(t, name)
		if err := walkAll(data, false); err != nil {
			t.Fatal(err)
		}
		for n := range data {
			if err := walkAll(data[:n], false); err == nil {
				t.Fatalf("%s is read without error when cut to %d of %d bytes", name, n, len(data))
			} else if s := err.Error(); bytes.ContainsAny([]byte(s), "\n") {
				t.Fatalf("%s cut to %d: %q", name, n, s)
			}
		}
		if err := walkAll(append(data, 0), false); err == nil {
			t.Errorf("%s is read with a byte behind its end", name)
		}
	}
}

// touches notes which bytes of a file are read.
type touches struct {
	*bytes.Reader
	read []bool
}

func (r *touches) ReadAt(p []byte, off int64) (int, error) {
	for i := range p {
		if at := int(off) + i; at < len(r.read) {
			r.read[at] = true
		}
	}
	return r.Reader.ReadAt(p, off)
}

// TestFlippedBits damages each byte of a file that is read. Where nothing has a checksum, damage may stay
// unseen; but nothing may panic or take more than it should.
func TestFlippedBits(t *testing.T) {
	for _, name := range tiny {
		data := readFile(t, name)
		r := &touches{bytes.NewReader(data), make([]bool, len(data))}
		f, err := Open(r, int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		if err := walkGroup(f.Root(), map[uint64]bool{}); err != nil {
			t.Fatal(err)
		}
		for i := range data {
			if !r.read[i] || testing.Short() && i%4 != 0 {
				continue
			}
			flip, lax := byte(1<<(i%8)), i%2 == 0
			data[i] ^= flip
			bounded(t, func() { _ = walkAll(data, lax) })
			data[i] ^= flip
			if t.Failed() {
				t.Fatalf("%s, byte %d", name, i)
			}
		}
	}
}
