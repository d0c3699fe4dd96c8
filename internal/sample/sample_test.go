package sample

import (
	"bytes"
	"image/jpeg"
	"path"
	"runtime"
	"slices"
	"testing"
)

func TestGenerate(t *testing.T) {
	const perClass = 3
	files, err := Generate(7, perClass)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	content := map[string][]string{} // paths by bytes
	for _, f := range files {
		counts[path.Dir(f.Path)]++
		content[string(f.Data)] = append(content[string(f.Data)], f.Path)
		img, err := jpeg.Decode(bytes.NewReader(f.Data))
		if (err != nil) != (f.Path == corruptPath) {
			t.Errorf("%s: %v", f.Path, err)
		}
		if err != nil {
			continue
		}
		if b := img.Bounds(); b.Dx() < 120 || b.Dx() > 230 || b.Dy() < 120 || b.Dy() > 230 {
			t.Errorf("%s: %v", f.Path, b)
		}
	}
	if !slices.IsSortedFunc(files, func(a, b File) int { return bytes.Compare([]byte(a.Path), []byte(b.Path)) }) {
		t.Error("not sorted")
	}
	want := map[string]int{path.Dir(corruptPath): perClass + 1, path.Dir(duplicatePath): perClass + 1}
	for _, c := range Classes() {
		if counts[c] != max(want[c], perClass) {
			t.Errorf("%s: %d files", c, counts[c])
		}
		delete(counts, c)
	}
	if len(counts) > 0 {
		t.Errorf("folders that are no classes: %v", counts)
	}
	for _, paths := range content {
		if len(paths) > 1 && !slices.Equal(paths, []string{duplicatePath, duplicateOf}) {
			t.Errorf("the same bytes in %v", paths)
		}
	}
}

// Bytes depend on the seed and on nothing else: not on threads, nor on how many pictures there are.
func TestGenerateIsReproducible(t *testing.T) {
	byPath := func(seed uint64, perClass, threads int) map[string]string {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
		files, err := Generate(seed, perClass)
		if err != nil {
			t.Fatal(err)
		}
		m := map[string]string{}
		for _, f := range files {
			m[f.Path] = string(f.Data)
		}
		return m
	}
	few, many, other := byPath(1, 2, 1), byPath(1, 3, 4), byPath(2, 2, 2)
	for p, data := range few {
		if many[p] != data {
			t.Errorf("%s: other bytes in a larger set", p)
		}
		if other[p] == data {
			t.Errorf("%s: the same bytes from another seed", p)
		}
	}
}

func TestGenerateTooFew(t *testing.T) {
	for _, n := range []int{-1, 0, 1} {
		if _, err := Generate(1, n); err == nil {
			t.Errorf("%d a class: no error", n)
		}
	}
}

// Every sign fills a good part of its sprite and keeps off its edge, which would cut it.
func TestSignsFitTheirSprites(t *testing.T) {
	for _, s := range signs {
		flat, err := s.render()
		if err != nil {
			t.Fatal(err)
		}
		img := flat.levels[0]
		opaque, edge := 0, 0
		for i := range spriteSize * spriteSize {
			alpha := img.Pix[4*i+3]
			if x, y := i%spriteSize, i/spriteSize; alpha > 0 && (x%(spriteSize-1) == 0 || y%(spriteSize-1) == 0) {
				edge++
			}
			if alpha == 255 {
				opaque++
			}
		}
		if part := float64(opaque) / (spriteSize * spriteSize); part < 0.25 || edge > 0 {
			t.Errorf("%s: %.2f of its sprite is painted, %d pixels of its edge", s.name, part, edge)
		}
	}
}

func BenchmarkGenerate(b *testing.B) {
	for b.Loop() {
		if _, err := Generate(1, 60); err != nil {
			b.Fatal(err)
		}
	}
}
