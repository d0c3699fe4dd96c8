package graft_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/graft-ml/graft"
)

// With views of a prediction, the model says what its report says, to the bit, for any number of threads; and the
// features of each view are cached by themselves.
func TestTTA(t *testing.T) {
	dir := tinyFolder(t)
	photos := filepath.Join(dir, "photos")
	for _, c := range []struct{ strategy, tta string }{
		{"frozen", "hflip"}, {"frozen", "crops,hflip"}, {"multi", "hflip,vflip"}, {"auto", "5"}, {"finetune", "crops"}, {"partial", "2"},
	} {
		t.Run(c.strategy+" "+c.tta, func(t *testing.T) {
			var first []byte
			for _, threads := range []int{1, 2, 5} {
				o := tinyOptions(dir, c.strategy)
				o.TTA, o.Out = c.tta, filepath.Join(t.TempDir(), "run")
				o.Reading.Threads, o.Reading.NoCache = threads, threads == 2
				run, err := graft.Train(t.Context(), photos, o)
				if err != nil {
					t.Fatal(err)
				}
				data := readFile(t, run.Model)
				if first == nil {
					first = data
					checkReport(t, run, photos)
				}
				if string(data) != string(first) {
					t.Errorf("%d threads: another model", threads)
				}
			}
		})
	}
}

// The features of a view are in the cache whatever other views are asked for, and the model as a backbone is the network
// of one picture.
func TestTTAKeepsViews(t *testing.T) {
	dir := tinyFolder(t)
	photos := filepath.Join(dir, "photos")
	train := func(change func(*graft.TrainOptions)) (run *graft.Run, note string) {
		t.Helper()
		o := tinyOptions(dir, "frozen")
		o.Out = filepath.Join(t.TempDir(), "run")
		o.Progress = func(e graft.Event) {
			if strings.HasPrefix(e.Note, "features: ") {
				note = e.Note
			}
		}
		change(&o)
		run, err := graft.Train(t.Context(), photos, o)
		if err != nil {
			t.Fatal(err)
		}
		return run, note
	}
	for _, c := range []struct{ tta, want string }{
		{"", "features: 20 pictures through the base, 0 from the cache"},
		{"hflip", "features: 20 pictures through the base, 20 from the cache"},
		{"hflip,vflip", "features: 40 pictures through the base, 40 from the cache"},
		{"crops", "features: 100 pictures through the base, 0 from the cache"},
		{"crops,hflip", "features: 100 pictures through the base, 100 from the cache"},
	} {
		if _, note := train(func(o *graft.TrainOptions) { o.TTA = c.tta }); note != c.want {
			t.Errorf("%q: %s, want %s", c.tta, note, c.want)
		}
	}
	plain, _ := train(func(*graft.TrainOptions) {})
	viewed, _ := train(func(o *graft.TrainOptions) { o.TTA = "crops,hflip" })
	embed := func(name string, backbone graft.Backbone) []byte {
		t.Helper()
		out := filepath.Join(t.TempDir(), name)
		_, err := graft.Embed(t.Context(), photos, graft.EmbedOptions{Backbone: backbone, Reading: graft.Reading{NoCache: true}, Out: out})
		if err != nil {
			t.Fatal(err)
		}
		return readFile(t, out)
	}
	if a, b := embed("plain", graft.Backbone{Name: plain.Model}), embed("viewed", graft.Backbone{Name: viewed.Model}); !bytes.Equal(a, b) {
		t.Error("the model with views is another backbone than the one without")
	}
}

func TestTTARefuses(t *testing.T) {
	dir := tinyFolder(t)
	for tta, want := range map[string]string{"rotate": `views "rotate", want a list of hflip, vflip and crops`, "3": `views "3"`} {
		o := tinyOptions(dir, "frozen")
		o.TTA = tta
		if _, err := graft.Train(t.Context(), filepath.Join(dir, "photos"), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %s", tta, err, want)
		}
	}
}
