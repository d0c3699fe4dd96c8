package graft_test

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/graft-ml/graft"
)

// texture draws a picture unlike ImageNet's, 96×96: twelve waves of a random length, each in about the direction angle,
// under noise. There is nothing in it but a direction.
func texture(angle float64, r *rand.Rand) image.Image {
	const size, waves = 96, 12
	var sum [size * size]float64
	for range waves {
		a := angle + 0.25*r.NormFloat64()
		f := 2 * math.Pi * (0.06 + 0.14*r.Float64())
		fx, fy, phase := f*math.Cos(a), f*math.Sin(a), 2*math.Pi*r.Float64()
		for i := range sum {
			sum[i] += math.Cos(fx*float64(i%size) + fy*float64(i/size) + phase)
		}
	}
	img := image.NewGray(image.Rect(0, 0, size, size))
	for i, v := range sum {
		v = 128 + 25*v/math.Sqrt(waves/2) + 120*(r.Float64()-0.5)
		img.SetGray(i%size, i/size, color.Gray{uint8(min(255, max(0, v)))})
	}
	return img
}

// Textures of twelve directions, 15° apart, are told apart by an earlier depth than the last, which knows the objects of
// ImageNet; auto finds that out, and the difference is larger than its interval.
func TestAutoTakesAnEarlierDepth(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the embedded backbone on 360 pictures")
	}
	const classes, perClass = 12, 30
	dir := t.TempDir()
	for k := range classes {
		r := rand.New(rand.NewPCG(1, uint64(k)))
		for i := range perClass {
			writePNG(filepath.Join(dir, "photos", fmt.Sprintf("direction-%02d", k), fmt.Sprintf("%02d.png", i)), texture(math.Pi*float64(k)/classes, r))
		}
	}
	run, err := graft.Train(t.Context(), filepath.Join(dir, "photos"), graft.TrainOptions{
		Reading: graft.Reading{NoCache: true}, Seed: 1, Out: filepath.Join(dir, "run"),
	})
	if err != nil {
		t.Fatal(err)
	}
	last := run.Choice.Candidates[0]
	if last.Name != "depth 5, linear, L2 1e-03" || last.Behind[1] <= 0 {
		t.Errorf("%q is worse by %v, want the last depth and more than the interval", last.Name, last.Behind)
	}
	for _, c := range run.Choice.Candidates {
		if c.Chosen && (strings.HasPrefix(c.Name, "depth 5") || c.Accuracy < last.Accuracy+0.05) {
			t.Errorf("%s was taken, with accuracy %.3f; the last depth has %.3f", c.Name, c.Accuracy, last.Accuracy)
		}
		t.Logf("%-40s %.3f", c.Name, c.Accuracy)
	}
}
