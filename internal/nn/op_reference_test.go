package nn

import (
	"math"
	"testing"

	"github.com/graft-ml/graft/internal/tensor"
)

// array is a value in float64, row-major.
type array struct {
	shape []int
	v     []float64
}

// filled returns an array whose element at an index is f of it. f must not keep its argument.
func filled(shape []int, f func(at []int) float64) array {
	a := array{shape: shape}
	at := make([]int, len(shape))
	for range product(shape) {
		a.v = append(a.v, f(at))
		for k := len(at) - 1; k >= 0; k-- {
			if at[k]++; at[k] < shape[k] {
				break
			}
			at[k] = 0
		}
	}
	return a
}

// get returns the element at an index by the rule of broadcasting: of a longer index the last axes count, and on an
// axis of 1 there is one element.
func (a array) get(at ...int) float64 {
	at = at[len(at)-len(a.shape):]
	k := 0
	for i, d := range a.shape {
		k = k*d + at[i]%d
		if d > 1 && at[i] >= d {
			panic("index beyond an axis")
		}
	}
	return a.v[k]
}

func (a array) ints() []int {
	var out []int
	for _, v := range a.v {
		out = append(out, int(v))
	}
	return out
}

// reference computes a node in float64, each element by a formula of its index. An absent input is nil.
type reference func(n *Node, in []*array) []array

// stretched returns the shape that arrays broadcast to.
func stretched(in ...*array) []int {
	var out []int
	for _, a := range in {
		for len(out) < len(a.shape) {
			out = append([]int{1}, out...)
		}
		for i, d := range a.shape {
			if k := len(out) - len(a.shape) + i; d != 1 {
				out[k] = d
			}
		}
	}
	return out
}

// ofOne and ofTwo are the references of operators that map elements.
func ofOne(f func(n *Node, x float64) float64) reference {
	return func(n *Node, in []*array) []array {
		return []array{filled(in[0].shape, func(at []int) float64 { return f(n, in[0].get(at...)) })}
	}
}

func ofTwo(f func(a, b float64) float64) reference {
	return func(_ *Node, in []*array) []array {
		out := *in[0]
		for _, b := range in[1:] {
			a := out
			out = filled(stretched(&a, b), func(at []int) float64 { return f(a.get(at...), b.get(at...)) })
		}
		return []array{out}
	}
}

// attr returns a number among the attributes of n.
func attr(n *Node, name string, or float64) float64 { return float64(n.Attrs.Float(name, float32(or))) }

// plainly drops the node from the argument of a mapping.
func plainly(f func(float64) float64) reference {
	return ofOne(func(_ *Node, x float64) float64 { return f(x) })
}

var elementReferences = map[string]reference{
	"Relu": plainly(func(x float64) float64 { return max(x, 0) }),
	"LeakyRelu": ofOne(func(n *Node, x float64) float64 {
		return max(x, 0) + attr(n, "alpha", 0.01)*min(x, 0)
	}),
	"HardSigmoid": ofOne(func(n *Node, x float64) float64 {
		return min(1, max(0, attr(n, "alpha", 0.2)*x+attr(n, "beta", 0.5)))
	}),
	"HardSwish": plainly(func(x float64) float64 { return x * min(1, max(0, x/6+0.5)) }),
	"Gelu": ofOne(func(n *Node, x float64) float64 {
		if n.Attrs.Str("approximate", "none") == "tanh" {
			return x / (1 + math.Exp(-2*math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
		}
		return x / 2 * math.Erfc(-x/math.Sqrt2)
	}),
	"Abs": plainly(math.Abs), "Neg": plainly(func(x float64) float64 { return -x }),
	"Floor": plainly(math.Floor), "Ceil": plainly(math.Ceil),
	"Sigmoid": plainly(func(x float64) float64 { return 0.5 + 0.5*math.Tanh(x/2) }),
	"Tanh":    plainly(func(x float64) float64 { return 1 - 2/(math.Exp(2*x)+1) }),
	"Erf":     plainly(func(x float64) float64 { return 1 - math.Erfc(x) }),
	"Exp":     plainly(math.Exp), "Log": plainly(func(x float64) float64 { return math.Log2(x) * math.Ln2 }),
	"Sqrt":       plainly(func(x float64) float64 { return math.Pow(x, 0.5) }),
	"Reciprocal": plainly(func(x float64) float64 { return 1 / x }),
	"Identity":   plainly(func(x float64) float64 { return x }),
	"Dropout":    plainly(func(x float64) float64 { return x }),
	"Cast":       plainly(func(x float64) float64 { return x }),
	"Add":        ofTwo(func(a, b float64) float64 { return a + b }),
	"Sub":        ofTwo(func(a, b float64) float64 { return a - b }),
	"Mul":        ofTwo(func(a, b float64) float64 { return a * b }),
	"Div":        ofTwo(func(a, b float64) float64 { return a / b }),
	"Pow":        ofTwo(math.Pow),
	"Max":        ofTwo(func(a, b float64) float64 { return max(a, b) }),
	"Min":        ofTwo(func(a, b float64) float64 { return min(a, b) }),
	"PRelu":      ofTwo(func(x, slope float64) float64 { return max(x, 0) + slope*min(x, 0) }),
	"Clip": func(_ *Node, in []*array) []array {
		return []array{filled(in[0].shape, func(at []int) float64 {
			x := in[0].get(at...)
			if len(in) > 1 && in[1] != nil {
				x = max(x, in[1].v[0])
			}
			if len(in) > 2 && in[2] != nil {
				x = min(x, in[2].v[0])
			}
			return x
		})}
	},
	"Where": func(_ *Node, in []*array) []array {
		return []array{filled(stretched(in...), func(at []int) float64 {
			if in[0].get(at...) != 0 {
				return in[1].get(at...)
			}
			return in[2].get(at...)
		})}
	},
}

// referenceTol bounds the error of a result, relative to its largest element: some ten roundings of float32.
const referenceTol = 1e-6

// Each case has the shape and the numbers of the operator's definition in float64.
func TestReferences(t *testing.T) {
	for _, c := range gradCases() {
		t.Run(c.op+"/"+c.name, func(t *testing.T) {
			g, _ := c.graph()
			g.Nodes, g.Outputs = g.Nodes[:1], nil
			n := g.Nodes[0]
			var in []*array
			for _, name := range n.Inputs {
				in = append(in, arrayOf(g.Init[name]))
			}
			for _, name := range n.Outputs {
				g.Outputs = append(g.Outputs, Value{Name: name})
			}
			got, err := Eval(t.Context(), g, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			infos, err := Infer(g)
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range referenceOf(c.op)(n, in) {
				if s := infos[n.Outputs[i]].Shape; !s.Equal(want.shape) || !got[i].Shape.Equal(want.shape) {
					t.Fatalf("output %d: inferred %v, computed %v, want %v", i, s, got[i].Shape, want.shape)
				}
				compareArray(t, got[i].F, want.v)
			}
		})
	}
}

// arrayOf converts a tensor; nil stays nil.
func arrayOf(x *tensor.Tensor) *array {
	if x == nil {
		return nil
	}
	a := &array{shape: x.Shape}
	for _, v := range x.Float32s() {
		a.v = append(a.v, float64(v))
	}
	return a
}

func compareArray(t *testing.T, got []float32, want []float64) {
	t.Helper()
	top := 0.0
	for _, w := range want {
		top = max(top, math.Abs(w))
	}
	for i, w := range want {
		if !(math.Abs(float64(got[i])-w) <= referenceTol*top) {
			t.Fatalf("element %d: %v, want %v (the largest is %.3g)", i, got[i], w, top)
		}
	}
}

// referenceOf returns the reference of op.
func referenceOf(op string) reference {
	for _, from := range []map[string]reference{elementReferences, windowReferences, moveReferences} {
		if f := from[op]; f != nil {
			return f
		}
	}
	return func(n *Node, _ []*array) []array { panic(n.Op + " has no reference") }
}
