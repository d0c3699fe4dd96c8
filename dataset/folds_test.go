package dataset

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestFolds(t *testing.T) {
	files := fstest.MapFS{}
	for i := range 17 {
		files[fmt.Sprintf("cat/%02d.jpg", i)] = &fstest.MapFile{Data: []byte(picture(fmt.Sprint("c", i)))}
	}
	for i := range 8 {
		files[fmt.Sprintf("dog/%02d.jpg", i)] = &fstest.MapFile{Data: []byte(picture(fmt.Sprint("d", i/2)))} // pairs
	}
	d, err := OpenFS(t.Context(), files, "photos", Options{})
	if err != nil {
		t.Fatal(err)
	}
	index := make([]int, 0, len(d.Samples))
	for i := range d.Samples {
		if d.Samples[i].Path != "cat/03.jpg" {
			index = append(index, i)
		}
	}
	folds, err := d.Folds(index, 4, 7)
	if err != nil {
		t.Fatal(err)
	}
	var seen []int
	where := map[[32]byte]int{}
	for f, fold := range folds {
		counts := map[int]int{}
		for _, i := range fold {
			counts[d.Samples[i].Labels[0]]++
			if other, ok := where[d.Samples[i].SHA256]; ok && other != f {
				t.Errorf("%s is in folds %d and %d", d.Samples[i].Path, other, f)
			}
			where[d.Samples[i].SHA256] = f
		}
		if counts[0] != 4 || counts[1] != 2 {
			t.Errorf("fold %d has %v pictures of the classes, want 4 and 2", f, counts)
		}
		if !slices.IsSorted(fold) {
			t.Errorf("fold %d is not in order", f)
		}
		seen = append(seen, fold...)
	}
	slices.Sort(seen)
	if !slices.Equal(seen, index) {
		t.Errorf("folds hold %v, want %v", seen, index)
	}
	again, err := d.Folds(index, 4, 8)
	if err != nil {
		t.Fatal(err)
	}
	if slices.EqualFunc(folds, again, slices.Equal) {
		t.Error("another seed gives the same folds")
	}
	for _, k := range []int{0, 1, 21} {
		if _, err := d.Folds(index, k, 0); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%d folds of 20 different pictures", k)) {
			t.Errorf("%d folds: error %v", k, err)
		}
	}
}

func TestFoldsOfManyLabels(t *testing.T) {
	d := &Dataset{shown: "many", MultiLabel: true, Classes: []string{"a", "b", "c"}}
	for i := range 30 {
		s := Sample{Path: fmt.Sprint(i), SHA256: [32]byte{byte(i + 1)}}
		switch {
		case i < 6:
			s.Labels = []int{0, 2}
		case i < 26:
			s.Labels = []int{1, 2}
		}
		d.Samples = append(d.Samples, s)
	}
	folds, err := d.Folds(indexOf(30), 2, 0)
	if err != nil {
		t.Fatal(err)
	}
	for f, fold := range folds {
		counts := map[int]int{}
		for _, i := range fold {
			for _, l := range d.Samples[i].Labels {
				counts[l]++
			}
		}
		if counts[0] != 3 || counts[1] != 10 || counts[2] != 13 || len(fold) != 15 {
			t.Errorf("fold %d: %d pictures, labels %v", f, len(fold), counts)
		}
	}
}

func TestFoldSplits(t *testing.T) {
	d := made(append(append(numbered("a", 40), numbered("b", 7)...), "a/a0/copy", "c/c", "c/c/copy")...)
	splits, err := d.FoldSplits(5, SplitOptions{Validation: 0.2, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	tested := map[string]int{}
	for f, s := range splits {
		where := map[[32]byte]string{}
		counts := map[string]int{}
		for path, side := range bySide(d, s) {
			p := d.Samples[slices.IndexFunc(d.Samples, func(p Sample) bool { return p.Path == path })]
			if other, ok := where[p.SHA256]; ok && other != side {
				t.Errorf("fold %d: %s is on two sides", f, path)
			} else if !ok {
				counts[path[:1]+" "+side]++
			}
			where[p.SHA256] = side
			if side == Test {
				tested[path]++
			}
		}
		if counts["a test"] != 8 || counts["a validation"] != 6 || counts["a train"] != 26 || counts["c train"] != 1 {
			t.Errorf("fold %d: contents %v", f, counts)
		}
		if n := counts["b test"]; n < 1 || n > 2 {
			t.Errorf("fold %d: %d of b's 7 pictures", f, n)
		}
	}
	for _, p := range d.Samples {
		if want := map[bool]int{false: 1, true: 0}[p.Path[0] == 'c']; tested[p.Path] != want {
			t.Errorf("%s is tested %d times, want %d", p.Path, tested[p.Path], want)
		}
	}
}

func TestFoldSplitsErrors(t *testing.T) {
	for _, c := range []struct {
		d    *Dataset
		k    int
		o    SplitOptions
		want string
	}{
		{made("a/1", "a/2", "b/3:test", "b/4"), 2, SplitOptions{}, "the data is split already"},
		{made("a/1", "a/2", "b/3"), 3, SplitOptions{}, "3 folds of 2 different pictures"},
		{made("a/1", "a/2", "b/3"), 2, SplitOptions{TrainPerClass: 1}, "1 pictures of each class for training, want 0"},
		{made("a/1", "a/2", "b/3"), 2, SplitOptions{Validation: 2}, "the share for validation is 2"},
	} {
		_, err := c.d.FoldSplits(c.k, c.o)
		wantError(t, err, c.want)
	}
}

func indexOf(n int) []int {
	index := make([]int, n)
	for i := range index {
		index[i] = i
	}
	return index
}
