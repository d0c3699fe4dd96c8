// Package backbone makes the part of a network that is kept: from a picture to its features.
//
// Input: the bytes of an ONNX classifier, or nothing for the embedded one. Output: a [Backbone], whose graph
// takes RGB pixels of 0–255 and gives one row of features a picture. The normalisation that the weights expect
// is the first nodes of that graph, so that whoever runs it, for training or out of a model file, computes
// the same features. The classifier on top is cut off by a fixed rule, or where the caller says.
package backbone

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/onnx"
	"github.com/graft-ml/graft/internal/tensor"
	"github.com/graft-ml/graft/internal/transform"
)

// Keys of a model file's metadata that say how it is used as a backbone. Files that graft writes have them.
const (
	KeyFeatures = "graft.features" // name of the tensor that holds the features
	KeyInput    = "graft.input"    // an input mode as transform.ParseMode reads it; "raw" where the graph normalises
	KeyResize   = "graft.resize"   // a transform.Spec as it prints itself
	KeyViews    = "graft.views"    // a Views as JSON, where the model averages several views of a picture
)

// Names of the values at the two ends of a Backbone's graph.
const (
	InputName  = "input"
	OutputName = "features"
)

// CutNone as Options.Cut makes the graph's own output the features.
const CutNone = "none"

// Options say what a model file does not. The zero value takes everything from the file.
type Options struct {
	// Arch and Layout name the network that a state dict holds the weights of, where the file is not one of
	// the published ones. They are of no use with ONNX.
	Arch, Layout string

	// Cut is the tensor that becomes the features, or CutNone. Empty: the one that the metadata names, else
	// the input of the classifier, which FromONNX finds.
	Cut string

	// Normalise is what the weights expect of their input. Nil: as the metadata says, or an error.
	Normalise *transform.Normalise

	// Width and Height of the input. 0: as the file says.
	Width, Height int

	// Resize and Filter are how pictures are brought to that size. Nil: as the metadata says, else stretched
	// and bilinear. Short is of use with transform.Crop only.
	Resize *transform.Rule
	Short  int
	Filter *transform.Filter

	// Identity is that of the file, where it is known; nil: its bytes are read for it. Of no use with ONNX.
	Identity *Identity
}

// Backbone is a network from pictures to features. It is not changed once made.
type Backbone struct {
	Name  string
	Graph *nn.Graph      // input "input" [N 3 H W], RGB 0–255; output "features" [N Width]; N is 1 if SinglePicture
	Width int            // number of features
	Spec  transform.Spec // how a picture becomes an input

	Normalise transform.Normalise // what the first nodes of Graph do

	SHA256       [32]byte // of the weights file
	Architecture string   // and layout, where graft built the network itself
	Cut          string   // for people: what was cut from what, with shapes
	Licence      string   // where known

	Metadata map[string]string // of the weights file
}

// SinglePicture reports whether the graph works for one picture at a time only, because its file fixes
// the batch in a way that cannot be undone.
func (b *Backbone) SinglePicture() bool { return b.Graph.Inputs[0].Shape[0] != tensor.Free }

// FromONNX makes a backbone of the model file data, called name in messages. The weights may share memory
// with data. A file that is the embedded backbone's is known as such.
func FromONNX(data []byte, name string, o Options) (*Backbone, error) {
	b, err := fromONNX(data, name, o)
	if err != nil {
		return nil, fmt.Errorf("backbone: %s: %w", name, err)
	}
	return b, nil
}

func fromONNX(data []byte, name string, o Options) (*Backbone, error) {
	b := &Backbone{Name: name, SHA256: sha256.Sum256(data)}
	m, err := onnx.Decode(data)
	if err != nil {
		return nil, err
	}
	if b.Metadata = m.Metadata; b.SHA256 == graftS.sha256 {
		b.Metadata, b.Licence = graftS.metadata, graftS.licence
	}
	return b, b.build(m.Graph, o)
}

// build turns a decoded classifier into the backbone's graph.
func (b *Backbone) build(g *nn.Graph, o Options) error {
	b.Graph = g
	if err := b.dropViews(); err != nil {
		return err
	}
	in, err := findInput(g)
	if err != nil {
		return err
	}
	norm, normErr := b.normalise(o)
	spec, specErr := b.spec(o, in)
	if err := errors.Join(normErr, specErr); err != nil {
		return err
	}
	b.Spec, b.Normalise = spec, norm
	in.setSize(g, spec)
	infos, err := inferAny(g)
	if err != nil {
		return err
	}
	c, err := b.findCut(infos, o)
	if err != nil {
		return err
	}
	if err := cutAt(g, c, infos); err != nil {
		return err
	}
	addNormalise(g, in, norm)
	if err := settleBatch(g); err != nil {
		return err
	}
	b.describe(c)
	return nil
}

// normalise returns what the weights expect, from the options or the metadata.
func (b *Backbone) normalise(o Options) (transform.Normalise, error) {
	if o.Normalise != nil {
		return *o.Normalise, o.Normalise.Validate()
	}
	mode, ok := b.Metadata[KeyInput]
	if !ok {
		return transform.Normalise{}, errors.New("the file does not say how its input is scaled: " +
			"give --input-mode (tf, torch, unit, lite, caffe or raw), or --mean and --std")
	}
	return transform.ParseMode(mode)
}

// spec returns how pictures are prepared: the options, else the metadata, else the file's input.
func (b *Backbone) spec(o Options, in imageInput) (transform.Spec, error) {
	var s transform.Spec
	if text, ok := b.Metadata[KeyResize]; ok {
		var err error
		if s, err = transform.ParseSpec(text); err != nil {
			return s, err
		}
	}
	published := s
	if in.width > 0 && in.height > 0 {
		s.Width, s.Height = in.width, in.height
	}
	if o.Width > 0 {
		s.Width = o.Width
	}
	if o.Height > 0 {
		s.Height = o.Height
	}
	if s.Short > 0 && published.Width > 0 { // the same margin around the cut
		s.Short = (s.Short*min(s.Width, s.Height) + published.Width/2) / min(published.Width, published.Height)
	}
	if s.Width < 1 || s.Height < 1 {
		return s, fmt.Errorf("the file leaves the size of its input open (%v): give --size", in.value)
	}
	if o.Resize != nil {
		s.Rule, s.Short = *o.Resize, o.Short
	}
	if o.Filter != nil {
		s.Filter = *o.Filter
	}
	return s, s.Validate()
}

// describe fills in what the finished graph says.
func (b *Backbone) describe(c cut) {
	out := b.Graph.Outputs[0]
	b.Width = out.Shape[1]
	if b.Architecture != "" {
		c.text = b.Architecture + ": " + c.text
	}
	b.Cut = c.text + fmt.Sprintf("; features %v", out.Shape)
	if b.SinglePicture() {
		b.Cut += ", one picture at a time (the file fixes its batch)"
	}
}
