package backbone

import (
	"fmt"
	"regexp"
	"slices"
)

// Networks of inverted residual blocks (Sandler et al. 2018): a 1×1 convolution that widens, a depthwise one, perhaps
// squeeze-and-excitation, and a 1×1 convolution that narrows, with nothing behind its normalisation. MobileNetV2,
// MobileNetV3, EfficientNet and EfficientNet-Lite are made of them and differ in numbers, activations and heads.

// inverted is such a network up to its last feature map.
type inverted struct {
	stem, head int // channels of the first and of the last convolution
	act        activation
	stages     [][]invertedBlock

	// Canonical names: of the block that is the index-th of a stage and the flat-th of all, from 0; of the last
	// convolution; of the dense layers behind it.
	layer func(stage, index, flat int) string
	last  string
	tops  []string
}

// invertedBlock is what distinguishes a block from others.
type invertedBlock struct {
	kernel, wide, out, stride int // wide: channels inside
	act                       activation
	excitation                excitation
	loose                     bool // its last two layers are numbered singly, not as a pair
}

// excitation is squeeze-and-excitation (Hu et al. 2017): a factor for each channel, computed from the average of all
// of them by two dense layers. Its width is that between the two; 0: none.
type excitation struct {
	width     int
	act, gate activation
}

// build adds the network to n, with the end of each stage marked.
func (v *inverted) build(n *net, x value) value {
	x = v.act(n, n.pair(x, "features.0", conv{out: v.stem, kernel: 3, stride: 2}))
	flat := 0
	for s, stage := range v.stages {
		for i, b := range stage {
			x = n.invertedBlock(x, v.layer(s, i, flat), b)
			flat++
		}
		x = n.mark(x, fmt.Sprintf("stage%d", s+1))
	}
	return v.act(n, n.pair(x, v.last, conv{out: v.head, kernel: 1}))
}

// pooled adds the network with the average of its last feature map as features, and its classifier.
func (v *inverted) pooled(n *net, x value) (features, logits value) {
	features = n.flatten(n.globalAverage(v.build(n, x)))
	return features, n.classifier(features, v.tops[0])
}

// pair is a convolution layer.0 with its normalisation layer.1.
func (n *net) pair(x value, layer string, c conv) value {
	return n.norm(n.conv(x, layer+".0", c), layer+".1")
}

// invertedBlock adds one block. The parts of it that are there are numbered from 0. Without widening there is no
// first convolution, and the shortcut is where the shape stays.
func (n *net) invertedBlock(x value, layer string, b invertedBlock) value {
	y, parts := x, 0
	next := func() string {
		parts++
		return fmt.Sprintf("%s.%d", layer, parts-1)
	}
	if b.wide != x.C {
		y = b.act(n, n.pair(y, next(), conv{out: b.wide, kernel: 1}))
	}
	y = b.act(n, n.pair(y, next(), conv{out: b.wide, kernel: b.kernel, stride: b.stride, groups: b.wide}))
	if b.excitation.width > 0 {
		y = n.excite(y, next(), b.excitation)
	}
	if narrow := (conv{out: b.out, kernel: 1}); b.loose {
		y = n.norm(n.conv(y, next(), narrow), next())
	} else {
		y = n.pair(y, next(), narrow)
	}
	if b.stride == 1 && x.C == b.out {
		y = n.add(y, x)
	}
	return y
}

// excite scales the channels of x.
func (n *net) excite(x value, layer string, e excitation) value {
	gate := e.act(n, n.conv(n.globalAverage(x), layer+".fc1", conv{out: e.width, kernel: 1, bias: true}))
	gate = e.gate(n, n.conv(gate, layer+".fc2", conv{out: x.C, kernel: 1, bias: true}))
	return n.mul(x, gate)
}

// invertedStage is a row of the papers' tables: depth blocks, of which the first has the stride.
type invertedStage struct{ expand, kernel, stride, out, depth int }

// invertedStages writes rows out, for in channels at their start. excite gives the excitation of a block by its
// input channels; nil: there is none.
func invertedStages(rows []invertedStage, in int, act activation, excite func(in int) excitation) [][]invertedBlock {
	var stages [][]invertedBlock
	for _, row := range rows {
		var stage []invertedBlock
		for i := range row.depth {
			b := invertedBlock{kernel: row.kernel, wide: in * row.expand, out: row.out, stride: 1, act: act}
			if i == 0 {
				b.stride = row.stride
			}
			if excite != nil {
				b.excitation = excite(in)
			}
			stage = append(stage, b)
			in = row.out
		}
		stages = append(stages, stage)
	}
	return stages
}

// divisible rounds channels to a multiple of 8, by at most a tenth down, as the code of all these papers does.
func divisible(channels float64) int {
	rounded := max(8, int(channels+4)/8*8)
	if float64(rounded) < .9*channels {
		rounded += 8
	}
	return rounded
}

// place is where in a network a layer of a block is.
type place struct {
	stage, index, flat int // the block: index-th of its stage, flat-th of all, from 0
	part               string
	norm               bool // the normalisation behind the convolution
}

var invertedLayer = regexp.MustCompile(`^features\.(\d+)\.(?:(\d+)\.)?(?:block|conv)\.(\d)(?:\.(0|1|fc1|fc2))?$`)

// place finds a layer by its canonical name; false if it belongs to no block. Blocks of the first stage, and of no
// other, do not widen, so that their parts are numbered from the depthwise convolution on.
func (v *inverted) place(layer string) (place, bool) {
	m := invertedLayer.FindStringSubmatch(layer)
	if m == nil {
		return place{}, false
	}
	p := v.block(atoi(m[1])-1, m[2])
	number := atoi(m[3])
	if p.stage == 0 {
		number++
	}
	p.part = []string{"expand", "depthwise", "project", "project"}[number]
	switch m[4] {
	case "1":
		p.norm = true
	case "":
		p.norm = number == 3
	case "fc1":
		p.part = "squeeze"
	case "fc2":
		p.part = "excite"
	}
	return p, true
}

// block is the place of the first-th stage's block index; where blocks are counted through, index is empty and
// first counts them.
func (v *inverted) block(first int, index string) place {
	var p place
	if index == "" {
		for p.flat, p.index = first, first; p.index >= len(v.stages[p.stage]); p.stage++ {
			p.index -= len(v.stages[p.stage])
		}
		return p
	}
	p.stage, p.index = first, atoi(index)
	p.flat = p.index
	for _, stage := range v.stages[:first] {
		p.flat += len(stage)
	}
	return p
}

// naming is how a library names the layers.
type naming struct {
	block func(place) string   // what the names of a block begin with
	parts map[string][2]string // what they go on with: convolution and normalisation
	bare  map[string][2]string // likewise in blocks that do not widen; nil: as in the others
	ends  []string             // the layers outside blocks, in the order of declaration
}

// rename returns the translation of the canonical names into those of a library.
func (v *inverted) rename(to naming) func(string) string {
	ends := append([]string{"features.0.0", "features.0.1", v.last + ".0", v.last + ".1"}, v.tops...)
	return func(layer string) string {
		if i := slices.Index(ends, layer); i >= 0 {
			return to.ends[i]
		}
		p, ok := v.place(layer)
		if !ok {
			return layer
		}
		parts := to.parts
		if p.stage == 0 && to.bare != nil {
			parts = to.bare
		}
		name := parts[p.part]
		if p.norm {
			return to.block(p) + name[1]
		}
		return to.block(p) + name[0]
	}
}

// timmNaming is how timm names layers; ends are those outside blocks.
func timmNaming(ends ...string) naming {
	squeeze, excite := [2]string{"se.conv_reduce"}, [2]string{"se.conv_expand"}
	return naming{
		block: func(p place) string { return fmt.Sprintf("blocks.%d.%d.", p.stage, p.index) },
		parts: map[string][2]string{"expand": {"conv_pw", "bn1"}, "depthwise": {"conv_dw", "bn2"}, "squeeze": squeeze, "excite": excite, "project": {"conv_pwl", "bn3"}},
		bare:  map[string][2]string{"depthwise": {"conv_dw", "bn1"}, "squeeze": squeeze, "excite": excite, "project": {"conv_pw", "bn2"}},
		ends:  ends,
	}
}
