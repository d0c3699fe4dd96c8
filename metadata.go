package graft

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/graft-ml/graft/internal/backbone"
	"github.com/graft-ml/graft/internal/transform"
)

// Keys of a model file's metadata_props. Each value is JSON, but for the version and the resize rule.
const (
	keyVersion    = "graft.version"
	keyClasses    = "graft.classes"
	keyResize     = backbone.KeyResize
	keyKind       = "graft.kind"
	keyThresholds = "graft.thresholds"
	keyBackbone   = "graft.backbone"
	keySplit      = "graft.split"
	keyHead       = "graft.head"
	keyMetrics    = "graft.metrics"
	keyTrainedOn  = "graft.trained_on"
	keyPrecision  = "graft.precision" // absent: f32
	keyQuants     = "graft.quants"    // of int8: how values are stored, by name
	keyViews      = backbone.KeyViews // absent: one view of each picture
)

// Values of keyKind.
const (
	kindSingle = "single-label"
	kindMulti  = "multi-label"
)

// BackboneInfo names the network whose features a model uses.
type BackboneInfo struct {
	Name    string `json:"name"`
	SHA256  string `json:"sha256"` // of the weights file
	Width   int    `json:"width"`
	Cut     string `json:"cut,omitempty"`
	Licence string `json:"licence,omitempty"`
}

// SplitInfo says how the pictures were split, and how many there were on each side.
type SplitInfo struct {
	Seed       uint64 `json:"seed"`
	Train      int    `json:"train"`
	Validation int    `json:"validation"`
	Test       int    `json:"test"`
	PerClass   int    `json:"train_per_class,omitempty"` // what the options asked for, if they did
}

// info is what a model file says of itself beside the graph.
type info struct {
	version    string
	classes    []string
	multiLabel bool
	thresholds []float32 // one per class where multiLabel
	spec       transform.Spec
	backbone   BackboneInfo
	split      SplitInfo
	metrics    json.RawMessage
	head       json.RawMessage
	trainedOn  contents
	numerics   numerics
	features   string // the tensor at which the base ends: the cut, where this model is a backbone itself
	views      *backbone.Views
}

// encode returns in as metadata_props.
func (in *info) encode() (map[string]string, error) {
	kind := kindSingle
	if in.multiLabel {
		kind = kindMulti
	}
	m := map[string]string{keyVersion: in.version, keyResize: in.spec.String(), keyKind: kind, keyTrainedOn: in.trainedOn.String(),
		backbone.KeyFeatures: in.features, backbone.KeyInput: "raw"}
	values := map[string]any{keyClasses: in.classes, keyBackbone: in.backbone, keySplit: in.split, keyMetrics: in.metrics, keyHead: in.head}
	if in.multiLabel {
		values[keyThresholds] = in.thresholds
	}
	if in.views != nil {
		values[keyViews] = in.views
	}
	for key, v := range values {
		text, err := json.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("metadata %s: %w", key, err)
		}
		m[key] = string(text)
	}
	if err := in.numerics.encode(m); err != nil {
		return nil, fmt.Errorf("metadata %s: %w", keyQuants, err)
	}
	return m, nil
}

// decodeInfo reads what encode wrote. A model without graft's metadata is an error that says so.
func decodeInfo(m map[string]string) (*info, error) {
	if m[keyClasses] == "" {
		return nil, fmt.Errorf("no class names in its metadata (key %s): not a model that graft wrote", keyClasses)
	}
	in := &info{version: m[keyVersion], multiLabel: m[keyKind] == kindMulti}
	var err error
	if in.spec, err = transform.ParseSpec(m[keyResize]); err != nil {
		return nil, fmt.Errorf("metadata %s: %w", keyResize, err)
	}
	for key, v := range map[string]any{keyClasses: &in.classes, keyBackbone: &in.backbone, keySplit: &in.split,
		keyMetrics: &in.metrics, keyHead: &in.head, keyThresholds: &in.thresholds} {
		if m[key] == "" {
			continue
		}
		if err := json.Unmarshal([]byte(m[key]), v); err != nil {
			return nil, fmt.Errorf("metadata %s: %w", key, err)
		}
	}
	if in.numerics, err = decodeNumerics(m); err != nil {
		return nil, err
	}
	if in.trainedOn, err = parseContents(m[keyTrainedOn]); err != nil {
		return nil, fmt.Errorf("metadata %s: %w", keyTrainedOn, err)
	}
	return in, in.check()
}

func (in *info) check() error {
	sorted := slices.Clone(in.classes)
	slices.Sort(sorted)
	switch {
	case len(in.classes) < 2:
		return fmt.Errorf("metadata %s: %d classes, want at least 2", keyClasses, len(in.classes))
	case len(slices.Compact(sorted)) != len(in.classes):
		return fmt.Errorf("metadata %s: a class name occurs twice", keyClasses)
	case in.multiLabel && len(in.thresholds) != len(in.classes):
		return fmt.Errorf("metadata %s: %d thresholds for %d classes", keyThresholds, len(in.thresholds), len(in.classes))
	}
	return nil
}

// contents is a set of pictures by their bytes: the first 64 bits of each SHA-256, ascending. A stranger's
// picture among n others is taken for one of them once in 2^64/n times.
type contents []uint64

func contentsOf(hashes [][32]byte) contents {
	c := make(contents, 0, len(hashes))
	for _, h := range hashes {
		c = append(c, binary.BigEndian.Uint64(h[:]))
	}
	slices.Sort(c)
	return slices.Compact(c)
}

func (c contents) has(hash [32]byte) bool {
	_, found := slices.BinarySearch(c, binary.BigEndian.Uint64(hash[:]))
	return found
}

// String packs the set for the metadata: base64 of the numbers, big-endian.
func (c contents) String() string {
	b := make([]byte, 0, 8*len(c))
	for _, v := range c {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	return base64.StdEncoding.EncodeToString(b)
}

func parseContents(s string) (contents, error) {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil || len(b)%8 != 0 {
		return nil, fmt.Errorf("%d characters that are not base64 of 8-byte numbers", len(s))
	}
	c := make(contents, 0, len(b)/8)
	for ; len(b) > 0; b = b[8:] {
		c = append(c, binary.BigEndian.Uint64(b))
	}
	slices.Sort(c)
	return c, nil
}
