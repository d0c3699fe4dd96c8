package graft_test

import (
	"bytes"
	"context"
	"errors"
	"image/color"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/graft-ml/graft"
)

// A network learns from a model or from a backbone, whatever else is asked for: the same bytes for any number of threads and
// after a stop, others than without a teacher, and the file says from which.
func TestTeacher(t *testing.T) {
	dir := tinyFolder(t)
	photos := filepath.Join(dir, "photos")
	for name, change := range map[string]func(*graft.TrainOptions){
		"partial, features": func(o *graft.TrainOptions) {
			o.Strategy, o.Teacher = "partial", graft.Teacher{Name: trained(), Weight: -1, Features: 1}
		},
		"finetune, views and a model": func(o *graft.TrainOptions) { o.Augment, o.Teacher.Name = "hflip,rotation=20", trained() },
		"partial, views and a model that averages views": func(o *graft.TrainOptions) {
			own := tinyOptions(dir, "frozen")
			own.TTA, own.Tuning, own.Out = "hflip", graft.Tuning{}, filepath.Join(dir, "teacher")
			run, err := graft.Train(context.Background(), photos, own)
			if err != nil {
				panic(err)
			}
			o.Strategy, o.Augment, o.Teacher = "partial", "hflip", graft.Teacher{Name: run.Model, Features: 1}
		},
		"scratch, blends and a backbone": func(o *graft.TrainOptions) {
			o.Strategy, o.Augment, o.Teacher = "scratch", "mixup,cutmix", graft.Teacher{Name: "graft_s", Features: 2}
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := tinyOptions(dir, "finetune")
			change(&o)
			want, info := trainFile(t, photos, o, 1, 0)
			if got, _ := trainFile(t, photos, o, 5, 5); !bytes.Equal(got, want) {
				t.Error("another model with 5 threads, after a stop")
			}
			if !strings.Contains(info, `"teacher": {`) || !strings.Contains(info, `"sha256"`) {
				t.Errorf("metrics.json does not name the teacher: %s", info)
			}
			o.Teacher = graft.Teacher{}
			if got, _ := trainFile(t, photos, o, 2, 0); bytes.Equal(got, want) {
				t.Error("the teacher changes nothing")
			}
		})
	}
}

// trainFile trains, is stopped after some steps and goes on if stopAfter is not 0, and returns the model and metrics.json.
func trainFile(t *testing.T, photos string, o graft.TrainOptions, threads, stopAfter int) (model []byte, metrics string) {
	t.Helper()
	o.Reading.Threads, o.Out = threads, filepath.Join(t.TempDir(), "run")
	if stopAfter > 0 {
		ctx, cancel := context.WithCancel(t.Context())
		steps := 0
		o.Progress = func(e graft.Event) {
			if e.Step != nil && e.Step.Name == "tune" {
				if steps++; steps == stopAfter {
					cancel()
				}
			}
		}
		if _, err := graft.Train(ctx, photos, o); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		o.Resume, o.Progress = true, nil
	}
	run, err := graft.Train(t.Context(), photos, o)
	if err != nil {
		t.Fatal(err)
	}
	return readFile(t, run.Model), string(readFile(t, filepath.Join(run.Dir, "metrics.json")))
}

func TestTeacherErrors(t *testing.T) {
	dir := tinyFolder(t)
	photos := filepath.Join(dir, "photos")
	for want, change := range map[string]func(*graft.TrainOptions){
		`not with "frozen"`:                      func(o *graft.TrainOptions) { o.Strategy, o.Teacher.Name = "frozen", "graft_s" },
		"no teacher named":                       func(o *graft.TrainOptions) { o.Teacher.Weight = 1 },
		"teacher's weight 2":                     func(o *graft.TrainOptions) { o.Teacher = graft.Teacher{Name: "graft_s", Weight: 2} },
		"temperature -1":                         func(o *graft.TrainOptions) { o.Teacher = graft.Teacher{Name: "graft_s", Temperature: -1} },
		"logits and features have no weight":     func(o *graft.TrainOptions) { o.Teacher = graft.Teacher{Name: "graft_s", Weight: -1} },
		"teacher: backbone: open none.onnx":      func(o *graft.TrainOptions) { o.Teacher.Name = "none.onnx" },
		"teacher: backbone: tiny.onnx: the":      func(o *graft.TrainOptions) { o.Teacher.Name = o.Backbone.Name },
		"it does not know the class green, of 3": func(o *graft.TrainOptions) { o.Teacher.Name = trained() },
	} {
		o := tinyOptions(dir, "finetune")
		change(&o)
		o.Out = filepath.Join(t.TempDir(), "run")
		data := photos
		if strings.HasPrefix(want, "it does not know") {
			data = t.TempDir()
			for class, c := range map[string]color.RGBA{"red": {200, 0, 0, 255}, "blue": {0, 0, 200, 255}, "green": {0, 200, 0, 255}} {
				for i := range 6 {
					c.R, c.B = c.R+uint8(i), c.B+uint8(i)
					writePNG(filepath.Join(data, class, strconv.Itoa(i)+".png"), picture(c))
				}
			}
		}
		if _, err := graft.Train(t.Context(), data, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// Another teacher, or another weight of it, is another run.
func TestTeacherOfAnotherRun(t *testing.T) {
	dir := tinyFolder(t)
	photos := filepath.Join(dir, "photos")
	o := tinyOptions(dir, "finetune")
	o.Teacher.Name = trained()
	ctx, cancel := context.WithCancel(t.Context())
	o.Progress = func(e graft.Event) {
		if e.Epoch != nil && e.Epoch.Phase != "" {
			cancel()
		}
	}
	if _, err := graft.Train(ctx, photos, o); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	o.Progress, o.Resume = nil, true
	for _, teacher := range []graft.Teacher{{}, {Name: "graft_s"}, {Name: o.Teacher.Name, Weight: .7}} {
		o.Teacher = teacher
		if _, err := graft.Train(t.Context(), photos, o); err == nil || !strings.Contains(err.Error(), "teacher ") || !strings.Contains(err.Error(), "there") {
			t.Errorf("%+v: error %v", teacher, err)
		}
	}
}
