package nn

import "math"

// joinSpelledOut finds functions that exporters spell out in several nodes where their opset has no operator for
// them: Gelu, x/2·(1+erf(x/√2)), and HardSwish, x·hardSigmoid(x) or x·min(max(x+3, 0), 6)/6, with the factors in any
// order.
func joinSpelledOut(g *Graph) error {
	s := speller{g, newLinks(g)}
	for _, n := range g.Nodes {
		if n.Op != "Mul" && n.Op != "Div" || len(n.Inputs) != 2 {
			continue
		}
		p := s.product(n, maxFactors)
		if len(p.factors) != 2 {
			continue
		}
		for i, x := range p.factors {
			other := p.factors[1-i]
			switch {
			case near(p.scale, 0.5) && s.isErfOf(other, x):
				n.Op, n.Inputs, n.Attrs = "Gelu", []string{x}, Attrs{}
			case near(p.scale, 1) && s.isGateOf(other, x), near(p.scale, 1.0/6) && s.isClippedSum(other, x):
				n.Op, n.Inputs, n.Attrs = "HardSwish", []string{x}, Attrs{}
			default:
				continue
			}
			break
		}
	}
	return removeDead(g)
}

// near reports whether x is the float32 that stands for want.
func near(x, want float64) bool { return math.Abs(x-want) <= 1e-6*want }

type speller struct {
	g *Graph
	l *links
}

// scaledProduct is a product of values and a number.
type scaledProduct struct {
	scale   float64
	factors []string
}

// maxFactors is how deep a product is looked into: enough for what is known, little for a hostile graph.
const maxFactors = 3

// product returns what n, a Mul or a Div, multiplies, looking through so many more Muls and Divs that are its alone.
func (s speller) product(n *Node, depth int) scaledProduct {
	if x, k, ok := s.withScalar(n); ok {
		p := s.factor(x, depth-1)
		if n.Op == "Div" {
			k = 1 / k
		}
		return scaledProduct{p.scale * k, p.factors}
	}
	if n.Op == "Div" {
		return scaledProduct{1, n.Outputs}
	}
	p, q := s.factor(n.Inputs[0], depth-1), s.factor(n.Inputs[1], depth-1)
	return scaledProduct{p.scale * q.scale, append(p.factors, q.factors...)}
}

func (s speller) factor(value string, depth int) scaledProduct {
	if n := s.l.only(value, "Mul", "Div"); n != nil && depth > 0 && len(n.Inputs) == 2 {
		return s.product(n, depth)
	}
	return scaledProduct{1, []string{value}}
}

// withScalar returns the value that n combines with a single number, and the number. It is the second operand of a
// Div.
func (s speller) withScalar(n *Node) (x string, k float64, ok bool) {
	if len(n.Inputs) != 2 {
		return "", 0, false
	}
	for i := range n.Inputs {
		c := s.g.constant(n.Inputs[1-i])
		if c != nil && len(c.F) == 1 && len(c.Shape) <= 1 && (i == 0 || n.Op != "Div") {
			return n.Inputs[i], float64(c.F[0]), true
		}
	}
	return "", 0, false
}

// sumWith returns x if value is the sum of x and k.
func (s speller) sumWith(value string, k float64) string {
	n := s.l.only(value, "Add")
	if n == nil {
		return ""
	}
	if x, c, ok := s.withScalar(n); ok && near(c, k) {
		return x
	}
	return ""
}

// isErfOf reports whether value is 1 + erf(x/√2).
func (s speller) isErfOf(value, x string) bool {
	erf := s.l.only(s.sumWith(value, 1), "Erf")
	if erf == nil {
		return false
	}
	n := s.l.only(erf.Inputs[0], "Mul", "Div")
	if n == nil {
		return false
	}
	p := s.product(n, 1)
	return near(p.scale, 1/math.Sqrt2) && len(p.factors) == 1 && p.factors[0] == x
}

// isGateOf reports whether value is the HardSigmoid of x that HardSwish has.
func (s speller) isGateOf(value, x string) bool {
	n := s.l.only(value, "HardSigmoid")
	return n != nil && n.Inputs[0] == x && near(float64(n.Attrs.Float("alpha", 0.2)), 1.0/6) && near(float64(n.Attrs.Float("beta", 0.5)), 0.5)
}

// isClippedSum reports whether value is min(max(x+3, 0), 6).
func (s speller) isClippedSum(value, x string) bool {
	n := s.l.only(value, "Clip")
	if n == nil || s.sumWith(n.Inputs[0], 3) != x {
		return false
	}
	a, ok := clipActivation(s.g, n)
	return ok && a.A == 0 && a.B == 6
}
