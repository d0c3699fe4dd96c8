package backbone

import (
	"encoding/hex"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/graft-ml/graft/internal/hub"
	"github.com/graft-ml/graft/internal/transform"
)

// Every line of the table can be used: its architecture and layout exist, its facts parse, its name is a name for
// the store, and a download of it could be verified.
func TestPublishedTable(t *testing.T) {
	digest := regexp.MustCompile(`^[0-9a-f]{8,64}$`)
	names := map[string]bool{}
	total := 0
	for _, a := range archs {
		if (len(a.files()) == 0) != a.unpublished {
			t.Errorf("%s: %d published weights", a.name, len(a.files()))
		}
		total += len(a.files())
		for i := range a.files() {
			p := &a.files()[i]
			name := a.fullName(p)
			if names[name] {
				t.Errorf("%s: twice", name)
			}
			names[name] = true
			if _, err := a.layout(p.Layout); err != nil {
				t.Error(err)
			}
			if _, err := transform.ParseMode(p.Input); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if spec, err := transform.ParseSpec(p.Resize); err != nil || spec.Width < minInput || spec.Width > maxInput {
				t.Errorf("%s: %v, %v", name, spec, err)
			}
			if err := hub.CheckName(name); err != nil {
				t.Error(err)
			}
			if id := identityOf(t, p); id != (Identity{}) {
				if _, known := findPublished(id); known != p {
					t.Errorf("%s: its digest is another's too: %+v", name, known)
				}
			}
			if p.SHA256 != "" && !digest.MatchString(p.SHA256) || p.MD5 != "" && len(p.MD5) != 32 {
				t.Errorf("%s: digests %q, %q", name, p.SHA256, p.MD5)
			}
			if p.Licence == "" || p.SHA256 == "" && p.MD5 == "" && p.Hub == "" {
				t.Errorf("%s: licence %q, and nothing to verify it by", name, p.Licence)
			}
		}
	}
	lines := 0
	for _, list := range publishedTable() {
		lines += len(list)
	}
	if lines != total {
		t.Errorf("%d of %d lines belong to no architecture", lines-total, lines)
	}
}

// identityOf is what p is known by, as far as the table has it.
func identityOf(t *testing.T, p *Published) (id Identity) {
	t.Helper()
	sha, err := hex.DecodeString(p.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := hex.DecodeString(p.MD5)
	if err != nil {
		t.Fatal(err)
	}
	copy(id.sha256[:], sha)
	copy(id.md5[:], sum)
	return id
}

func TestNonCommercial(t *testing.T) {
	for licence, want := range map[string]bool{"cc-by-nc-4.0": true, "apache-2.0": false, "BSD-3-Clause": false, "fair-noncommercial-research-license": true} {
		if got := (&Published{Licence: licence}).NonCommercial(); got != want {
			t.Errorf("%s: %v", licence, got)
		}
	}
}

// Networks have as many parameters as the libraries count.
func TestParameterCounts(t *testing.T) {
	text, err := os.ReadFile("../../testdata/backbones/published.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var columns []string
	checked := 0
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.TrimSpace(line), "\t")
		if strings.HasPrefix(line, "#") {
			continue
		}
		if columns == nil {
			columns = cells
			continue
		}
		cell := func(name string) string { return cells[slices.Index(columns, name)] }
		which, ok := goldenNets[cell("library")+"."+cell("model")]
		want, err := strconv.ParseInt(cell("params"), 10, 64)
		if !ok || err != nil || cell("classes") != "1000" {
			continue
		}
		checked++
		a, err := findArch(which.arch)
		if err != nil {
			t.Fatal(err)
		}
		lay, err := a.layout(which.layout)
		if err != nil {
			t.Fatal(err)
		}
		n, err := a.newNet(lay, a.size, a.size, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if got := trained(n.params); got != want {
			t.Errorf("%s.%s: %d parameters, want %d", cell("library"), cell("model"), got, want)
		}
	}
	if checked < 40 {
		t.Errorf("%d networks were counted", checked)
	}
}

// Keras pairs layers by order, so that ours must stand in Keras's.
func TestKerasLayerOrder(t *testing.T) {
	text, err := os.ReadFile("../../testdata/backbones/keras_layers.tsv")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "\t")
		if !strings.HasPrefix(line, "#") && cells[0] != "application" {
			name := cells[1][strings.LastIndexByte(cells[1], '/')+1:] // without the nested model that holds it
			want[cells[0]] = append(want[cells[0]], name)
		}
	}
	for application, names := range want {
		which, ok := goldenNets["keras."+application]
		if !ok {
			t.Errorf("%s is no network of ours", application)
			continue
		}
		a, err := findArch(which.arch)
		if err != nil {
			t.Fatal(err)
		}
		lay, err := a.layout(which.layout)
		if err != nil {
			t.Fatal(err)
		}
		n, err := a.newNet(lay, a.size, a.size, 1000)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, layer := range layerNames(n.params) {
			got = append(got, lay.fileName(layer))
		}
		if !slices.Equal(got, names) {
			for i := range min(len(got), len(names)) {
				if got[i] != names[i] {
					t.Errorf("%s: layer %d is %s, want %s", application, i, got[i], names[i])
					break
				}
			}
			t.Errorf("%s: %d layers, want %d", application, len(got), len(names))
		}
	}
}

// The documents' table says what the list says.
func TestDocumentedTable(t *testing.T) {
	text, err := os.ReadFile("../../docs/backbones.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range archs {
		entries, err := Find(a.name)
		if err != nil {
			t.Fatal(err)
		}
		e := entries[0]
		top := "–"
		if e.Top1 > 0 {
			top = fmt.Sprintf("%.1f %%", e.Top1)
		}
		row := fmt.Sprintf("| `%s` | %.1f M | %.2f | %d | %d | %s |", a.name, float64(e.Params)/1e6, e.GFLOPs, e.Pixels, e.Features, top)
		if !strings.Contains(string(text), row) {
			t.Errorf("docs/backbones.md lacks %s", row)
		}
	}
}
