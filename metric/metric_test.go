package metric

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// three is a set of four pictures of three classes, small enough to check by hand.
func three() Input {
	return Input{
		Classes: []string{"a", "b", "c"},
		Probs: []float32{
			0.5, 0.25, 0.25, // a taken for a
			0.5, 0.5, 0, // b, but a comes first of equals
			0.25, 0.5, 0.25, // b taken for b
			0.25, 0.75, 0, // c taken for b, at no probability
		},
		Labels: [][]int{{0}, {1}, {1}, {2}},
	}
}

func TestHandComputed(t *testing.T) {
	r, err := Evaluate(three())
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{
		"top1":           2.0 / 4,
		"top5":           1, // all three classes are among the first five
		"mean_per_class": (1 + 1.0/2 + 0) / 3,
		"macro_f1":       (2.0/3 + 1.0/2 + 0) / 3,
		"nll":            (3*math.Ln2 + 23*math.Ln2) / 4, // 1/2 thrice, and 2⁻²³ instead of 0
		"brier":          ((0.25 + 0.0625*2) + 0.5 + (0.25 + 0.0625*2) + (0.0625 + 0.5625 + 1)) / 4,
	}
	for _, s := range r.Scores {
		if want, ok := values[s.Key]; !ok || math.Abs(s.Value-want) > 1e-12 {
			t.Errorf("%s: %v, want %v (known: %v)", s.Key, s.Value, want, ok)
		}
	}
	if len(r.Scores) != len(values) {
		t.Errorf("%d scores, want %d", len(r.Scores), len(values))
	}
	if want := [][]int{{1, 0, 0}, {1, 1, 0}, {0, 1, 0}}; !cmp.Equal(want, r.Confusion) {
		t.Errorf("confusion %v, want %v", r.Confusion, want)
	}
	// c is never predicted: nothing is known of its precision.
	if got, want := r.PerClass[2].Precision, (Interval{0, 0, 1}); got != want {
		t.Errorf("precision of c: %v, want %v", got, want)
	}
}

func TestRankBreaksTiesByIndex(t *testing.T) {
	in := Input{Classes: strings.Split("abcdefg", ""), Probs: slices.Repeat([]float32{0.125}, 7*7)}
	for c := range 7 {
		in.Labels = append(in.Labels, []int{c})
	}
	r, err := Evaluate(in)
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]float64{"top1": 1.0 / 7, "top5": 5.0 / 7} {
		if got, _ := r.Score(key); got.Value != want {
			t.Errorf("%s: %v, want %v", key, got.Value, want)
		}
	}
}

func TestWilson(t *testing.T) {
	for _, c := range []struct {
		hits, n   int
		low, high float64 // R. G. Newcombe 1998, table I, method 3; the last by hand: n/(n+z²)
	}{
		{81, 263, 0.2553, 0.3662},
		{15, 148, 0.0624, 0.1605},
		{0, 20, 0, 0.1611},
		{1, 29, 0.0061, 0.1718},
		{29, 29, 0.8830, 1},
	} {
		got := wilson(c.hits, c.n)
		if math.Abs(got.Low-c.low) > 5e-5 || math.Abs(got.High-c.high) > 5e-5 {
			t.Errorf("%d of %d: %.4f to %.4f, want %.4f to %.4f", c.hits, c.n, got.Low, got.High, c.low, c.high)
		}
	}
}

func TestNothingIsCertain(t *testing.T) {
	in := Input{Classes: []string{"a", "b"}, Probs: []float32{1, 0, 0, 1, 1, 0}, Labels: [][]int{{0}, {1}, {0}}}
	for key, want := range map[string]Interval{"top1": wilson(3, 3), "mean_per_class": wilson(3, 3), "macro_f1": wilson(3, 3)} {
		if got, _ := mustEvaluate(t, in).Score(key); got != want {
			t.Errorf("%s of three right pictures: %v, want %v", key, got, want)
		}
	}
}

func TestLeftOut(t *testing.T) {
	in := three()
	in.LeftOut = []int{2}
	r, err := Evaluate(in)
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]float64{"mean_per_class": 0.75, "macro_f1": (2.0/3 + 1.0/2) / 2, "top1": 0.5} {
		if got, _ := r.Score(key); math.Abs(got.Value-want) > 1e-12 {
			t.Errorf("%s: %v, want %v", key, got.Value, want)
		}
	}
	if !slices.Equal(r.LeftOut, []string{"c"}) {
		t.Errorf("left out %q, want c", r.LeftOut)
	}
}

func TestBadInput(t *testing.T) {
	nan := float32(math.NaN())
	multi := func(in *Input) { in.MultiLabel, in.Thresholds = true, []float32{0.5, 0.5, 0.5} }
	for name, c := range map[string]struct {
		spoil func(*Input)
		want  string
	}{
		"one class":           {func(in *Input) { in.Classes, in.Probs = in.Classes[:1], in.Probs[:4] }, "1 classes, want at least 2"},
		"no class":            {func(in *Input) { in.Classes = nil }, "0 classes, want at least 2"},
		"no picture":          {func(in *Input) { in.Probs, in.Labels = nil, nil }, "no pictures"},
		"short":               {func(in *Input) { in.Probs = in.Probs[:11] }, "11 probabilities, want 12"},
		"long":                {func(in *Input) { in.Probs = append(in.Probs, 0) }, "13 probabilities, want 12"},
		"NaN":                 {func(in *Input) { in.Probs[5] = nan }, "picture 1, class 2: probability NaN"},
		"infinite":            {func(in *Input) { in.Probs[0] = float32(math.Inf(1)) }, "picture 0, class 0: probability +Inf"},
		"logits":              {func(in *Input) { in.Probs[0] = -1 }, "are these logits?"},
		"no label":            {func(in *Input) { in.Labels[1] = nil }, "picture 1: 0 labels, want 1 (set MultiLabel"},
		"two labels":          {func(in *Input) { in.Labels[1] = []int{0, 1} }, "picture 1: 2 labels, want 1"},
		"label too high":      {func(in *Input) { in.Labels[3] = []int{3} }, "picture 3: label 3, want 0 to 2"},
		"label negative":      {func(in *Input) { in.Labels[3] = []int{-1} }, "picture 3: label -1"},
		"label twice":         {func(in *Input) { multi(in); in.Labels[3] = []int{1, 1} }, "label 1 after 1, want them ascending"},
		"few thresholds":      {func(in *Input) { multi(in); in.Thresholds = in.Thresholds[1:] }, "2 thresholds, want one for each of 3"},
		"threshold NaN":       {func(in *Input) { multi(in); in.Thresholds[1] = nan }, `class "b": threshold is NaN`},
		"left out too high":   {func(in *Input) { in.LeftOut = []int{3} }, "left-out class 3, want 0 to 2"},
		"all left out":        {func(in *Input) { in.LeftOut = []int{0, 1, 2} }, "nothing to take a mean over"},
		"no picture labelled": {func(in *Input) { multi(in); in.Labels = make([][]int, 4) }, "nothing to take a mean over"},
	} {
		t.Run(name, func(t *testing.T) {
			in := three()
			c.spoil(&in)
			if _, err := Evaluate(in); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func TestThresholds(t *testing.T) {
	for name, c := range map[string]struct {
		probs []float32 // of the first label; the second has no picture
		right []bool
		want  float32
	}{
		"apart":                 {[]float32{0.9, 0.7, 0.25, 0.1}, []bool{true, true, false, false}, (0.7 + 0.25) / 2},
		"equals stand together": {[]float32{0.5, 0.5, 0.25}, []bool{true, false, false}, 0.375},
		"all right":             {[]float32{0.5, 0.25}, []bool{true, true}, 0.125},
		"none right":            {[]float32{0.9, 0.1}, []bool{false, false}, 0.5},
		"highest of equals":     {[]float32{0.9, 0.5, 0.4, 0.3}, []bool{true, false, false, true}, 0.7},
		"all the way down":      {[]float32{0.8, 0.7, 0.6, 0.5, 0.2}, []bool{true, false, false, true, true}, 0.1},
		"all zero":              {[]float32{0, 0}, []bool{true, false}, 0},
		"neighbours":            {[]float32{math.Nextafter32(0.5, 1), 0.5}, []bool{true, false}, math.Nextafter32(0.5, 1)},
	} {
		t.Run(name, func(t *testing.T) {
			var probs []float32
			var labels [][]int
			for i, p := range c.probs {
				probs = append(probs, p, 0.5)
				labels = append(labels, nil)
				if c.right[i] {
					labels[i] = []int{0}
				}
			}
			got, err := Thresholds([]string{"a", "b"}, probs, labels)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(float64(got[0]-c.want)) > 1e-7 || got[1] != defaultThreshold {
				t.Errorf("thresholds %v, want %v and %v", got, c.want, defaultThreshold)
			}
		})
	}
	if _, err := Thresholds([]string{"a", "b"}, []float32{1}, [][]int{{0}}); err == nil {
		t.Error("no error for 1 probability of 2 classes")
	}
}

func TestJSON(t *testing.T) {
	want, err := Evaluate(three())
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(data, []byte(`{"top1":{"value":0.5,"low":0.15`)) {
		t.Errorf("begins %s, want top1 with its interval", data[:40])
	}
	var got Report
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, &got); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
	for _, bad := range []string{`[]`, `{"top1":1}`, `{"n":"x"}`} {
		if err := json.Unmarshal([]byte(bad), &got); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}

func TestSeedDecidesTheIntervals(t *testing.T) {
	in := random(200, 5, false)
	first, second, other := mustEvaluate(t, in), mustEvaluate(t, in), in
	other.Seed++
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("same seed (-first +second):\n%s", diff)
	}
	if cmp.Equal(first.Scores, mustEvaluate(t, other).Scores) {
		t.Error("another seed gave the same intervals")
	}
}

// TestBootstrapCovers draws test sets of few pictures a class from classes of known recall: the intervals must
// contain the truth about 95 times in 100.
func TestBootstrapCovers(t *testing.T) {
	for _, perClass := range []int{1, 3} {
		t.Run(fmt.Sprint(perClass), func(t *testing.T) { checkCoverage(t, perClass) })
	}
}

func checkCoverage(t *testing.T, perClass int) {
	const sets, k = 200, 40
	r := rand.New(rand.NewPCG(1, 2))
	recall := make([]float64, k)
	truth := 0.0
	for c := range recall {
		recall[c] = 0.3 + 0.6*float64(c)/(k-1)
		truth += recall[c] / k
	}
	covered := 0
	for range sets {
		e := &evaluation{n: k * perClass, k: k, first: []int{0},
			support: slices.Repeat([]int{perClass}, k), inMean: slices.Repeat([]bool{true}, k)}
		for i := range e.n {
			kind := falseNegative
			if r.Float64() < recall[i%k] {
				kind = truePositive
			}
			e.Labels = append(e.Labels, []int{i % k})
			e.outcomes = append(e.outcomes, outcome{i % k, kind})
			e.first = append(e.first, len(e.outcomes))
		}
		got := e.bootstrap([]func([]float64) float64{meanPerClass.statistic(e)})[0]
		if got.Low <= truth && truth <= got.High {
			covered++
		}
	}
	// With n instead of n−1 draws of a class of three it is about 90 %. Two standard errors of 200 sets are 3 %.
	share := float64(covered) / sets
	t.Logf("%.1f %%", 100*share)
	if share < 0.92 {
		t.Errorf("%.1f %% of the intervals contain the truth, want about 95 %%", 100*share)
	}
}

// TestSlopes compares the average precision's derivatives with those of small steps of the weights.
func TestSlopes(t *testing.T) {
	in := random(40, 3, true)
	for i := range in.Probs {
		in.Probs[i] = float32(math.Round(float64(in.Probs[i])*20) / 20) // so that there are ties
	}
	e, err := prepare(in)
	if err != nil {
		t.Fatal(err)
	}
	slopes := make([]float64, e.n)
	e.ranking(1).addSlopes(slopes, e.ap[1])
	const step = 1e-5
	for i, got := range slopes {
		want := (weightedAP(e, 1, i, 1+step) - weightedAP(e, 1, i, 1-step)) / (2 * step)
		if math.Abs(got-want) > 1e-8 {
			t.Errorf("picture %d: slope %v, want %v", i, got, want)
		}
	}
}

// weightedAP is the average precision by its definition, picture i having weight w and the others 1.
func weightedAP(e *evaluation, class, i int, w float64) float64 {
	weight := func(j int) float64 {
		if i == j {
			return w
		}
		return 1
	}
	sum, total := 0.0, 0.0
	for j := range e.n {
		if !slices.Contains(e.Labels[j], class) {
			continue
		}
		hits, seen := 0.0, 0.0
		for other := range e.n {
			if e.row(other)[class] >= e.row(j)[class] {
				seen += weight(other)
				if slices.Contains(e.Labels[other], class) {
					hits += weight(other)
				}
			}
		}
		sum += weight(j) * hits / seen
		total += weight(j)
	}
	return sum / total
}

// TestFast holds the largest sets that users have to a time at which nobody waits; the limit leaves room for a
// busy machine.
func TestFast(t *testing.T) {
	if testing.Short() {
		t.Skip("40 MB of probabilities; not with -short")
	}
	for name, in := range map[string]Input{"one label": random(10_000, 1000, false), "multi-label": random(10_000, 1000, true)} {
		start := time.Now()
		mustEvaluate(t, in)
		took := time.Since(start)
		t.Logf("%s: %v", name, took)
		if took > 5*time.Second {
			t.Errorf("%s: %v, want less than 1 s on an idle machine", name, took)
		}
	}
}

func mustEvaluate(t *testing.T, in Input) *Report {
	t.Helper()
	r, err := Evaluate(in)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// random makes predictions that are right more often than not.
func random(n, k int, multi bool) Input {
	r := rand.New(rand.NewPCG(uint64(n), uint64(k)))
	in := Input{Classes: make([]string, k), Probs: make([]float32, n*k), MultiLabel: multi}
	for i := range n {
		labels := []int{r.IntN(k)}
		if more := r.IntN(k); multi && more > labels[0] {
			labels = append(labels, more)
		}
		row := in.Probs[i*k : (i+1)*k]
		for c := range row {
			row[c] = r.Float32() / 2
		}
		for _, c := range labels {
			row[c] += r.Float32() / 2
		}
		in.Labels = append(in.Labels, labels)
	}
	if multi {
		in.Thresholds = slices.Repeat([]float32{0.5}, k)
	}
	return in
}
