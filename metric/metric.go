// Package metric tells how good a classifier is: it turns the probabilities of N pictures for K classes and
// the right answers into a Report of scores with 95 % intervals.
//
// Input: what a softmax (one class per picture) or a sigmoid (any number of labels per picture) put out.
// Output: a Report, always the same for the same input and seed.
//
// Invariants. Of equal probabilities the class of the lowest index comes first. A ratio with nothing to divide
// by (the precision of a class never predicted) is 0, as scikit-learn's zero_division=0 has it, and its
// interval is [0, 1]. A class without a test picture has no recall, so it is left out of the means.
// Proportions have Wilson's interval; all else has that of a bootstrap, or Wilson's for as many pictures where
// resampling changes nothing.
package metric

// table lists every metric in the order of reports. A metric is one file and one line here: the text report
// and metrics.json show what the table holds.
var table = []metric{
	top1,
	top5,
	meanAP,
	microF1,
	meanPerClass,
	macroF1,
	nll,
	brier,
}

// metric is one row of the table. Exactly one of proportion and statistic is set.
type metric struct {
	key, title string // the key in metrics.json, and the name that a person reads
	percent    bool   // a fraction, shown as a percentage
	task       task

	// proportion returns how many of n pictures count; the interval is Wilson's.
	proportion func(*evaluation) (hits, n int)

	// statistic returns a function of the pictures' weights [N], all 1 for the value itself; the interval is
	// that over resampled weights. What does not change with the weights is worked out once, here.
	statistic func(*evaluation) func(weights []float64) float64
}

// task says for which kind of data a metric is defined.
type task uint8

const (
	oneLabel task = 1 << iota
	multiLabel
	anyTask = oneLabel | multiLabel
)

// Input is what an evaluation needs.
type Input struct {
	Classes    []string  // [K], K ≥ 2
	Probs      []float32 // [N,K], row-major: softmax or sigmoid outputs, each in [0,1]
	Labels     [][]int   // [N], ascending class indices; one each unless MultiLabel
	MultiLabel bool
	Thresholds []float32 // [K], multi-label only: a label is predicted where its probability ≥ its threshold
	LeftOut    []int     // classes left out of the means; those without a test picture are left out anyway
	Seed       uint64    // of the bootstrap
}

// Interval is a score and its 95 % confidence interval.
type Interval struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// Score is one metric's result over the whole test set.
type Score struct {
	Key     string // as in metrics.json: "top1"
	Title   string // as in text: "top-1 accuracy"
	Percent bool   // Value is a fraction, best shown as a percentage
	Interval
}

// Report is the result of an evaluation. In JSON the scores stand at its top, each under its key.
type Report struct {
	Scores    []Score      `json:"-"`                   // in the order of the table
	N         int          `json:"n"`                   // pictures
	LeftOut   []string     `json:"left_out,omitempty"`  // classes that the means leave out
	PerClass  []ClassScore `json:"per_class,omitempty"` // [K], nil for multi-label
	PerLabel  []LabelScore `json:"per_label,omitempty"` // [K], multi-label only
	Confusion [][]int      `json:"confusion,omitempty"` // [K][K] pictures, true class by predicted class; nil for multi-label
}

// Score returns the score of a key such as "top1", and whether the report has it.
func (r *Report) Score(key string) (Interval, bool) {
	for _, s := range r.Scores {
		if s.Key == key {
			return s.Interval, true
		}
	}
	return Interval{}, false
}

// Evaluate scores the predictions. It returns an error, naming the first offender, if the input does not fit
// together, has no picture or fewer than two classes, if a probability is NaN or outside [0,1], or if no class
// is left to take a mean over.
func Evaluate(in Input) (*Report, error) {
	e, err := prepare(in)
	if err != nil {
		return nil, err
	}
	r := &Report{N: e.n, LeftOut: e.leftOutNames(), Scores: e.scores()}
	if in.MultiLabel {
		r.PerLabel = e.perLabel()
	} else {
		r.PerClass, r.Confusion = e.perClass(), e.confusion()
	}
	return r, nil
}

// scores works through the table. The statistics share their resamples, for drawing them is most of the work.
func (e *evaluation) scores() []Score {
	var scores []Score
	var resampled []int // indices into scores
	var statistics []func([]float64) float64
	for _, m := range table {
		if m.task&e.task() == 0 {
			continue
		}
		s := Score{Key: m.key, Title: m.title, Percent: m.percent}
		if m.proportion != nil {
			s.Interval = wilson(m.proportion(e))
		} else {
			resampled = append(resampled, len(scores))
			statistics = append(statistics, m.statistic(e))
		}
		scores = append(scores, s)
	}
	for i, interval := range e.bootstrap(statistics) {
		s := &scores[resampled[i]]
		if s.Interval = interval; s.Percent && s.Low == s.High {
			// Where all pictures are right, or all wrong, resamples are alike: no reason to be sure of it.
			s.Interval = WilsonAround(s.Value, e.n)
		}
	}
	return scores
}
