package graft

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/graft-ml/graft/dataset"
	"github.com/graft-ml/graft/internal/atomicfile"
	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/onnx"
	"github.com/graft-ml/graft/internal/quant"
	"github.com/graft-ml/graft/internal/report"
	"github.com/graft-ml/graft/internal/train"
	"github.com/graft-ml/graft/metric"
)

// metricsFile is the content of metrics.json.
type metricsFile struct {
	Test      *metric.Report `json:"test"`
	Splits    *Repeats       `json:"over_splits,omitempty"`
	Split     SplitInfo      `json:"split"`
	Backbone  BackboneInfo   `json:"backbone"`
	Head      headInfo       `json:"head"`
	Balance   *Balance       `json:"balance,omitempty"`
	Data      dataInfo       `json:"data"`
	Features  featureInfo    `json:"features"`
	Choice    *Choice        `json:"choice,omitempty"`
	Stages    []Stage        `json:"stages"`
	Precision PrecisionInfo  `json:"precision"` // of the network that the figures of the test are of
	Version   string         `json:"graft_version"`
}

// headInfo says how the head, or the network with it, was trained.
type headInfo struct {
	Strategy  string `json:"strategy"`
	Kind      string `json:"kind"`
	Hidden    []int  `json:"hidden"`
	Optimizer string `json:"optimizer"`
	BestEpoch int    `json:"best_epoch"`
	Refit     bool   `json:"refit"`
	Augment   string `json:"augment,omitempty"` // with every strength
	Views     int    `json:"views,omitempty"`   // of each training picture, where there are several
	Fresh     bool   `json:"fresh,omitempty"`   // drawn anew in every epoch, on a frozen base
	TTA       string `json:"tta,omitempty"`     // views that a prediction averages

	Precision string `json:"tune_precision,omitempty"` // that the network was trained in, if it was and not in f32

	Teacher *TeacherInfo `json:"teacher,omitempty"`
}

// dataInfo counts what was found where the pictures are.
type dataInfo struct {
	Name     string         `json:"name"`
	Classes  int            `json:"classes"`
	Pictures int            `json:"pictures"`
	Skipped  int            `json:"skipped"`
	Ignored  dataset.Counts `json:"ignored,omitempty"`
}

// featureInfo counts how often the base ran.
type featureInfo struct {
	Computed int `json:"computed"`
	Cached   int `json:"cached"`
}

// runFile is one file of a run folder.
type runFile struct {
	name  string
	write func(io.Writer) error
}

// write makes the run folder. It is made under its own name only now that there is something to put there,
// and model.onnx, the file that says that a run is whole, is written last.
func (j *job) write(context.Context) (err error) {
	if j.out, err = makeRunFolder(j.path, j.o.Out); err != nil {
		return err
	}
	return j.writeFiles(j.out)
}

// writeFiles writes the files of the run folder to dir.
func (j *job) writeFiles(dir string) error {
	model, err := j.modelFile()
	if err != nil {
		return err
	}
	files := []runFile{
		{"split.csv", j.writeSplit},
		{"predictions.csv", j.writePredictions},
		{"skipped.csv", func(w io.Writer) error { return dataset.WriteSkipped(w, j.skipped()) }},
		{"history.csv", func(w io.Writer) error { return report.WriteHistory(w, j.epochs()) }},
		{"metrics.json", func(w io.Writer) error { return report.WriteJSON(w, j.metrics()) }},
		{"curves.svg", func(w io.Writer) error { return report.PlotHistory(w, j.epochs(), j.best) }},
		{"model.onnx", func(w io.Writer) error { _, err := model.WriteTo(w); return err }},
	}
	if j.o.QDQ && j.numerics.precision == nn.Int8 {
		qdq, err := j.quantised(model)
		if err != nil {
			return err
		}
		files = slices.Insert(files, 0, runFile{"model-qdq.onnx", func(w io.Writer) error { _, err := qdq.WriteTo(w); return err }})
	}
	if j.repeats != nil {
		files = slices.Insert(files, 0, runFile{fitsFile, j.writeFits})
	}
	if !j.data.MultiLabel {
		files = slices.Insert(files, 0, runFile{"confusion.svg", func(w io.Writer) error { return report.PlotConfusion(w, j.report) }})
	}
	for _, f := range files {
		if err := atomicfile.WriteFile(filepath.Join(dir, f.name), f.write); err != nil {
			return err
		}
	}
	return nil
}

// skipped lists every picture that was not used, and why.
func (j *job) skipped() []dataset.Skipped {
	return append(j.data.Skipped[:len(j.data.Skipped):len(j.data.Skipped)], j.bad...)
}

func (j *job) splitInfo() SplitInfo {
	return SplitInfo{Seed: j.o.Seed, Train: len(j.train), Validation: len(j.validation), Test: len(j.test), PerClass: j.o.TrainPerClass}
}

func (j *job) backboneInfo() BackboneInfo {
	return BackboneInfo{Name: j.base.Name, SHA256: hex.EncodeToString(j.base.SHA256[:]), Width: j.base.Width, Cut: j.base.Cut, Licence: j.base.Licence}
}

func (j *job) headInfo() headInfo {
	h := headInfo{Strategy: j.o.Strategy, Kind: cmp.Or(j.o.Head.Kind, train.DenseHead), Hidden: j.o.Head.Hidden, Optimizer: cmp.Or(j.o.Head.Optimizer, train.Adam), BestEpoch: j.best, Refit: j.refit > 0, Teacher: j.teacher.info()}
	if a := j.o.augment(); a.Draws() {
		h.Augment, h.Views, h.Fresh = a.String(), j.o.Views, j.o.Fresh
	}
	if v := j.o.tta(); v.N() > 1 {
		h.TTA = v.String()
	}
	switch {
	case h.Kind == train.NearestMeanHead || h.Kind == train.CosineHead:
		h.Optimizer = ""
	case j.tuned != nil:
		h.Optimizer = cmp.Or(j.o.Tuning.Optimizer, train.AdamW)
		if j.o.Tuning.Precision != nn.F32.String() {
			h.Precision = j.o.Tuning.Precision
		}
	}
	return h
}

func (j *job) metrics() metricsFile {
	m := metricsFile{
		Test: j.report, Splits: j.repeats, Split: j.splitInfo(), Backbone: j.backboneInfo(), Head: j.headInfo(), Balance: j.balance(),
		Data:   dataInfo{j.data.Name, len(j.data.Classes), len(j.data.Samples), len(j.skipped()), j.data.Ignored},
		Choice: j.choice, Stages: j.stages, Precision: j.numerics.info(), Version: Version,
	}
	if j.feats != nil {
		m.Features = featureInfo{j.feats.stats.Computed, j.feats.stats.Cached}
	}
	return m
}

// modelFile returns what is in model.onnx. Its bytes depend on the data, the options and the seed alone: no
// time, no path, no number of threads.
func (j *job) modelFile() (*onnx.Model, error) {
	in := &info{version: Version, classes: j.data.Classes, multiLabel: j.data.MultiLabel, thresholds: j.thresholds,
		spec: j.spec(), backbone: j.backboneInfo(), split: j.splitInfo(), features: j.base.Graph.Outputs[0].Name, numerics: j.numerics}
	j.describeViews(in)
	var err error
	if in.metrics, err = json.Marshal(j.summary()); err != nil {
		return nil, err
	}
	if in.head, err = json.Marshal(j.headInfo()); err != nil {
		return nil, err
	}
	var hashes [][32]byte
	for _, side := range [][]int{j.train, j.validation} {
		for _, i := range side {
			hashes = append(hashes, j.data.Samples[i].SHA256)
		}
	}
	in.trainedOn = contentsOf(hashes)
	m := &onnx.Model{Graph: j.model, Producer: "graft", ProducerVersion: Version}
	m.Metadata, err = in.encode()
	return m, err
}

// quantised returns m, which is in int8, in ONNX's form for quantised networks.
func (j *job) quantised(m *onnx.Model) (*onnx.Model, error) {
	g, err := quant.QDQ(m.Graph, j.numerics.quants)
	if err != nil {
		return nil, err
	}
	q := *m
	q.Graph = g
	return &q, nil
}

// summary is what a model file says of its test: the scores without the tables of classes, and their means over several
// splits.
func (j *job) summary() map[string]any {
	out := map[string]any{"n": j.report.N}
	for _, s := range j.report.Scores {
		out[s.Key] = s.Interval
	}
	if j.repeats != nil {
		over := map[string]any{"n": len(j.repeats.Fits)}
		for _, s := range j.repeats.Scores {
			over[s.Key] = s.Interval
		}
		out["over_splits"] = over
	}
	return out
}

// writeSplit writes which picture was used for what.
func (j *job) writeSplit(w io.Writer) error {
	return dataset.WriteSplit(w, j.data, &dataset.Split{Train: j.train, Validation: j.validation, Test: j.test})
}

// epochs returns the history in the report's form: the epochs that chose, without those of a second fit.
func (j *job) epochs() []report.Epoch {
	var out []report.Epoch
	for _, e := range j.history {
		if !e.Refit {
			out = append(out, report.Epoch{Epoch: e.Number, TrainLoss: e.TrainLoss, TrainAccuracy: e.TrainAccuracy, ValLoss: e.ValLoss,
				ValAccuracy: e.ValAccuracy, LearningRate: e.LearningRate, Seconds: e.Seconds})
		}
	}
	return out
}

// checkOutput checks, before any work, that the run's results can be written where they are to go: not inside
// the data, and not over another run.
func checkOutput(data, out string) error {
	if out == "" {
		return checkOutside(data, "runs")
	}
	if _, err := os.Lstat(out); err == nil {
		return &OptionError{fmt.Errorf("-o %s: it exists; name a new folder", out)}
	}
	return checkOutside(data, out)
}

// checkOutside refuses an output that lies inside the folder of the pictures.
func checkOutside(data, out string) error {
	dir, err := realPath(data)
	if err != nil {
		return err
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil // an archive or a CSV file: what lies beside it is nobody's class
	}
	target, err := realPath(out)
	if err != nil {
		return err
	}
	if rel, err := filepath.Rel(dir, target); err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return &OptionError{fmt.Errorf("output %s lies inside the data folder %s: give another place with -o", out, data)}
	}
	return nil
}

// realPath returns path absolute and with links resolved, as far as it exists.
func realPath(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	rest := ""
	for dir := abs; ; dir = filepath.Dir(dir) {
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			return filepath.Join(real, rest), nil
		}
		if dir == filepath.Dir(dir) {
			return abs, nil
		}
		rest = filepath.Join(filepath.Base(dir), rest)
	}
}

// makeRunFolder makes the run folder: out, or runs/NAME with the first number that is free.
func makeRunFolder(data, out string) (string, error) {
	if out == "" {
		return atomicfile.NewDir(filepath.Join("runs", dataName(data)))
	}
	if err := os.MkdirAll(filepath.Dir(out), 0o777); err != nil {
		return "", err
	}
	return out, os.Mkdir(out, 0o777)
}

// dataName is the name of the data: its file name without the extensions that say how it is packed.
func dataName(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		abs = path
	}
	name := filepath.Base(abs)
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return name
	}
	for _, ext := range []string{".gz", ".tar", ".tgz", ".zip", ".csv", ".tsv"} {
		if short := strings.TrimSuffix(strings.ToLower(name), ext); short != "" {
			name = name[:len(short)]
		}
	}
	return name
}
