package check

import (
	"slices"
	"testing"
)

// The numbers are those that testdata/backbones/seeded.py prints.
func TestSeeded(t *testing.T) {
	for _, c := range []struct {
		name  string
		shape []int
		want  []float32
	}{
		{"layer1.0.conv1.weight", []int{4, 3, 2, 2}, []float32{0.4828735888004303, 0.10353558510541916, 0.4957931935787201, 0.0803314745426178}},
		{"a/gamma:0", []int{3}, []float32{1.4870858192443848, 0.606230616569519, 1.0614380836486816}},
		{"x/depthwise_kernel:0", []int{3, 3, 4, 1}, []float32{-0.571933388710022, 0.2581345736980438}},
	} {
		scale, shift := SeededRange(c.name, c.shape)
		got := make([]float32, len(c.want))
		Seeded(got, c.name, scale, shift)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		SeededAt(got[1:], c.name, 1, scale, shift)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v from its second on, want %v", c.name, got, c.want)
		}
	}
}

func TestSeededInts(t *testing.T) {
	got := make([]int, 4)
	SeededInts(got, "positions/x", 1<<30)
	if want := []int{1024832000, 945520000, 424356352, 85066176}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
