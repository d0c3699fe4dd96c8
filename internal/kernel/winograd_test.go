package kernel

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/graft-ml/graft/internal/check"
)

// winogradError is the error of Winograd's sums, in units of that of the definition's.
var winogradError = map[int]float64{2: 1, 4: 2}

// winogradCases are pictures whose borders cut tiles in all ways.
var winogradCases = []convCase{
	{n: 1, h: 1, w: 1, inC: 16, outC: 16},
	{n: 2, h: 4, w: 8, inC: 16, outC: 48},
	{n: 3, h: 7, w: 5, inC: 32, outC: 32},
	{n: 1, h: 6, w: 11, inC: 48, outC: 80, extra: 3},
	{n: 2, h: 2, w: 3, inC: 16, outC: 16, extra: 1},
}

// winograd builds the convolution of a case and its slices: src with the halo that the tiles read, dst and res
// dense with a margin.
func (k convCase) winograd(r *rand.Rand, tile int) (w Winograd, src, dst, res []float32) {
	k.kh, k.kw, k.sh, k.sw, k.dh, k.dw, k.groups, k.pad = 3, 3, 1, 1, 1, 1, 1, 1
	c, _, nd, _ := k.conv()
	w = Winograd{Conv: c, Tile: tile}
	rh, rw := w.Reach()
	px := k.inC + k.extra
	w.Src = Grid{Image: rh * rw * px, Row: rw * px, Pixel: px}
	src = make([]float32, k.n*w.Src.Image)
	for n := range k.n {
		for y := range k.h {
			for x := range k.w {
				copy(src[w.Src.At(n, y+1, x+1):], random(r, k.inC))
			}
		}
	}
	return w, src, slices.Repeat([]float32{77}, nd), random(r, nd)
}

// pack returns random weights, bias, and both packed.
func (w *Winograd) pack(r *rand.Rand) (weights, bias, packed []float32) {
	weights, bias, packed = random(r, w.OutC*w.taps()), random(r, w.OutC), make([]float32, w.PackedLen())
	w.Pack(packed, weights, bias)
	return weights, bias, packed
}

// runAll runs the tiles in parts of n, all blocks at once.
func (w *Winograd) runAll(dst, src, res, packed []float32, n int) {
	scratch := make([]float32, w.ScratchLen(n, w.Blocks()))
	for t := 0; t < w.Tiles(); t += n {
		w.Run(dst, src, res, packed, scratch, t, min(t+n, w.Tiles()), 0, w.Blocks())
	}
}

// eachWinograd runs f for every case and size of tile on every implementation.
func eachWinograd(t *testing.T, f func(t *testing.T, k convCase, tile int)) {
	check.EachImpl(t, "conv", func(t *testing.T) {
		for _, k := range winogradCases {
			for _, tile := range []int{2, 4} {
				t.Run(fmt.Sprint(k, tile), func(t *testing.T) { f(t, k, tile) })
			}
		}
	})
}

// The result is that of the definition, within the error that is stated, and nothing beside it is written.
func TestWinograd(t *testing.T) {
	eachWinograd(t, func(t *testing.T, k convCase, tile int) {
		for _, act := range []Act{{}, {Func: Relu}, {Func: Clip, A: -0.5, B: 1}, {Func: SiLU}} {
			r := rand.New(rand.NewPCG(1, 2))
			w, src, dst, res := k.winograd(r, tile)
			w.Act = act
			weights, bias, packed := w.pack(r)
			w.runAll(dst, src, res, packed, 5)
			checkConv(t, &w.Conv, dst, winogradError[tile]*tolerance(w.taps()), func(n, y, x, oc int) (float64, float64) {
				sum, scale := naive(&w.Conv, src, weights, bias, n, y, x, oc)
				add := float64(res[w.Res.At(n, y, x)+oc])
				return sum + add, scale
			})
		}
	})
}

// A tile has the same bits alone, among others, and where its channels are computed apart; those of both
// vector instruction sets are the same.
func TestWinogradBits(t *testing.T) {
	all := map[string][]float32{}
	eachWinograd(t, func(t *testing.T, k convCase, tile int) {
		r := rand.New(rand.NewPCG(1, 2))
		w, src, want, res := k.winograd(r, tile)
		_, _, packed := w.pack(r)
		w.runAll(want, src, res, packed, w.Tiles())
		got, scratch := slices.Repeat([]float32{77}, len(want)), make([]float32, w.ScratchLen(1, 1))
		for i := range w.Tiles() {
			for b := range w.Blocks() {
				w.Run(got, src, res, packed, scratch, i, i+1, b, b+1)
			}
		}
		if !slices.Equal(got, want) {
			t.Error("a tile alone gives other bits")
		}
		if key := fmt.Sprint(k, tile); fused(t) {
			if other := all[key]; other != nil && !slices.Equal(other, want) {
				t.Error("two instruction sets give different bits")
			}
			all[key] = want
		}
	})
}

// Slices beside which no memory is, before or behind.
func TestWinogradGuarded(t *testing.T) {
	eachWinograd(t, func(t *testing.T, k convCase, tile int) {
		r := rand.New(rand.NewPCG(1, 2))
		w, src, dst, res := k.winograd(r, tile)
		_, _, packed := w.pack(r)
		last := w.Dst.At(k.n-1, w.OutH-1, w.OutW-1) + w.OutC
		w.Dst.Start, last = 0, last-w.Dst.Start
		w.Res = w.Dst
		n := min(w.Tiles(), 3)
		for i := range 2 {
			s, d, a := part(guarded(t, len(src)), i, len(src)), part(guarded(t, last), i, last), part(guarded(t, last), i, last)
			p, tmp := part(guarded(t, len(packed)), i, len(packed)), part(guarded(t, w.ScratchLen(n, w.Blocks())), i, w.ScratchLen(n, w.Blocks()))
			copy(s, src)
			copy(a, res)
			copy(d, dst) // what lies between the pixels
			copy(p, packed)
			for t0 := 0; t0 < w.Tiles(); t0 += n {
				w.Run(d, s, a, p, tmp, t0, min(t0+n, w.Tiles()), 0, w.Blocks())
			}
			w.runAll(dst, s, a, p, n)
			if !slices.Equal(dst[:last], d) {
				t.Error("the result depends on where it is computed")
			}
		}
	})
}

// A run allocates nothing, and a slice that is too short is caught.
func TestWinogradChecks(t *testing.T) {
	check.EachImpl(t, "conv", func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		w, src, dst, res := winogradCases[2].winograd(r, 4)
		_, _, packed := w.pack(r)
		scratch := make([]float32, w.ScratchLen(2, 1))
		if n := testing.AllocsPerRun(10, func() { w.Run(dst, src, res, packed, scratch, 0, 2, 0, 1) }); n != 0 {
			t.Errorf("%v allocations", n)
		}
		strided := w
		strided.StrideH = 2
		for name, f := range map[string]func(){
			"output":   func() { w.Run(dst[:9], src, nil, packed, scratch, 0, 2, 0, 1) },
			"input":    func() { w.Run(dst, src[:len(src)-1], nil, packed, scratch, 0, 2, 0, 1) },
			"residual": func() { w.Run(dst, src, res[:9], packed, scratch, 0, 2, 0, 1) },
			"weights":  func() { w.Run(dst, src, nil, packed[1:], scratch, 0, 2, 0, 1) },
			"scratch":  func() { w.Run(dst, src, nil, packed, scratch[1:], 0, 2, 0, 1) },
			"tiles":    func() { w.Run(dst, src, nil, packed, scratch, w.Tiles(), w.Tiles()+1, 0, 1) },
			"geometry": func() { strided.Run(dst, src, nil, packed, scratch, 0, 2, 0, 1) },
		} {
			t.Run(name, func(t *testing.T) {
				defer func() {
					if recover() == nil {
						t.Error("no panic")
					}
				}()
				f()
			})
		}
	})
}

// Repack gives what Pack does within the rounding of nine products, and flipped what Pack gives of flipped weights.
func TestWinogradRepack(t *testing.T) {
	check.EachImpl(t, "conv", func(t *testing.T) {
		for _, tile := range []int{2, 4} {
			for _, shape := range [][2]int{{16, 16}, {48, 32}, {32, 80}} {
				outC, inC := shape[0], shape[1]
				w := &Winograd{Conv: Conv{Filter: Filter{OutC: outC, InC: inC, KH: 3, KW: 3, Groups: 1}}, Tile: tile}
				weights, bias := make([]float32, 9*outC*inC), make([]float32, outC)
				check.Seeded(weights, "weights", 2, -1)
				check.Seeded(bias, "bias", 2, -1)
				turned := make([]float32, len(weights)) // [InC, OutC, 3, 3] as Repack finds it
				for o := range outC {
					for i := range inC {
						for k := range 9 {
							turned[(i*outC+o)*9+8-k] = weights[(o*inC+i)*9+k]
						}
					}
				}
				want, got := make([]float32, w.PackedLen()), make([]float32, w.PackedLen())
				scratch := make([]float32, w.RepackLen())
				limit := check.Tolerance{MaxAbs: 4e-6} // of squares up to 9
				for i := range got {
					got[i] = 99
				}
				w.Pack(want, weights, bias)
				w.Repack(got, weights, bias, scratch, false)
				check.Close(t, got, want, limit)
				w.Pack(want, weights, nil)
				w.Repack(got, turned, nil, scratch, true)
				check.Close(t, got, want, limit)
			}
		}
	})
}
