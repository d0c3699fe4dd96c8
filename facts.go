package graft

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"reflect"

	"github.com/graft-ml/graft/internal/cpu"
)

// facts are all that the result of a training depends on, by name: a checkpoint of a run with other facts is no
// place to go on from. Threads, folders and the like are none of them.
func (j *job) facts() map[string]string {
	f := map[string]string{
		"graft": Version, "arithmetic": cpu.Path(), "strategy": j.o.Strategy, "seed": fmt.Sprint(j.o.Seed),
		"backbone": hex.EncodeToString(j.base.SHA256[:8]), "preprocessing": fmt.Sprint(decoders, " ", preprocess(j.base, j.o.Reading)), "cut": j.base.Cut,
		"classes": digest(func(add func(string)) {
			for _, c := range j.data.Classes {
				add(c)
			}
		}),
	}
	for name, side := range map[string][]int{"training pictures": j.train, "validation pictures": j.validation} {
		f[name] = fmt.Sprintf("%d (%s)", len(side), digest(func(add func(string)) {
			for _, i := range side {
				add(fmt.Sprint(j.data.Samples[i].SHA256, j.data.Samples[i].Labels))
			}
		}))
	}
	if a := j.o.augment(); a.Draws() {
		f["augmentation"] = fmt.Sprint(augmentations, " ", a)
	}
	if j.teacher != nil {
		f["teacher"] = j.teacher.fact()
	}
	fields(f, "head", j.o.Head)
	t := j.o.Tuning
	t.CheckpointEvery, t.CacheMB = 0, 0
	fields(f, "tuning", t)
	return f
}

// digest returns a short hash of some texts.
func digest(list func(add func(string))) string {
	h := sha256.New()
	list(func(s string) { fmt.Fprintf(h, "%d:%s", len(s), s) })
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// fields adds the fields of a struct that are not zero.
func fields(f map[string]string, prefix string, v any) {
	r := reflect.ValueOf(v)
	for i := range r.NumField() {
		if field := r.Field(i); !field.IsZero() {
			f[prefix+" "+r.Type().Field(i).Name] = fmt.Sprint(field.Interface())
		}
	}
}
