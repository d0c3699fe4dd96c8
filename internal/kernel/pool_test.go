package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/graft-ml/graft/internal/check"
)

// A NaN stays one wherever it stands in a window, and every implementation gives the bits of plain Go.
func TestPoolBits(t *testing.T) {
	const c, size = 83, 7
	w := Window{C: c, KH: 3, KW: 3, StrideH: 2, StrideW: 2, DilH: 1, DilW: 1, Top: 1, Left: 1, N: 1, InH: size, InW: size, OutH: 3, OutW: 3}
	w.Src, w.Dst = Grid{Row: size * c, Pixel: c}, Grid{Row: 3 * c, Pixel: c}
	src := random(rand.New(rand.NewPCG(5, 5)), size*size*c)
	for i := 0; i < len(src); i += 13 {
		src[i] = float32(math.NaN())
	}
	var wantMax, wantAvg []float32 // plain Go comes first
	check.EachImpl(t, "pool", func(t *testing.T) {
		mx, avg := make([]float32, 9*c), make([]float32, 9*c)
		w.MaxPool(mx, src, 0, 3)
		w.AvgPool(avg, src, 0, 3)
		if wantMax == nil {
			wantMax, wantAvg = mx, avg
		}
		if i := firstBits(mx, wantMax); i >= 0 {
			t.Errorf("maximum %d: %v, want %v", i, mx[i], wantMax[i])
		}
		if i := firstBits(avg, wantAvg); i >= 0 {
			t.Errorf("mean %d: %v, want %v", i, avg[i], wantAvg[i])
		}
	})
}

// A pooling is compared with its definition, tap by tap over the padded picture.
func TestWindow(t *testing.T) { check.EachImpl(t, "pool", testWindow) }

func testWindow(t *testing.T) {
	for _, w := range []Window{
		{C: 1, KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, N: 1, InH: 1, InW: 1},
		{C: 5, KH: 3, KW: 3, StrideH: 2, StrideW: 2, DilH: 1, DilW: 1, Top: 1, Left: 1, Bottom: 1, Right: 1, N: 2, InH: 7, InW: 8},
		{C: 150, KH: 3, KW: 3, StrideH: 2, StrideW: 2, DilH: 1, DilW: 1, Top: 1, Left: 1, Bottom: 1, Right: 1, N: 1, InH: 9, InW: 11},
		{C: 71, KH: 2, KW: 2, StrideH: 2, StrideW: 2, DilH: 1, DilW: 1, N: 1, InH: 6, InW: 8},
		{C: 9, KH: 2, KW: 3, StrideH: 1, StrideW: 2, DilH: 2, DilW: 1, Left: 2, Bottom: 1, N: 1, InH: 6, InW: 5, CountPad: true},
		{C: 3, KH: 3, KW: 3, StrideH: 2, StrideW: 2, DilH: 2, DilW: 2, Top: 2, Left: 2, Bottom: 3, Right: 3, N: 1, InH: 4, InW: 4},
		{C: 2, KH: 1, KW: 2, StrideH: 2, StrideW: 2, DilH: 1, DilW: 4, Left: 2, Right: 3, N: 1, InH: 3, InW: 2},
	} {
		w.OutH = (w.InH+w.Top+w.Bottom-(w.KH-1)*w.DilH-1)/w.StrideH + 1
		w.OutW = (w.InW+w.Left+w.Right-(w.KW-1)*w.DilW-1)/w.StrideW + 1
		var ns, nd int
		w.Src, ns = dense(w.N, w.InH, w.InW, w.C, 1, 0)
		w.Dst, nd = dense(w.N, w.OutH, w.OutW, w.C, 0, 2)
		src := random(rand.New(rand.NewPCG(1, 9)), ns)
		mx, avg := make([]float32, nd), make([]float32, nd)
		for r := range w.N * w.OutH { // row by row, as tasks do
			w.MaxPool(mx, src, r, r+1)
			w.AvgPool(avg, src, r, r+1)
		}
		for i := range w.N * w.OutH * w.OutW * w.C {
			n, y, x, c := i/(w.OutH*w.OutW*w.C), i/(w.OutW*w.C)%w.OutH, i/w.C%w.OutW, i%w.C
			wantMax, wantAvg, scale := naiveWindow(&w, src, n, y, x, c)
			at := w.Dst.At(n, y, x) + c
			what := fmt.Sprint(w, n, y, x, c)
			if mx[at] != wantMax {
				t.Fatalf("%s: max %v, want %v", what, mx[at], wantMax)
			}
			if wantAvg != wantAvg && avg[at] != avg[at] {
				continue
			}
			near(t, what, avg[at], wantAvg, scale, tolerance(w.KH*w.KW))
		}
	}
}

func naiveWindow(w *Window, src []float32, n, y, x, c int) (mx float32, avg, scale float64) {
	mx = float32(math.Inf(-1))
	count := 0
	for ky := range w.KH {
		for kx := range w.KW {
			iy, ix := y*w.StrideH+ky*w.DilH-w.Top, x*w.StrideW+kx*w.DilW-w.Left
			inside := iy >= 0 && iy < w.InH && ix >= 0 && ix < w.InW
			if inside {
				v := src[w.Src.At(n, iy, ix)+c]
				mx = max(mx, v)
				avg += float64(v)
				scale += math.Abs(float64(v))
			}
			if inside || w.CountPad && iy < w.InH+w.Bottom && ix < w.InW+w.Right {
				count++
			}
		}
	}
	return mx, avg / float64(count), scale
}

func TestGlobalPool(t *testing.T) { check.EachImpl(t, "pool", testGlobalPool) }

func testGlobalPool(t *testing.T) {
	for _, c := range []int{1, 8, 13, 16, 64, 97} {
		g, n := dense(2, 3, 5, c, 1, 1)
		src := random(rand.New(rand.NewPCG(4, 4)), n)
		avg, mx := make([]float32, c), make([]float32, c)
		GlobalAvgPool(avg, src, g, 1, 3, 5, 0, c)
		GlobalMaxPool(mx, src, g, 1, 3, 5, 0, c)
		part := make([]float32, c)
		GlobalAvgPool(part[c/2:], src, g, 1, 3, 5, c/2, c)
		for i := range c {
			sum, most := 0.0, float32(math.Inf(-1))
			for p := range 15 {
				v := src[g.At(1, p/5, p%5)+i]
				sum += float64(v)
				most = max(most, v)
			}
			near(t, fmt.Sprint(c, i), avg[i], sum/15, 1, tolerance(15))
			if mx[i] != most {
				t.Errorf("%d channels: max[%d] = %v, want %v", c, i, mx[i], most)
			}
			if i >= c/2 && part[i] != avg[i] {
				t.Errorf("%d channels: mean[%d] depends on the range", c, i)
			}
		}
	}
}

func TestLayout(t *testing.T) {
	for _, c := range []int{1, 3, 4} {
		t.Run(fmt.Sprint(c, " channels"), func(t *testing.T) { testLayout(t, c) })
	}
}

func testLayout(t *testing.T, c int) {
	n, h, w := 2, 4, 5
	g, size := dense(n, h, w, c, 2, 1)
	r := rand.New(rand.NewPCG(6, 6))
	src, scale, shift := random(r, n*c*h*w), random(r, c), random(r, c)
	plain, scaled, back := make([]float32, size), make([]float32, size), make([]float32, len(src))
	for i := range n {
		FromNCHW(plain, src, g, i, c, h, w, 0, h, nil, nil)
		for y := range h {
			FromNCHW(scaled, src, g, i, c, h, w, y, y+1, scale, shift)
			ToNCHW(back, plain, g, i, c, h, w, y, y+1)
		}
	}
	if !slices.Equal(back, src) {
		t.Error("there and back is not the same")
	}
	to, tight := dense(n, h, w, c, 0, 0)
	copied := make([]float32, tight)
	for i := range n * h {
		CopyPixels(copied, scaled, to, g, i/h, i%h, w, c)
	}
	for i, v := range src {
		pic, ch, y, x := i/(c*h*w), i/(h*w)%c, i/w%h, i%w
		want := float32(v*scale[ch]) + shift[ch]
		if got := copied[to.At(pic, y, x)+ch]; got != want {
			t.Fatalf("picture %d channel %d (%d, %d): %v, want %v", pic, ch, y, x, got, want)
		}
	}
}
