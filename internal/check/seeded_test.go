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
		{"a/gamma:0", []int{3}, []float32{1.1416057348251343, 0.5690498948097229}},
		{"x/depthwise_kernel:0", []int{3, 3, 4, 1}, []float32{-0.571933388710022, 0.2581345736980438}},
		{"bn1.running_var", []int{2}, []float32{1.1423075199127197, 1.2867534160614014}},
		{"features.2.0.block.2.fc1.weight", []int{4, 6, 1, 1}, []float32{-0.1371987760066986, 0.1643388271331787}},
		{"blocks.1.0.se.conv_reduce.bias", []int{2}, []float32{1.9218865633010864, 2.006075620651245}},
		{"block1a_se_expand/kernel", []int{1, 1, 4, 8}, []float32{-0.19824226200580597, 0.0473184734582901}},
		{"conv/squeeze_excite_conv/bias", []int{2}, []float32{2.0549285411834717, 2.064389705657959}},
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
