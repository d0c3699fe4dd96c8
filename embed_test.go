package graft_test

import (
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/graft-ml/graft"
)

// row is what other programs read from the file that Embed writes.
type row struct {
	Path      string    `parquet:"path"`
	Label     string    `parquet:"label"`
	SHA256    string    `parquet:"sha256"`
	Embedding []float32 `parquet:"embedding,list"`
}

// embed returns the features of the photos in dir.
func embed(t *testing.T, dir string, b graft.Backbone, r graft.Reading) []row {
	t.Helper()
	out := filepath.Join(t.TempDir(), "features.parquet")
	if _, err := graft.Embed(t.Context(), filepath.Join(dir, "photos"), graft.EmbedOptions{Backbone: b, Reading: r, Out: out}); err != nil {
		t.Fatal(err)
	}
	rows, err := parquet.ReadFile[row](out)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// Frozen means frozen: the features that training saw, fresh or from the cache, and those of the base in the
// written model.onnx are the same bits, for any number of threads.
func TestFeaturesOfTheWrittenModelAreThoseOfTraining(t *testing.T) {
	dir := paint()
	defer os.RemoveAll(dir)
	cached := graft.Reading{Cache: t.TempDir()}
	want := embed(t, dir, graft.Backbone{}, cached)
	if len(want) != 20 || want[0].Path != "blue/0.png" || want[0].Label != "blue" || len(want[0].Embedding) != 384 || len(want[0].SHA256) != 64 {
		t.Fatalf("%d rows, the first: %+v", len(want), want[0])
	}
	for name, got := range map[string][]row{
		"from the cache":       embed(t, dir, graft.Backbone{}, cached),
		"one thread":           embed(t, dir, graft.Backbone{}, graft.Reading{NoCache: true, Threads: 1}),
		"of the written model": embed(t, dir, graft.Backbone{Name: trained()}, graft.Reading{NoCache: true}),
	} {
		if !reflect.DeepEqual(got, want) {
			t.Errorf("features %s differ", name)
		}
	}
}

// The cache tells features of large JPEGs decoded at a fraction from those of all their pixels.
func TestExactDecodeIsKnownToTheCache(t *testing.T) {
	dir := paint()
	defer os.RemoveAll(dir)
	m := image.NewGray(image.Rect(0, 0, 500, 400)) // more than four times the 96x96 of graft_s
	for i := range m.Pix {
		m.Pix[i] = uint8(i*i>>7 ^ i/500)
	}
	f, err := os.Create(filepath.Join(dir, "photos", "blue", "0.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := jpeg.Encode(f, m, nil); err != nil {
		t.Fatal(err)
	}
	cache := t.TempDir()
	reduced := embed(t, dir, graft.Backbone{}, graft.Reading{Cache: cache})
	exact := embed(t, dir, graft.Backbone{}, graft.Reading{Cache: cache, ExactDecode: true})
	if !reflect.DeepEqual(exact, embed(t, dir, graft.Backbone{}, graft.Reading{NoCache: true, ExactDecode: true})) {
		t.Error("exact features come from the cache of others")
	}
	for i := range exact {
		if same := reflect.DeepEqual(exact[i], reduced[i]); same == (exact[i].Path == "blue/0.jpg") {
			t.Errorf("%s: exact features are the same: %v", exact[i].Path, same)
		}
	}
}
