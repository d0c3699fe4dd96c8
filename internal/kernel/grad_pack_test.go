package kernel

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/graft-ml/graft/internal/check"
)

// flipped returns the weights of the filter that f.Flipped returns, row-major.
func flipped(f Filter, w []float32) []float32 {
	to := f.Flipped()
	out := make([]float32, len(w))
	per, perTo, size := f.OutC/f.Groups, to.OutC/f.Groups, f.KH*f.KW
	for i := range out {
		k, c, o := i%size, i/size%to.InC, i/size/to.InC
		g := o / perTo
		out[i] = w[((g*per+c)*f.InC+o%perTo)*size+size-1-k]
	}
	return out
}

var packCases = []Filter{{16, 32, 3, 3, 1}, {7, 5, 3, 2, 1}, {6, 9, 1, 1, 2}, {40, 19, 2, 2, 1}, {35, 70, 1, 1, 1}, {96, 5, 3, 3, 3}, {1, 1, 1, 1, 1}}

// Packing block by block, over what was there before, gives the order that Pack documents.
func TestPackBlocks(t *testing.T) {
	check.EachImpl(t, "conv", func(t *testing.T) {
		for _, f := range packCases {
			r := rand.New(rand.NewPCG(1, 5))
			w, bias := random(r, f.OutC*f.taps()), random(r, f.OutC)
			got := random(r, f.PackedLen())
			for b := f.Blocks() - 1; b >= 0; b-- {
				f.PackBlocks(got, w, bias, b, b+1)
			}
			want := make([]float32, f.PackedLen())
			for oc := range f.OutC {
				per := f.OutC / f.Groups
				j := oc % per / f.blockC()
				block := want[(oc/per*f.groupBlocks()+j)*f.blockLen()+oc%per%f.blockC():]
				block[0] = bias[oc]
				for e := range f.taps() {
					block[f.packedC(j)*(1+e%(f.KH*f.KW)*f.InC+e/(f.KH*f.KW))] = w[oc*f.taps()+e]
				}
			}
			for b := range f.Blocks() { // what half a block leaves out is nobody's
				n := f.packedC(b%f.groupBlocks()) * (1 + f.taps())
				if !slices.Equal(f.block(got, b)[:n], f.block(want, b)[:n]) {
					t.Errorf("%+v: block %d differs", f, b)
				}
			}
		}
	})
}

// The flipped filter is what Pack makes of the weights turned around.
func TestPackFlipped(t *testing.T) {
	check.EachImpl(t, "conv", func(t *testing.T) {
		for _, f := range packCases {
			r := rand.New(rand.NewPCG(1, 5))
			w := random(r, f.OutC*f.taps())
			to := f.Flipped()
			got, want := make([]float32, to.PackedLen()), make([]float32, to.PackedLen())
			f.PackFlipped(got, w)
			to.Pack(want, flipped(f, w), nil)
			if !slices.Equal(got, want) {
				t.Errorf("%+v: packed otherwise than the turned weights", f)
			}
		}
	})
}

// BenchmarkPack reports ns a weight of one thread.
func BenchmarkPack(b *testing.B) {
	for _, f := range []Filter{{512, 512, 3, 3, 1}, {1024, 256, 1, 1, 1}, {64, 64, 3, 3, 1}} {
		r := rand.New(rand.NewPCG(1, 5))
		w, to := random(r, f.OutC*f.taps()), f.Flipped()
		packed := make([]float32, max(f.PackedLen(), to.PackedLen()))
		b.Run(fmt.Sprint("Pack", f), func(b *testing.B) { perElement(b, len(w), 8, func() { f.Pack(packed, w, nil) }) })
		c := ConvGradWeight{Conv: Conv{Filter: f, N: 1, OutH: 1, OutW: 1}}
		partial := make([]float32, c.PartialLen())
		b.Run(fmt.Sprint("Reduce", f), func(b *testing.B) {
			perElement(b, len(w), 8, func() { c.Reduce(w, nil, partial, 0, c.Blocks(), false) })
		})
		b.Run(fmt.Sprint("Flipped", f), func(b *testing.B) { perElement(b, len(w), 8, func() { f.PackFlipped(packed, w) }) })
	}
}
