package train

import (
	"cmp"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/graft-ml/graft/internal/backbone"
	"github.com/graft-ml/graft/internal/check"
	"github.com/graft-ml/graft/internal/decode"
	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/tensor"
	"github.com/graft-ml/graft/internal/transform"
)

// scratchCurve is a training from scratch, by make_scratch.py.
type scratchCurve struct {
	Size, Classes, Batch, Pictures int
	Rate, Momentum, Decay          float64
	Loss                           []float64
}

// Limits of the relative difference of losses: in the first five steps, in the first ten, and of the means of ten steps all
// along. Rounding grows: where it takes a value to the other side of a ReLU's kink the next losses differ by a
// thousandth. So do PyTorch's, between float32 and float64, and between one thread and two: see make_scratch.py.
const (
	scratchTol     = 1e-4
	scratchTenTol  = 1e-3
	scratchMeanTol = 1e-2
)

// From the same weights and pictures the loss falls as PyTorch's does, with the statistics of the batch, on pictures that
// are generated and, where GRAFT_DATA names the folder that holds data/tiny-imagenet, on those.
func TestScratchCurve(t *testing.T) {
	if testing.Short() {
		t.Skip("trains a network for 20 steps")
	}
	t.Run("generated", func(t *testing.T) { testScratch(t, "scratch.json", generated) })
	t.Run("tiny-imagenet", func(t *testing.T) {
		dir := os.Getenv("GRAFT_DATA")
		if dir == "" {
			t.Skip("GRAFT_DATA does not name the folder that holds data/tiny-imagenet")
		}
		testScratch(t, "scratch_tiny.json", tinyImageNet(t, filepath.Join(dir, "data", "tiny-imagenet")))
	})
}

// testScratch does the steps of a curve. picture writes a picture of a set, [3 size size], and returns its class.
func testScratch(t *testing.T, file string, picture func(dst []float32, c scratchCurve, i int) (class int)) {
	var c scratchCurve
	load(t, filepath.Join("..", "training", file), &c)
	g := scratchNet(t, c)
	pool := nn.NewPool(0)
	defer pool.Close()
	o, params := nn.TapeOptions{Pool: pool, BatchStats: true}, []*param(nil)
	for _, p := range Parameters(g) {
		o.Params = append(o.Params, p.Name)
		params = append(params, &param{name: p.Name, decay: p.Decay})
	}
	tape, err := nn.NewTape(g, o)
	if err != nil {
		t.Fatal(err)
	}
	l, op := newLoss(HeadOptions{Classes: c.Classes}, slices.Repeat([]float64{1}, c.Classes)), &optimizer{rule: rule{kind: SGD, momentum: c.Momentum, decay: c.Decay}, pool: pool}
	order, size := scratchOrder(c.Pictures), 3*c.Size*c.Size
	x, dz, labels := make([]float32, c.Batch*size), make([]float32, c.Batch*c.Classes), make([][]int, c.Batch)
	var got []float64
	for step := range c.Loss {
		for i := range labels {
			labels[i] = []int{picture(x[i*size:][:size], c, order[(step*c.Batch+i)%c.Pictures])}
		}
		z, err := tape.Forward(c.Batch, [][]float32{x}, nil)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, l.mean(dz, z, labels))
		if err := tape.Backward(dz); err != nil {
			t.Fatal(err)
		}
		for _, p := range params {
			p.w, p.g = tape.Param(p.name), tape.Grad(p.name)
		}
		op.step(params, c.Rate)
	}
	compareCurves(t, got, c.Loss)
}

// compareCurves checks the first ten losses one by one, and the means of each ten.
func compareCurves(t *testing.T, got, want []float64) {
	t.Helper()
	if len(want) < 20 || !(mean(want[len(want)-10:]) < mean(want[:10])) {
		t.Fatalf("a curve of %d losses that does not fall", len(want))
	}
	first, ten, later := 0.0, 0.0, 0.0
	for i := range want {
		d := math.Abs(got[i]-want[i]) / want[i]
		if i < 5 {
			first = max(first, d)
		}
		if i < 10 {
			ten = max(ten, d)
		}
		if i%10 == 9 {
			w := mean(want[i-9 : i+1])
			later = max(later, math.Abs(mean(got[i-9:i+1])-w)/w)
		}
	}
	if !(first <= scratchTol && ten <= scratchTenTol && later <= scratchMeanTol) {
		t.Errorf("losses are off by %.1e in the first five steps, %.1e in ten, %.1e in means of ten: %.4f, want %.4f", first, ten, later, got, want)
	}
	t.Logf("off by %.1e, %.1e, %.1e: %.4f", first, ten, later, got)
}

func mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

// scratchNet is resnet10s with a classifier, drawn as make_scratch.py draws it.
func scratchNet(t *testing.T, c scratchCurve) *nn.Graph {
	t.Helper()
	b, err := backbone.Seeded("resnet10s", backbone.Options{Width: c.Size, Height: c.Size})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Redraw(0); err != nil { // normalisations that change nothing
		t.Fatal(err)
	}
	for name, w := range b.Graph.Init {
		if len(w.Shape) > 1 {
			scale, shift := check.SeededRange(name, w.Shape)
			check.Seeded(w.F, name, scale, shift)
		}
	}
	n := seededNet{nn.NewBuilder("head")}
	x := n.Input("features", tensor.Free, b.Width)
	bias := n.Const("fc.bias", tensor.New(tensor.Float32, c.Classes))
	n.Output("logits", n.Op("Gemm", nn.Attrs{"transB": int64(1)}, x, n.draw("fc.weight", c.Classes, b.Width), bias))
	head, err := n.Build()
	if err != nil {
		t.Fatal(err)
	}
	return nn.Join(b.Graph, head)
}

// scratchOrder is the order of n pictures.
func scratchOrder(n int) []int {
	keys, order := make([]float32, n), make([]int, n)
	check.Seeded(keys, "order", 1, 0)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(keys[a], keys[b]) })
	return order
}

// generated draws picture i: the pattern of its class, of 8×8 fields, under noise.
func generated(dst []float32, c scratchCurve, i int) (class int) {
	const fields = 8
	class = i % c.Classes
	pattern := make([]float32, 3*fields*fields)
	check.Seeded(pattern, fmt.Sprint("pattern/", class), 1, 0)
	check.Seeded(dst, fmt.Sprint("picture/", i), 1, 0)
	field := c.Size / fields
	for k, noise := range dst {
		y, x := k/c.Size, k%c.Size // y counts through the channels
		dst[k] = float32(float64(pattern[y/field*fields+x/field]) - 0.5 + 3*(float64(noise)-0.5))
	}
	return class
}

// tinyImageNet reads the mosaics in dir that end in _0, a hundred pictures of 64×64 of one class each.
func tinyImageNet(t *testing.T, dir string) func(dst []float32, c scratchCurve, i int) (class int) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_0.webp"))
	if err != nil || len(files) != 200 {
		t.Fatalf("%s: %d mosaics, want 200 (%v)", dir, len(files), err)
	}
	mosaics := make([]*decode.Image, len(files))
	norm, err := transform.ParseMode("torch")
	if err != nil {
		t.Fatal(err)
	}
	return func(dst []float32, c scratchCurve, i int) (class int) {
		class, i = i/100, i%100
		m := mosaics[class]
		if m == nil {
			data, err := os.ReadFile(files[class])
			if err != nil {
				t.Fatal(err)
			}
			if m, err = decode.Decode(t.Context(), data, decode.Options{}); err != nil {
				t.Fatal(err)
			}
			mosaics[class] = m
		}
		top, left := i/10*c.Size, i%10*c.Size
		for k := range dst {
			ch, y, x := k/(c.Size*c.Size), k/c.Size%c.Size, k%c.Size
			dst[k] = (float32(m.Pix[3*((top+y)*m.W+left+x)+ch]) - norm.Mean[ch]) / norm.Std[ch]
		}
		return class
	}
}
