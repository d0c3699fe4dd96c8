// Package kernel holds the inner loops of the network: convolutions, matrix products, pooling, elementwise
// arithmetic and changes of layout.
//
// Input and output are slices of float32, of bytes that a Quant maps to numbers, or of bfloat16 as uint16; where a
// picture's pixels lie in a slice is told by a Grid. Kernels
// are single-threaded and know nothing of graphs: the caller cuts the work into ranges of pixels and
// channels and may run ranges that do not overlap at the same time. Every output element is the same sum in
// the same order however the work is cut, so that results do not depend on batch or threads. Functions
// check that slices are long enough and panic if not: that is a bug of the caller.
package kernel

import "fmt"

// Grid says where the pixels of NHWC pictures lie in a slice: pixel (n, y, x) starts at
// Start + n·Image + y·Row + x·Pixel and its channels follow one another. A halo around the pictures is
// simply a part of Row and Image that the grid of the picture itself does not reach.
type Grid struct{ Start, Image, Row, Pixel int }

// At returns the index of the first channel of pixel (n, y, x).
func (g Grid) At(n, y, x int) int { return g.Start + n*g.Image + y*g.Row + x*g.Pixel }

// Shift returns the grid moved by c channels.
func (g Grid) Shift(c int) Grid { g.Start += c; return g }

// must panics if a slice of n elements does not hold the elements [lo, hi).
func must(what string, n, lo, hi int) {
	if lo < 0 || hi > n {
		panic(fmt.Sprintf("kernel: %s: elements [%d, %d) of a slice of %d", what, lo, hi, n))
	}
}

// walk steps through the pixels of N pictures of h×w in the order n, y, x.
type walk struct{ n, y, x, h, w int }

// walkFrom returns a walk that stands at pixel p of the flattened order.
func walkFrom(p, h, w int) walk {
	return walk{n: p / (h * w), y: p / w % h, x: p % w, h: h, w: w}
}

// left returns the number of pixels from here to the end of the row.
func (k *walk) left() int { return k.w - k.x }

// skip goes n pixels further, which must not be more than left.
func (k *walk) skip(n int) {
	k.x += n - 1
	k.next()
}

func (k *walk) next() {
	if k.x++; k.x == k.w {
		k.x = 0
		if k.y++; k.y == k.h {
			k.y = 0
			k.n++
		}
	}
}
