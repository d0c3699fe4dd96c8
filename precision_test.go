package graft_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/graft-ml/graft"
)

// Frozen means frozen in int8 too: the model that was written gives the figures that training measured from features,
// fresh or from the cache; features of float32 are not taken for those of int8.
func TestTrainInt8(t *testing.T) {
	dir := paint()
	defer os.RemoveAll(dir)
	photos, cache := filepath.Join(dir, "photos"), t.TempDir()
	train := func(name, precision string, qdq bool) *graft.Run {
		run, err := graft.Train(t.Context(), photos, graft.TrainOptions{Precision: precision, QDQ: qdq,
			Out: filepath.Join(dir, name), Head: graft.Head{Epochs: 4}, Reading: graft.Reading{Cache: cache}})
		if err != nil {
			t.Fatal(err)
		}
		return run
	}
	exact, low := train("f32", "", false), train("int8", "int8", true)
	if exact.Precision.Name != "f32" || low.Precision.Name != "int8" {
		t.Errorf("precisions %v and %v", exact.Precision, low.Precision)
	}
	if reflect.DeepEqual(exact.Report.Scores, low.Report.Scores) {
		t.Error("int8 gives the figures of float32")
	}
	if _, err := os.Stat(filepath.Join(low.Dir, "model-qdq.onnx")); err != nil {
		t.Error(err)
	}
	if _, err := graft.Open(filepath.Join(low.Dir, "model-qdq.onnx"), graft.ModelOptions{}); err == nil || !strings.Contains(err.Error(), "QuantizeLinear") {
		t.Errorf("opening a quantised model: %v", err)
	}
	again := train("again", "int8", false)
	if !reflect.DeepEqual(again.Report, low.Report) {
		t.Error("features of the cache give other figures")
	}
	m, err := graft.Open(low.Model, graft.ModelOptions{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if info, note := m.Precision(); info.Name != "int8" || note != "" {
		t.Errorf("the model runs in %v, %q", info, note)
	}
	e, err := graft.Evaluate(t.Context(), m, photos, graft.EvalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(e.Test.Scores, low.Report.Scores) || e.Precision != low.Precision {
		t.Errorf("the model gives %v in %v, training %v", e.Test.Scores, e.Precision, low.Report.Scores)
	}
}

// Auto takes a precision only by what the validation says, and says which.
func TestTrainAuto(t *testing.T) {
	dir := paint()
	defer os.RemoveAll(dir)
	for _, none := range []bool{false, true} {
		var notes strings.Builder
		run, err := graft.Train(t.Context(), filepath.Join(dir, "photos"), graft.TrainOptions{Precision: "auto", NoValidation: none,
			Out: filepath.Join(dir, "run"), Head: graft.Head{Epochs: 2}, Reading: graft.Reading{NoCache: true},
			Progress: func(e graft.Event) { notes.WriteString(e.Note + "\n") }})
		if err != nil {
			t.Fatal(err)
		}
		os.RemoveAll(run.Dir)
		if !strings.Contains(notes.String(), "precision "+run.Precision.Name) || none && run.Precision.Name != "f32" {
			t.Errorf("it runs in %v: %s", run.Precision, notes.String())
		}
	}
}

func TestPrecisionIsChecked(t *testing.T) {
	for text, o := range map[string]graft.TrainOptions{
		`precision "int4", want f32, bf16, int8 or auto`:                                       {Precision: "int4"},
		`precision "int8" goes with strategies that keep the base frozen, not with "finetune"`: {Precision: "int8", Strategy: "finetune"},
		"QDQ is a form of int8: want the precision int8 or auto":                               {QDQ: true},
		`precision "auto" goes with strategies that keep the base frozen, not with "scratch"`:  {Precision: "auto", Strategy: "scratch"},
	} {
		var option *graft.OptionError
		if _, err := graft.Train(t.Context(), t.TempDir(), o); !errors.As(err, &option) || !strings.Contains(err.Error(), text) {
			t.Errorf("%+v: error %v, want %q", o.Precision, err, text)
		}
	}
}

func TestBenchInt8(t *testing.T) {
	file := filepath.Join(t.TempDir(), "qdq.onnx")
	r, err := graft.Bench(t.Context(), graft.BenchOptions{Batch: 1, Seconds: 0.05, Precision: "int8", Layers: true, Write: file})
	if err != nil {
		t.Fatal(err)
	}
	quantised := false
	for _, l := range r.Layers {
		quantised = quantised || l.Op == "Quantise"
	}
	if data, err := os.ReadFile(file); r.Precision != "int8" || !quantised || err != nil || !strings.Contains(string(data), "DequantizeLinear") {
		t.Errorf("measured %+v, %v", r, err)
	}
}
