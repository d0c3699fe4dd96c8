package graft_test

import (
	"context"
	"image"
	"image/color"
	"image/png"
	"log"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/graft-ml/graft"
)

// picture draws a noisy picture of one colour.
func picture(c color.RGBA) image.Image {
	r := rand.New(rand.NewPCG(uint64(c.R), uint64(c.B)))
	img := image.NewRGBA(image.Rect(0, 0, 40, 30))
	for i := range img.Pix {
		img.Pix[i] = []uint8{c.R, c.G, c.B, 255}[i%4]
		if i%4 < 3 {
			img.Pix[i] += uint8(r.IntN(20))
		}
	}
	return img
}

// paint makes a folder with photos/red and photos/blue, ten pictures each, and returns its path.
func paint() string {
	dir, err := os.MkdirTemp("", "graft-test-")
	if err != nil {
		log.Fatal(err)
	}
	for i := range 10 {
		v := uint8(150 + 8*i)
		writePNG(filepath.Join(dir, "photos", "red", strconv.Itoa(i)+".png"), picture(color.RGBA{v, 30, 40, 255}))
		writePNG(filepath.Join(dir, "photos", "blue", strconv.Itoa(i)+".png"), picture(color.RGBA{30, 40, v, 255}))
	}
	return dir
}

func writePNG(path string, m image.Image) {
	err := os.MkdirAll(filepath.Dir(path), 0o777)
	if err != nil {
		log.Fatal(err)
	}
	f, err := os.Create(path)
	if err != nil {
		log.Fatal(err)
	}
	if err := png.Encode(f, m); err != nil {
		log.Fatal(err)
	}
	if err := f.Close(); err != nil {
		log.Fatal(err)
	}
}

// trained returns the path of a model of red and blue, which is trained once for all tests.
var trained = sync.OnceValue(func() string {
	dir := paint()
	run, err := graft.Train(context.Background(), filepath.Join(dir, "photos"), graft.TrainOptions{
		Seed: 1, Out: filepath.Join(dir, "run"), Head: graft.Head{Epochs: 10}, Reading: graft.Reading{NoCache: true},
	})
	if err != nil {
		log.Fatal(err)
	}
	temporary = append(temporary, dir)
	return run.Model
})

// temporary are folders to remove after all tests.
var temporary []string

func TestMain(m *testing.M) {
	if os.Getenv(killDir) != "" {
		os.Exit(victim())
	}
	code := m.Run()
	for _, dir := range temporary {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}
