package train

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/graft-ml/graft/internal/cpu"
	"github.com/graft-ml/graft/internal/nn"
)

// bf16Curves are those of PyTorch's mixed precision, by make_bf16.py.
type bf16Curves struct {
	Nets []struct {
		Model string
		Modes map[string]struct {
			GradientsOff float64 `json:"gradients_off"`
			Runs         map[string][]float64
		}
	}
}

// bf16CurveTol bounds how far a loss in bfloat16 may be from that in float64, relative, or else twice as far as PyTorch's
// mixed precision has been by then: where the statistics are frozen, SGD at this rate makes more of small differences
// from step to step, and both leave the curve.
const bf16CurveTol = 5e-3

// Ten steps in bfloat16 stay as near to PyTorch's losses in float64 as PyTorch's own mixed precision does, and so do the
// lengths of the first gradients.
func TestNetworkCurvesBF16(t *testing.T) {
	var c netCurves
	var low bf16Curves
	load(t, filepath.Join("..", "training", "curves.json"), &c)
	load(t, filepath.Join("..", "training", "bf16.json"), &low)
	steps := 10
	if strings.Contains(cpu.Path(), cpu.Generic.String()) {
		steps = 1 // in plain Go ten take minutes
	}
	for i, n := range c.Nets {
		for _, mode := range []string{"frozen", "batch"} {
			for _, kind := range []string{SGD, AdamW} {
				if (steps == 1 || testing.Short()) && kind == AdamW || low.Nets[i].Model != n.Model {
					continue
				}
				t.Run(fmt.Sprintf("%s×%v/%s/%s", n.Model, n.Width, mode, kind), func(t *testing.T) {
					theirs, m := low.Nets[i].Modes[mode], n.Modes[mode]
					worst, r := bf16CurveTol/2, m.Runs[kind].run
					s := newNetSteps(t, c, n.Model, n.Width, mode, nn.BF16)
					s.steps(t, r, steps, func(step int, got float64) {
						want := r.Loss[step]
						worst = math.Max(worst, math.Abs(theirs.Runs[kind][step]-want)/want)
						if off := math.Abs(got-want) / want; !(off <= 2*worst) {
							t.Errorf("step %d: loss %v, want %v: off by %.2g of it, PyTorch's mixed precision by %.2g", step+1, got, want, off, worst)
						}
						if step == 0 {
							s.checkLengths(t, m.Grads, 1.5*theirs.GradientsOff)
						}
					})
				})
			}
		}
	}
}

// checkLengths compares the lengths of gradients, each relative to that of its own and a thousandth of the longest.
func (s *netSteps) checkLengths(t *testing.T, want map[string]sketch, tol float64) {
	t.Helper()
	least := 10 * negligible(want)
	worst := 0.0
	for _, p := range s.params {
		w := want[p.name].Norm
		off := math.Abs(norm(p.g, nil)-w) / (w + least)
		if worst = math.Max(worst, off); !(off <= tol) {
			t.Errorf("gradient by %s: length %v, want %v: off by %.2g, PyTorch's mixed precision by two thirds of %.2g", p.name, norm(p.g, nil), w, off, tol)
		}
	}
	if worst == 0 {
		t.Error("nothing is computed in bfloat16")
	}
}
