package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/graft-ml/graft/internal/check"
)

// normCase is a batch norm whose grids differ, and its data.
type normCase struct {
	BatchNorm
	x, res, dy, gamma, beta []float32
}

func newNormCase(c, n, h, w int, act Act, offset float32) *normCase {
	r := rand.New(rand.NewPCG(uint64(c), uint64(h)))
	k := &normCase{BatchNorm: BatchNorm{C: c, N: n, H: h, W: w, Eps: 1e-5, Act: act}}
	k.X, k.x = haloed(r, n, h, w, c, 1, 0, 2, 1)
	k.Res, k.res = haloed(r, n, h, w, c, 0, 1, 0, 0)
	k.DY, k.dy = haloed(r, n, h, w, c, 1, 1, 1, 1)
	k.Y, _ = haloed(r, n, h, w, c, 2, 1, 0, 1)
	k.DX, _ = haloed(r, n, h, w, c, 0, 0, 0, 0)
	k.gamma, k.beta = random(r, c), random(r, c)
	k.each(func(i, j, l int) {
		for ch := range c {
			k.x[k.X.At(i, j, l)+ch] += offset
		}
	})
	return k
}

func (k *normCase) each(f func(n, y, x int)) {
	for n := range k.N {
		for y := range k.H {
			for x := range k.W {
				f(n, y, x)
			}
		}
	}
}

// moments returns the mean and the biased variance of a channel, in float64.
func (k *normCase) moments(c int) (mean, variance float64) {
	m := float64(k.N * k.H * k.W)
	k.each(func(n, y, x int) { mean += float64(k.x[k.X.At(n, y, x)+c]) / m })
	k.each(func(n, y, x int) {
		d := float64(k.x[k.X.At(n, y, x)+c]) - mean
		variance += d * d / m
	})
	return mean, variance
}

// normResult is what the kernels make of a case.
type normResult struct {
	mean, variance, scale, y, dx, dy, dgamma, dbeta []float32
}

func (k *normCase) run(t *testing.T, frozen bool) *normResult {
	t.Helper()
	c := k.C
	v := func(n int) []float32 { return make([]float32, n) }
	res := &normResult{mean: v(c), variance: v(c), scale: v(c), y: v(k.N * k.Y.Image), dx: v(k.N * k.DX.Image), dy: slices.Clone(k.dy), dgamma: v(c), dbeta: v(c)}
	partial := random(rand.New(rand.NewPCG(1, 1)), k.PartialLen())
	for p := range k.Parts() {
		k.Moments(partial, k.x, p)
	}
	k.Statistics(res.mean, res.variance, partial, c/2, c)
	k.Statistics(res.mean, res.variance, partial, 0, c/2)
	k.Scale(res.scale, k.gamma, res.variance, 0, c)
	rows := k.N * k.H
	k.Normalize(res.y, k.x, k.res, res.mean, res.scale, k.beta, rows/2, rows)
	k.Normalize(res.y, k.x, k.res, res.mean, res.scale, k.beta, 0, rows/2)
	for p := k.Parts() - 1; p >= 0; p-- {
		k.GradSums(partial, res.dy, k.x, res.y, res.mean, p)
	}
	g := BatchNormGrad{v(c), v(c), v(c)}
	k.GradParams(g, res.dgamma, res.dbeta, partial, k.gamma, res.variance, frozen, true, 0, c/2)
	k.GradParams(g, res.dgamma, res.dbeta, partial, k.gamma, res.variance, frozen, true, c/2, c)
	k.GradInput(res.dx, res.dy, k.x, res.mean, g, 0, rows)
	return res
}

func TestBatchNorm(t *testing.T) {
	for _, kernel := range []string{"columns", "norm"} {
		check.EachImpl(t, kernel, func(t *testing.T) {
			for _, c := range []int{1, 5, 8, 17, 64, 131} {
				for _, act := range []Act{{}, {Func: Relu}, {Func: Clip, A: -0.5, B: 1}} {
					for _, frozen := range []bool{false, true} {
						k := newNormCase(c, 3, 4, 5, act, 0)
						k.check(t, k.run(t, frozen), frozen)
					}
				}
			}
			k := newNormCase(40, 4, 40, 41, Act{Func: Relu}, 50) // several parts, and a mean that is large
			if k.Parts() < 3 {
				t.Fatalf("%d parts", k.Parts())
			}
			k.check(t, k.run(t, false), false)
		})
	}
}

// check compares the results with the definitions in float64.
func (k *normCase) check(t *testing.T, got *normResult, frozen bool) {
	t.Helper()
	const tol = 0x1p-20
	lo, hi := k.Act.bounds()
	m := float64(k.N * k.H * k.W)
	for c := range k.C {
		mean, variance := k.moments(c)
		size := math.Abs(mean) + 1
		near(t, "mean", got.mean[c], mean, size, 0x1p-20)
		near(t, "variance", got.variance[c], variance, variance+size*size*0x1p-20, 0x1p-18)
		inverse := 1 / math.Sqrt(variance+float64(k.Eps))
		var sum, dot, sumScale, dotScale float64
		g := func(n, y, x int) float64 {
			v := got.y[k.Y.At(n, y, x)+c]
			if v <= lo || v >= hi {
				return 0
			}
			return float64(k.dy[k.DY.At(n, y, x)+c])
		}
		hat := func(n, y, x int) float64 { return (float64(k.x[k.X.At(n, y, x)+c]) - mean) * inverse }
		k.each(func(n, y, x int) {
			h := hat(n, y, x)
			want := h*float64(k.gamma[c]) + float64(k.beta[c]) + float64(k.res[k.Res.At(n, y, x)+c])
			near(t, "output", got.y[k.Y.At(n, y, x)+c], min(max(want, float64(lo)), float64(hi)), 3+math.Abs(h)+size*inverse, tol)
			v := g(n, y, x)
			sum, sumScale = sum+v, sumScale+math.Abs(v)
			dot, dotScale = dot+v*h, dotScale+math.Abs(v)*(math.Abs(h)+size*inverse*0x1p-4)
			near(t, "gradient by the residual", got.dy[k.DY.At(n, y, x)+c], v, 0, 0)
		})
		near(t, "gradient by beta", got.dbeta[c], sum, sumScale, tol)
		near(t, "gradient by gamma", got.dgamma[c], dot, dotScale, tol)
		k.each(func(n, y, x int) {
			want := g(n, y, x)
			if !frozen {
				want -= sum/m + hat(n, y, x)*dot/m
			}
			want *= float64(k.gamma[c]) * inverse
			near(t, fmt.Sprint("gradient by the input ", c, n, y, x), got.dx[k.DX.At(n, y, x)+c], want, (4+size*0x1p-4)*inverse*(1+math.Abs(float64(k.gamma[c]))), tol)
		})
	}
}

// Columns of all widths, at both ends of their memory.
func TestColumns(t *testing.T) {
	const most, rows = 70, 5
	a, b, mean, dst := guarded(t, rows*(most+3)), guarded(t, rows*(most+3)), guarded(t, most), guarded(t, most)
	check.EachImpl(t, "columns", func(t *testing.T) {
		r := rand.New(rand.NewPCG(6, 7))
		for n := 1; n <= most; n++ {
			for side := range 2 {
				rw := Rows{N: 1 + n%rows, Width: n, From: n + n%3, From2: n + n%2}
				x, y, m, d := part(a, side, rw.reach(rw.From)), part(b, side, rw.reach(rw.From2)), part(mean, side, n), part(dst, side, n)
				for _, s := range [][]float32{x, y, m} {
					copy(s, random(r, len(s)))
				}
				for kind, f := range []func(){func() { ColumnSums(d, x, rw) }, func() { ColumnSquares(d, x, m, rw) }, func() { ColumnDots(d, x, y, m, rw) }} {
					copy(d, m)
					f()
					for c, got := range d {
						want, scale := float64(m[c]), math.Abs(float64(m[c]))
						for i := range rw.N {
							u, v := float64(x[i*rw.From+c]), float64(y[i*rw.From2+c]-m[c])
							term := []float64{u, (u - float64(m[c])) * (u - float64(m[c])), u * v}[kind]
							want, scale = want+term, scale+math.Abs(term)
						}
						near(t, fmt.Sprintf("kind %d of %d columns: column %d", kind, n, c), got, want, scale, tolerance(rows))
					}
				}
			}
		}
	})
}

// ClipGradSums finds the clip by itself: what it leaves is what GradSums makes of the output, bit for bit.
func TestClipGradSums(t *testing.T) {
	check.EachImpl(t, "columns", func(t *testing.T) {
		for _, c := range []int{1, 8, 24, 37, 131} {
			for _, act := range []Act{{Func: Relu}, {Func: Clip, A: -0.5, B: 1}} {
				k := newNormCase(c, 2, 5, 23, act, 0)
				mean, scale := random(rand.New(rand.NewPCG(2, 2)), c), random(rand.New(rand.NewPCG(2, 3)), c)
				y := make([]float32, k.N*k.Y.Image)
				k.Normalize(y, k.x, nil, mean, scale, k.beta, 0, k.N*k.H)
				dy, want, got := slices.Clone(k.dy), make([]float32, k.PartialLen()), make([]float32, k.PartialLen())
				for p := range k.Parts() {
					k.GradSums(want, dy, k.x, y, mean, p)
					k.ClipGradSums(got, k.dy, k.x, mean, scale, k.beta, p)
				}
				if !slices.Equal(got, want) || !slices.Equal(k.dy, dy) {
					t.Errorf("%d channels, %v: differs", c, act)
				}
			}
		}
	})
}
