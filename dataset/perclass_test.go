package dataset

import "testing"

// TestTrainPerClass checks the counts, that copies count once, and that more pictures to train on are added to the
// fewer ones.
func TestTrainPerClass(t *testing.T) {
	d := made(append(append(numbered("a", 40), numbered("b", 25)...), "a/a0/copy", "a/a1/copy")...)
	var before map[string]string
	for _, n := range []int{1, 5, 10, 20} {
		s, err := d.Split(SplitOptions{TrainPerClass: n, Validation: 0.1, Seed: 3})
		if err != nil {
			t.Fatal(err)
		}
		side := bySide(d, s)
		learnt := map[string]map[string]bool{"a": {}, "b": {}}
		for _, p := range d.Samples {
			if class := p.Path[:1]; side[p.Path] != Test {
				learnt[class][string(p.SHA256[:])] = true
			}
		}
		if len(learnt["a"]) != n || len(learnt["b"]) != n {
			t.Errorf("%d and %d contents are learnt from, want %d of each class", len(learnt["a"]), len(learnt["b"]), n)
		}
		if want := 2 * (n / 10); len(s.Validation) < want || len(s.Validation) > want+2 { // there may be copies
			t.Errorf("%d of each class: %d for validation, want %d", n, len(s.Validation), want)
		}
		for path, was := range before {
			if was != Test && side[path] == Test {
				t.Errorf("%d of each class: %s is tested, and fewer were trained on it", n, path)
			}
		}
		before = side
	}
}

func TestTrainPerClassErrors(t *testing.T) {
	labels := made("a/1", "a/2", "b/3", "b/4")
	labels.MultiLabel = true
	for _, c := range []struct {
		d    *Dataset
		o    SplitOptions
		want string
	}{
		{made(append(numbered("a", 9), append(numbered("b", 5), "c/1", "c/1/copy")...)...), SplitOptions{TrainPerClass: 5}, `too few different pictures in "b (5)", "c (1)", want at least 6: 5 to train on and one for the test`},
		{made("a/1", "b/2"), SplitOptions{TrainPerClass: -1}, "want one of the two"},
		{made("a/1", "b/2"), SplitOptions{TrainPerClass: 1, Test: 0.5}, "want one of the two"},
		{made("a/1:train", "a/2:train", "b/3:test", "b/4:train"), SplitOptions{TrainPerClass: 1}, "the data is split already"},
		{labels, SplitOptions{TrainPerClass: 1}, "many labels"},
	} {
		_, err := c.d.Split(c.o)
		wantError(t, err, c.want)
	}
}
