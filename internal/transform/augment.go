package transform

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// The augmentations, in the order in which a picture meets them.
const (
	resizedCrop = iota
	hflip
	vflip
	zoom
	shear
	rotation
	shift
	randAugment
	brightness
	contrast
	saturation
	hue
	grayscale
	blur
	erasing
	mixup
	cutmix
	numOps
)

// op is one augmentation: a row of the table. Its strength is one number, of which 0 turns it off.
type op struct {
	name        string
	usual       float64 // the strength where none is given
	least, most float64 // of strengths other than 0
	what        string  // what the strength says

	// draw adds to d what comes out for one picture; nil where the whole picture or several are needed.
	draw func(d *drawing, strength float64)
}

// ops are all augmentations. docs/augmentation.md names their counterparts in Keras and torchvision.
var ops = [numOps]op{
	resizedCrop: {"resizedcrop", 0.65, 0, 0.95, "largest share of the area that is cut away", nil},
	hflip:       {"hflip", 0.5, 0, 1, "probability", drawHFlip},
	vflip:       {"vflip", 0.5, 0, 1, "probability", drawVFlip},
	zoom:        {"zoom", 0.1, 0, 0.9, "largest part in or out", drawZoom},
	shear:       {"shear", 10, 0, 80, "largest angle in degrees", drawShear},
	rotation:    {"rotation", 15, 0, 180, "largest angle in degrees", drawRotation},
	shift:       {"shift", 0.1, 0, 1, "largest part of the width and of the height", drawShift},
	randAugment: {"randaugment", 9, 0, 30, "magnitude", drawRandAugment},
	brightness:  {"brightness", 0.2, 0, 1, "largest part lighter or darker", drawBrightness},
	contrast:    {"contrast", 0.2, 0, 1, "largest part more or less", drawContrast},
	saturation:  {"saturation", 0.2, 0, 1, "largest part more or less", drawSaturation},
	hue:         {"hue", 0.05, 0, 0.5, "largest part of the circle of colours", drawHue},
	grayscale:   {"grayscale", 0.1, 0, 1, "probability", drawGrayscale},
	blur:        {"blur", 1, 0, 10, "largest standard deviation in pixels; half of the pictures", drawBlur},
	erasing:     {"erasing", 0.25, 0, 1, "probability", drawErasing},
	mixup:       {"mixup", 0.2, minBeta, maxBeta, "alpha of the beta distribution", nil},
	cutmix:      {"cutmix", 1, minBeta, maxBeta, "alpha of the beta distribution", nil},
}

// presets are specs by name.
var presets = [...]struct{ name, spec string }{
	{"none", ""},
	{"light", "hflip,shift=0.05,brightness=0.1,contrast=0.1"},
	{"standard", "resizedcrop=0.4,hflip,rotation=10,brightness=0.2,contrast=0.2,saturation=0.2"},
	{"strong", "resizedcrop=0.65,hflip,randaugment=9,erasing=0.25"},
}

// Fill says what lies beyond the edge of a picture that is moved.
type Fill uint8

const (
	// FillReflect mirrors the picture at its edges: d c b a | a b c d | d c b a.
	FillReflect Fill = iota
	// FillNearest repeats the pixel at the edge: a a a a | a b c d | d d d d.
	FillNearest
	// FillWrap begins again at the other side: a b c d | a b c d | a b c d.
	FillWrap
	// FillConstant is black.
	FillConstant
)

var fillNames = [...]string{FillReflect: "reflect", FillNearest: "nearest", FillWrap: "wrap", FillConstant: "constant"}

// String returns the name that a spec has for f.
func (f Fill) String() string { return nameOf(fillNames[:], int(f)) }

// Augment says which augmentations training pictures get, and how strong. The zero value is none. Equal
// values do the same.
type Augment struct {
	strength [numOps]float64
	fill     Fill
}

// ParseAugment reads a list of augmentations separated by commas, each a name, "hflip", a name and a strength,
// "rotation=15", a preset, "standard", or the fill, "fill=nearest". What comes later replaces what came
// before: "standard,hflip=0" is the preset without its flip. "" and "none" are no augmentation.
func ParseAugment(spec string) (Augment, error) {
	var a Augment
	if strings.TrimSpace(spec) == "" {
		return a, nil
	}
	for item := range strings.SplitSeq(spec, ",") {
		if err := a.set(strings.TrimSpace(item)); err != nil {
			return Augment{}, fmt.Errorf("augment %q: %w", spec, err)
		}
	}
	return a, nil
}

// set reads one item of a spec.
func (a *Augment) set(item string) error {
	name, value, given := strings.Cut(item, "=")
	if name == "fill" {
		f, err := parseName(fillNames[:], "fill", value)
		a.fill = Fill(f)
		return err
	}
	if i := slices.IndexFunc(ops[:], func(o op) bool { return o.name == name }); i >= 0 {
		strength, err := ops[i].strength(value, given)
		a.strength[i] = strength
		return err
	}
	for _, p := range presets {
		if p.name != name {
			continue
		}
		if given {
			return fmt.Errorf("%q is a preset and takes no strength", name)
		}
		b, err := ParseAugment(p.spec)
		*a = b
		return err
	}
	return fmt.Errorf("%q, want some of %s, fill, or a preset: %s", name, strings.Join(AugmentNames(), ", "), strings.Join(PresetNames(), ", "))
}

// strength reads the strength of o, or takes its usual one.
func (o op) strength(text string, given bool) (float64, error) {
	if !given {
		return o.usual, nil
	}
	v, err := strconv.ParseFloat(text, 64)
	if err == nil && (v == 0 || v >= o.least && v <= o.most) {
		return math.Abs(v), nil // no negative zero
	}
	limits := fmt.Sprintf("0 to %v", o.most)
	if o.least > 0 {
		limits = fmt.Sprintf("%v to %v, or 0 for none", o.least, o.most)
	}
	return 0, fmt.Errorf("%s=%s, want %s (%s)", o.name, text, limits, o.what)
}

// AugmentNames returns the names of the augmentations.
func AugmentNames() []string {
	var names []string
	for _, o := range ops {
		names = append(names, o.name)
	}
	return names
}

// PresetNames returns the names of the presets, the weakest first.
func PresetNames() []string {
	var names []string
	for _, p := range presets {
		names = append(names, p.name)
	}
	return names
}

// String returns the canonical text of a, for cache keys and metadata: what [ParseAugment] reads, with every
// strength written out. Equal values have the same text, and different ones different texts.
func (a Augment) String() string {
	var items []string
	for i, v := range a.strength {
		if v != 0 {
			items = append(items, ops[i].name+"="+strconv.FormatFloat(v, 'g', -1, 64))
		}
	}
	if a.fill != FillReflect {
		items = append(items, "fill="+a.fill.String())
	}
	if items == nil {
		return "none"
	}
	return strings.Join(items, ",")
}

// Draws reports whether a does anything: whether pictures or labels of an epoch differ from those of another.
func (a Augment) Draws() bool { return a.Changes() || a.Mixes() }

// Changes reports whether a changes single pictures.
func (a Augment) Changes() bool {
	a.strength[mixup], a.strength[cutmix] = 0, 0
	return a.strength != [numOps]float64{}
}

// Mixes reports whether a blends the pictures of a batch, and with them their labels: see [Random.Mix].
func (a Augment) Mixes() bool { return a.strength[mixup] > 0 || a.strength[cutmix] > 0 }
