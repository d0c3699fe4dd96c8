package backbone

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// Published is a weights file that somebody has published: what it is known by, and the facts for its use
// that the file itself does not hold. Its layout says the rest: padding, the epsilon of batch norms.
type Published struct {
	Tag    string // the name in the list is the architecture's with ".Tag" behind it
	Layout string

	URL    string // where it lies; "" where only an import can bring it
	File   string // file name
	Size   int64  // in bytes; 0 where it is not known
	SHA256 string // all 64 digits, or those that are part of the file name
	MD5    string // where the publisher gives that alone

	Licence string
	Input   string  // as transform.ParseMode knows it
	Resize  string  // how it was evaluated, as transform.ParseSpec reads it
	Top1    float64 // published accuracy on ImageNet's validation pictures, in percent
	Recipe  string  // how it was trained: "plain", or what was added
}

// NonCommercial reports whether the licence forbids the use in business.
func (p *Published) NonCommercial() bool {
	l := strings.ToLower(p.Licence)
	return strings.Contains(l, "-nc-") || strings.Contains(l, "noncommercial")
}

// is reports whether p is the file that id is the identity of.
func (p *Published) is(id identity) bool {
	switch {
	case p.SHA256 != "":
		return strings.HasPrefix(hex.EncodeToString(id.sha256[:]), p.SHA256)
	case p.MD5 != "":
		return p.MD5 == hex.EncodeToString(id.md5[:])
	}
	return false
}

// findPublished returns the published file of that identity, or nil.
func findPublished(id identity) (*arch, *Published) {
	for _, a := range archs {
		for i := range a.files {
			if p := &a.files[i]; p.is(id) {
				return a, p
			}
		}
	}
	return nil, nil
}

// fullName is what p is called in lists.
func (a *arch) fullName(p *Published) string { return a.name + "." + p.Tag }

// An Entry is a line of the list of backbones.
type Entry struct {
	Name string
	Arch string
	Size int // pixels a side
	Published

	Params   int64   // without the classifier
	GFLOPs   float64 // of one picture, a multiply-add counted as two, without the classifier
	Features int     // width
	Default  bool    // the bare name of the architecture means this one
}

// List returns all published files that graft knows, family by family.
func List() ([]Entry, error) {
	var list []Entry
	for _, a := range archs {
		for i := range a.files {
			e, err := a.entry(i)
			if err != nil {
				return nil, err
			}
			list = append(list, e)
		}
	}
	return list, nil
}

// Find returns the entry called name: an architecture, or an architecture with a tag.
func Find(name string) (Entry, error) {
	var near []string
	base, _, _ := strings.Cut(name, ".")
	for _, a := range archs {
		for i := range a.files {
			full := a.fullName(&a.files[i])
			if name == full || name == a.name && i == 0 {
				return a.entry(i)
			}
			if a.name == base {
				near = append(near, full)
			}
		}
	}
	if near != nil {
		return Entry{}, fmt.Errorf("no published weights %q; of %s there are %s", name, base, strings.Join(near, ", "))
	}
	return Entry{}, fmt.Errorf("no backbone is called %q, and no file either (graft backbones list shows the names)", name)
}

// entry describes the i-th published file of a.
func (a *arch) entry(i int) (Entry, error) {
	p := &a.files[i]
	e := Entry{Name: a.fullName(p), Arch: a.name, Size: a.size, Published: *p, Default: i == 0}
	lay, err := a.layout(p.Layout)
	if err != nil {
		return e, err
	}
	n, err := a.newNet(lay, a.size, a.size, 0)
	if err != nil {
		return e, err
	}
	for _, q := range n.params {
		k, err := q.t.Shape.Elems()
		if err != nil {
			return e, err
		}
		e.Params += int64(k)
	}
	e.GFLOPs, e.Features = 2*float64(n.macs)/1e9, n.features
	return e, nil
}
