package feature

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// testPart returns the name and bytes of a small part.
func testPart(t testing.TB) (string, []byte) {
	t.Helper()
	p := &part{}
	for i := range 5 {
		p.keys = append(p.keys, key(i))
		p.values = append(p.values, row(i, testWidth)...)
	}
	dir := t.TempDir()
	name, err := p.write(dir, testPrint.String(), testWidth)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return name, b
}

// A part that another implementation wrote (testdata/make_part.py) is read bit for bit.
func TestForeignPart(t *testing.T) {
	names, err := filepath.Glob("testdata/*" + partExt)
	if err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	p, err := readPart(names[0], "made by pyarrow", 4)
	if err != nil {
		t.Fatal(err)
	}
	var want []float32
	for i := range uint32(3) {
		for j := range uint32(4) {
			want = append(want, math.Float32frombits(0x3f800000+7*i+j))
		}
		if k := [32]byte(bytes.Repeat([]byte{byte(i)}, 32)); p.keys[i] != k {
			t.Errorf("key %d: %x", i, p.keys[i])
		}
	}
	for j, b := range []uint32{0x7f800001, 0x00000001, 0x80000000} {
		want[9+j] = math.Float32frombits(b)
	}
	if !sameBits(p.values, want) || len(p.keys) != 3 {
		t.Errorf("%d keys, values %v, want %v", len(p.keys), p.values, want)
	}
}

// No cut and no single wrong byte goes unnoticed.
func TestEveryByteCounts(t *testing.T) {
	name, b := testPart(t)
	if _, err := parsePart(name, b, testPrint.String(), testWidth); err != nil {
		t.Fatal(err)
	}
	for i := range b {
		if _, err := parsePart(name, b[:i], testPrint.String(), testWidth); err == nil {
			t.Errorf("cut at %d: no error", i)
		}
		bad := slices.Clone(b)
		bad[i] ^= 0x10
		if _, err := parsePart(name, bad, testPrint.String(), testWidth); err == nil {
			t.Errorf("byte %d: no error", i)
		}
	}
}

// FuzzParsePart: no bytes but those of the part itself are taken for it, and none do harm.
func FuzzParsePart(f *testing.F) {
	name, whole := testPart(f)
	f.Add(whole)
	f.Add(whole[:len(whole)-8])
	f.Add(append(slices.Clone(whole), whole...))
	f.Add([]byte("PAR1\xff\xff\xff\x7fPAR1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parsePart(name, b, testPrint.String(), testWidth)
		if same := bytes.Equal(b, whole); (err == nil) != same {
			t.Errorf("%d bytes, same %v: %v", len(b), same, err)
		}
		if err == nil && len(p.values) != testWidth*len(p.keys) {
			t.Errorf("%d values, %d keys", len(p.values), len(p.keys))
		}
	})
}

// benchRows: what a data set of Caltech-101's size leaves, at MobileNetV2's width.
const benchRows, benchWidth = 10_000, 1280

func BenchmarkWrite(b *testing.B) {
	values := row(0, benchWidth)
	b.SetBytes(4 * benchRows * benchWidth)
	for b.Loop() {
		w := open(b, b.TempDir(), benchWidth).Writer()
		for i := range benchRows {
			if err := w.Add(key(i), values); err != nil {
				b.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpenAndLoad(b *testing.B) {
	dir := b.TempDir()
	fill(b, open(b, dir, benchWidth), 0, benchRows)
	keys := make([][32]byte, benchRows)
	for i := range keys {
		keys[i] = key(i)
	}
	b.SetBytes(4 * benchRows * benchWidth)
	for b.Loop() {
		if _, stats, err := Extract(b.Context(), open(b, dir, benchWidth), keys, benchWidth, nil); err != nil || stats.Cached != benchRows {
			b.Fatal(stats, err)
		}
	}
}
