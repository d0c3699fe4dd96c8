package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"graft":   main,
		"photos":  photosMain,
		"network": func() { done(writeCNN(os.Args[1])) },
	})
}

// The scripts run the program as a user does: one file a subject under testdata/script.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: os.Getenv("UPDATE_GOLDEN") != "",
		Setup:         func(e *testscript.Env) error { return setUp(e.WorkDir, e.Setenv) },
	})
}

// setUp gives a script a home, and thereby a feature cache, of its own.
func setUp(dir string, setenv func(key, value string)) error {
	setenv("HOME", filepath.Join(dir, "home"))
	setenv("XDG_CACHE_HOME", filepath.Join(dir, "home", ".cache"))
	return nil
}

// photosMain makes a folder of small labelled pictures: photos DIR N CLASS… Each class has a colour and a
// direction of stripes, so that a classifier can learn it.
func photosMain() {
	n, err := strconv.Atoi(os.Args[2])
	if err == nil {
		err = writePhotos(os.Args[1], n, os.Args[3:])
	}
	done(err)
}

// done ends a script's command that failed.
func done(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func writePhotos(dir string, n int, classes []string) error {
	for k, class := range classes {
		if err := os.MkdirAll(filepath.Join(dir, class), 0o777); err != nil {
			return err
		}
		for i := range n {
			path := filepath.Join(dir, class, fmt.Sprintf("%03d.jpg", i))
			if err := os.WriteFile(path, stripes(k, uint64(i)), 0o666); err != nil {
				return err
			}
		}
	}
	return nil
}

// stripes draws a JPEG of class k.
func stripes(k int, seed uint64) []byte {
	r := rand.New(rand.NewPCG(uint64(k), seed))
	img := image.NewRGBA(image.Rect(0, 0, 48+r.IntN(20), 48+r.IntN(20)))
	period := 4 + r.IntN(3)
	for y := range img.Rect.Max.Y {
		for x := range img.Rect.Max.X {
			along := []int{x, y, x + y, x - y + 1000}[k%4]
			v := uint8(60 + 120*(along/period%2) + r.IntN(60))
			c := color.RGBA{v, v, v, 255}
			switch k % 3 {
			case 0:
				c.B /= 3
			case 1:
				c.R /= 3
			}
			img.SetRGBA(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		panic(err)
	}
	return b.Bytes()
}
