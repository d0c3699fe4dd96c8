package quant

import (
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/graft-ml/graft/internal/backbone"
	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/onnx"
	"github.com/graft-ml/graft/internal/tensor"
)

// The counts do not depend on the order of the numbers.
func TestHistogramOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	row := []float32{0, 1e-30, -4, 8, -7.999}
	for range 1000 {
		row = append(row, float32(math.Exp(6*r.NormFloat64())))
	}
	var a, b histogram
	a.add(row)
	slices.Reverse(row)
	for i := range row {
		b.add(row[i : i+1])
	}
	if a != b {
		t.Error("another order gives other counts")
	}
	a.add([]float32{float32(math.Inf(1))})
	if _, ok := a.best(); ok {
		t.Error("a range was found for an infinite value")
	}
	if _, ok := new(histogram).best(); ok {
		t.Error("a range was found for nothing")
	}
}

func TestBestRange(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, c := range []struct {
		name   string
		draw   func() float64
		lo, hi [2]float64 // between which the ends of the range are
	}{
		{"relu6", func() float64 { return min(6, max(0, 4*r.NormFloat64())) }, [2]float64{0, 0}, [2]float64{5.9, 6.1}},
		{"normal", func() float64 { return r.NormFloat64() }, [2]float64{-4.6, -2.5}, [2]float64{2.5, 4.6}},
		{"exponential", func() float64 { return r.ExpFloat64() }, [2]float64{0, 0}, [2]float64{6, 11}},
		{"one side", func() float64 { return -1 - r.Float64() }, [2]float64{-2.1, -1.9}, [2]float64{0, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var h histogram
			row := make([]float32, 60000)
			for i := range row {
				row[i] = float32(c.draw())
			}
			h.add(row)
			q, ok := h.best()
			lo, hi := -float64(q.Zero)*float64(q.Scale), (255-float64(q.Zero))*float64(q.Scale)
			if !ok || lo < c.lo[0] || lo > c.lo[1] || hi < c.hi[0] || hi > c.hi[1] {
				t.Errorf("range %v to %v, want %v to %v", lo, hi, c.lo, c.hi)
			}
		})
	}
}

// pictures returns n pictures of random stripes for the embedded backbone.
func pictures(b *backbone.Backbone, n int) []float32 {
	r := rand.New(rand.NewPCG(5, 6))
	px := make([]float32, n*3*b.Spec.Height*b.Spec.Width)
	for i := range px {
		px[i] = float32(128*(i/(3+i/7%5)%2) + r.IntN(100))
	}
	return px
}

func calibrate(t *testing.T, b *backbone.Backbone, px []float32, batches []int, threads int) map[string]nn.Quant {
	t.Helper()
	pool := nn.NewPool(threads)
	defer pool.Close()
	c, err := New(b.Graph, pool)
	if err != nil {
		t.Fatal(err)
	}
	size := 3 * b.Spec.Height * b.Spec.Width
	for _, n := range batches {
		if err := c.Add(t.Context(), px[:n*size], n); err != nil {
			t.Fatal(err)
		}
		px = px[n*size:]
	}
	return c.Quants()
}

func TestCalibrationDependsOnPicturesAlone(t *testing.T) {
	b, err := backbone.Embedded(backbone.Options{})
	if err != nil {
		t.Fatal(err)
	}
	px := pictures(b, 5)
	want := calibrate(t, b, px, []int{5}, 1)
	names, err := nn.LowValues(b.Graph)
	if err != nil || len(want) != len(names) || len(names) < 10 {
		t.Fatalf("%d of %d values have a range, %v", len(want), len(names), err)
	}
	if got := calibrate(t, b, px, []int{1, 3, 1}, 5); !reflect.DeepEqual(got, want) {
		t.Error("other batches and threads give other ranges")
	}
}

func TestQDQ(t *testing.T) {
	b, err := backbone.Embedded(backbone.Options{})
	if err != nil {
		t.Fatal(err)
	}
	quants := calibrate(t, b, pictures(b, 1), []int{1}, 1)
	before := b.Graph.Clone()
	g, err := QDQ(b.Graph, quants)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(before, b.Graph) {
		t.Error("the graph was changed")
	}
	ops := map[string]int{}
	for _, n := range g.Nodes {
		ops[n.Op]++
		if n.Op == "Conv" && strings.HasSuffix(n.Inputs[0], "/dequantised") != strings.HasSuffix(n.Inputs[1], "/dequantised") {
			t.Errorf("Conv %q reads %v", n.Name, n.Inputs)
		}
	}
	if ops["QuantizeLinear"] != len(quants) || ops["DequantizeLinear"] != len(quants)+2*(ops["Conv"]-1) {
		t.Errorf("%v for %d values", ops, len(quants))
	}
	data, err := onnx.Encode(&onnx.Model{Graph: g})
	if err != nil {
		t.Fatal(err)
	}
	var unsupported onnx.UnsupportedError
	if _, err := onnx.Decode(data); !errors.As(err, &unsupported) || !strings.Contains(err.Error(), "QuantizeLinear") {
		t.Errorf("reading it back: %v", err)
	}
	for name, k := range g.Init {
		if k.DType == tensor.Int8 && k.Elems() == 0 {
			t.Errorf("%s is empty", name)
		}
	}
}
