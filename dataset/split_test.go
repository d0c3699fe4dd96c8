package dataset

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// made returns single-label data with one sample for each name, "CLASS/CONTENT[/COPY][:SPLIT]".
func made(names ...string) *Dataset {
	d := &Dataset{shown: "made"}
	classes := map[string]bool{}
	for _, n := range names {
		class, _, _ := strings.Cut(n, "/")
		classes[class] = true
	}
	d.Classes = slices.Sorted(maps.Keys(classes))
	for _, n := range names {
		path, side, _ := strings.Cut(n, ":")
		part := strings.Split(path, "/")
		label := slices.Index(d.Classes, part[0])
		d.Samples = append(d.Samples, Sample{Path: path, Labels: []int{label}, SHA256: sha256.Sum256([]byte(part[1])), Split: side})
	}
	slices.SortFunc(d.Samples, func(a, b Sample) int { return strings.Compare(a.Path, b.Path) })
	return d
}

// numbered returns n names of one class with distinct contents.
func numbered(class string, n int) []string {
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("%s/%s%d", class, class, i))
	}
	return names
}

// bySide returns the side of each path.
func bySide(d *Dataset, s *Split) map[string]string {
	m := map[string]string{}
	for name, samples := range s.sides() {
		for _, i := range samples {
			m[d.Samples[i].Path] = name
		}
	}
	return m
}

func TestSplitCounts(t *testing.T) {
	for _, c := range []struct {
		n                   int
		test, validation    float64
		wantTest, wantValid int
	}{
		{1, 0, 0, 0, 0}, {2, 0, 0, 1, 0}, {5, 0, 0, 1, 0}, {6, 0, 0, 2, 0}, {20, 0, 0, 4, 1}, {100, 0, 0, 20, 8},
		{100, 0.35, 0, 35, 6}, {100, 0.07, 0, 7, 9}, {3, 0.9, 0.5, 2, 0}, {2, 0.99, 0.99, 1, 0},
		{100, -1, 0, 0, 10}, {100, 0.5, -1, 50, 0}, {1000, 0, 0.29, 200, 232}, {100, -1, 0.29, 0, 29},
	} {
		d := made(append(numbered("a", c.n), numbered("b", 50)...)...)
		s, err := d.Split(SplitOptions{Test: c.test, Validation: c.validation})
		if err != nil {
			t.Fatal(err)
		}
		test, valid := 0, 0
		for path, side := range bySide(d, s) {
			if path[0] != 'a' {
				continue
			}
			switch side {
			case Test:
				test++
			case Validation:
				valid++
			}
		}
		if test != c.wantTest || valid != c.wantValid {
			t.Errorf("%d pictures, shares %v and %v: %d for test and %d for validation, want %d and %d",
				c.n, c.test, c.validation, test, valid, c.wantTest, c.wantValid)
		}
	}
}

// TestSplitOrder pins the order to its definition, SHA-256 of the seed in little endian and the content's
// hash: another order would put pictures that a model was trained on into the test of a later version.
func TestSplitOrder(t *testing.T) {
	d := made(append(numbered("a", 10), numbered("b", 10)...)...)
	s, err := d.Split(SplitOptions{Seed: 258, Test: 0.1, Validation: -1})
	if err != nil {
		t.Fatal(err)
	}
	first := map[int]string{}
	least := map[int][]byte{}
	for _, p := range d.Samples {
		key := sha256.Sum256(append([]byte{2, 1, 0, 0, 0, 0, 0, 0}, p.SHA256[:]...))
		if l := p.Labels[0]; least[l] == nil || bytes.Compare(key[:], least[l]) < 0 {
			least[l], first[l] = key[:], p.Path
		}
	}
	var got []string
	for _, i := range s.Test {
		got = append(got, d.Samples[i].Path)
	}
	if want := []string{first[0], first[1]}; !slices.Equal(got, want) {
		t.Errorf("test %q, want %q", got, want)
	}
}

func TestSplitNotes(t *testing.T) {
	s, err := made(append(numbered("a", 5), "b/1", "b/1/copy")...).Split(SplitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`one distinct picture, so only for training and left out of the means: "b"`, "no picture is left for validation: all epochs run"}
	if !slices.Equal(s.Notes, want) || !slices.Equal(s.Untested, []int{1}) {
		t.Errorf("notes %q, untested %v", s.Notes, s.Untested)
	}
}

func TestSplitErrors(t *testing.T) {
	none := made("a/1", "b/2")
	none.Classes = append(none.Classes, "c")
	for _, c := range []struct {
		d    *Dataset
		o    SplitOptions
		want string
	}{
		{made("a/1", "a/2"), SplitOptions{}, `made: 1 class ("a"), want at least 2`},
		{none, SplitOptions{}, `no usable picture in "c"`},
		{made("a/1:test", "b/2:test"), SplitOptions{}, "no pictures are left for training"},
		{made("a/1", "b/2"), SplitOptions{Test: 1}, "the share for test is 1, want less than 1"},
		{made("a/1", "b/2"), SplitOptions{Validation: math.NaN()}, "the share for validation is NaN"},
	} {
		_, err := c.d.Split(c.o)
		wantError(t, err, c.want)
	}
}

func TestReadySplit(t *testing.T) {
	many := append(numbered("a", 20), numbered("b", 20)...)
	for i := range many {
		many[i] += ":train"
	}
	for _, c := range []struct {
		name    string
		d       *Dataset
		want    map[string]int // pictures on each side
		skipped string
		note    string
	}{
		{"all three", made("a/1:train", "b/2:train", "a/3:validation", "b/4:test"), map[string]int{Train: 2, Validation: 1, Test: 1}, "", `no test picture, so left out of the means: "a"`},
		{"validation from train", made(append(many, "a/x:test", "b/y:test")...), map[string]int{Train: 36, Validation: 4, Test: 2}, "", ""},
		{"test from train", made(append(many, "a/x:validation", "b/y:validation")...), map[string]int{Train: 32, Validation: 2, Test: 8}, "", "no test pictures of its own"},
		{"leak into test", made("a/1:train", "a/2:train", "b/3:train", "a/1/x:test", "b/4:test"), map[string]int{Train: 2, Test: 2}, "a/1: same content as a picture in test", "two sides"},
		{"leak into validation", made("a/1:train", "a/2:train", "b/3:train", "a/1/x:validation", "b/4:test"), map[string]int{Train: 2, Validation: 1, Test: 1}, "a/1: same content as a picture in validation", ""},
		{"on all sides", made("a/1:train", "a/2:train", "b/3:train", "a/1/x:validation", "a/1/y:test"), map[string]int{Train: 2, Test: 1}, "a/1: same content as a picture in test; a/1/x: same content as a picture in test", ""},
		{"class only in test", made("a/1:train", "b/2:train", "c/3:test", "a/4:validation"), map[string]int{Train: 2, Validation: 1, Test: 1}, "", `no training picture, so never predicted: "c"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := c.d.Split(SplitOptions{})
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]int{}
			for _, side := range bySide(c.d, s) {
				got[side]++
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			var skipped []string
			for _, p := range s.Skipped {
				skipped = append(skipped, p.Path+": "+p.Reason)
			}
			if got := strings.Join(skipped, "; "); got != c.skipped {
				t.Errorf("skipped %q, want %q", got, c.skipped)
			}
			if !strings.Contains(strings.Join(s.Notes, "\n"), c.note) {
				t.Errorf("notes %q, want %q", s.Notes, c.note)
			}
		})
	}
}

// TestSplitProperties draws data and asks for what must hold of any: no content on two sides, no change
// with the names of files, and an added picture moves at most one other over each border.
func TestSplitProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var names []string
		for _, class := range []string{"a", "b"} {
			for _, name := range numbered(class, rapid.IntRange(1, 40).Draw(t, class)) {
				names = append(names, name)
				for c := range rapid.SampledFrom([]int{0, 0, 0, 1, 2}).Draw(t, "copies") {
					names = append(names, fmt.Sprintf("%s/copy%d", name, c))
				}
			}
		}
		o := SplitOptions{Seed: rapid.Uint64().Draw(t, "seed"), Test: rapid.Float64Range(0.01, 0.99).Draw(t, "test"), Validation: rapid.Float64Range(0.01, 0.99).Draw(t, "validation")}
		before := sidesByContent(t, made(names...), o)
		for i, n := range names { // other paths, so another order
			part := strings.Split(n, "/")
			names[i] = fmt.Sprintf("%s/%s/%d", part[0], part[1], (i*7919)%1009)
		}
		if diff := cmp.Diff(before, sidesByContent(t, made(names...), o)); diff != "" {
			t.Fatalf("other names, other sides:\n%s", diff)
		}
		after := sidesByContent(t, made(append(names, "a/added")...), o)
		testMoves, moves := 0, 0
		for content, side := range before {
			if after[content] != side {
				moves++
				if after[content] == Test || side == Test {
					testMoves++
				}
			}
		}
		if testMoves > 1 || moves > 2 {
			t.Fatalf("an added picture moves %d others, %d of them in or out of test", moves, testMoves)
		}
	})
}

// sidesByContent splits d and returns the side of each content, which must be one.
func sidesByContent(t *rapid.T, d *Dataset, o SplitOptions) map[[sha256.Size]byte]string {
	s, err := d.Split(o)
	if err != nil {
		t.Fatal(err)
	}
	m := map[[sha256.Size]byte]string{}
	for path, side := range bySide(d, s) {
		sha := sha256.Sum256([]byte(strings.Split(path, "/")[1]))
		if other, ok := m[sha]; ok && other != side {
			t.Fatalf("%s is in %s and in %s", path, side, other)
		}
		m[sha] = side
	}
	if n := len(s.Train) + len(s.Validation) + len(s.Test); n != len(d.Samples) {
		t.Fatalf("%d samples on the sides, want %d", n, len(d.Samples))
	}
	return m
}

func TestSplitFile(t *testing.T) {
	d := made(append(numbered(`a|b\`, 10), numbered("c,\"d\"\n", 10)...)...)
	s, err := d.Split(SplitOptions{Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := WriteSplit(&b, d, s); err != nil {
		t.Fatal(err)
	}
	rows, err := ReadSplit(&b)
	if err != nil {
		t.Fatal(err)
	}
	sides := bySide(d, s)
	for i, r := range rows {
		p := d.Samples[i]
		want := SplitRow{p.Path, []string{d.Classes[p.Labels[0]]}, sides[p.Path], p.SHA256}
		if diff := cmp.Diff(want, r); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	}
	if len(rows) != len(d.Samples) {
		t.Errorf("%d rows, want %d", len(rows), len(d.Samples))
	}
}

func TestReadSplitErrors(t *testing.T) {
	const head = "path,label,split,sha256\n"
	sum := hex.EncodeToString(make([]byte, sha256.Size))
	for content, want := range map[string]string{
		"":                                    "the header is",
		"path,label\n":                        "line 1: wrong number of fields",
		"a,b,c,d\n":                           `the header is "a", "b", "c", "d", want path,label,split,sha256`,
		head + "a.jpg,cat,train\n":            "line 2",
		head + "a.jpg,cat,hold," + sum + "\n": `line 2: the split is "hold"`,
		head + "a.jpg,cat,test,00\n":          "line 2: the sha256 has 2 digits, want 64",
		head + "a.jpg,cat,test,x" + sum[1:]:   "line 2: the sha256: encoding/hex: invalid byte",
	} {
		_, err := ReadSplit(strings.NewReader(content))
		wantError(t, err, "dataset: split.csv: ", want)
	}
}

func TestWriteSkipped(t *testing.T) {
	var b bytes.Buffer
	err := WriteSkipped(&b, []Skipped{{"cat/1.jpg", "cat", "the file is empty", true}, {"x, y.jpg", "", `a "link"`, false}})
	if err != nil {
		t.Fatal(err)
	}
	want := "path,class,reason\ncat/1.jpg,cat,the file is empty\n\"x, y.jpg\",,\"a \"\"link\"\"\"\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}
