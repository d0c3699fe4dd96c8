//go:build !purego

package kernel

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"github.com/graft-ml/graft/internal/kernel/asm"
)

// interpreted has the tiles of AVX-512 for bfloat16 interpreted for the duration of a test, over the memory that their
// arguments tell.
func interpreted(t *testing.T) {
	was := useConvBF16
	useConvBF16, interpretBF16 = true, func(args *lowArgs, pixels, vectors int) {
		if err := interpretLow(*args, pixels, vectors); err != nil {
			t.Errorf("%d×%d: %v", pixels, 16*vectors, err)
		}
	}
	t.Cleanup(func() { useConvBF16, interpretBF16 = was, nil })
}

// interpretLow runs a tile with a copy of the arguments whose pointers are the machine's.
func interpretLow(a lowArgs, pixels, vectors int) error {
	m := asm.Machine{Mem: &asm.Memory{}}
	args := slices.Clone(unsafe.Slice((*byte)(unsafe.Pointer(&a)), unsafe.Sizeof(a)))
	region := func(off int, p unsafe.Pointer, bytes int, writable bool) {
		if p != nil {
			binary.LittleEndian.PutUint64(args[off:], m.Mem.Map(fmt.Sprint("region ", off), unsafe.Slice((*byte)(p), bytes), writable))
		}
	}
	reach := 0
	for _, off := range unsafe.Slice((*int32)(a.offsets), a.units) {
		reach = max(reach, int(off)+4)
	}
	lanes, size, resSize := bits.OnesCount32(a.lanes), 2, 2
	if a.float != 0 {
		size = 4
	}
	if a.resFloat != 0 {
		resSize = 4
	}
	for g := range 2 {
		if n := min(groupPixels, pixels-g*groupPixels); n > 0 {
			region(asm.LowSrc+8*g, a.src[g], (n-1)*a.srcStep+reach, false)
			region(asm.LowRes+8*g, a.res[g], (n-1)*a.resStep+lanes*resSize, false)
			region(asm.LowDst+8*g, a.dst[g], (n-1)*a.dstStep+lanes*size, true)
		}
	}
	region(asm.LowWeights, a.weights, a.units*vectors*64, false)
	region(asm.LowStart, a.start, vectors*64, false)
	region(asm.LowOffsets, a.offsets, 4*a.units, false)
	return m.Run(asm.ConvLow(asm.LowTile{BF16: true, Pixels: pixels, Vectors: vectors}), m.Mem.Map("args", args, false))
}

// What goes around the tiles of AVX-512 is right, too: convolutions and gradients give the bits of the other
// implementations.
func TestInterpretedBF16(t *testing.T) {
	for _, k := range append(slices.Clone(gradCases), convCase{2, 9, 9, 18, 70, 3, 3, 1, 1, 1, 1, 1, 1, 1}) {
		t.Run(fmt.Sprint(k), func(t *testing.T) {
			r := rand.New(rand.NewPCG(3, 2))
			c, ns, nd, _ := k.conv()
			if c.N*c.OutH*c.OutW*c.OutC*c.taps() > 1<<21 {
				t.Skip("takes long")
			}
			c.Act = Act{Func: Clip, A: -2, B: 3}
			src, dy, w, bias, res := halves(random(r, ns)), halves(random(r, nd)), random(r, c.OutC*c.taps()), random(r, c.OutC), random(r, nd)
			run := func() (y, dw []float32) {
				v := ConvBF16{Conv: c, Float: true}
				y = slices.Repeat([]float32{77}, nd)
				v.RunSum(y, src, res, v.Pack(w, bias), 0, c.N*c.OutH*c.OutW, 0, v.Blocks())
				dw, _ = gradWeightBF16(&ConvGradWeightBF16{Conv: c, Bias: true}, src, dy, nil, nil)
				return y, dw
			}
			y, dw := run()
			interpreted(t)
			z, dz := run()
			if firstBits(z, y) >= 0 {
				t.Error("the convolution differs")
			}
			if firstBits(dz, dw) >= 0 {
				t.Error("the gradient by the weights differs")
			}
		})
	}
}
