package graft_test

import (
	"encoding/json"
	"testing"

	"github.com/graft-ml/graft"
)

// In JSON a trial that was none has no accuracy, while one of 0 is there.
func TestTrialJSON(t *testing.T) {
	for want, trial := range map[string]graft.Trial{
		`{"name":"partial","strategy":"partial","folds":0,"chosen":false,"reason":"no time","estimate":9}`:                                  {Name: "partial", Strategy: "partial", Reason: "no time", Estimate: 9},
		`{"name":"depth 1","strategy":"frozen","accuracy":0,"interval":[0,0.5],"behind":[0.25,0,0.5],"folds":3,"seconds":2,"chosen":false}`: {Name: "depth 1", Strategy: "frozen", Interval: [2]float64{0, 0.5}, Behind: [3]float64{0.25, 0, 0.5}, Folds: 3, Seconds: 2},
	} {
		got, err := json.Marshal(graft.Choice{Candidates: []graft.Trial{trial}})
		if err != nil {
			t.Fatal(err)
		}
		if want := `{"pictures":0,"folds":0,"candidates":[` + want + `],"untried":0,"seconds":0}`; string(got) != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
