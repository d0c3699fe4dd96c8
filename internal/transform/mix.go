package transform

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/graft-ml/graft/internal/random"
)

// The range of alpha of mixup and cutmix. Below, nearly every picture stays as it is.
const (
	minBeta = 0.05
	maxBeta = 10
)

// Batch is training pictures and their soft labels, for [Random.Mix].
type Batch struct {
	Keys    []uint64  // [N], as [Random.At] takes them
	Pixels  []float32 // [N,3,H,W]
	Targets []float32 // [N,K]: how much of each class is in a picture
}

// Mix blends each picture of a batch with the one before it (the first with the last), and their targets alike, if
// r.Augment says so: by mixup (Zhang and others, 2018) or cutmix (Yun and others, 2019), either as often where both
// are asked for. How much is drawn for each picture by its key; with whom is the order of the batch. The sum of a
// row of targets stays what it is where all rows have the same.
func (r Random) Mix(epoch int, b Batch) error {
	n, size := len(b.Keys), 3*r.Spec.Width*r.Spec.Height
	if len(b.Pixels) != n*size || n > 0 && (len(b.Targets)%n != 0 || len(b.Targets) == 0) {
		return fmt.Errorf("transform: mix %d pictures of 3x%dx%d: %d pixels and %d targets", n, r.Spec.Height, r.Spec.Width, len(b.Pixels), len(b.Targets))
	}
	if !r.Augment.Mixes() || n < 2 {
		return nil
	}
	k := len(b.Targets) / n
	picture := func(i int) ([]float32, []float32) { return b.Pixels[i*size:][:size], b.Targets[i*k:][:k] }
	pixels, targets := picture(n - 1)
	lastPixels, lastTargets := append([]float32(nil), pixels...), append([]float32(nil), targets...)
	for i := n - 1; i >= 0; i-- { // backwards, so that the one before is still as it was
		other, otherTargets := lastPixels, lastTargets
		if i > 0 {
			other, otherTargets = picture(i - 1)
		}
		pixels, targets = picture(i)
		share := r.At(epoch, b.Keys[i]).blend(pixels, other)
		for j, t := range otherTargets {
			targets[j] = lerp(t, targets[j], share)
		}
	}
	return nil
}

// lerp is a where share is 0 and b where it is 1.
func lerp(a, b, share float32) float32 { return float32(a*(1-share)) + float32(b*share) }

// blend mixes other into pixels and returns the share of pixels that is left.
func (d Draw) blend(pixels, other []float32) float32 {
	a := &d.random.Augment.strength
	r := d.stream(cutmix)
	if a[mixup] == 0 || a[cutmix] > 0 && r.Chance(0.5) {
		return d.paste(&r, pixels, other, a[cutmix])
	}
	r = d.stream(mixup)
	share := float32(beta(&r, a[mixup]))
	for i, v := range other {
		pixels[i] = lerp(v, pixels[i], share)
	}
	return share
}

// paste puts a box of other, at the same place, over pixels, as torchvision's CutMix.
func (d Draw) paste(r *random.Stream, pixels, other []float32, alpha float64) float32 {
	w, h := d.random.Spec.Width, d.random.Spec.Height
	half := 0.5 * math.Sqrt(1-beta(r, alpha))
	cx, cy := r.Below(w), r.Below(h)
	dx, dy := int(half*float64(w)), int(half*float64(h))
	x0, x1, y0, y1 := max(cx-dx, 0), min(cx+dx, w), max(cy-dy, 0), min(cy+dy, h)
	for c := range 3 {
		for y := y0; y < y1; y++ {
			row := (c*h + y) * w
			copy(pixels[row+x0:row+x1], other[row+x0:row+x1])
		}
	}
	return 1 - float32((x1-x0)*(y1-y0))/float32(w*h)
}

// beta draws from the beta distribution with both parameters alpha.
func beta(r *random.Stream, alpha float64) float64 {
	v := distuv.Beta{Alpha: alpha, Beta: alpha, Src: r}.Rand()
	if !(v >= 0 && v <= 1) { // both of the gamma variates it is made of were too small for a float64
		return 1
	}
	return v
}
