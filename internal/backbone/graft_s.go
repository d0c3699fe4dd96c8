package backbone

import _ "embed"

// graftSFile is graft's own small network, the default of every verb.
//
// A 3×3 stem of 32 channels at stride 2, then five residual blocks of two 3×3 convolutions (48, 96, 96, 192, 384
// channels, stride 2 where the width changes), pooled: 2.9 M parameters, about 100 M multiply-adds a picture.
// Batch norm is folded; weights are float16 with a Cast in front of each Conv.
//
// Made with PyTorch on two CPU cores in under two hours from Tiny-ImageNet (101 000 pictures of 64×64): cross-entropy
// on its 200 classes, distillation of EfficientNet-Lite0's logits and pooled features, random crops, flips, brightness,
// sizes 48–80, AdamW, cosine, weights averaged. A linear head on its features scores 73.4 % on Caltech-101 (mean of ten
// seeds, 72.3–74.7; 65/35 split in each class, stretch, Adam 1e-3, batch 32, 5 epochs). No picture of that set was
// used to make it.
//
//go:embed graft_s.onnx
var graftSFile []byte

// graftS holds the facts of the embedded file that the file itself does not.
var graftS = struct {
	name     string
	licence  string
	sha256   [32]byte
	metadata map[string]string
}{
	name:    "graft_s",
	licence: "Apache-2.0 (trained for graft, no third-party weights)",
	sha256: [32]byte{
		0x22, 0x8c, 0x61, 0x67, 0xa6, 0xbc, 0xdf, 0x91, 0x89, 0xdb, 0x32, 0xc3, 0xae, 0x3c, 0x2b, 0x35,
		0xfc, 0xfc, 0x4c, 0x52, 0x39, 0xac, 0x2f, 0x25, 0x2b, 0x85, 0xd2, 0xa2, 0x6a, 0xb5, 0xc5, 0x47,
	},
	metadata: map[string]string{
		KeyFeatures: "features",
		KeyInput:    "tf",
		KeyResize:   "stretch 96x96 bilinear",
	},
}

// Embedded returns the backbone that is built into graft: with zero options [N 3 96 96] to 384 features.
func Embedded(o Options) (*Backbone, error) { return FromONNX(graftSFile, graftS.name, o) }
