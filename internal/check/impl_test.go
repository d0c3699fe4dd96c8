package check

import (
	"slices"
	"testing"

	"github.com/graft-ml/graft/internal/cpu"
)

func TestEachImpl(t *testing.T) {
	one, two, missing := true, true, false
	cpu.Register("check-test", "ONE", &one)
	cpu.Register("check-test", "TWO", &two)
	cpu.Register("check-test", "MISSING", &missing)
	var seen [][]bool
	var names []string
	EachImpl(t, "check-test", func(t *testing.T) {
		seen = append(seen, []bool{one, two, missing})
		names = append(names, t.Name())
	})
	want := [][]bool{{false, false, false}, {true, false, false}, {false, true, false}}
	if !slices.EqualFunc(seen, want, slices.Equal) {
		t.Errorf("switches %v, want %v", seen, want)
	}
	if !slices.Equal(names, []string{"TestEachImpl/generic", "TestEachImpl/ONE", "TestEachImpl/TWO"}) {
		t.Errorf("subtests %v", names)
	}
	if !one || !two || missing {
		t.Errorf("switches are left at %v %v %v", one, two, missing)
	}
}
