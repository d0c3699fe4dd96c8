package dataset

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// picture returns bytes that are a JPEG's as far as this package looks, different for each name.
func picture(name string) string { return "\xff\xd8\xff\xe0" + name }

const (
	tiffHead = "II*\x00\x08\x00\x00\x00\x00\x00\x00\x00"
	heicHead = "\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"
	filmHead = "\x00\x00\x00\x14ftypqt  \x00\x00\x00\x00qt  "
)

// memory returns an fs.FS in which each file named has its picture, and those of extra their own bytes.
func memory(names string, extra map[string]string) fstest.MapFS {
	m := fstest.MapFS{}
	for name := range strings.FieldsSeq(names) {
		m[name] = &fstest.MapFile{Data: []byte(picture(name))}
	}
	for name, content := range extra {
		m[name] = &fstest.MapFile{Data: []byte(content)}
	}
	return m
}

// lines writes what d holds as sorted text: "path class split", "path: reason" with ! for bad, and counts.
func lines(d *Dataset) []string {
	var out []string
	for _, s := range d.Samples {
		out = append(out, strings.TrimSpace(s.Path+" "+joinLabels(d.Classes, s.Labels)+" "+s.Split))
	}
	for _, s := range d.Skipped {
		bad := ""
		if s.Bad {
			bad = "!"
		}
		out = append(out, fmt.Sprintf("%s%s [%s]: %s", bad, s.Path, s.Class, s.Reason))
	}
	for kind, c := range map[string]Counts{"ignored": d.Ignored, "convertible": d.Convertible} {
		if c.Total() > 0 {
			out = append(out, kind+": "+c.String())
		}
	}
	slices.Sort(out)
	return out
}

func wantLines(t *testing.T, d *Dataset, want ...string) {
	t.Helper()
	slices.Sort(want)
	if diff := cmp.Diff(want, lines(d)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// wantError checks that err names each of parts.
func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q, want %q in it", err, p)
		}
	}
}

func TestLayout(t *testing.T) {
	for _, c := range []struct {
		name, files string
		extra       map[string]string
		want        []string
	}{
		{"classes", "cat/1.jpg dog/2.jpg", nil, []string{"cat/1.jpg cat", "dog/2.jpg dog"}},
		{"deeper folders belong to the class", "cat/a/b/1.jpg cat/2.jpg dog/c/3.jpg", nil,
			[]string{"cat/2.jpg cat", "cat/a/b/1.jpg cat", "dog/c/3.jpg dog"}},
		{"wrappers", "x/y/cat/1.jpg x/y/dog/2.jpg", map[string]string{"x/README": "hello"},
			[]string{"ignored: 1 text", "x/y/cat/1.jpg cat", "x/y/dog/2.jpg dog"}},
		{"two folders are no wrapper", "x/cat/1.jpg x/dog/2.jpg y/3.jpg", nil,
			[]string{"x/cat/1.jpg x", "x/dog/2.jpg x", "y/3.jpg y"}},
		{"a folder beside a picture is no wrapper", "0.jpg x/cat/1.jpg x/dog/2.jpg", nil,
			[]string{"0.jpg []: no class: it lies beside the folders of the classes", "x/cat/1.jpg x", "x/dog/2.jpg x"}},
		{"one class is no wrapper", "x/cat/1.jpg x/cat/2.jpg", nil, []string{"x/cat/1.jpg cat", "x/cat/2.jpg cat"}},
		{"one class with a picture and a folder", "x/1.jpg x/sub/2.jpg", nil, []string{"x/1.jpg x", "x/sub/2.jpg x"}},
		{"train alone is a wrapper", "train/cat/1.jpg train/dog/2.jpg", nil, []string{"train/cat/1.jpg cat", "train/dog/2.jpg dog"}},
		{"two names for train and no other side", "Train/1.jpg train/2.jpg", nil, []string{"Train/1.jpg Train", "train/2.jpg train"}},
		{"ready", "Train/cat/1.jpg Train/dog/2.jpg test/cat/3.jpg valid/dog/4.jpg", nil,
			[]string{"Train/cat/1.jpg cat train", "Train/dog/2.jpg dog train", "test/cat/3.jpg cat test", "valid/dog/4.jpg dog validation"}},
		{"ready in wrappers, with loose files", "x/train/cat/1.jpg x/train/dog/5.jpg x/test/cat/2.jpg x/test/3.jpg", map[string]string{"x/labels.txt": "a"},
			[]string{"ignored: 1 text", "x/test/3.jpg []: no class: it lies beside the folders of the classes",
				"x/test/cat/2.jpg cat test", "x/train/cat/1.jpg cat train", "x/train/dog/5.jpg dog train"}},
		{"train beside another class is a class", "train/1.jpg test/2.jpg bus/3.jpg", nil, []string{"bus/3.jpg bus", "test/2.jpg test", "train/1.jpg train"}},
		{"test without train is a class", "test/1.jpg val/2.jpg", nil, []string{"test/1.jpg test", "val/2.jpg val"}},
		{"hidden and system files", "cat/1.jpg dog/2.jpg cat/.3.jpg .git/4.jpg __MACOSX/cat/._1.jpg",
			map[string]string{"cat/Thumbs.db": "x", "desktop.ini": "x", "dog/.DS_Store": "x"},
			[]string{"cat/1.jpg cat", "dog/2.jpg dog", "ignored: 3 hidden, 3 system"}},
		{"a phone's folder", "cat/1.jpg dog/2.jpg", map[string]string{
			"cat/1.MOV": filmHead, "cat/1.AAE": "<?xml version='1.0'?>", "cat/1.jpg.json": "{}", "cat/x": "\x00\x01",
			"dog/3.HEIC": heicHead, "dog/4.jpg": heicHead, "dog/5.NEF": tiffHead, "dog/6.cr3": "\x00\x00\x00\x18ftypcrx ", "dog/7.rw2": "\x00?",
			"dog/8.avif": "\x00\x00\x00\x1cftypavif", "dog/9.HEIC": picture("9"), "dog/10.tif": tiffHead},
			[]string{"cat/1.jpg cat", "convertible: 1 avif, 2 heic, 3 raw", "dog/10.tif dog", "dog/2.jpg dog", "dog/9.HEIC dog",
				"ignored: 1 other, 2 text, 1 video"}},
		{"mislabelled", "cat/1.jpg dog/2 dog/3.txt", map[string]string{
			"cat/empty.jpg": "", "cat/text.JPG": "hello", "dog/page.png": "<html>404</html>", "cat/film.jpeg": filmHead, "cat/e.heic": ""},
			[]string{"!cat/e.heic [cat]: the file is empty", "!cat/empty.jpg [cat]: the file is empty",
				"!cat/film.jpeg [cat]: mislabelled: named .jpeg, its content is video",
				"!cat/text.JPG [cat]: mislabelled: named .jpg, its content is text",
				"!dog/page.png [dog]: mislabelled: named .png, its content is text",
				"cat/1.jpg cat", "dog/2 dog", "dog/3.txt dog"}},
		{"one picture under two classes", "cat/1.jpg dog/2.jpg", map[string]string{"cat/x.jpg": picture("x"), "dog/y.jpg": picture("x"), "dog/z.jpg": picture("x")},
			[]string{"cat/1.jpg cat", "cat/x.jpg [cat]: same content as dog/y.jpg, which is under another class", "dog/2.jpg dog",
				"dog/y.jpg [dog]: same content as cat/x.jpg, which is under another class",
				"dog/z.jpg [dog]: same content as cat/x.jpg, which is under another class"}},
		{"copies in one class", "dog/2.jpg", map[string]string{"cat/x.jpg": picture("x"), "cat/y.jpg": picture("x")},
			[]string{"cat/x.jpg cat", "cat/y.jpg cat", "dog/2.jpg dog"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := OpenFS(t.Context(), memory(c.files, c.extra), "photos", Options{})
			if err != nil {
				t.Fatal(err)
			}
			wantLines(t, d, c.want...)
		})
	}
}

func TestUnlabelled(t *testing.T) {
	files := memory("0.jpg cat/1.jpg cat/sub/2.jpg train/3.jpg", map[string]string{"a/x.jpg": picture("x"), "b/y.jpg": picture("x"), "cat/t.jpg": "hello"})
	d, err := OpenFS(t.Context(), files, "photos", Options{Unlabelled: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Classes) != 0 || d.MultiLabel {
		t.Errorf("classes %v, multi-label %v, want none", d.Classes, d.MultiLabel)
	}
	wantLines(t, d, "!cat/t.jpg []: mislabelled: named .jpg, its content is text",
		"0.jpg", "a/x.jpg", "b/y.jpg", "cat/1.jpg", "cat/sub/2.jpg", "train/3.jpg")
	_, err = OpenFS(t.Context(), files, "photos", Options{Unlabelled: true, Exclude: []string{"cat"}})
	wantError(t, err, "Exclude", "Unlabelled")
}

func TestOpenFSErrors(t *testing.T) {
	two := memory("cat/1.jpg dog/2.jpg", nil)
	for _, c := range []struct {
		name string
		fsys fstest.MapFS
		o    Options
		want []string
	}{
		{"nothing", memory("", nil), Options{}, []string{"dataset: photos: no pictures"}},
		{"only films and text", memory("", map[string]string{"a/1.mov": filmHead, "b/2.txt": "x"}), Options{}, []string{"no pictures", "1 text, 1 video"}},
		{"only phone pictures", memory("", map[string]string{"a/1.heic": heicHead}), Options{}, []string{"no pictures", "1 heic", "mogrify"}},
		{"only a bad picture", memory("", map[string]string{"a/1.jpg": ""}), Options{}, []string{"no pictures", "1 skipped, the first: a/1.jpg: the file is empty"}},
		{"no class", memory("1.jpg 2.jpg", nil), Options{}, []string{"2 pictures and no class"}},
		{"unknown exclusion", two, Options{Exclude: []string{"Cats"}}, []string{`no class is named "Cats"`, `near it: "cat"`}},
		{"exclusion with a slip", two, Options{Exclude: []string{"dgo", "ca"}}, []string{`"dgo"; near it: "dog"`, `"ca"; near it: "cat"`}},
		{"exclusion far from all", two, Options{Exclude: []string{"helicopter"}}, []string{`the classes are "cat", "dog"`}},
		{"all excluded", two, Options{Exclude: []string{"cat", "dog"}}, []string{"no pictures"}},
		{"options", two, Options{Threads: -1, MaxBytes: -2}, []string{"Threads is -1", "MaxBytes is -2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := OpenFS(t.Context(), c.fsys, "photos", c.o)
			wantError(t, err, c.want...)
		})
	}
}

func TestExclude(t *testing.T) {
	m := memory("cat/1.jpg dog/2.jpg other/3.jpg", map[string]string{"other/4.jpg": picture("cat/1.jpg"), "other/5.jpg": ""})
	d, err := OpenFS(t.Context(), m, "photos", Options{Exclude: []string{"other"}})
	if err != nil {
		t.Fatal(err)
	}
	// A copy in a class that is left out is no conflict, and its bad files are not listed.
	wantLines(t, d, "cat/1.jpg cat", "dog/2.jpg dog")
	if want := []string{"cat", "dog"}; !slices.Equal(d.Classes, want) {
		t.Errorf("classes %q, want %q", d.Classes, want)
	}
}

func TestNotes(t *testing.T) {
	m := memory("Cat/1.jpg cat/2.jpg caf\u00e9/3.jpg cafe\u0301/4.jpg", map[string]string{"empty/x.txt": "x"})
	d, err := OpenFS(t.Context(), m, "photos", Options{})
	if err != nil {
		t.Fatal(err)
	}
	notes := strings.Join(d.Notes, "\n")
	for _, want := range []string{`no picture to use, so no class: "empty"`, `"Cat" and "cat"`, `"cafe\u0301" and "caf\u00e9"`} {
		if !strings.Contains(notes, want) {
			t.Errorf("notes %q, want %q in them", notes, want)
		}
	}
	if len(d.Classes) != 4 {
		t.Errorf("classes %q, want all four apart", d.Classes)
	}
}

func TestReadFile(t *testing.T) {
	m := memory("cat/1.jpg cat/2.jpg cat/3.jpg dog/4.jpg", nil)
	d, err := OpenFS(t.Context(), m, "photos", Options{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := d.ReadFile(&d.Samples[0])
	if err != nil || string(b) != picture("cat/1.jpg") {
		t.Errorf("got %q, %v", b, err)
	}
	m["cat/1.jpg"].Data = []byte(picture("cat/1.JPG"))
	m["cat/2.jpg"].Data = []byte(picture("longer than it was"))
	delete(m, "cat/3.jpg")
	for i, want := range []string{"other content", "changed since it was listed", "not exist"} {
		_, err = d.ReadFile(&d.Samples[i])
		wantError(t, err, d.Samples[i].Path, want)
	}
}

func TestLimitOfFile(t *testing.T) {
	m := memory("cat/1.jpg dog/2.jpg", map[string]string{"dog/3.jpg": picture(strings.Repeat("x", 100)), "dog/film.mov": filmHead + strings.Repeat("x", 100)})
	d, err := OpenFS(t.Context(), m, "photos", Options{MaxFileBytes: 50})
	if err != nil {
		t.Fatal(err)
	}
	wantLines(t, d, "cat/1.jpg cat", "dog/2.jpg dog", "!dog/3.jpg [dog]: has 104 bytes, more than the limit, 50", "ignored: 1 video")
}

// sized is a source of one file that states another length than it has.
type sized struct {
	content string
	stated  int64
}

func (s sized) open(file) (io.ReadCloser, int64, error) {
	return io.NopCloser(strings.NewReader(s.content)), s.stated, nil
}

func (sized) Close() error { return nil }

func TestFileThatChanges(t *testing.T) {
	long := picture(strings.Repeat("x", 9000))
	for _, c := range []struct {
		s    sized
		want string
	}{
		{sized{long, int64(len(long))}, ""},
		{sized{long, int64(len(long)) - 1}, "changed while it was read"},
		{sized{long, int64(len(long)) + 1}, "changed while it was read"},
		{sized{picture("x"), 100}, "ends before its stated length"},
	} {
		v := inspectFile(c.s, file{path: "1.jpg"}, 1<<20, make([]byte, 64<<10))
		if c.want == "" && v.reason != "" || !strings.Contains(v.reason, c.want) {
			t.Errorf("%d bytes stated, %d there: %q, want %q", c.s.stated, len(c.s.content), v.reason, c.want)
		}
	}
}

// TestManyFiles has more files than a block of inspect and more classes than a screen. The result must
// not depend on the number of threads.
func TestManyFiles(t *testing.T) {
	m := fstest.MapFS{}
	for i := range 10_000 {
		name := fmt.Sprintf("c%04d/%d.jpg", i%500, i)
		m[name] = &fstest.MapFile{Data: []byte(picture(name))}
	}
	var got [2]*Dataset
	for i, threads := range []int{1, 4} {
		var err error
		if got[i], err = OpenFS(t.Context(), m, "many", Options{Threads: threads}); err != nil {
			t.Fatal(err)
		}
	}
	if len(got[0].Classes) != 500 || len(got[0].Samples) != len(m) {
		t.Fatalf("%d classes, %d samples", len(got[0].Classes), len(got[0].Samples))
	}
	if diff := cmp.Diff(got[0].Samples, got[1].Samples, cmp.AllowUnexported(Sample{})); diff != "" {
		t.Errorf("1 and 4 threads differ:\n%s", diff)
	}
}

func BenchmarkOpenFolder(b *testing.B) {
	dir := b.TempDir()
	files := map[string]string{}
	for i := range 20_000 {
		name := fmt.Sprintf("c%03d/%d.jpg", i%100, i)
		files[name] = picture(name)
	}
	writeFiles(b, dir, files)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Open(b.Context(), dir, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

// writeFiles writes files to disk, by slash-separated path within dir.
func writeFiles(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(files[name]), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// pictures returns the contents of the files named, for writeFiles.
func pictures(names string) map[string]string {
	m := map[string]string{}
	for name := range strings.FieldsSeq(names) {
		m[name] = picture(name)
	}
	return m
}
