package transform

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestParseViews(t *testing.T) {
	for _, c := range []struct {
		text, want string
		n          int
	}{
		{"", "none", 1}, {"none", "none", 1}, {"1", "none", 1}, {"2", "hflip", 2}, {"hflip", "hflip", 2}, {"vflip", "vflip", 2},
		{"5", "crops", 5}, {"10", "crops,hflip", 10}, {"hflip, crops", "crops,hflip", 10}, {"hflip,vflip", "hflip,vflip", 4},
		{"crops,hflip,vflip", "crops,hflip,vflip", 20},
	} {
		v, err := ParseViews(c.text)
		if err != nil || v.String() != c.want || v.N() != c.n {
			t.Errorf("%q: %v, %d views, %v; want %s, %d", c.text, v, v.N(), err, c.want, c.n)
		}
		if again, err := ParseViews(v.String()); err != nil || again != v {
			t.Errorf("%v is read as %v, %v", v, again, err)
		}
	}
	for _, text := range []string{"3", "-1", "hflip,", "rotation=15", "HFLIP", ","} {
		if _, err := ParseViews(text); err == nil {
			t.Errorf("%q: no error", text)
		}
	}
}

func TestViewsWhole(t *testing.T) {
	for _, c := range []struct{ spec, whole, corner string }{
		{"stretch 224x224 bilinear", "stretch 256x256 bilinear", "stretch 256x256 bilinear, 224x224 at 32,32"},
		{"stretch 96x96 bilinear", "stretch 110x110 bilinear", "stretch 110x110 bilinear, 96x96 at 14,14"},
		{"crop 232 224x224 bicubic", "crop 256 256x256 bicubic", "crop 256 256x256 bicubic, 224x224 at 32,32"},
		{"crop 288 224x224 bicubic", "crop 288 256x256 bicubic", "crop 288 256x256 bicubic, 224x224 at 32,32"},
		{"letterbox 320x240 nearest", "letterbox 366x274 nearest", "letterbox 366x274 nearest, 320x240 at 46,34"},
	} {
		s, err := ParseSpec(c.spec)
		if err != nil {
			t.Fatal(err)
		}
		v := Views{Crops: true}
		if got := v.Whole(s).String(); got != c.whole {
			t.Errorf("%s: whole %s, want %s", c.spec, got, c.whole)
		}
		if all := v.Of(s); all[4].String() != c.corner || all[4].Plain() {
			t.Errorf("%s: last corner %v, want %s", c.spec, all[4], c.corner)
		}
		if got := (Views{HFlip: true}).Whole(s); got != s {
			t.Errorf("%s: mirrored, whole %v", c.spec, got)
		}
	}
}

// sliced is the ONNX operator Slice on the last two axes of [3,h,w].
func sliced(x []float32, h, w int, starts, ends, steps []int64) []float32 {
	walk := func(axis, d int) (index []int) {
		end := int(ends[axis])
		if end < 0 {
			end = max(end+d, -1)
		}
		for i := int(starts[axis]); i != end; i += int(steps[axis]) {
			index = append(index, i)
		}
		return index
	}
	var out []float32
	for c := range 3 {
		for _, y := range walk(0, h) {
			for _, i := range walk(1, w) {
				out = append(out, x[(c*h+y)*w+i])
			}
		}
	}
	return out
}

// A view gives what its Slice gives of the whole picture, to the bit: what the graph of a model does with it.
func TestViewIsItsSlice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src, s := drawRGB(t), drawSpec(t)
		v := Views{rapid.Bool().Draw(t, "crops"), rapid.Bool().Draw(t, "hflip"), rapid.Bool().Draw(t, "vflip")}
		whole := v.Whole(s)
		x := make([]float32, 3*whole.Width*whole.Height)
		if err := whole.Apply(x, src.Pix, src.W, src.H); err != nil {
			t.Fatal(err)
		}
		for _, view := range v.Of(s) {
			got := make([]float32, 3*s.Width*s.Height)
			if err := view.Apply(got, src.Pix, src.W, src.H); err != nil {
				t.Fatal(err)
			}
			starts, ends, steps := view.Slice()
			if want := sliced(x, whole.Height, whole.Width, starts, ends, steps); !slices.Equal(got, want) {
				t.Fatalf("%v: %v, want %v", view, got, want)
			}
		}
	})
}

func TestViewRefuses(t *testing.T) {
	v := Views{HFlip: true}.Of(Spec{Width: 4, Height: 4})[1]
	if err := v.Apply(make([]float32, 5), make([]uint8, 12), 2, 2); err == nil {
		t.Error("5 numbers for a picture of 48")
	}
	if err := v.Apply(make([]float32, 48), make([]uint8, 11), 2, 2); err == nil {
		t.Error("11 bytes for a picture of 12")
	}
}

func ExampleViews() {
	v, _ := ParseViews("crops")
	for _, view := range v.Of(Spec{Width: 224, Height: 224}) {
		fmt.Println(view)
	}
	// Output:
	// stretch 256x256 bilinear, 224x224 at 16,16
	// stretch 256x256 bilinear, 224x224 at 0,0
	// stretch 256x256 bilinear, 224x224 at 32,0
	// stretch 256x256 bilinear, 224x224 at 0,32
	// stretch 256x256 bilinear, 224x224 at 32,32
}
