package metric

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// golden is a file of testdata/metric, made by scikit-learn and SciPy (make_golden.py).
type golden struct {
	Classes    []string
	Probs      []float32
	Labels     [][]int
	Thresholds []float32

	// One label per picture.
	Top1                      Interval     `json:"top1"`
	Top5                      Interval     `json:"top5"`
	MeanPerClass              float64      `json:"mean_per_class"`
	BalancedAccuracy          float64      `json:"balanced_accuracy"`
	MacroF1                   float64      `json:"macro_f1"` // of both
	NLL                       float64      `json:"nll"`
	Brier                     float64      `json:"brier"`
	NLLStandardError          float64      `json:"nll_standard_error"`
	MeanPerClassStandardError float64      `json:"mean_per_class_standard_error"`
	PerClass                  []ClassScore `json:"per_class"`
	Confusion                 [][]int      `json:"confusion"`

	// Multi-label.
	MAP                      float64      `json:"map"`
	MicroF1                  float64      `json:"micro_f1"`
	MicroF1StandardError     float64      `json:"micro_f1_standard_error"`
	FrequentMAPStandardError float64      `json:"frequent_map_standard_error"`
	BestF1                   []float64    `json:"best_f1"`
	PerLabel                 []LabelScore `json:"per_label"`
}

func readGolden(t *testing.T, name string) (g golden) {
	t.Helper()
	data, err := os.ReadFile("../testdata/metric/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

// sameFloat allows for sums in another order, in float64.
var sameFloat = cmpopts.EquateApprox(0, 1e-12)

// errorTolerance is for standard errors read off 1000 resamples: their own relative error is about 1/√2000, and
// a percentile interval is not quite ±1.96 of them.
const errorTolerance = 0.12

func checkScore(t *testing.T, r *Report, key string, want, tolerance float64) {
	t.Helper()
	got, ok := r.Score(key)
	if !ok || !(math.Abs(got.Value-want) <= tolerance) {
		t.Errorf("%s: %v (there: %v), want %v", key, got.Value, ok, want)
	}
	if !(got.Low <= got.Value && got.Value <= got.High && got.Low < got.High) {
		t.Errorf("%s: interval %v to %v, want it around %v", key, got.Low, got.High, got.Value)
	}
}

func checkStandardError(t *testing.T, r *Report, key string, want float64) {
	t.Helper()
	s, _ := r.Score(key)
	if got := (s.High - s.Low) / (2 * z95); !(math.Abs(got/want-1) <= errorTolerance) {
		t.Errorf("%s: standard error %v by the interval, want %v", key, got, want)
	}
}

func TestOneLabelAgreesWithScikitLearn(t *testing.T) {
	g := readGolden(t, "one_label.json")
	r, err := Evaluate(Input{Classes: g.Classes, Probs: g.Probs, Labels: g.Labels, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]Interval{"top1": g.Top1, "top5": g.Top5} {
		if got, _ := r.Score(key); !cmp.Equal(want, got, sameFloat) {
			t.Errorf("%s: %v, want %v", key, got, want)
		}
	}
	checkScore(t, r, "mean_per_class", g.MeanPerClass, 1e-12)
	checkScore(t, r, "mean_per_class", g.BalancedAccuracy, 1e-12)
	checkScore(t, r, "macro_f1", g.MacroF1, 1e-12)
	checkScore(t, r, "nll", g.NLL, 1e-6) // the reference takes float32 logarithms
	checkScore(t, r, "brier", g.Brier, 1e-12)
	checkStandardError(t, r, "nll", g.NLLStandardError)
	checkStandardError(t, r, "mean_per_class", g.MeanPerClassStandardError)
	if diff := cmp.Diff(g.PerClass, r.PerClass, sameFloat); diff != "" {
		t.Errorf("per class (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(g.Confusion, r.Confusion); diff != "" {
		t.Errorf("confusion (-want +got):\n%s", diff)
	}
	if want := []string{"c6"}; !slices.Equal(r.LeftOut, want) || r.N != len(g.Labels) || r.PerLabel != nil {
		t.Errorf("left out %q of %d pictures, per label %v, want %q of %d, nil", r.LeftOut, r.N, r.PerLabel, want, len(g.Labels))
	}
}

func TestMultiLabelAgreesWithScikitLearn(t *testing.T) {
	g := readGolden(t, "multi_label.json")
	in := Input{Classes: g.Classes, Probs: g.Probs, Labels: g.Labels, MultiLabel: true, Thresholds: g.Thresholds, Seed: 1}
	r, err := Evaluate(in)
	if err != nil {
		t.Fatal(err)
	}
	checkScore(t, r, "map", g.MAP, 1e-12)
	checkScore(t, r, "micro_f1", g.MicroF1, 1e-12)
	checkScore(t, r, "macro_f1", g.MacroF1, 1e-12)
	checkStandardError(t, r, "micro_f1", g.MicroF1StandardError)
	if diff := cmp.Diff(g.PerLabel, r.PerLabel, sameFloat); diff != "" {
		t.Errorf("per label (-want +got):\n%s", diff)
	}
	if want := []string{"c4"}; !slices.Equal(r.LeftOut, want) || r.PerClass != nil || r.Confusion != nil {
		t.Errorf("left out %q, per class %v, want %q, nil", r.LeftOut, r.PerClass, want)
	}
	in.LeftOut = []int{3}
	if r, err = Evaluate(in); err != nil {
		t.Fatal(err)
	}
	checkStandardError(t, r, "map", g.FrequentMAPStandardError)
}

func TestThresholdsReachTheHighestF1(t *testing.T) {
	g := readGolden(t, "multi_label.json")
	thresholds, err := Thresholds(g.Classes, g.Probs, g.Labels)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Evaluate(Input{Classes: g.Classes, Probs: g.Probs, Labels: g.Labels, MultiLabel: true, Thresholds: thresholds})
	if err != nil {
		t.Fatal(err)
	}
	for c, label := range r.PerLabel {
		if math.Abs(label.F1-g.BestF1[c]) > 1e-9 {
			t.Errorf("%s: F1 %v at threshold %v, want %v", label.Class, label.F1, thresholds[c], g.BestF1[c])
		}
	}
}
