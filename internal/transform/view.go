package transform

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Views names fixed ways to look at a picture, whose features a prediction averages. The zero value is the picture
// as it is, alone.
type Views struct {
	Crops        bool // the centre and the four corners of a picture that is [cropMargin] larger
	HFlip, VFlip bool // each as it is, and mirrored
}

// Words that ParseViews takes, in the order of String.
const (
	viewCrops = "crops"
	viewHFlip = "hflip"
	viewVFlip = "vflip"
)

// numberedViews are those that a number stands for.
var numberedViews = map[int]Views{1: {}, 2: {HFlip: true}, 5: {Crops: true}, 10: {Crops: true, HFlip: true}}

// ParseViews reads a list of "crops", "hflip" and "vflip", or their number: 2 for hflip, 5 for crops, 10 for both. ""
// and "none" are the picture alone.
func ParseViews(text string) (Views, error) {
	var v Views
	if text == "" || text == "none" {
		return v, nil
	}
	if n, err := strconv.Atoi(text); err == nil {
		if v, ok := numberedViews[n]; ok {
			return v, nil
		}
	}
	for word := range strings.SplitSeq(text, ",") {
		switch strings.TrimSpace(word) {
		case viewCrops:
			v.Crops = true
		case viewHFlip:
			v.HFlip = true
		case viewVFlip:
			v.VFlip = true
		default:
			return Views{}, fmt.Errorf("transform: views %q, want a list of %s, %s and %s, or 2, 5 or 10 of them", text, viewHFlip, viewVFlip, viewCrops)
		}
	}
	return v, nil
}

// String returns what ParseViews reads, "none" for the picture alone.
func (v Views) String() string {
	var words []string
	for i, on := range []bool{v.Crops, v.HFlip, v.VFlip} {
		if on {
			words = append(words, []string{viewCrops, viewHFlip, viewVFlip}[i])
		}
	}
	if words == nil {
		return "none"
	}
	return strings.Join(words, ",")
}

// N returns how many views of a picture there are.
func (v Views) N() int { return len(v.Of(Spec{Width: 1, Height: 1})) }

// cropMargin says how much larger the picture is that crops are cut from: by a seventh, as 256 is than 224
// (Krizhevsky et al., NIPS 2012).
const cropMargin = 7

// Whole is the way from a picture to what the views of a network with the input s are cut from. What a rule of
// Crop cuts away of the short side is shown by the corners.
func (v Views) Whole(s Spec) Spec {
	if !v.Crops {
		return s
	}
	w := s
	larger := func(side int) int { return side + (side+cropMargin/2)/cropMargin }
	w.Width, w.Height = larger(s.Width), larger(s.Height)
	if s.Rule == Crop {
		w.Short = max(s.short(), min(w.Width, w.Height))
	}
	return w
}

// Of returns the views for a network with the input s, the first of which is nearest to what s itself shows.
func (v Views) Of(s Spec) []View {
	whole := v.Whole(s)
	right, down := whole.Width-s.Width, whole.Height-s.Height
	corners := [][2]int{{0, 0}}
	if v.Crops {
		corners = [][2]int{{right / 2, down / 2}, {0, 0}, {right, 0}, {0, down}, {right, down}}
	}
	var out []View
	for _, c := range corners {
		for _, flip := range [][2]bool{{false, false}, {true, false}, {false, true}, {true, true}} {
			if flip[0] && !v.HFlip || flip[1] && !v.VFlip {
				continue
			}
			out = append(out, View{Whole: whole, X: c[0], Y: c[1], Width: s.Width, Height: s.Height, HFlip: flip[0], VFlip: flip[1]})
		}
	}
	return out
}

// View is one fixed way to look at a picture, the same at every prediction. It is neither a [Spec], which is how a
// picture is brought to a size, nor a [Random], which is for training alone.
type View struct {
	Whole         Spec // how the picture is prepared
	X, Y          int  // the left upper corner of what is shown of that
	Width, Height int  // of what is shown
	HFlip, VFlip  bool // mirrored left to right, upside down
}

// Plain reports whether v shows what its Spec does.
func (v View) Plain() bool {
	return v.Width == v.Whole.Width && v.Height == v.Whole.Height && !v.HFlip && !v.VFlip
}

// String is the canonical text of v, for cache keys.
func (v View) String() string {
	text := fmt.Sprintf("%v, %dx%d at %d,%d", v.Whole, v.Width, v.Height, v.X, v.Y)
	if v.HFlip {
		text += " " + viewHFlip
	}
	if v.VFlip {
		text += " " + viewVFlip
	}
	return text
}

// Slice returns v as the ONNX operator Slice takes it for a picture [N,C,H,W]: starts, ends and steps on the
// axes of H and W.
func (v View) Slice() (starts, ends, steps []int64) {
	along := func(at, n, whole int, flip bool) {
		if !flip {
			starts, ends, steps = append(starts, int64(at)), append(ends, int64(at+n)), append(steps, 1)
			return
		}
		end := at - 1
		if end < 0 {
			end = -whole - 1 // before the first: −1 would be the last
		}
		starts, ends, steps = append(starts, int64(at+n-1)), append(ends, int64(end)), append(steps, -1)
	}
	along(v.Y, v.Height, v.Whole.Height, v.VFlip)
	along(v.X, v.Width, v.Whole.Width, v.HFlip)
	return starts, ends, steps
}

// Reduction is [Spec.Reduction] of the whole picture.
func (v View) Reduction(w, h int) Reduction { return v.Whole.Reduction(w, h) }

// Apply is [Spec.Apply] for this view: dst [3,Height,Width] gets a part of what the whole's Spec gives.
func (v View) Apply(dst []float32, pix []uint8, w, h int) error {
	return v.show(dst, func(whole []float32) error { return v.Whole.Apply(whole, pix, w, h) })
}

// ApplyPlanes is [Spec.ApplyPlanes] for this view.
func (v View) ApplyPlanes(dst []float32, planes []Plane, w, h int) error {
	return v.show(dst, func(whole []float32) error { return v.Whole.ApplyPlanes(whole, planes, w, h) })
}

// show has the whole picture prepared, and copies what v shows of it to dst.
func (v View) show(dst []float32, prepare func(whole []float32) error) error {
	if v.Plain() {
		return prepare(dst)
	}
	if err := (Spec{Width: v.Width, Height: v.Height}).checkDst(dst); err != nil {
		return err
	}
	whole := make([]float32, 3*v.Whole.Width*v.Whole.Height)
	if err := prepare(whole); err != nil {
		return err
	}
	for row := range 3 * v.Height {
		c, y := row/v.Height, row%v.Height
		if v.VFlip {
			y = v.Height - 1 - y
		}
		to := dst[row*v.Width:][:v.Width]
		copy(to, whole[(c*v.Whole.Height+v.Y+y)*v.Whole.Width+v.X:])
		if v.HFlip {
			slices.Reverse(to)
		}
	}
	return nil
}
