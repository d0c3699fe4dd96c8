package graft

import "encoding/json"

// Choice is what the strategy auto compared, and took.
type Choice struct {
	Pictures   int     `json:"pictures"`   // that were compared on: those for training and validation
	Folds      int     `json:"folds"`      // each held out once
	Candidates []Trial `json:"candidates"` // in the order in which they were tried
	Untried    int     `json:"untried"`    // candidates that there was no time for
	Seconds    float64 `json:"seconds"`
}

// Trial is one candidate of the strategy auto: its accuracy on pictures held out, and how much less that is than the
// chosen one's on the same pictures, each with a 95 % interval. With many labels a picture the accuracy is the mean
// F1 of a picture's labels. What was not tried, of no folds, has none of that; in JSON it is left out.
type Trial struct {
	Name     string     `json:"name"`
	Strategy string     `json:"strategy"` // "frozen": a head on some depths; "partial": the last stages, tried on one fold
	Accuracy float64    `json:"accuracy"`
	Interval [2]float64 `json:"interval"`
	Behind   [3]float64 `json:"behind"` // by how much: mean, low, high
	Folds    int        `json:"folds"`  // it was held out on; not all of them where it was clearly worse; 0: it was not tried
	Seconds  float64    `json:"seconds"`
	Chosen   bool       `json:"chosen"`
	Reason   string     `json:"reason,omitempty"`   // why it was not tried, where it was not
	Estimate float64    `json:"estimate,omitempty"` // seconds that trial and training would have taken
}

// MarshalJSON leaves out what is measured in a trial where there was none.
func (t Trial) MarshalJSON() ([]byte, error) {
	if t.Folds > 0 {
		type all Trial
		return json.Marshal(all(t))
	}
	return json.Marshal(struct {
		Name     string  `json:"name"`
		Strategy string  `json:"strategy"`
		Folds    int     `json:"folds"`
		Chosen   bool    `json:"chosen"`
		Reason   string  `json:"reason"`
		Estimate float64 `json:"estimate,omitempty"`
	}{t.Name, t.Strategy, t.Folds, t.Chosen, t.Reason, t.Estimate})
}
