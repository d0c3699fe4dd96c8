package tensor

import (
	"math"
	"testing"
)

func TestElems(t *testing.T) {
	for _, c := range []struct {
		shape Shape
		n     int
		ok    bool
	}{
		{nil, 1, true}, {Shape{0, 5}, 0, true}, {Shape{2, 3, 4}, 24, true},
		{Shape{Free, 3}, 0, false}, {Shape{math.MaxInt, 2}, 0, false}, {Shape{1 << 32, 1 << 32}, 0, false},
	} {
		if n, err := c.shape.Elems(); n != c.n || (err == nil) != c.ok {
			t.Errorf("%v: %d, %v", c.shape, n, err)
		}
	}
}

// Every binary16 number survives the way to float32 and back; a NaN stays a NaN.
func TestFloat16RoundTrip(t *testing.T) {
	for h := range 1 << 16 {
		f := FromFloat16(uint16(h))
		back := ToFloat16(f)
		if f != f {
			if g := FromFloat16(back); g == g {
				t.Fatalf("%#04x: NaN became %v", h, g)
			}
			continue
		}
		if back != uint16(h) {
			t.Fatalf("%#04x -> %v -> %#04x", h, f, back)
		}
	}
}

func TestToFloat16Rounds(t *testing.T) {
	for _, c := range []struct {
		f    float32
		want float32
	}{
		{1 + 0x1p-11, 1},               // tie to even, down
		{1 + 3*0x1p-11, 1 + 2*0x1p-10}, // tie to even, up
		{65519, 65504},                 // largest that is still finite
		{65520, float32(math.Inf(1))},  // first that is not
		{0x1p-25, 0},                   // half the smallest subnormal: tie to even
		{0x1.8p-25, 0x1p-24},           // above it
		{-2049, -2048}, {2051, 2052},   // integers beyond 11 bits
		{float32(math.Inf(-1)), float32(math.Inf(-1))},
	} {
		if got := FromFloat16(ToFloat16(c.f)); got != c.want {
			t.Errorf("%v: %v, want %v", c.f, got, c.want)
		}
	}
}
