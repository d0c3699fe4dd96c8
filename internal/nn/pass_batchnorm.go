package nn

import (
	"math"

	"github.com/graft-ml/graft/internal/tensor"
)

// affine is the map x → scale·x + shift of each channel, in float64: roundings of several maps must not add up.
type affine struct{ scale, shift []float64 }

// batchNormAffine returns the map that a BatchNormalization with constant parameters is. One that divides by
// nothing is none: its infinities would be NaN in another order of operations.
func batchNormAffine(g *Graph, n *Node) (affine, bool) {
	var p [4]*tensor.Tensor
	for i := range p {
		if p[i] = g.constant(n.Inputs[1+i]); p[i] == nil {
			return affine{}, false
		}
	}
	eps := float64(n.Attrs.Float("epsilon", 1e-5))
	a := affine{make([]float64, len(p[0].F)), make([]float64, len(p[0].F))}
	for c := range a.scale {
		a.scale[c] = float64(p[0].F[c]) / math.Sqrt(float64(p[3].F[c])+eps)
		a.shift[c] = float64(p[1].F[c]) - float64(p[2].F[c])*a.scale[c]
		if !(math.Abs(a.scale[c]) <= math.MaxFloat32 && math.Abs(a.shift[c]) <= math.MaxFloat32) {
			return affine{}, false
		}
	}
	return a, true
}

// setAffine makes of n, whose first input is x, the BatchNormalization that is a: its mean is 0, its variance 1.
func setAffine(g *Graph, n *Node, x string, a affine) {
	zeros, ones := make([]float32, len(a.scale)), make([]float32, len(a.scale))
	for i := range ones {
		ones[i] = 1
	}
	n.Op, n.Attrs = "BatchNormalization", Attrs{"epsilon": float32(0)}
	n.Inputs = []string{x}
	for _, v := range [][]float32{round(a.scale), round(a.shift), zeros, ones} {
		n.Inputs = append(n.Inputs, g.freshInit(n.Outputs[0]+"_affine", tensor.FromFloats(v, len(v))))
	}
}

func round(x []float64) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(v)
	}
	return y
}

// affineToBatchNorm rewrites sums, differences, products and quotients of a picture with a constant for each
// channel, such as the normalisation at a graph's start, as BatchNormalization: one form for what follows.
func affineToBatchNorm(g *Graph) error {
	infos, _, err := inferAny(g)
	if err != nil {
		return err
	}
	for _, n := range g.Nodes {
		if len(n.Inputs) != 2 {
			continue
		}
		for i, x := range n.Inputs {
			k := g.constant(n.Inputs[1-i])
			s := infos[x].Shape
			if k == nil || g.Init[x] != nil || len(s) != 4 || s[1] < 1 {
				continue
			}
			if v := perChannel(k, s[1]); v != nil {
				if a, ok := arithmeticAffine(n.Op, v, i == 0); ok {
					setAffine(g, n, x, a)
				}
			}
			break
		}
	}
	return nil
}

// perChannel returns the C numbers by which k stretches over [N,C,H,W]; nil if it varies along another axis.
func perChannel(k *tensor.Tensor, C int) []float64 {
	if len(k.Shape) > 4 || len(k.F) != 1 && len(k.F) != C {
		return nil
	}
	if axis := len(k.Shape) - 3; len(k.F) != 1 && (axis < 0 || k.Shape[axis] != C) {
		return nil
	}
	v := make([]float64, C)
	for i := range v {
		v[i] = float64(k.F[i%len(k.F)])
	}
	return v
}

// arithmeticAffine returns x op k, or k op x if x does not come first, as an affine map of x.
func arithmeticAffine(op string, k []float64, xFirst bool) (affine, bool) {
	a := affine{make([]float64, len(k)), make([]float64, len(k))}
	for c, v := range k {
		switch {
		case op == "Add":
			a.scale[c], a.shift[c] = 1, v
		case op == "Sub" && xFirst:
			a.scale[c], a.shift[c] = 1, -v
		case op == "Sub":
			a.scale[c], a.shift[c] = -1, v
		case op == "Mul":
			a.scale[c] = v
		case op == "Div" && xFirst && math.Abs(v) > 1e-30: // its inverse is a number
			a.scale[c] = 1 / v
		default:
			return affine{}, false
		}
	}
	return a, true
}

// mergeBatchNorms joins a BatchNormalization with the one that it alone follows.
func mergeBatchNorms(g *Graph) error {
	l := newLinks(g)
	dead := map[*Node]bool{}
	for _, n := range g.Nodes {
		if n.Op != "BatchNormalization" {
			continue
		}
		prev := l.only(n.Inputs[0], "BatchNormalization")
		if prev == nil {
			continue
		}
		a, ok := batchNormAffine(g, prev)
		b, ok2 := batchNormAffine(g, n)
		if !ok || !ok2 {
			continue
		}
		for c := range b.scale {
			b.shift[c] += b.scale[c] * a.shift[c]
			b.scale[c] *= a.scale[c]
		}
		setAffine(g, n, prev.Inputs[0], b)
		dead[prev] = true
	}
	g.drop(dead)
	return nil
}

// foldBatchNorms multiplies a BatchNormalization into the weights of the Conv or Gemm that it alone follows.
// Sums are in float64 and rounded once.
func foldBatchNorms(g *Graph) error {
	l := newLinks(g)
	dead := map[*Node]bool{}
	for _, n := range g.Nodes {
		if n.Op != "BatchNormalization" {
			continue
		}
		prev := l.only(n.Inputs[0], "Conv", "Gemm")
		if prev == nil || dead[prev] {
			continue
		}
		a, ok := batchNormAffine(g, n)
		if !ok || !foldAffine(g, prev, a) {
			continue
		}
		prev.Outputs[0] = n.Outputs[0]
		l.maker[n.Outputs[0]] = prev
		dead[n] = true
	}
	g.drop(dead)
	return nil
}

// foldAffine multiplies a into the weights and bias of n. It reports false if they are not constant.
func foldAffine(g *Graph, n *Node, a affine) bool {
	w := g.constant(n.Inputs[1])
	C := len(a.scale)
	if w == nil || C == 0 {
		return false
	}
	shift := make([]float64, C)
	if name := n.inputName(2); name != "" {
		b := g.constant(name)
		if b == nil || len(b.F) != 1 && !(len(b.F) == C && b.Shape[len(b.Shape)-1] == C) {
			return false
		}
		for c := range shift {
			shift[c] = float64(b.F[c%len(b.F)])
		}
	}
	alpha, beta := 1.0, 1.0
	if n.Op == "Gemm" {
		alpha, beta = float64(n.Attrs.Float("alpha", 1)), float64(n.Attrs.Float("beta", 1))
		delete(n.Attrs, "alpha")
		delete(n.Attrs, "beta")
	}
	scaled := tensor.New(tensor.Float32, w.Shape...)
	per := len(w.F) / C // elements of one channel where channels come first
	for i, v := range w.F {
		c := i / per
		if n.Op == "Gemm" && n.Attrs.Int("transB", 0) == 0 {
			c = i % C
		}
		scaled.F[i] = float32(float64(v) * alpha * a.scale[c])
	}
	for c := range shift {
		shift[c] = shift[c]*beta*a.scale[c] + a.shift[c]
	}
	n.Inputs[1] = g.freshInit(n.Inputs[1]+"_folded", scaled)
	n.setInput(2, g.freshInit(n.Outputs[0]+"_bias", tensor.FromFloats(round(shift), C)))
	return true
}
