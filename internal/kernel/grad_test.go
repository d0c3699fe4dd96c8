package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/graft-ml/graft/internal/check"
)

// slopeOf is the derivative of a at x in float64, by differences of the definition.
func slopeOf(a Act, x float64) float64 {
	const h = 1e-4
	return (8*(reference(a, x+h)-reference(a, x-h)) - (reference(a, x+2*h) - reference(a, x-2*h))) / (12 * h)
}

var gradActs = []Act{{}, {Func: Relu}, {Func: Clip, A: -1, B: 2}, {Func: LeakyRelu, A: 0.1}, {Func: Sigmoid}, {Func: HardSigmoid, A: 0.2, B: 0.5},
	{Func: HardSwish}, {Func: SiLU}, {Func: Tanh}, {Func: Erf}, {Func: Gelu}, {Func: GeluTanh}, {Func: Exp}, {Func: Sqrt}}

// Rows of all lengths, at both ends of their memory and in place.
func TestActGrad(t *testing.T) {
	const most, rows = 53, 3
	dx, dy, v := guarded(t, rows*(most+2)), guarded(t, rows*(most+2)), guarded(t, rows*(most+2))
	check.EachImpl(t, "act", func(t *testing.T) {
		r := rand.New(rand.NewPCG(6, 9))
		for _, a := range gradActs {
			for n := 1; n <= most; n++ {
				for side := range 2 {
					rw := Rows{N: rows, Width: n, To: n + 1, From: n + 2, From2: n}
					d, g, z := part(dx, side, rw.reach(rw.To)), part(dy, side, rw.reach(rw.From)), part(v, side, rw.reach(rw.From2))
					copy(g, random(r, len(g)))
					checkActGrad(t, r, a, d, g, z, rw)
				}
			}
		}
	})
}

func checkActGrad(t *testing.T, r *rand.Rand, a Act, dx, dy, v []float32, rw Rows) {
	t.Helper()
	x := random(r, len(v))
	for i := range x {
		x[i] *= 2
		if a.Func == Sqrt {
			x[i] = 1 + x[i]*x[i]
		}
		for _, corner := range []float32{0, 2, -1, 3, -3, -2.5, 2.5} { // differences say nothing there
			if abs(x[i]-corner) < 0.01 {
				x[i] += 0.02
			}
		}
	}
	copy(v, x)
	if a.GradFromOutput() {
		a.Apply(v, v)
	}
	a.GradRows(dx, dy, v, rw)
	for i := range rw.N {
		for j := range rw.Width {
			slope, g := slopeOf(a, float64(x[i*rw.From2+j])), float64(dy[i*rw.From+j])
			near(t, fmt.Sprintf("%+v at %v", a, x[i*rw.From2+j]), dx[i*rw.To+j], g*slope, math.Abs(g)*(1+math.Abs(slope)), 1e-6)
		}
	}
	in := Rows{N: 1, Width: rw.Width}
	first := append([]float32{}, dx[:rw.Width]...)
	a.GradRows(dy, dy, v, in)
	if firstBits(dy[:rw.Width], first) >= 0 {
		t.Fatalf("%+v: differs in place", a)
	}
}

func TestPoolGrad(t *testing.T) {
	check.EachImpl(t, "pool", func(t *testing.T) {
		for _, k := range []struct{ c, kh, kw, sh, sw, dh, dw, pad, h, w int }{
			{64, 3, 3, 2, 2, 1, 1, 1, 8, 9}, {5, 2, 2, 2, 2, 1, 1, 0, 6, 7}, {19, 3, 2, 1, 1, 2, 1, 1, 7, 5}, {8, 1, 1, 3, 1, 1, 1, 0, 5, 5}, {33, 3, 3, 1, 1, 1, 1, 1, 4, 4},
		} {
			r := rand.New(rand.NewPCG(2, uint64(k.c)))
			w := Window{C: k.c, KH: k.kh, KW: k.kw, StrideH: k.sh, StrideW: k.sw, DilH: k.dh, DilW: k.dw, Top: k.pad, Left: k.pad, Bottom: k.pad, Right: k.pad,
				N: 2, InH: k.h, InW: k.w, OutH: (k.h+2*k.pad-(k.kh-1)*k.dh-1)/k.sh + 1, OutW: (k.w+2*k.pad-(k.kw-1)*k.dw-1)/k.sw + 1}
			checkPoolGrad(t, r, w)
			w.CountPad = true
			checkPoolGrad(t, r, w)
		}
	})
}

func checkPoolGrad(t *testing.T, r *rand.Rand, w Window) {
	t.Helper()
	g := WindowGrad{Window: w}
	var x, dy []float32
	g.Src, x = haloed(r, w.N, w.InH, w.InW, w.C, 1, 0, 0, 1)
	for i, v := range x { // few values, so that some windows have several largest ones
		x[i] = float32(math.Round(float64(v)))
	}
	g.DY, dy = haloed(r, w.N, w.OutH, w.OutW, w.C, 0, 1, 1, 0)
	g.Dst, _ = haloed(r, w.N, w.OutH, w.OutW, w.C, 1, 1, 1, 1)
	g.DX, _ = haloed(r, w.N, w.InH, w.InW, w.C, 1, 1, 1, 1)
	y := make([]float32, w.N*g.Dst.Image)
	g.Window.MaxPool(y, x, 0, w.N*w.OutH)
	for _, largest := range []bool{true, false} {
		dx := random(r, w.N*g.DX.Image)
		around := append([]float32{}, dx...)
		for n := range w.N {
			for _, c := range [][2]int{{w.C / 2, w.C}, {0, w.C / 2}} {
				if largest {
					g.MaxPool(dx, dy, x, y, n, c[0], c[1])
				} else {
					g.AvgPool(dx, dy, n, c[0], c[1])
				}
			}
		}
		want := poolGradOf(&g, x, dy, largest)
		for i, v := range dx {
			if math.IsNaN(want[i]) {
				want[i] = float64(around[i])
			}
			near(t, fmt.Sprintf("%+v: element %d", w, i), v, want[i], 2+math.Abs(want[i]), 0x1p-22)
		}
	}
}

// poolGradOf returns the gradient in float64, NaN around the pictures.
func poolGradOf(g *WindowGrad, x, dy []float32, largest bool) []float64 {
	dx := make([]float64, g.N*g.DX.Image)
	for i := range dx {
		dx[i] = math.NaN()
	}
	for n := range g.N {
		for iy := range g.InH {
			for ix := range g.InW {
				clear(dx[g.DX.At(n, iy, ix):][:g.C])
			}
		}
		for oy := range g.OutH {
			for ox := range g.OutW {
				for c := range g.C {
					var taps []int
					best, at := math.Inf(-1), 0
					for ky := range g.KH {
						for kx := range g.KW {
							iy, ix := oy*g.StrideH-g.Top+ky*g.DilH, ox*g.StrideW-g.Left+kx*g.DilW
							if iy < 0 || ix < 0 || iy >= g.InH || ix >= g.InW {
								continue
							}
							to := g.DX.At(n, iy, ix) + c
							if v := float64(x[g.Src.At(n, iy, ix)+c]); v > best {
								best, at = v, to
							}
							taps = append(taps, to)
						}
					}
					d := float64(dy[g.DY.At(n, oy, ox)+c])
					if largest {
						dx[at] += d
						continue
					}
					for _, to := range taps {
						dx[to] += d / float64(g.divisor(oy*g.StrideH-g.Top, ox*g.StrideW-g.Left, len(taps)))
					}
				}
			}
		}
	}
	return dx
}

func TestGlobalAvgPoolGrad(t *testing.T) {
	dx := make([]float32, 2*3*4*5)
	g := Grid{Image: 60, Row: 20, Pixel: 5}
	GlobalAvgPoolGrad(dx, []float32{12, 24, -36}, g, 1, 3, 4, 0, 2)
	GlobalAvgPoolGrad(dx, []float32{12, 24, -36}, g, 1, 3, 4, 2, 3)
	for i, v := range dx {
		want := float32(0)
		if i >= 60 && i%5 < 3 {
			want = []float32{1, 2, -3}[i%5]
		}
		if v != want {
			t.Fatalf("element %d: %v, want %v", i, v, want)
		}
	}
}

// The gradients of LayerNorm and Softmax, against float64.
func TestNormGrads(t *testing.T) {
	const most, rows, eps = 101, 3, 1e-3
	dx, dy, x := guarded(t, rows*(most+2)), guarded(t, rows*(most+2)), guarded(t, rows*(most+2))
	scale, dscale, dshift := guarded(t, most), guarded(t, most), guarded(t, most)
	check.EachImpl(t, "norm", func(t *testing.T) {
		r := rand.New(rand.NewPCG(6, 7))
		for n := 1; n <= most; n++ {
			for side := range 2 {
				rw := Rows{N: rows, Width: n, To: n + 1, From: n + 2, From2: n}
				d, g, in := part(dx, side, rw.reach(rw.To)), part(dy, side, rw.reach(rw.From2)), part(x, side, rw.reach(rw.From))
				k, dk, db := part(scale, side, n), part(dscale, side, n), part(dshift, side, n)
				for _, s := range [][]float32{g, in, k} {
					copy(s, random(r, len(s)))
				}
				clear(dk)
				clear(db)
				LayerNormGrad(d, dk, db, in, g, k, eps, rw)
				checkLayerNormGrad(t, d, dk, db, in, g, k, eps, rw)
				Softmax(in, in, Rows{N: rows, Width: n, To: n + 2, From: n + 2})
				SoftmaxGrad(d, in, g, rw)
				checkSoftmaxGrad(t, d, in, g, rw)
			}
		}
	})
}

func checkLayerNormGrad(t *testing.T, dx, dscale, dshift, x, dy, scale []float32, eps float64, r Rows) {
	t.Helper()
	n := float64(r.Width)
	wantScale, wantShift := make([]float64, r.Width), make([]float64, r.Width)
	for i := range r.N {
		row, g := x[i*r.From:][:r.Width], dy[i*r.From2:][:r.Width]
		var mean, variance, sum, dot float64
		for _, v := range row {
			mean += float64(v) / n
		}
		for _, v := range row {
			variance += (float64(v) - mean) * (float64(v) - mean) / n
		}
		inverse := 1 / math.Sqrt(variance+eps)
		for j, v := range row {
			h, s := (float64(v)-mean)*inverse, float64(g[j])*float64(scale[j])
			sum, dot = sum+s/n, dot+s*h/n
			wantScale[j] += float64(g[j]) * h
			wantShift[j] += float64(g[j])
		}
		for j, v := range row {
			h := (float64(v) - mean) * inverse
			want := inverse * (float64(g[j])*float64(scale[j]) - sum - h*dot)
			near(t, fmt.Sprintf("layer norm of %d: input %d", r.Width, j), dx[i*r.To+j], want, inverse*(4+math.Abs(h*dot)), 0x1p-20)
		}
	}
	for j := range wantScale {
		near(t, "gradient by the scale", dscale[j], wantScale[j], 4+math.Abs(wantScale[j]), 0x1p-20)
		near(t, "gradient by the shift", dshift[j], wantShift[j], 4, 0x1p-22)
	}
}

func checkSoftmaxGrad(t *testing.T, dx, y, dy []float32, r Rows) {
	t.Helper()
	for i := range r.N {
		dot := 0.0
		for j := range r.Width {
			dot += float64(y[i*r.From+j]) * float64(dy[i*r.From2+j])
		}
		for j := range r.Width {
			p := float64(y[i*r.From+j])
			near(t, fmt.Sprintf("softmax of %d: input %d", r.Width, j), dx[i*r.To+j], p*(float64(dy[i*r.From2+j])-dot), p*4, 0x1p-20)
		}
	}
}
