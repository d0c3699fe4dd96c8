package graft

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
)

// Teacher names a network from whose outputs the one that is trained learns, beside the labels: knowledge
// distillation. It goes with the strategies that train the network itself.
type Teacher struct {
	// Name is a model that graft wrote for the same classes, or a network as Backbone.Name takes it, on whose features
	// a linear head is trained first. "": none.
	Name string

	Weight      float64 // share of the loss that the teacher's logits have; 0: 0.5; below 0: none
	Temperature float64 // both logits are divided by it; 0: 4
	Features    float64 // weight of the distance to its features; 0: they are not learnt from
}

// withDefaults fills in what is not set.
func (t Teacher) withDefaults() Teacher {
	if t.Name == "" {
		return t
	}
	switch {
	case t.Weight == 0:
		t.Weight = 0.5
	case t.Weight < 0:
		t.Weight = 0
	}
	if t.Temperature == 0 {
		t.Temperature = 4
	}
	return t
}

// validate reports what makes no sense, together.
func (t Teacher) validate(tunes bool, strategy string) error {
	if t.Name == "" {
		if t != (Teacher{}) {
			return errors.New("weights or a temperature for a teacher, and no teacher named")
		}
		return nil
	}
	var errs []error
	bad := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	bad(tunes, "a teacher goes with the strategies partial, finetune and scratch, not with %q: a frozen network learns nothing", strategy)
	bad(t.Weight <= 1, "teacher's weight %v, want at most 1", t.Weight)
	bad(t.Temperature >= 0 && t.Temperature <= math.MaxFloat32, "teacher's temperature %v, want a number above 0", t.Temperature)
	bad(t.Features >= 0 && t.Features <= math.MaxFloat32, "weight %v of the teacher's features, want at least 0", t.Features)
	bad(t.Weight >= 0 || t.Features > 0, "a teacher whose logits and features have no weight")
	return errors.Join(errs...)
}

// TeacherInfo says in a model file which teacher its network learnt from, and how.
type TeacherInfo struct {
	Name        string  `json:"name"`
	SHA256      string  `json:"sha256"` // of its file
	Weight      float64 `json:"weight"`
	Temperature float64 `json:"temperature"`
	Features    float64 `json:"features,omitempty"`
}

// info is what the model file says of the teacher; nil without one.
func (t *teacher) info() *TeacherInfo {
	if t == nil {
		return nil
	}
	o := t.j.o.Teacher
	return &TeacherInfo{Name: t.base.Name, SHA256: hex.EncodeToString(t.base.SHA256[:]), Weight: o.Weight, Temperature: o.Temperature, Features: o.Features}
}

// fact is all of the teacher that the result depends on.
func (t *teacher) fact() string {
	o := t.j.o.Teacher
	return fmt.Sprintf("%x %s %d %s weight %g temperature %g features %g", t.base.SHA256[:8], t.base.Cut, decoders, preprocess(t.base, t.j.o.Reading), o.Weight, o.Temperature, o.Features)
}
