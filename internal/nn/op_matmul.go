package nn

import "github.com/graft-ml/graft/internal/tensor"

// opMatMul is the product of matrices as numpy's matmul has it: the last two axes are the matrices, the axes
// before them stretch to each other; a vector on the left is a row, one on the right a column, and that
// axis of 1 is not in the result.
var opMatMul = &opDef{
	minIn: 2, maxIn: 2, minOut: 1, maxOut: 1,
	shape: func(n *Node, in []Info) ([]Info, error) {
		if err := wantFloats(n, in); err != nil {
			return nil, err
		}
		out, err := matMulShape(n, in[0].Shape, in[1].Shape)
		return []Info{{DType: tensor.Float32, Shape: out}}, err
	},
	forward: func(c *call) error {
		y := c.out[0].F
		clear(y)
		p := newProducts(c)
		p.each(func(a, b matrix, at int) { c.gemm(y[at:][:p.m*p.n], a, b, p.m, p.n, p.k, 1) })
		return nil
	},
	backward: matMulBackward,
}

func matMulShape(n *Node, a, b tensor.Shape) (tensor.Shape, error) {
	if len(a) == 0 || len(b) == 0 {
		return nil, n.errorf("inputs of shapes %v and %v, want at least one axis", a, b)
	}
	am, bm := asMatrices(a, b)
	if am[len(am)-1] != bm[len(bm)-2] {
		return nil, n.errorf("shapes %v and %v do not fit: %d columns, %d rows", a, b, am[len(am)-1], bm[len(bm)-2])
	}
	out, err := broadcastShapes(am[:len(am)-2], bm[:len(bm)-2])
	if err != nil {
		return nil, n.errorf("%w", err)
	}
	if len(a) > 1 {
		out = append(out, am[len(am)-2])
	}
	if len(b) > 1 {
		out = append(out, bm[len(bm)-1])
	}
	return out, nil
}

// asMatrices returns a and b with the axis that a vector lacks.
func asMatrices(a, b tensor.Shape) (am, bm tensor.Shape) {
	if len(a) == 1 {
		a = tensor.Shape{1, a[0]}
	}
	if len(b) == 1 {
		b = tensor.Shape{b[0], 1}
	}
	return a, b
}

// products is the list of matrix products that a MatMul consists of.
type products struct {
	a, b    []float32
	m, n, k int
	batch   tensor.Shape // the axes before the matrices
	views   []view       // the first elements of the matrices of a and b, over batch
}

func newProducts(c *call) *products {
	as, bs := asMatrices(c.in[0].Shape, c.in[1].Shape)
	la, lb := len(as)-2, len(bs)-2
	p := &products{a: c.in[0].F, b: c.in[1].F, m: as[la], k: as[la+1], n: bs[lb+1]}
	// matMulShape has seen that they stretch to each other.
	p.batch, _ = broadcastShapes(as[:la], bs[:lb])
	if lb == 0 {
		// One matrix on the right: the rows of all matrices on the left are one tall matrix.
		p.m *= product(p.batch)
		p.batch = nil
		p.views = make([]view, 2)
		return p
	}
	p.views = []view{broadcastTo(as[:la], p.batch), broadcastTo(bs[:lb], p.batch)}
	for i, size := range []int{p.m * p.k, p.k * p.n} {
		for axis := range p.views[i].steps {
			p.views[i].steps[axis] *= size
		}
	}
	return p
}

// each calls f for each product, in order, with its factors and the place of its first element in the result.
func (p *products) each(f func(a, b matrix, at int)) {
	da, db := lastStep(p.views[0]), lastStep(p.views[1])
	eachRow(p.batch, p.views, func(out, n int, at []int) {
		for i := range n {
			f(dense(p.a[at[0]+i*da:], p.k), dense(p.b[at[1]+i*db:], p.n), (out+i)*p.m*p.n)
		}
	})
}

// matMulBackward: dA = dY·Bᵀ and dB = Aᵀ·dY, summed in order over the axes along which a factor was stretched.
func matMulBackward(c *call, dOut, dIn []*tensor.Tensor) error {
	p, dy := newProducts(c), dOut[0].F
	if dIn[0] != nil {
		d := *p
		d.a = dIn[0].F
		d.each(func(da, b matrix, at int) {
			c.gemm(da.data[:p.m*p.k], dense(dy[at:], p.n), b.t(), p.m, p.k, p.n, 1)
		})
	}
	if dIn[1] != nil {
		d := *p
		d.b = dIn[1].F
		d.each(func(a, db matrix, at int) {
			c.gemm(db.data[:p.k*p.n], a.t(), dense(dy[at:], p.n), p.k, p.n, p.m, 1)
		})
	}
	return nil
}
