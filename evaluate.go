package graft

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/graft-ml/graft/dataset"
	"github.com/graft-ml/graft/internal/loader"
	"github.com/graft-ml/graft/metric"
)

// EvalOptions says how Evaluate reads the pictures.
type EvalOptions struct {
	Reading  Reading
	Progress func(Event)
}

// Evaluation is the result of Evaluate.
type Evaluation struct {
	Test      *metric.Report `json:"test"`       // over the pictures that the model was not trained on
	TrainedOn int            `json:"trained_on"` // pictures met that the model was trained on, and left out
	Skipped   int            `json:"skipped"`    // pictures that could not be used
	Precision PrecisionInfo  `json:"precision"`  // of the network that was measured
}

// Evaluate measures m on labelled pictures, in the forms that Train takes. Classes are matched by name; a
// class that the model does not know is an error. Pictures whose content m was trained on are counted and
// left out.
func Evaluate(ctx context.Context, m *Model, path string, o EvalOptions) (*Evaluation, error) {
	if err := o.Reading.validate(); err != nil {
		return nil, &OptionError{err}
	}
	tell := progress(o.Progress)
	info, note := m.Precision()
	if note != "" {
		tell.warn("%s", note)
	}
	d, err := openData(ctx, path, o.Reading, tell)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	class, err := m.matchClasses(d)
	if err != nil {
		return nil, err
	}
	e := &Evaluation{Precision: info}
	var index []int
	for i := range d.Samples {
		if m.info.trainedOn.has(d.Samples[i].SHA256) {
			e.TrainedOn++
			continue
		}
		index = append(index, i)
	}
	if e.TrainedOn > 0 {
		tell.warn("%d of %d pictures were used to train the model and are left out of the figures", e.TrainedOn, len(d.Samples))
	}
	if len(index) == 0 {
		return nil, fmt.Errorf("%s: no pictures to evaluate on: the model was trained on all %d", path, e.TrainedOn)
	}
	in := metric.Input{Classes: m.info.classes, MultiLabel: m.info.multiLabel, Thresholds: m.info.thresholds}
	bad, err := m.measure(ctx, d, index, class, o, &in)
	if err != nil {
		return nil, err
	}
	e.Skipped = len(d.Skipped) + len(bad)
	if err := checkBad(d, bad, len(index), o.Reading.MaxBad); err != nil {
		return nil, err
	}
	e.Test, err = metric.Evaluate(in)
	return e, err
}

// matchClasses returns, for each class of d, its place in the model.
func (m *Model) matchClasses(d *dataset.Dataset) ([]int, error) {
	place := map[string]int{}
	for k, name := range m.info.classes {
		place[name] = k
	}
	var unknown []string
	out := make([]int, len(d.Classes))
	for k, name := range d.Classes {
		at, ok := place[name]
		if !ok {
			unknown = append(unknown, fmt.Sprintf("%q", name))
		}
		out[k] = at
	}
	if unknown != nil {
		return nil, fmt.Errorf("%s: the model does not know the class %s; its classes are %s (leave others out with --exclude)",
			d.Name, abbreviate(unknown, 5), abbreviate(m.info.classes, 10))
	}
	if d.MultiLabel && !m.info.multiLabel {
		return nil, fmt.Errorf("%s: pictures with several labels, but the model gives one class a picture", d.Name)
	}
	return out, nil
}

// abbreviate joins names, the first few of many.
func abbreviate(names []string, most int) string {
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// measure predicts the samples and adds probabilities and labels to in.
func (m *Model) measure(ctx context.Context, d *dataset.Dataset, index, class []int, o EvalOptions, in *metric.Input) ([]dataset.Skipped, error) {
	done := 0
	progress(o.Progress).step("test", done, len(index))
	failures, err := loader.Run(ctx, samples{d}, index, o.Reading.loading(m.info.spec), func(b loader.Batch) error {
		probs, err := m.probabilities(ctx, b.Pixels, len(b.Index))
		if err != nil {
			return err
		}
		in.Probs = append(in.Probs, probs...)
		for _, i := range b.Index {
			in.Labels = append(in.Labels, renumber(d.Samples[i].Labels, class))
		}
		done += len(b.Index) + len(b.Failed)
		progress(o.Progress).step("test", done, len(index))
		return nil
	})
	return skippedOf(d, failures), err
}

// renumber maps labels to the model's classes, ascending.
func renumber(labels, class []int) []int {
	out := make([]int, len(labels))
	for i, k := range labels {
		out[i] = class[k]
	}
	slices.Sort(out)
	return out
}
