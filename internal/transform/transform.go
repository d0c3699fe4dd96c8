// Package transform brings a picture of any size to the one that a network takes.
//
// In: RGB8 [H,W,3], as package decode gives it. Out: float32 [3,Height,Width], RGB, whole numbers 0–255.
// The arithmetic is Pillow's, fixed point included, so that weights trained on its pixels meet the same ones
// here. What is done is a [Spec], which has a canonical text form. The mean and deviation that the weights
// expect are only described here ([Normalise]): nodes of the graph apply them.
// Everything is deterministic and safe for concurrent use.
package transform

import (
	"errors"
	"fmt"
	"strings"
)

// Rule says how a picture's shape is fitted to the output's.
type Rule uint8

const (
	// Stretch resizes each axis on its own, without regard to the aspect.
	Stretch Rule = iota
	// Crop resizes the short side to Spec.Short and cuts out the centre, as torchvision and timm evaluate.
	// Where the resized picture is smaller than the output, it is centred on black.
	Crop
	// Letterbox fits the whole picture in and fills the rest with [LetterboxFill], as Pillow's ImageOps.pad.
	Letterbox
)

// Filter is the interpolation of a resize.
type Filter uint8

const (
	// Bilinear is Pillow's BILINEAR: a triangle as wide as the reduction asks for, so antialiased.
	Bilinear Filter = iota
	// Bicubic is Pillow's BICUBIC: Keys' kernel with a = -0.5, antialiased likewise.
	Bicubic
	// Nearest is Pillow's NEAREST: the source pixel under each centre.
	Nearest
)

const (
	// LetterboxFill is the grey of all three channels around a letterboxed picture: the customary
	// near-mean value of detection networks.
	LetterboxFill = 114
	// MaxSide bounds Spec's Width, Height and Short.
	MaxSide = 8192
)

var (
	ruleNames   = [...]string{Stretch: "stretch", Crop: "crop", Letterbox: "letterbox"}
	filterNames = [...]string{Bilinear: "bilinear", Bicubic: "bicubic", Nearest: "nearest"}
)

// String returns the name that [ParseRule] reads.
func (r Rule) String() string { return nameOf(ruleNames[:], int(r)) }

// String returns the name that [ParseFilter] reads.
func (f Filter) String() string { return nameOf(filterNames[:], int(f)) }

// ParseRule reads "stretch", "crop" or "letterbox".
func ParseRule(name string) (Rule, error) {
	i, err := parseName(ruleNames[:], "resize rule", name)
	return Rule(i), err
}

// ParseFilter reads "bilinear", "bicubic" or "nearest".
func ParseFilter(name string) (Filter, error) {
	i, err := parseName(filterNames[:], "filter", name)
	return Filter(i), err
}

// Spec is the way from a picture to a network's input.
type Spec struct {
	Width, Height int    // of the output, in pixels
	Rule          Rule   // how the aspect is treated
	Short         int    // Crop only: the short side before the crop; 0 is min(Width, Height)
	Filter        Filter // the interpolation
}

// Validate reports all fields of s that are out of range.
func (s Spec) Validate() error {
	var errs []error
	if s.Width < 1 || s.Width > MaxSide || s.Height < 1 || s.Height > MaxSide {
		errs = append(errs, fmt.Errorf("size %dx%d, want 1 to %d a side", s.Width, s.Height, MaxSide))
	}
	if s.Short < 0 || s.Short > MaxSide {
		errs = append(errs, fmt.Errorf("short side %d, want 1 to %d, or 0 for the smaller of width and height", s.Short, MaxSide))
	}
	if int(s.Rule) >= len(ruleNames) {
		errs = append(errs, fmt.Errorf("unknown resize rule %d", s.Rule))
	}
	if int(s.Filter) >= len(filterNames) {
		errs = append(errs, fmt.Errorf("unknown filter %d", s.Filter))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("transform: %w", err)
	}
	return nil
}

// short is Short with its default.
func (s Spec) short() int {
	if s.Short == 0 {
		return min(s.Width, s.Height)
	}
	return s.Short
}

// String returns the canonical text of s, for models' metadata and cache keys: "stretch 224x224 bilinear",
// "crop 256 224x224 bicubic" (the short side before the crop is always written), "letterbox 320x240 nearest".
// Specs that do the same have the same text.
func (s Spec) String() string {
	short := ""
	if s.Rule == Crop {
		short = fmt.Sprintf(" %d", s.short())
	}
	return fmt.Sprintf("%v%s %dx%d %v", s.Rule, short, s.Width, s.Height, s.Filter)
}

// ParseSpec reads the text that [Spec.String] writes, and nothing else.
func ParseSpec(text string) (Spec, error) {
	var s Spec
	var filter string
	rule, rest, _ := strings.Cut(text, " ")
	r, err := ParseRule(rule)
	if err != nil {
		return Spec{}, fmt.Errorf("%w (in %q)", err, text)
	}
	s.Rule = r
	if r == Crop {
		_, err = fmt.Sscanf(rest, "%d %dx%d %s", &s.Short, &s.Width, &s.Height, &filter)
	} else {
		_, err = fmt.Sscanf(rest, "%dx%d %s", &s.Width, &s.Height, &filter)
	}
	if err == nil {
		s.Filter, err = ParseFilter(filter)
	}
	if err == nil {
		err = s.Validate()
	}
	if err != nil || s.String() != text {
		return Spec{}, errors.Join(fmt.Errorf(`transform: resize %q, want a form like "stretch 224x224 bilinear" or "crop 256 224x224 bicubic"`, text), err)
	}
	return s, nil
}

func nameOf(names []string, i int) string {
	if i >= len(names) {
		return fmt.Sprintf("unknown(%d)", i)
	}
	return names[i]
}

func parseName(names []string, what, name string) (int, error) {
	for i, n := range names {
		if n == name {
			return i, nil
		}
	}
	return 0, fmt.Errorf("transform: unknown %s %q, want one of %s", what, name, strings.Join(names, ", "))
}
