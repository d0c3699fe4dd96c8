package graft

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/graft-ml/graft/dataset"
	"github.com/graft-ml/graft/internal/backbone"
	"github.com/graft-ml/graft/internal/cpu"
	"github.com/graft-ml/graft/internal/loader"
	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/quant"
)

// Values of TrainOptions.Precision, but for the names of nn.Precision.
const precisionAuto = "auto"

// autoLoss is by how much the validation accuracy of a low precision may be below that of float32 for auto to take it.
const autoLoss = 0.003

// calibrationPictures is how many training pictures the ranges of int8 are chosen by.
const calibrationPictures = 256

// numerics is how a frozen base computes. The zero value is float32.
type numerics struct {
	precision nn.Precision
	quants    map[string]nn.Quant // of int8
}

// parsePrecision reads the name of a precision; "" is f32.
func parsePrecision(text string) (nn.Precision, error) {
	for _, p := range []nn.Precision{nn.F32, nn.BF16, nn.Int8} {
		if text == p.String() || text == "" {
			return p, nil
		}
	}
	return 0, fmt.Errorf("precision %q, want f32, bf16, int8 or auto", text)
}

// checkPrecision reports a precision that training does not have.
func (o *TrainOptions) checkPrecision() error {
	if o.Precision == precisionAuto {
		return nil
	}
	_, err := parsePrecision(o.Precision)
	return err
}

// hasPrecision reports whether this processor has the instructions of p. What int8 takes, all have.
func hasPrecision(p nn.Precision) bool { return p != nn.BF16 || cpu.HasBF16 }

// fastPrecisions are the low ones that are faster than float32 on this processor, the fastest first.
func fastPrecisions() []nn.Precision {
	switch {
	case strings.Contains(cpu.Path(), cpu.Generic.String()):
		return nil
	case cpu.HasBF16:
		return []nn.Precision{nn.Int8, nn.BF16}
	}
	return []nn.Precision{nn.Int8}
}

// options are those of a plan that computes so.
func (n numerics) options(pool *nn.Pool) nn.PlanOptions {
	return nn.PlanOptions{Pool: pool, Precision: n.precision, Quants: n.quants}
}

// path names the arithmetic that features depend on bit for bit.
func (n numerics) path() string {
	text := cpu.Path()
	if n.precision == nn.F32 {
		return text
	}
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(n.quants)) {
		q := n.quants[name]
		fmt.Fprintf(h, "%q %v %d", name, math.Float32bits(q.Scale), q.Zero)
		h.Write(encodeFloats(q.Mean))
	}
	return fmt.Sprintf("%s-%s-%x", text, n.precision, h.Sum(nil)[:8])
}

// PrecisionInfo says in what a network's convolutions are computed.
type PrecisionInfo struct {
	Name string `json:"name"` // "f32", "bf16" or "int8"
	Path string `json:"path"` // the processor's architecture and instruction set
}

func (n numerics) info() PrecisionInfo { return PrecisionInfo{n.precision.String(), cpu.Path()} }

// quantJSON is an nn.Quant in a model's metadata.
type quantJSON struct {
	Scale float32 `json:"scale"`
	Zero  uint8   `json:"zero"`
	Mean  []byte  `json:"mean,omitempty"` // float32, little-endian
}

// encode adds n to metadata_props. Of float32 there is nothing to say.
func (n numerics) encode(m map[string]string) error {
	if n.precision == nn.F32 {
		return nil
	}
	m[keyPrecision] = n.precision.String()
	if n.precision != nn.Int8 {
		return nil
	}
	values := make(map[string]quantJSON, len(n.quants))
	for name, q := range n.quants {
		values[name] = quantJSON{q.Scale, q.Zero, encodeFloats(q.Mean)}
	}
	text, err := json.Marshal(values)
	m[keyQuants] = string(text)
	return err
}

// decodeNumerics reads what encode wrote.
func decodeNumerics(m map[string]string) (n numerics, err error) {
	if n.precision, err = parsePrecision(m[keyPrecision]); err != nil || n.precision != nn.Int8 {
		return n, err
	}
	var values map[string]quantJSON
	if err := json.Unmarshal([]byte(m[keyQuants]), &values); err != nil {
		return n, fmt.Errorf("metadata %s: %w", keyQuants, err)
	}
	n.quants = make(map[string]nn.Quant, len(values))
	for name, v := range values {
		if len(v.Mean)%4 != 0 {
			return n, fmt.Errorf("metadata %s: %q: means of %d bytes, want 4 for each", keyQuants, name, len(v.Mean))
		}
		q := nn.Quant{Scale: v.Scale, Zero: v.Zero}
		for b := v.Mean; len(b) > 0; b = b[4:] {
			q.Mean = append(q.Mean, math.Float32frombits(binary.LittleEndian.Uint32(b)))
		}
		n.quants[name] = q
	}
	return n, nil
}

func encodeFloats(x []float32) []byte {
	var b []byte
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// errNothingLow says that int8 is of no use for a network.
var errNothingLow = errors.New("precision int8: nothing in this network can be computed in it: " +
	"no convolution of several channels has an activation that is a clip, or no picture could be read")

// calibrated returns the numerics of precision p for a base: for int8 by some of the pictures of d that index names,
// evenly over them.
func calibrated(ctx context.Context, p nn.Precision, base *backbone.Backbone, pool *nn.Pool, d *dataset.Dataset, index []int, r Reading, tell progress) (numerics, error) {
	if p != nn.Int8 {
		return numerics{precision: p}, nil
	}
	c, err := quant.New(base.Graph, pool)
	if err != nil {
		return numerics{}, fmt.Errorf("backbone %s: %w", base.Name, err)
	}
	chosen := index
	if len(index) > calibrationPictures {
		chosen = nil
		for i := range calibrationPictures {
			chosen = append(chosen, index[i*len(index)/calibrationPictures])
		}
	}
	done := 0
	_, err = loader.Run(ctx, samples{d}, chosen, r.loading(base.Spec), func(b loader.Batch) error {
		tell.step("calibration", done, len(chosen))
		done += len(b.Index) + len(b.Failed)
		return c.Add(ctx, b.Pixels, len(b.Index))
	})
	if err != nil {
		return numerics{}, err
	}
	n := numerics{nn.Int8, c.Quants()}
	if len(n.quants) == 0 {
		return numerics{}, errNothingLow
	}
	return n, nil
}
