package nn

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/graft-ml/graft/internal/tensor"
)

const (
	hostileCases = 1000    // an operator; fewer with -short
	hostileElems = 1 << 16 // larger results are inferred but not computed
)

// Whatever the attributes, shapes and values of a node are, its shape rule says no or its forward pass runs:
// neither panics, and none takes memory out of proportion to its result.
func TestHostileNodes(t *testing.T) {
	cases := hostileCases
	if testing.Short() {
		cases /= 10
	}
	for i, op := range slices.Sorted(maps.Keys(ops)) {
		t.Run(op, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, uint64(i)))
			ran := 0
			for tried := 0; tried < cases || ran == 0 && tried < 20*hostileCases; tried++ {
				h := &hostile{Rand: rng, dtype: tensor.Float32}
				if rng.IntN(3) == 0 {
					h.dtype += tensor.DType(rng.IntN(int(tensor.Bool)))
				}
				if n, in := h.node(op); tryNode(t, n, in) {
					ran++
				}
			}
			if ran == 0 {
				t.Errorf("none of %d nodes was computed: the generator does not reach this operator", 20*hostileCases)
			}
		})
	}
}

// tryNode infers and computes n, and reports whether it came to the end.
func tryNode(t *testing.T, n *Node, in []*tensor.Tensor) (ran bool) {
	t.Helper()
	describe := func() string {
		s := fmt.Sprintf("%s %v", n.Op, n.Attrs)
		for _, x := range in {
			if x != nil {
				s += fmt.Sprintf(" %v%v", x.DType, x.Shape)
				if x.DType == tensor.Int64 && len(x.I) < 9 {
					s += fmt.Sprint("=", x.I)
				}
			}
		}
		return s
	}
	defer func() {
		if p := recover(); p != nil {
			t.Fatalf("%s: panic: %v", describe(), p)
		}
	}()
	infos, inElems := make([]Info, len(in)), 0
	for i, x := range in {
		if x != nil {
			infos[i] = Info{DType: x.DType, Shape: x.Shape, Const: x}
			inElems += x.Elems()
		}
	}
	out, err := outputInfos(n, infos)
	if err != nil {
		return false
	}
	elems := 0
	for _, o := range out {
		k, _ := o.Shape.Elems()
		elems += k
	}
	if elems == 0 || elems > hostileElems {
		return false
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err = ops[n.Op].forward(&call{node: n, in: in, out: newOutputs(n, out)})
	runtime.ReadMemStats(&after)
	if got, limit := after.TotalAlloc-before.TotalAlloc, uint64(1<<20+200*(elems+inElems)); got > limit {
		t.Fatalf("%s: %d bytes for %d elements", describe(), got, elems)
	}
	return err == nil
}

// hostile draws nodes, most of them nearly right.
type hostile struct {
	*rand.Rand
	dtype tensor.DType // of most tensors
}

func (h *hostile) node(op string) (*Node, []*tensor.Tensor) {
	def := ops[op]
	n := &Node{Op: op, Name: "n", Attrs: Attrs{}}
	base := h.shape(1 + h.IntN(5))
	if h.IntN(8) == 0 {
		base = sh(1)
	}
	later, lists, size := h.derived(base), h.IntN(2) == 0, h.IntN(len(base)+1)
	var in []*tensor.Tensor
	most := def.maxIn
	if most < 0 {
		most = 3
	}
	for i := range def.minIn + h.IntN(most-def.minIn+1) {
		switch {
		case i >= def.minIn && def.maxIn > 0 && h.IntN(4) == 0:
			in = append(in, nil)
		case i == 0:
			in = append(in, h.tensor(base))
		case lists && h.IntN(8) > 0:
			in = append(in, h.list(size))
		case h.IntN(2) == 0:
			in = append(in, h.tensor(later))
		case h.IntN(2) == 0:
			in = append(in, h.list(len(base)))
		default:
			in = append(in, h.tensor(h.derived(base)))
		}
		n.Inputs = append(n.Inputs, "x")
	}
	for range max(def.minOut, 1) + h.IntN(2) {
		if def.maxOut < 0 || len(n.Outputs) < def.maxOut {
			n.Outputs = append(n.Outputs, "y")
		}
	}
	h.attrs(n.Attrs, len(base))
	return n, in
}

func (h *hostile) attrs(a Attrs, rank int) {
	for _, name := range []string{"axis", "group", "keepdims", "ceil_mode", "count_include_pad", "storage_order", "allowzero", "start",
		"end", "noop_with_empty_axes", "transA", "transB", "size"} {
		if h.IntN(3) == 0 {
			a[name] = h.int()
		}
	}
	if h.IntN(10) > 0 {
		a["to"] = []int64{1, 2, 6, 7, 9, 10, 16, 11, -1}[h.IntN(9)]
	}
	spatial := max(0, rank-2)
	lists := map[string]int{"kernel_shape": spatial, "strides": spatial, "dilations": spatial, "pads": 2 * spatial, "axes": 1, "perm": rank}
	for _, name := range slices.Sorted(maps.Keys(lists)) { // in order: a failure must come again
		if h.IntN(3) == 0 {
			a[name] = h.list(lists[name]).I
		}
	}
	words := map[string][]string{"mode": {"constant", "reflect", "edge", "x"}, "auto_pad": {"SAME_UPPER", "SAME_LOWER", "VALID", "x"},
		"approximate": {"none", "tanh", "x"}}
	for _, name := range slices.Sorted(maps.Keys(words)) {
		if h.IntN(3) == 0 {
			a[name] = words[name][h.IntN(len(words[name]))]
		}
	}
	for _, name := range []string{"alpha", "beta", "epsilon", "bias"} {
		if h.IntN(4) == 0 {
			a[name] = h.float()
		}
	}
	if h.IntN(2) == 0 {
		a["value"] = h.tensor(h.derived(sh(1)))
	}
}

// int is mostly a small number.
func (h *hostile) int() int64 {
	if h.IntN(40) == 0 {
		return []int64{math.MaxInt64, math.MinInt64, 1 << 20, 1<<20 + 1, 1 << 31, -1 << 31, 1 << 40}[h.IntN(7)]
	}
	return int64(h.IntN(7) - 2)
}

func (h *hostile) float() float32 {
	return []float32{0, 1, -1, 0.5, 3, inf, -inf, nan}[h.IntN(8)]
}

// list makes a list of integers, of size k most of the time.
func (h *hostile) list(k int) *tensor.Tensor {
	if h.IntN(10) == 0 {
		k = h.IntN(4)
	}
	v := make([]int64, k)
	positive := h.IntN(2) == 0
	for i := range v {
		if v[i] = h.int(); positive {
			v[i] = max(v[i], 1)
		}
	}
	return tensor.FromInts(v, k)
}

func (h *hostile) shape(rank int) tensor.Shape {
	s := make(tensor.Shape, rank)
	for i := range s {
		s[i] = 1 + h.IntN(4)
		if h.IntN(20) == 0 {
			s[i] = 0
		}
	}
	return s
}

// derived returns a shape that has to do with s.
func (h *hostile) derived(s tensor.Shape) tensor.Shape {
	switch h.IntN(7) {
	case 0:
		return s[h.IntN(len(s)):]
	case 1:
		return nil
	case 2:
		return sh(s[min(1, len(s)-1)])
	case 3:
		return h.shape(len(s))
	case 4:
		t := s.Clone()
		t[h.IntN(len(t))] = 1
		return t
	case 5:
		return h.shape(1 + h.IntN(6))
	}
	return s
}

func (h *hostile) tensor(s tensor.Shape) *tensor.Tensor {
	d := h.dtype
	if h.IntN(8) == 0 {
		d = tensor.Float32 + tensor.DType(h.IntN(int(tensor.Bool)))
	}
	t := tensor.New(d, s...)
	for i := range t.F {
		t.F[i] = h.float()
	}
	for i := range t.I {
		if t.I[i] = h.int(); d != tensor.Int64 {
			t.I[i] = wrap(d, t.I[i])
		}
	}
	for i := range t.Raw {
		t.Raw[i] = byte(h.Uint32())
	}
	return t
}
