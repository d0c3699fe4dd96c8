package train

import "github.com/graft-ml/graft/internal/nn"

// statsOf returns the batch statistics that tape changes, by the names of their initialisers.
func statsOf(tape *nn.Tape) map[string][]float32 {
	if s, ok := any(tape).(interface{ Stats() map[string][]float32 }); ok {
		return s.Stats()
	}
	return nil
}
