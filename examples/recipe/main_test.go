package main

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/graft-ml/graft/internal/backbone"
	"github.com/graft-ml/graft/internal/onnx"
)

// TestRecipe runs the program on a residual network of seeded weights and a folder with the form of Caltech-101, whose
// background class is left out.
func TestRecipe(t *testing.T) {
	if testing.Short() {
		t.Skip("trains a stage of a ResNet")
	}
	t.Chdir(t.TempDir())
	t.Setenv("XDG_CACHE_HOME", filepath.Join(t.TempDir(), "cache"))
	writeNetwork(t, "resnet.onnx")
	for k, class := range []string{"BACKGROUND_Google", "accordion", "anchor", "ant"} {
		for i := range 20 {
			writePicture(t, filepath.Join("photos", class, fmt.Sprintf("%02d.png", i)), k, i)
		}
	}
	text := output(t, func() error { return recipe(t.Context(), "photos", "resnet.onnx") })
	found := regexp.MustCompile(`(?s)^(epoch \d: loss \S+, in validation \S+\n){5}runs/frozen: (\S+) % of 21 test pictures\n.*runs/last-stage: (\S+) % of 21 test pictures\nthe file again: (\S+) %\n$`).
		FindStringSubmatch(filepath.ToSlash(text))
	if found == nil || found[3] != found[4] {
		t.Errorf("%s", text)
	}
}

// The document shows the program as it is.
func TestDocumentShowsTheProgram(t *testing.T) {
	doc, err := os.ReadFile("../../docs/classic-recipe.md")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(doc), "```go\n"+string(program)+"```") {
		t.Error("docs/classic-recipe.md shows another program than examples/recipe/main.go")
	}
	if n := strings.Count(string(program), "\n"); n >= 60 {
		t.Errorf("%d lines, want under 60", n)
	}
}

// output returns what f writes to the standard output.
func output(t *testing.T, f func() error) string {
	t.Helper()
	old := os.Stdout
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	text := make(chan string)
	go func() {
		all, _ := io.ReadAll(r)
		text <- string(all)
	}()
	os.Stdout = w
	err = f()
	os.Stdout = old
	w.Close()
	if err != nil {
		t.Error(err)
	}
	return <-text
}

func writeNetwork(t *testing.T, path string) {
	t.Helper()
	b, err := backbone.Seeded("resnet10s", backbone.Options{Width: 32, Height: 32})
	if err != nil {
		t.Fatal(err)
	}
	data, err := onnx.Encode(&onnx.Model{Graph: b.Graph, Metadata: map[string]string{
		backbone.KeyInput: "tf", backbone.KeyFeatures: backbone.OutputName, backbone.KeyResize: "stretch 32x32 bilinear"}})
	if err == nil {
		err = os.WriteFile(path, data, 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// writePicture writes a picture of class k: a colour of its own, with stripes.
func writePicture(t *testing.T, path string, k, i int) {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, 70, 60))
	for p := range 70 * 60 {
		v := uint8(150 + (p/(i+3)%2)*60)
		c := []color.RGBA{{v, v, v, 255}, {v, v / 3, v / 3, 255}, {v / 3, v, v / 3, 255}, {v / 3, v / 3, v, 255}}[k%4]
		m.SetRGBA(p%70, p/70, c)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, m); err != nil {
		t.Fatal(err)
	}
}
