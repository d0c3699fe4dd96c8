package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/graft-ml/graft/metric"
)

// golden compares got with testdata/name, or writes it there if UPDATE_GOLDEN is set.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got, UPDATE_GOLDEN=1 to accept):\n%s", path, diff)
	}
}

var signs = []string{"stop", "yield", "no entry", "speed limit 30", "roundabout", "parking", "crossing", "ice", "工事中", "priority road"}

// predictions makes a report of n pictures: each class is mostly right, and else often taken for the next one.
func predictions(t testing.TB, classes []string, n int, multi bool) *metric.Report {
	t.Helper()
	k := len(classes)
	r := rand.New(rand.NewPCG(uint64(n), uint64(k)))
	in := metric.Input{Classes: classes, Probs: make([]float32, n*k), MultiLabel: multi, Seed: 1}
	for i := range n {
		c := i % k
		labels, seen := []int{c}, c
		skill := 0.8 + 0.19*float64((c*7)%10)/9
		if r.Float64() > skill {
			seen = (c + 1) % k
			if r.IntN(3) == 0 {
				seen = r.IntN(k)
			}
		}
		if more := r.IntN(k); multi && more > c {
			labels = append(labels, more)
		}
		for j := range k {
			in.Probs[i*k+j] = 0.5 * r.Float32() / float32(k)
		}
		in.Probs[i*k+seen] = 0.4 + 0.5*r.Float32()
		in.Labels = append(in.Labels, labels)
	}
	for range k {
		in.Thresholds = append(in.Thresholds, 0.3)
	}
	report, err := metric.Evaluate(in)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func numbered(k int) []string {
	var names []string
	for i := range k {
		names = append(names, fmt.Sprintf("class_%03d", i))
	}
	return names
}

func history(n int, val bool) []Epoch {
	var epochs []Epoch
	for i := range n {
		x := float64(i)
		e := Epoch{Epoch: i + 1, TrainLoss: 1.9*math.Exp(-x/4) + 0.05, TrainAccuracy: 0.985 - 0.45*math.Exp(-x/3),
			ValLoss: math.NaN(), ValAccuracy: math.NaN(), LearningRate: 0.001, Seconds: 1.25}
		if val {
			e.ValLoss = 1.7*math.Exp(-x/3) + 0.22 + 0.006*x
			e.ValAccuracy = 0.94 - 0.4*math.Exp(-x/2.5) - 0.001*x
		}
		epochs = append(epochs, e)
	}
	return epochs
}

func TestText(t *testing.T) {
	ten := predictions(t, signs, 400, false)
	ten.LeftOut = []string{"give way\x1b[2J", "b", "c", "d", "e", "f"}
	perfect, err := metric.Evaluate(metric.Input{Classes: []string{"a", "b"}, Probs: []float32{1, 0, 0, 1}, Labels: [][]int{{0}, {1}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		r    *metric.Report
		o    TextOptions
	}{
		{"ten.txt", ten, TextOptions{}},
		{"hundred.txt", predictions(t, numbered(101), 3000, false), TextOptions{Title: "Test set"}},
		{"labels.txt", predictions(t, signs, 400, true), TextOptions{Rows: 4}},
		{"perfect.txt", perfect, TextOptions{}},
		{"perfect_short.txt", perfect, TextOptions{Rows: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b bytes.Buffer
			if err := Text(&b, c.r, c.o); err != nil {
				t.Fatal(err)
			}
			golden(t, c.name, b.Bytes())
		})
	}
}

func TestPlots(t *testing.T) {
	diverged := history(6, true)
	diverged[4].TrainLoss, diverged[5].ValLoss = math.Inf(1), math.NaN()
	hostile := []string{"<script>alert(1)</script>", "a&b\x00\x1b\xff", "\"quotes\" and a very long name indeed"}
	same := history(3, false)
	for i := range same {
		same[i].TrainLoss, same[i].TrainAccuracy = 0, 1
	}
	for _, c := range []struct {
		name string
		plot func(io.Writer) error
	}{
		{"curves.svg", func(w io.Writer) error { return PlotHistory(w, history(30, true), 14) }},
		{"curves_five.svg", func(w io.Writer) error { return PlotHistory(w, history(5, true), 5) }},
		{"curves_one.svg", func(w io.Writer) error { return PlotHistory(w, history(1, false), 0) }},
		{"curves_flat.svg", func(w io.Writer) error { return PlotHistory(w, same, 2) }},
		{"curves_diverged.svg", func(w io.Writer) error { return PlotHistory(w, diverged, 4) }},
		{"matrix_two.svg", func(w io.Writer) error { return PlotConfusion(w, predictions(t, signs[:2], 50, false)) }},
		{"matrix_hostile.svg", func(w io.Writer) error { return PlotConfusion(w, predictions(t, hostile, 50, false)) }},
		{"matrix_ten.svg", func(w io.Writer) error { return PlotConfusion(w, predictions(t, signs, 400, false)) }},
		{"matrix_forty.svg", func(w io.Writer) error { return PlotConfusion(w, predictions(t, numbered(40), 900, false)) }},
		{"matrix_hundred.svg", func(w io.Writer) error { return PlotConfusion(w, predictions(t, numbered(101), 3000, false)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b bytes.Buffer
			if err := c.plot(&b); err != nil {
				t.Fatal(err)
			}
			checkSVG(t, b.Bytes())
			golden(t, c.name, b.Bytes())
		})
	}
}

// checkSVG checks what a golden file could get wrong unseen: well-formed XML, no number that is none, and no font
// that only we have.
func checkSVG(t *testing.T, svg []byte) {
	t.Helper()
	decoder := xml.NewDecoder(bytes.NewReader(svg))
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
	}
	for _, bad := range []string{"NaN", "Inf", "Liberation Sans;", "Serif"} {
		if bytes.Contains(svg, []byte(bad)) {
			t.Errorf("contains %q", bad)
		}
	}
}

func TestManyClassesStaySmall(t *testing.T) {
	var b bytes.Buffer
	if err := PlotConfusion(&b, predictions(t, numbered(1000), 5000, false)); err != nil {
		t.Fatal(err)
	}
	if b.Len() > 1<<20 {
		t.Errorf("%d bytes for 1000 classes, want at most 1 MiB", b.Len())
	}
}

func TestPlotErrors(t *testing.T) {
	if err := PlotConfusion(io.Discard, predictions(t, signs, 100, true)); err == nil {
		t.Error("no error for the confusion matrix of several labels")
	}
	nan := math.NaN()
	empty := []Epoch{{1, nan, nan, nan, nan, nan, nan}}
	if err := PlotHistory(io.Discard, empty, 1); err == nil {
		t.Error("no error for learning curves without a value")
	}
}

func TestCSV(t *testing.T) {
	ten, labels := predictions(t, signs, 100, false), predictions(t, signs[:3], 40, true)
	epochs := history(2, true)
	epochs[1].ValLoss = math.NaN()
	for _, c := range []struct {
		name  string
		write func(io.Writer) error
	}{
		{"history.csv", func(w io.Writer) error { return WriteHistory(w, epochs) }},
		{"per_class.csv", func(w io.Writer) error { return WritePerClass(w, ten) }},
		{"per_label.csv", func(w io.Writer) error { return WritePerClass(w, labels) }},
		{"confusion.csv", func(w io.Writer) error { return WriteConfusion(w, ten) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b bytes.Buffer
			if err := c.write(&b); err != nil {
				t.Fatal(err)
			}
			if _, err := csv.NewReader(bytes.NewReader(b.Bytes())).ReadAll(); err != nil {
				t.Error(err) // rows of different lengths, among others
			}
			golden(t, c.name, b.Bytes())
		})
	}
	if err := WriteConfusion(io.Discard, labels); err == nil {
		t.Error("no error for the confusion matrix of several labels")
	}
}

func TestWriteJSON(t *testing.T) {
	v := struct {
		Test   *metric.Report `json:"test"`
		Epochs int            `json:"epochs"`
		Name   string         `json:"name"`
		Tricky []any          `json:"tricky"`
	}{predictions(t, signs[:3], 40, false), 3, "<a & b>", []any{[]int{}, "[\n  1,\n  2\n]", []any{1, "x"}, map[string]any{"a\"b": -1.5e-9}, []float64{1e21, -2}}}
	var b bytes.Buffer
	if err := WriteJSON(&b, v); err != nil {
		t.Fatal(err)
	}
	golden(t, "metrics.json", b.Bytes())
	plain, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var want, got any
	if err := errors.Join(json.Unmarshal(plain, &want), json.Unmarshal(b.Bytes(), &got)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("indenting changed the value (-want +got):\n%s", diff)
	}
	if err := WriteJSON(io.Discard, math.NaN()); err == nil {
		t.Error("no error for NaN")
	}
}

func TestTable(t *testing.T) {
	table := NewTable("lrl")
	table.Add("name", "n", "note")
	table.Add("工事中", "1")
	table.Add("é\x1b[31m", "22", "x", "dropped")
	var b bytes.Buffer
	if err := table.Write(&b, "> "); err != nil {
		t.Fatal(err)
	}
	want := "> name     n  note\n> 工事中   1\n> é�[31m  22  x\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

func TestWidth(t *testing.T) {
	for s, want := range map[string]int{"": 0, "abc": 3, "é": 1, "e\u0301": 1, "工事": 4, "🐈": 2, "ｱ": 1} {
		if got := Width(s); got != want {
			t.Errorf("%q: width %d, want %d", s, got, want)
		}
	}
	for _, c := range []struct {
		s    string
		n    int
		want string
	}{{"abcdef", 6, "abcdef"}, {"abcdef", 5, "abcd…"}, {"工事中", 5, "工事…"}, {"工事中", 4, "工…"}, {"ab", 1, "…"}} {
		if got := Shorten(c.s, c.n); got != c.want {
			t.Errorf("%q to %d: %q, want %q", c.s, c.n, got, c.want)
		}
	}
}

func TestPercentKeepsAllAndNothingApart(t *testing.T) {
	for v, want := range map[float64]string{0: "0.0", 0.0001: "0.1", 0.5: "50.0", 0.9385: "93.9", 0.9999: "99.9", 1: "100.0"} {
		if got := oneDecimal(v); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
}

// errWriter is a full disk.
type errWriter struct{}

func (errWriter) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWriteErrorsAreReturned(t *testing.T) {
	r := predictions(t, signs, 100, false)
	for name, err := range map[string]error{
		"text":      Text(errWriter{}, r, TextOptions{}),
		"json":      WriteJSON(errWriter{}, r),
		"history":   WriteHistory(errWriter{}, history(2, true)),
		"per class": WritePerClass(errWriter{}, r),
		"confusion": WriteConfusion(errWriter{}, r),
		"curves":    PlotHistory(errWriter{}, history(2, true), 1),
		"matrix":    PlotConfusion(errWriter{}, r),
	} {
		if err == nil || !strings.Contains(err.Error(), "disk full") {
			t.Errorf("%s: error %v, want disk full", name, err)
		}
	}
}
