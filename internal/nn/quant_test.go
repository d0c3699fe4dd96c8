package nn

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/graft-ml/graft/internal/tensor"
)

func TestQuantisedWeightsStayInRange(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, depthwise := range []bool{false, true} {
		for range 200 {
			per := 1 + r.IntN(12)
			w := make([]float32, 3*per)
			for i := range w {
				w[i] = float32(math.Pow(r.NormFloat64(), 3))
			}
			w[0] = 0
			q, scale := QuantiseWeights(w, 3, depthwise)
			for i, v := range q {
				c := i / per
				if !depthwise && (v > 64 || v < -64) {
					t.Fatalf("weight %d of %v", v, w)
				}
				if off := math.Abs(float64(v)*float64(scale[c]) - float64(w[i])); off > 0.34*float64(top(w[c*per:(c+1)*per])) {
					t.Fatalf("%v becomes %d steps of %v", w[i], v, scale[c])
				}
				if k := i % per; depthwise && k%2 == 0 && k+1 < per {
					a, b := int(v), int(q[i+1])
					if max(a, 0)+max(b, 0) > 128 || min(a, 0)+min(b, 0) < -128 || v == -128 {
						t.Fatalf("taps %d and %d", a, b)
					}
				}
			}
		}
	}
	inf := float32(math.Inf(1))
	for _, w := range [][]float32{{0, 0, 0}, {inf, 900, 900}, {800, -inf, 900}, {700, 700, inf - inf}, {1e-45, 0, 0}} {
		for _, depthwise := range []bool{false, true} {
			if q, scale := QuantiseWeights(w, 1, depthwise); slices.Max(q) != 0 || slices.Min(q) != 0 || scale[0] <= 0 {
				t.Errorf("%v becomes %v by %v", w, q, scale)
			}
		}
	}
}

func top(w []float32) float32 { return max(slices.Max(w), -slices.Min(w)) }

// The corrected bias makes the mean output what it is without rounding.
func TestBiasCorrection(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	const outC, inC, groups = 6, 5, 2
	w, mean, bias := make([]float32, outC*inC*4), make([]float32, inC*groups), make([]float32, outC)
	for i := range w {
		w[i] = float32(r.NormFloat64())
	}
	for i := range mean {
		mean[i] = float32(r.Float64())
	}
	low := NewLowWeights(w, tensor.Shape{outC, inC, 2, 2}, groups, bias, Quant{Scale: 1, Mean: mean})
	for oc := range outC {
		exact, got := 0.0, float64(low.Bias[oc])
		for i := range inC * 4 {
			m := float64(mean[oc/(outC/groups)*inC+i/4])
			exact += float64(w[oc*inC*4+i]) * m
			got += float64(low.W[oc*inC*4+i]) * float64(low.Scale[oc]) * m
		}
		if math.Abs(got-exact) > 1e-5 {
			t.Errorf("channel %d: mean %v, want %v", oc, got, exact)
		}
	}
}

// What is observed is what the graph computes, each value once for every row, whatever the batch.
func TestObserve(t *testing.T) {
	const n = 3
	g, data := build(t, "residual", n)
	names, err := LowValues(g)
	if err != nil {
		t.Fatal(err)
	}
	if len(names) < 4 {
		t.Fatalf("low values %v", names)
	}
	want := g.Clone()
	want.Outputs = nil
	for _, name := range names {
		want.Outputs = append(want.Outputs, Value{name, tensor.Float32, nil})
	}
	if err := simplify(want); err != nil {
		t.Fatal(err)
	}
	x := tensor.FromFloats(data, n, 3, 17, 15)
	exact, err := Eval(t.Context(), want, map[string]*tensor.Tensor{"x": x}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, batch := range []int{1, 2} {
		p, err := NewPlan(g, PlanOptions{Apart: true, MaxBatch: batch})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string][]float32{}
		if err := p.Observe(t.Context(), x.F, n, func(name string, c int, row []float32) { got[name] = append(got[name], row...) }); err != nil {
			t.Fatal(err)
		}
		for i, name := range names {
			s := exact[i].Shape
			for j, v := range got[name] {
				pic, y, px, ch := j/product(s[1:]), j/(s[1]*s[3])%s[2], j/s[1]%s[3], j%s[1]
				if e := exact[i].F[((pic*s[1]+ch)*s[2]+y)*s[3]+px]; math.Abs(float64(e-v)) > 1e-4*(1+math.Abs(float64(e))) {
					t.Fatalf("%s: element %d is %v, want %v", name, j, v, e)
				}
			}
			if len(got[name]) != exact[i].Elems() {
				t.Errorf("%s: %d elements, want %v", name, len(got[name]), s)
			}
		}
	}
	p, err := NewPlan(g, PlanOptions{})
	if err == nil {
		err = p.Observe(t.Context(), x.F, n, nil)
	}
	if err == nil {
		t.Error("a plan that fuses was observed")
	}
}
