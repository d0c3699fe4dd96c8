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

func indexOf(n int) []int {
	index := make([]int, n)
	for i := range index {
		index[i] = i
	}
	return index
}
