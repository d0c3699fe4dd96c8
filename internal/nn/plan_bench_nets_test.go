package nn

import "github.com/graft-ml/graft/internal/tensor"

// Networks of the benchmarks whose activations, squeezes and normalisations cost as much as their convolutions,
// with the nodes that torch's exporter writes for them.

// silu adds x·sigmoid(x) in two nodes.
func (b *netBuilder) silu(x string) string { return b.Op("Mul", nil, x, b.Op("Sigmoid", nil, x)) }

func (b *netBuilder) hardSwish(x string) string { return b.Op("HardSwish", nil, x) }

// excite scales each of c channels by a gate that mid hidden channels make of the channels' means.
func (b *netBuilder) excite(x string, c, mid int, hidden func(string) string, gate func(string) string) string {
	s := hidden(b.conv(b.Op("GlobalAveragePool", nil, x), c, mid, 1, 1, nil))
	return b.Op("Mul", nil, x, gate(b.conv(s, mid, c, 1, 1, nil)))
}

func (b *netBuilder) sigmoid(x string) string { return b.Op("Sigmoid", nil, x) }
func (b *netBuilder) relu(x string) string    { return b.Op("Relu", nil, x) }
func (b *netBuilder) hardSigmoid(x string) string {
	return b.Op("HardSigmoid", Attrs{"alpha": float32(1.0 / 6), "beta": float32(0.5)}, x)
}

func (b *netBuilder) linear(x string, in, out int) string {
	return b.Op("Gemm", nil, x, b.random(0.02, in, out), b.random(1, out))
}

func (b *netBuilder) pooled(x string) string {
	return b.Op("Flatten", nil, b.Op("GlobalAveragePool", nil, x))
}

// efficientNetB0 builds the network at 224 (0.8 GFLOP a picture).
func efficientNetB0(b *netBuilder) string {
	x := b.silu(b.conv(b.Input("x", tensor.Free, 3, 224, 224), 3, 32, 3, 2, nil))
	in := 32
	for _, s := range []struct{ expand, kernel, out, blocks, stride int }{{1, 3, 16, 1, 1}, {6, 3, 24, 2, 2}, {6, 5, 40, 2, 2},
		{6, 3, 80, 3, 2}, {6, 5, 112, 3, 1}, {6, 5, 192, 4, 2}, {6, 3, 320, 1, 1}} {
		for i := range s.blocks {
			stride, y, mid := 1, x, in*s.expand
			if i == 0 {
				stride = s.stride
			}
			if s.expand > 1 {
				y = b.silu(b.conv(x, in, mid, 1, 1, nil))
			}
			y = b.silu(b.conv(y, mid, mid, s.kernel, stride, Attrs{"group": int64(mid)}))
			y = b.excite(y, mid, in/4, b.silu, b.sigmoid)
			y = b.conv(y, mid, s.out, 1, 1, nil)
			if stride == 1 && in == s.out {
				y = b.Op("Add", nil, y, x)
			}
			x, in = y, s.out
		}
	}
	return b.linear(b.pooled(b.silu(b.conv(x, in, 1280, 1, 1, nil))), 1280, 1000)
}

// resnet18 builds the network of basic blocks at 224 (3.6 GFLOP a picture).
func resnet18(b *netBuilder) string {
	x := b.Input("x", tensor.Free, 3, 224, 224)
	x = b.Op("Relu", nil, b.bn(b.conv(x, 3, 64, 7, 2, nil), 64))
	x = b.Op("MaxPool", Attrs{"kernel_shape": []int64{3, 3}, "strides": []int64{2, 2}, "pads": []int64{1, 1, 1, 1}}, x)
	in := 64
	for stage := range 4 {
		c := 64 << stage
		for i := range 2 {
			stride, short := 1, x
			if i == 0 && stage > 0 {
				stride, short = 2, b.bn(b.conv(x, in, c, 1, 2, nil), c)
			}
			y := b.Op("Relu", nil, b.bn(b.conv(x, in, c, 3, stride, nil), c))
			x = b.Op("Relu", nil, b.Op("Add", nil, b.bn(b.conv(y, c, c, 3, 1, nil), c), short))
			in = c
		}
	}
	return b.linear(b.pooled(x), 512, 1000)
}

// mobileNetV3 builds the large network at 224 (0.4 GFLOP a picture).
func mobileNetV3(b *netBuilder) string {
	x := b.hardSwish(b.conv(b.Input("x", tensor.Free, 3, 224, 224), 3, 16, 3, 2, nil))
	in := 16
	for _, s := range []struct {
		kernel, mid, out int
		se, hard         bool
		stride           int
	}{{3, 16, 16, false, false, 1}, {3, 64, 24, false, false, 2}, {3, 72, 24, false, false, 1}, {5, 72, 40, true, false, 2},
		{5, 120, 40, true, false, 1}, {5, 120, 40, true, false, 1}, {3, 240, 80, false, true, 2}, {3, 200, 80, false, true, 1},
		{3, 184, 80, false, true, 1}, {3, 184, 80, false, true, 1}, {3, 480, 112, true, true, 1}, {3, 672, 112, true, true, 1},
		{5, 672, 160, true, true, 2}, {5, 960, 160, true, true, 1}, {5, 960, 160, true, true, 1}} {
		act := b.relu
		if s.hard {
			act = b.hardSwish
		}
		y := x
		if s.mid != in {
			y = act(b.conv(x, in, s.mid, 1, 1, nil))
		}
		y = act(b.conv(y, s.mid, s.mid, s.kernel, s.stride, Attrs{"group": int64(s.mid)}))
		if s.se {
			y = b.excite(y, s.mid, (s.mid/4+7)/8*8, b.relu, b.hardSigmoid)
		}
		y = b.conv(y, s.mid, s.out, 1, 1, nil)
		if s.stride == 1 && in == s.out {
			y = b.Op("Add", nil, y, x)
		}
		x, in = y, s.out
	}
	x = b.pooled(b.hardSwish(b.conv(x, in, 960, 1, 1, nil)))
	return b.linear(b.hardSwish(b.linear(x, 960, 1280)), 1280, 1000)
}

// toLast and toFirst swap the axes between [N,C,H,W] and [N,H,W,C].
func (b *netBuilder) toLast(x string) string {
	return b.Op("Transpose", Attrs{"perm": []int64{0, 2, 3, 1}}, x)
}
func (b *netBuilder) toFirst(x string) string {
	return b.Op("Transpose", Attrs{"perm": []int64{0, 3, 1, 2}}, x)
}

func (b *netBuilder) layerNorm(x string, c int) string {
	return b.Op("LayerNormalization", Attrs{"epsilon": float32(1e-6)}, x, b.positive(c), b.random(0.2, c))
}

// gelu spells the function out in erf, as exporters do before opset 20.
func (b *netBuilder) gelu(x string) string {
	y := b.Op("Add", nil, b.Op("Erf", nil, b.Op("Div", nil, x, b.scalar(1.4142135))), b.scalar(1))
	return b.Op("Mul", nil, b.Op("Mul", nil, x, y), b.scalar(0.5))
}

func (b *netBuilder) project(x string, in, out int) string {
	return b.Op("Add", nil, b.random(0.1, out), b.Op("MatMul", nil, x, b.random(0.05, in, out)))
}

// convNextTiny builds the network at 224 (8.9 GFLOP a picture).
func convNextTiny(b *netBuilder) string {
	patch := Attrs{"pads": []int64{0, 0, 0, 0}}
	x := b.conv(b.Input("x", tensor.Free, 3, 224, 224), 3, 96, 4, 4, patch)
	x = b.toFirst(b.layerNorm(b.toLast(x), 96))
	for stage, blocks := range []int{3, 3, 9, 3} {
		c := 96 << stage
		if stage > 0 {
			x = b.toFirst(b.layerNorm(b.toLast(x), c/2))
			x = b.conv(x, c/2, c, 2, 2, patch)
		}
		for range blocks {
			y := b.layerNorm(b.toLast(b.conv(x, c, c, 7, 1, Attrs{"group": int64(c)})), c)
			y = b.project(b.gelu(b.project(y, c, 4*c)), 4*c, c)
			x = b.Op("Add", nil, b.Op("Mul", nil, b.random(0.5, c, 1, 1), b.toFirst(y)), x)
		}
	}
	x = b.toFirst(b.layerNorm(b.toLast(b.Op("GlobalAveragePool", nil, x)), 768))
	return b.linear(b.Op("Flatten", nil, x), 768, 1000)
}
