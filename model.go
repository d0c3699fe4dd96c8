package graft

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"slices"
	"sync"

	"github.com/graft-ml/graft/internal/decode"
	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/onnx"
	"github.com/graft-ml/graft/internal/tensor"
)

// Model is a classifier that was read from a file. It is safe for use by many goroutines at once. While
// nobody calls it, it uses no CPU.
type Model struct {
	info *info
	path string
	plan *nn.Plan
	runs numerics // what the plan computes in
	pool *nn.Pool

	mu     sync.RWMutex // held for reading by every use, for writing by Close
	closed bool
}

// ModelOptions says how a model runs.
type ModelOptions struct {
	Threads int // workers; 0, or more than GOMAXPROCS: GOMAXPROCS
}

// Prediction is one class and how probable the model holds it.
type Prediction struct {
	Class       string  `json:"class"`
	Probability float32 `json:"probability"`

	// Label says that the picture has this label: its probability reaches the label's threshold. Only models
	// for several labels a picture set it.
	Label bool `json:"label,omitempty"`
}

var errClosed = errors.New("graft: the model is closed")

// Open reads a model that graft wrote. Close it after use.
func Open(path string, o ModelOptions) (*Model, error) {
	file, err := onnx.ReadFile(path)
	if err != nil {
		return nil, err
	}
	m := &Model{path: path}
	if m.info, err = decodeInfo(file.Metadata); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	m.pool = nn.NewPool(o.Threads)
	if m.runs = m.info.numerics; !hasPrecision(m.runs.precision) {
		m.runs = numerics{}
	}
	if m.plan, err = nn.NewPlan(file.Graph, m.runs.options(m.pool)); err == nil {
		err = m.checkShapes(file.Graph)
	}
	if err != nil {
		m.pool.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// checkShapes compares the graph's edges with what the metadata says.
func (m *Model) checkShapes(g *nn.Graph) error {
	want := tensor.Shape{tensor.Free, 3, m.info.spec.Height, m.info.spec.Width}
	if len(g.Inputs) != 1 || len(g.Outputs) != 1 {
		return fmt.Errorf("%d inputs and %d outputs, want one of each", len(g.Inputs), len(g.Outputs))
	}
	if got := g.Inputs[0].Shape; len(got) != 4 || !got[1:].Equal(want[1:]) {
		return fmt.Errorf("input %v, want %v, as its metadata says", g.Inputs[0], want)
	}
	if got := m.plan.OutputShape(0); !got.Equal(tensor.Shape{len(m.info.classes)}) {
		return fmt.Errorf("output %v a picture, want [%d], a number for each class", got, len(m.info.classes))
	}
	return nil
}

// Close frees the model's workers. Later calls of its methods return an error; calls under way are waited
// for.
func (m *Model) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.closed {
		m.closed = true
		m.pool.Close()
	}
	return nil
}

// Classes returns the class names, in the order of the model's output.
func (m *Model) Classes() []string { return slices.Clone(m.info.classes) }

// MultiLabel reports whether a picture can have several labels: probabilities then do not add up to 1.
func (m *Model) MultiLabel() bool { return m.info.multiLabel }

// Backbone returns the network whose features the model uses.
func (m *Model) Backbone() BackboneInfo { return m.info.backbone }

// Precision returns what the model's convolutions are computed in: as in training, or in f32 where this processor has no
// instructions for that. note then says so; else it is "".
func (m *Model) Precision() (info PrecisionInfo, note string) {
	if made := m.info.numerics.precision; m.runs.precision != made {
		note = fmt.Sprintf("this processor has no instructions for %v, in which the model was made and measured: it runs in %v", made, m.runs.precision)
	}
	return m.runs.info(), note
}

// Predict classifies one picture. It returns every class, the most probable first. Transparent parts of the
// picture are taken as white.
func (m *Model) Predict(ctx context.Context, picture image.Image) ([]Prediction, error) {
	all, err := m.PredictBatch(ctx, []image.Image{picture})
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// PredictBatch classifies several pictures at once, which is faster than one after the other. The results
// are those of Predict, bit for bit.
func (m *Model) PredictBatch(ctx context.Context, pictures []image.Image) ([][]Prediction, error) {
	spec := m.info.spec
	size := 3 * spec.Height * spec.Width
	pixels := make([]float32, len(pictures)*size)
	for i, p := range pictures {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		rgb := decode.FromImage(p)
		err := spec.Apply(pixels[i*size:][:size], rgb.Pix, rgb.W, rgb.H)
		rgb.Release()
		if err != nil {
			return nil, fmt.Errorf("picture %d: %w", i, err)
		}
	}
	probs, err := m.probabilities(ctx, pixels, len(pictures))
	if err != nil {
		return nil, err
	}
	out := make([][]Prediction, len(pictures))
	for i := range out {
		out[i] = m.ranked(probs[i*len(m.info.classes):][:len(m.info.classes)])
	}
	return out, nil
}

// probabilities runs the network over n prepared pictures: [n,K].
func (m *Model) probabilities(ctx context.Context, pixels []float32, n int) ([]float32, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.closed {
		return nil, errClosed
	}
	probs := make([]float32, n*len(m.info.classes))
	err := m.plan.Run(ctx, [][]float32{probs}, [][]float32{pixels}, n)
	return probs, err
}

// ranked orders the classes by probability, and by name's position where they tie.
func (m *Model) ranked(probs []float32) []Prediction {
	out := make([]Prediction, len(probs))
	for k, p := range probs {
		out[k] = Prediction{m.info.classes[k], p, m.info.multiLabel && p >= m.info.thresholds[k]}
	}
	slices.SortStableFunc(out, func(a, b Prediction) int { return cmp.Compare(b.Probability, a.Probability) })
	return out
}
