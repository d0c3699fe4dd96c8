package graft

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/graft-ml/graft/internal/backbone"
	"github.com/graft-ml/graft/internal/transform"
)

// Backbone says which network gives the features, and how pictures are prepared for it. The zero value is
// the embedded graft_s. What is left zero in the others comes from the table of published weights or from the
// file's own metadata where it has graft's, and must otherwise be said.
type Backbone struct {
	// Name is a published network, such as "resnet50", which is fetched when it is first used; or what
	// ImportBackbone has put into the store; or a file: a CNN in ONNX, or the weights of one of the
	// architectures that graft knows, as torch, timm or Keras write them. "": the embedded graft_s.
	Name string

	Hub Hub // where published weights are kept and come from

	// Arch is the architecture, such as "resnet50", of a weights file that is none of the published ones, and
	// Layout the arithmetic where the file leaves that open, such as "keras" or "timm-tf".
	Arch, Layout string

	// Cut names the tensor that is the feature. "" cuts before the classifier, "none" takes the graph's
	// own output.
	Cut string

	// Depths ends the network earlier, and leaves out what lies behind: at a place where it halves its pictures,
	// counted from "1" at the input to its own end, or at a tensor of four axes. The features are the tensor's averages
	// over its pixels, of several depths one after the other. "all": each of them. None: the network's own end.
	Depths []string

	// InputMode is the scaling that the network was trained with: "tf" (x/127.5-1), "torch" (ImageNet's
	// mean and deviation), "unit" (x/255), "lite" ((x-127)/128), "caffe" (BGR minus the mean) or "raw" (0–255).
	// Mean and Std, three numbers each on the 0–255 scale in RGB order, say it in numbers instead.
	InputMode string
	Mean, Std []float32

	Size   int    // pixels a side; 0: what the file says
	Resize string // "stretch", "crop" (short side, then centre) or "letterbox"; "": the file's, else stretch
	Short  int    // for crop: the short side before the cut; 0: Size
	Filter string // "bilinear", "bicubic" or "nearest"; "": the file's, else bilinear
}

// validate reports the fields of b that make no sense, together.
func (b *Backbone) validate() error {
	var errs []error
	if _, err := b.normalise(); err != nil {
		errs = append(errs, err)
	}
	if b.Resize != "" {
		if _, err := transform.ParseRule(b.Resize); err != nil {
			errs = append(errs, fmt.Errorf("resize: %w", err))
		}
	}
	if b.Filter != "" {
		if _, err := transform.ParseFilter(b.Filter); err != nil {
			errs = append(errs, fmt.Errorf("filter: %w", err))
		}
	}
	if b.Size < 0 || b.Size > maxSize {
		errs = append(errs, fmt.Errorf("size %d, want 1 to %d pixels", b.Size, maxSize))
	}
	if b.Short != 0 && (b.Resize != "crop" || b.Short < b.Size) {
		errs = append(errs, fmt.Errorf("short side %d: it goes with resize crop, and is at least the size", b.Short))
	}
	return errors.Join(errs...)
}

// maxSize is the largest input of a network that graft prepares: beyond it a picture takes gigabytes.
const maxSize = 4096

// normalise returns the scaling that the user names, or nil where the file's metadata is to say it.
func (b *Backbone) normalise() (*transform.Normalise, error) {
	numbers := b.Mean != nil || b.Std != nil
	switch {
	case b.InputMode != "" && numbers:
		return nil, errors.New("input mode and mean/std: want one of them")
	case b.InputMode != "":
		n, err := transform.ParseMode(b.InputMode)
		return &n, err
	case !numbers:
		return nil, nil
	case len(b.Mean) != 3 || len(b.Std) != 3:
		return nil, fmt.Errorf("mean of %d numbers and std of %d, want 3 each", len(b.Mean), len(b.Std))
	}
	for _, s := range b.Std {
		if !(s > 0) {
			return nil, fmt.Errorf("std %v, want numbers above 0", b.Std)
		}
	}
	return &transform.Normalise{Mean: [3]float32(b.Mean), Std: [3]float32(b.Std)}, nil
}

// embeddedName is the name of the backbone that is built in.
const embeddedName = "graft_s"

// load reads the network and ends it at the depths that b names.
func (b *Backbone) load(ctx context.Context, tell progress) (*backbone.Backbone, error) {
	base, err := b.loadWhole(ctx, tell)
	if err != nil || len(b.Depths) == 0 {
		return base, err
	}
	return base.At(b.Depths)
}

// loadWhole reads the network: the embedded one, a file, or one from the store, fetched if it is not there.
func (b *Backbone) loadWhole(ctx context.Context, tell progress) (*backbone.Backbone, error) {
	o, err := b.options()
	if err != nil {
		return nil, err
	}
	if b.Name == "" || b.Name == embeddedName {
		return backbone.Embedded(o)
	}
	if info, err := os.Stat(b.Name); err == nil && !info.IsDir() {
		return openBackbone(b.Name, o)
	}
	if looksLikeFile(b.Name) {
		return nil, fmt.Errorf("backbone: %w", &fs.PathError{Op: "open", Path: b.Name, Err: fs.ErrNotExist})
	}
	path, about, err := b.Hub.obtain(ctx, b.Name, tell)
	if err != nil {
		return nil, err
	}
	stored := backboneOf(about.Facts)
	so, err := stored.options()
	if err != nil {
		return nil, fmt.Errorf("backbone %s: its record in the store: %w", b.Name, err)
	}
	base, err := openBackbone(path, merged(o, so))
	if err != nil {
		return nil, err
	}
	if base.Name = about.Name; base.Licence == "" {
		base.Licence = about.Facts[factLicence]
	}
	return base, nil
}

// looksLikeFile reports whether a name that is no file was meant as one. Names of published weights such as
// resnet50.keras are not.
func looksLikeFile(name string) bool {
	if _, err := backbone.Find(name); err == nil {
		return false
	}
	switch strings.ToLower(filepath.Ext(name)) {
	case ".onnx", ".pth", ".pt", ".bin", ".safetensors", ".h5", ".keras", ".whl", ".zip", ".tar":
		return true
	}
	return strings.ContainsAny(name, `/\\`)
}

// openBackbone reads the network in a file.
func openBackbone(path string, o backbone.Options) (*backbone.Backbone, error) {
	f, size, err := openRegular(path)
	if err != nil {
		return nil, fmt.Errorf("backbone: %w", err)
	}
	defer f.Close()
	return backbone.FromFile(f, size, filepath.Base(path), o)
}

// openRegular opens a file that is a file: opening a FIFO would wait for its other end.
func openRegular(path string) (*os.File, int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, fmt.Errorf("%s: not a regular file", path)
	}
	f, err := os.Open(path)
	return f, info.Size(), err
}

// options translates b's fields.
func (b *Backbone) options() (backbone.Options, error) {
	norm, err := b.normalise()
	if err != nil {
		return backbone.Options{}, err
	}
	o := backbone.Options{Arch: b.Arch, Layout: b.Layout, Cut: b.Cut, Normalise: norm, Width: b.Size, Height: b.Size, Short: b.Short}
	if b.Resize != "" {
		rule, err := transform.ParseRule(b.Resize)
		if err != nil {
			return o, err
		}
		o.Resize = &rule
	}
	if b.Filter != "" {
		filter, err := transform.ParseFilter(b.Filter)
		if err != nil {
			return o, err
		}
		o.Filter = &filter
	}
	return o, nil
}

// merged returns o with what it leaves open taken from def.
func merged(o, def backbone.Options) backbone.Options {
	o.Arch, o.Layout, o.Cut = cmp.Or(o.Arch, def.Arch), cmp.Or(o.Layout, def.Layout), cmp.Or(o.Cut, def.Cut)
	o.Normalise, o.Filter = cmp.Or(o.Normalise, def.Normalise), cmp.Or(o.Filter, def.Filter)
	o.Width, o.Height = cmp.Or(o.Width, def.Width), cmp.Or(o.Height, def.Height)
	if o.Resize == nil {
		o.Resize, o.Short = def.Resize, def.Short
	}
	return o
}
