package transform

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseAugment(t *testing.T) {
	for spec, want := range map[string]string{
		"":                                 "none",
		"none":                             "none",
		" hflip , rotation=15":             "hflip=0.5,rotation=15",
		"rotation=15,hflip":                "hflip=0.5,rotation=15",
		"light":                            "hflip=0.5,shift=0.05,brightness=0.1,contrast=0.1",
		"standard,hflip=0,fill=constant":   "resizedcrop=0.4,rotation=10,brightness=0.2,contrast=0.2,saturation=0.2,fill=constant",
		"rotation=30,strong":               "resizedcrop=0.65,hflip=0.5,randaugment=9,erasing=0.25",
		"rotation=30,rotation=-0":          "none",
		"mixup,cutmix":                     "mixup=0.2,cutmix=1",
		"hue=1e-1,zoom=0.250,fill=reflect": "zoom=0.25,hue=0.1",
	} {
		a, err := ParseAugment(spec)
		if err != nil || a.String() != want {
			t.Errorf("%q: %q, %v, want %q", spec, a, err, want)
		}
	}
	for spec, want := range map[string]string{
		"spin":           `"spin", want some of resizedcrop, hflip`,
		"hflip,,vflip":   `"", want some of`,
		"rotation=181":   "rotation=181, want 0 to 180 (largest angle in degrees)",
		"rotation=-5":    "rotation=-5, want 0",
		"rotation=NaN":   "rotation=NaN, want 0",
		"rotation=":      "rotation=, want 0",
		"mixup=0.01":     "mixup=0.01, want 0.05 to 10, or 0 for none",
		"strong=2":       `"strong" is a preset`,
		"fill=grey":      `unknown fill "grey", want one of reflect, nearest, wrap, constant`,
		"hflip=0.5=0.5":  "hflip=0.5=0.5, want",
		"standard light": `"standard light", want some of`,
	} {
		if _, err := ParseAugment(spec); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want one that says %q", spec, err, want)
		}
	}
}

// drawAugment makes an augmentation of any kind.
func drawAugment(t *rapid.T) Augment {
	a := Augment{fill: Fill(rapid.IntRange(0, len(fillNames)-1).Draw(t, "fill"))}
	for i, o := range ops {
		if rapid.Bool().Draw(t, o.name) {
			a.strength[i] = rapid.Float64Range(o.least, o.most).Draw(t, o.name+" strength")
		}
	}
	return a
}

func TestAugmentText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := drawAugment(t)
		if b, err := ParseAugment(a.String()); err != nil || a != b {
			t.Errorf("%v is read back as %v, %v", a, b, err)
		}
	})
}
