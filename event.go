package graft

import (
	"fmt"

	"github.com/graft-ml/graft/metric"
)

// Event is one piece of news from a long run: what is being done, how far it is, or something that the
// user should know. Exactly one of the pointers is set, or Note is.
type Event struct {
	Step  *Step
	Epoch *Epoch
	Note  string // a full sentence in lower case: what was found or decided
	Warn  bool   // the note is about something that may be wrong
}

// Step is progress through countable work.
type Step struct {
	Name        string // "reading", "features", "test", "download"
	Done, Total int    // pictures; Total 0: not known
	Bytes       bool   // they are bytes
}

// Epoch is one pass over the training pictures. Losses and accuracies are measured after it by the way that
// predicts; without a validation split they are NaN there. Those of the training pictures are, where a network is
// trained and not a head alone, means over the steps of the epoch instead.
type Epoch struct {
	Number                   int    // from 1
	Phase                    string // of the training of a network: "last stages", "all" …; "" of a head
	TrainLoss, TrainAccuracy float64
	ValLoss, ValAccuracy     float64
	LearningRate             float64
	Seconds                  float64
	Refit                    bool // an epoch of the second fit, on training and validation together
}

// Run is what Train leaves behind.
type Run struct {
	Dir     string // the run folder
	Model   string // path of model.onnx in it
	Report  *metric.Report
	History []Epoch
	Best    int // the epoch whose weights, or whose number, were kept
	Stages  []Stage

	OverSplits *Repeats // with Repeats or Folds
	Balance    *Balance // where classes are uneven, or treated as if they were

	Precision PrecisionInfo // that of the figures in Report, and of the model

	Choice *Choice // what the strategy auto compared; nil with another

	TestPaths []string // the test pictures, relative to the data
}

// Stage is the time that one part of a run took.
type Stage struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
}

// progress hands events to the caller, if it wants them.
type progress func(Event)

func (p progress) send(e Event) {
	if p != nil {
		p(e)
	}
}

func (p progress) step(name string, done, total int) {
	p.send(Event{Step: &Step{Name: name, Done: done, Total: total}})
}

func (p progress) note(format string, args ...any) {
	p.send(Event{Note: fmt.Sprintf(format, args...)})
}

func (p progress) warn(format string, args ...any) {
	p.send(Event{Note: fmt.Sprintf(format, args...), Warn: true})
}

func (p progress) warnText(text string) { p.warn("%s", text) }
