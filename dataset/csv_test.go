package dataset

import (
	"bytes"
	"encoding/binary"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

// openTable opens a table that lies among the pictures a.jpg, b.jpg, sub/c.jpg, a text and a film.
func openTable(t *testing.T, name, content string, o Options) (*Dataset, error) {
	t.Helper()
	dir := t.TempDir()
	files := pictures("a.jpg b.jpg sub/c.jpg")
	files["x.txt"], files["x.mov"], files["x.heic"], files["t.jpg"] = "text", filmHead, heicHead, "text"
	files[name] = content
	writeFiles(t, dir, files)
	return Open(t.Context(), filepath.Join(dir, name), o)
}

func TestTable(t *testing.T) {
	for _, c := range []struct {
		name, file, content string
		o                   Options
		want                []string
		multi               bool
		note                string
	}{
		{"plain", "l.csv", "path,label\na.jpg,cat\nsub/c.jpg,dog\n", Options{}, []string{"a.jpg cat", "sub/c.jpg dog"}, false, ""},
		{"tabs, whatever the name", "l.csv", "path\tlabel\na.jpg\tcat, big\nb.jpg\tdog\n", Options{}, []string{"a.jpg cat, big", "b.jpg dog"}, false, ""},
		{"mark, carriage returns, case, order, blanks", "l.csv", "\ufeffLabel, PATH ,Split\r\n cat ,./a.jpg,TRAIN\r\n\r\ndog,sub//c.jpg,val\r\n", Options{},
			[]string{"a.jpg cat train", "sub/c.jpg dog validation"}, false, ""},
		{"no newline at the end, quotes", "l.tsv", "path,label\n\"a.jpg\",\"the \"\"cat\"\"\"\nb.jpg,dog", Options{}, []string{`a.jpg the "cat"`, "b.jpg dog"}, false, ""},
		{"more columns", "l.csv", "id,path,label\n1,a.jpg,cat\n2,b.jpg,dog\n", Options{}, []string{"a.jpg cat", "b.jpg dog"}, false, `not used: "id"`},
		{"empty split column", "l.csv", "path,label,split\na.jpg,cat,\nb.jpg,dog,\n", Options{}, []string{"a.jpg cat", "b.jpg dog"}, false, "split by seed"},
		{"repeated rows", "l.csv", "path,label\na.jpg,cat\nb.jpg,dog\n./a.jpg,cat\n", Options{}, []string{"a.jpg cat", "b.jpg dog"}, false, ""},
		{"many labels", "l.csv", "path,label\na.jpg,dog|cat|dog\nb.jpg,\nsub/c.jpg,cat\n", Options{}, []string{"a.jpg cat|dog", "b.jpg", "sub/c.jpg cat"}, true, ""},
		{"repeated rows with other labels", "l.csv", "path,label\na.jpg,dog\nb.jpg,cat\na.jpg,cat\n", Options{}, []string{"a.jpg cat|dog", "b.jpg cat"}, true, ""},
		{"bars in a name", "l.csv", `path,label` + "\n" + `a.jpg,a\|b` + "\n" + `b.jpg,a\b` + "\n", Options{}, []string{`a.jpg a\|b`, `b.jpg a\\b`}, false, ""},
		{"excluded", "l.csv", "path,label\na.jpg,dog|cat\nb.jpg,cat\nsub/c.jpg,bus\n", Options{Exclude: []string{"cat"}}, []string{"a.jpg dog", "sub/c.jpg bus"}, true, ""},
		{"bad files", "l.csv", "path,label\na.jpg,cat\nb.jpg,dog\nno.jpg,cat\nx.txt,dog\nx.mov,dog\nx.heic,dog\nt.jpg,cat\nsub,cat\n", Options{}, []string{
			"a.jpg cat", "b.jpg dog", "!no.jpg [cat]: no such file or directory", "!x.txt [dog]: not a picture: its content is text",
			"!x.mov [dog]: not a picture: its content is video", "!t.jpg [cat]: mislabelled: named .jpg, its content is text",
			"!sub [cat]: is a folder, want a regular file", "convertible: 1 heic"}, false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := openTable(t, c.file, c.content, c.o)
			if err != nil {
				t.Fatal(err)
			}
			wantLines(t, d, c.want...)
			if d.MultiLabel != c.multi {
				t.Errorf("MultiLabel is %v, want %v", d.MultiLabel, c.multi)
			}
			if !strings.Contains(strings.Join(d.Notes, "\n"), c.note) {
				t.Errorf("notes %q, want %q in them", d.Notes, c.note)
			}
			if d.Name != "l" {
				t.Errorf("name %q, want l", d.Name)
			}
			if b, err := d.ReadFile(&d.Samples[0]); err != nil || string(b) != picture("a.jpg") {
				t.Errorf("%q, %v", b, err)
			}
		})
	}
}

func TestTableErrors(t *testing.T) {
	for name, c := range map[string]struct{ content, want string }{
		"empty":            {"", "no rows"},
		"header alone":     {"path,label\n", "no rows below the header"},
		"no header":        {"a.jpg,cat\n", `line 1: the header is "a.jpg", "cat"; want path,label[,split]`},
		"semicolons":       {"path;label\na.jpg;cat\n", `"path;label"; want path,label[,split], separated by commas or tabs`},
		"column twice":     {"path,label,Path\na,b,c\n", `line 1: the column "Path" occurs twice`},
		"short row":        {"path,label\n\na.jpg\n", "line 3: 1 fields, want 2"},
		"absolute":         {"path,label\n/etc/a.jpg,cat\n", `line 2: the path "/etc/a.jpg"`},
		"outside":          {"path,label\na.jpg,cat\nsub/../../a.jpg,cat\n", `line 3: the path "sub/../../a.jpg"`},
		"no path":          {"path,label\n,cat\n", "line 2: the path is empty"},
		"the folder":       {"path,label\n.,cat\n", "line 2: the path"},
		"no label":         {"path,label\na.jpg,cat\nb.jpg, \n", "line 3: the label"},
		"empty name":       {"path,label\na.jpg,cat||dog\n", `line 2: the label "cat||dog" has an empty name`},
		"unknown split":    {"path,label,split\na.jpg,cat,hold\n", `line 2: the split is "hold", want train`},
		"split for some":   {"path,label,split\na.jpg,cat,train\nb.jpg,dog,\n", "line 3: the split is empty"},
		"two splits":       {"path,label,split\na.jpg,cat,train\na.jpg,cat,test\n", `line 3: "a.jpg" is in split "test", in line 2 in "train"`},
		"bare quote":       {"path,label\na.jpg,ca\"t\n", "line 2: bare"},
		"quote left open":  {"path,label\na.jpg,\"cat\nb.jpg,dog\n", "in the row that begins in line 2"},
		"no file is there": {"path,label\nno.jpg,cat\n", "no pictures"},
		"not UTF-8":        {"path,label\na.jpg,caf\xe9\nb.jpg,dog\n", "UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := openTable(t, "l.csv", c.content, Options{})
			wantError(t, err, "dataset: ", "l.csv", c.want)
		})
	}
	var wide bytes.Buffer
	if err := binary.Write(&wide, binary.LittleEndian, utf16.Encode([]rune("\ufeffpath,label\n"))); err != nil {
		t.Fatal(err)
	}
	_, err := openTable(t, "l.csv", wide.String(), Options{})
	wantError(t, err, "UTF-16: save it as UTF-8")
	_, err = openTable(t, "l.csv", "path,label\na.jpg,cat\n", Options{Exclude: []string{"Cat"}})
	wantError(t, err, `no class is named "Cat"; near it: "cat"`)
}

// TestTableJoinsCopies gives copies of one content in data with many labels the labels of all of them.
func TestTableJoinsCopies(t *testing.T) {
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{"1.jpg": picture("x"), "2.jpg": picture("x"), "3.jpg": picture("y"), "l.csv": "path,label\n1.jpg,a\n2.jpg,b\n3.jpg,a|c\n"})
	d, err := Open(t.Context(), filepath.Join(dir, "l.csv"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	wantLines(t, d, "1.jpg a|b", "2.jpg a|b", "3.jpg a|c")
}

func FuzzCSV(f *testing.F) {
	f.Add([]byte("path,label\na.jpg,cat\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		tab, err := parseTable(bytes.NewReader(content))
		if err != nil {
			return
		}
		for i, r := range tab.rows {
			if i > 0 && tab.rows[i-1].path >= r.path {
				t.Errorf("paths %q, %q: not ascending", tab.rows[i-1].path, r.path)
			}
			if !filepath.IsLocal(r.path) {
				t.Errorf("path %q leaves the folder", r.path)
			}
			if !slices.IsSorted(r.labels) || len(r.labels) > 1 && !tab.multiLabel || len(r.labels) == 0 && !tab.multiLabel {
				t.Errorf("labels %q, multi-label %v", r.labels, tab.multiLabel)
			}
		}
	})
}

func FuzzLabels(f *testing.F) {
	f.Add("cat", `a|b\`)
	f.Fuzz(func(t *testing.T, a, b string) {
		if a == "" && b == "" {
			return
		}
		got := splitLabels(joinLabels([]string{a, b}, []int{0, 1}))
		if !slices.Equal(got, []string{a, b}) {
			t.Errorf("%q and %q became %q", a, b, got)
		}
	})
}
