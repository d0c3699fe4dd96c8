package transform

import (
	"fmt"
	"slices"
	"strings"
)

// Normalise describes what weights expect of their input beyond its size: y = (x - Mean[c]) / Std[c] for
// pixels x on the scale 0–255, where c counts the channels after BGR has turned RGB round. It is data: the
// graph's own nodes carry it out.
type Normalise struct {
	BGR       bool
	Mean, Std [3]float32
}

// modes are the recipes that published weights name. torch's figures are ImageNet's mean and deviation,
// caffe's its mean alone, in B, G, R order; lite is that of EfficientNet-Lite.
var modes = map[string]Normalise{
	"raw":   {Std: [3]float32{1, 1, 1}},
	"tf":    {Mean: [3]float32{127.5, 127.5, 127.5}, Std: [3]float32{127.5, 127.5, 127.5}},
	"torch": {Mean: [3]float32{.485 * 255, .456 * 255, .406 * 255}, Std: [3]float32{.229 * 255, .224 * 255, .225 * 255}},
	"unit":  {Std: [3]float32{255, 255, 255}},
	"lite":  {Mean: [3]float32{127, 127, 127}, Std: [3]float32{128, 128, 128}},
	"caffe": {BGR: true, Mean: [3]float32{103.939, 116.779, 123.68}, Std: [3]float32{1, 1, 1}},
}

// ParseMode returns the recipe called name: "torch" (x/255, then ImageNet's mean and deviation), "tf"
// (x/127.5 - 1), "unit" (x/255), "lite" ((x - 127)/128), "caffe" (BGR less its mean) or "raw" (0–255 as it is).
func ParseMode(name string) (Normalise, error) {
	n, ok := modes[name]
	if !ok {
		return Normalise{}, fmt.Errorf("transform: unknown input mode %q, want one of %s", name, strings.Join(ModeNames(), ", "))
	}
	return n, nil
}

// ModeNames returns the names that [ParseMode] knows, sorted.
func ModeNames() []string {
	names := make([]string, 0, len(modes))
	for n := range modes {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Mode returns the name of n among the known recipes, or "" if it is none of them.
func (n Normalise) Mode() string {
	for name, m := range modes {
		if m == n {
			return name
		}
	}
	return ""
}

// Validate reports a deviation that can't be divided by and values that are not finite.
func (n Normalise) Validate() error {
	for c := range 3 {
		if !(n.Std[c] > 0) || n.Std[c]-n.Std[c] != 0 || n.Mean[c]-n.Mean[c] != 0 {
			return fmt.Errorf("transform: channel %d: mean %v, std %v, want finite numbers and std above 0", c, n.Mean[c], n.Std[c])
		}
	}
	return nil
}
