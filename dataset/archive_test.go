package dataset

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// member is one of an archive: a regular file unless flag, a tar type, says otherwise.
type member struct {
	name, content string
	flag          byte
}

var usual = []member{
	{"./x/", "", tar.TypeDir}, {"x/dog/1.jpg", picture("1"), 0}, {"x/cat/2.jpg", picture("2"), 0}, {"x/cat/3.png", "text", 0},
	{"x/notes.txt", "text", 0}, {"__MACOSX/x/._1.jpg", "x", 0},
}

// evil is what no archive of pictures should hold.
var evil = []member{
	{"../up.jpg", picture("3"), 0}, {"/etc/abs.jpg", picture("4"), 0}, {"x/cat/../../../deep.jpg", picture("5"), 0},
	{"x/cat/soft.jpg", "/etc/passwd", tar.TypeSymlink}, {"x/cat/2.jpg", picture("other"), 0}, {"../notes.txt", "x", 0},
}

// evilTar is what only a tar can hold.
var evilTar = []member{
	{"x/cat/hard.jpg", "x/dog/1.jpg", tar.TypeLink}, {"x/cat/null.jpg", "", tar.TypeChar}, {"x/cat/pipe.jpg", "", tar.TypeFifo},
}

func tarOf(t testing.TB, members ...member) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range members {
		h := &tar.Header{Name: m.name, Typeflag: m.flag, Mode: 0o644}
		switch m.flag {
		case 0:
			h.Typeflag, h.Size = tar.TypeReg, int64(len(m.content))
		case tar.TypeLink, tar.TypeSymlink:
			h.Linkname = m.content
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if m.flag == 0 {
			if _, err := io.WriteString(w, m.content); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipOf(t testing.TB, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zipOf(t testing.TB, members ...member) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, m := range members {
		h := &zip.FileHeader{Name: m.name, Method: zip.Deflate}
		if m.flag == tar.TypeSymlink {
			h.SetMode(fs.ModeSymlink | 0o777)
		}
		f, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if m.content == "" {
			continue
		}
		if _, err := io.WriteString(f, m.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// openBytes opens a file with the given name and content.
func openBytes(t testing.TB, name string, content []byte, o Options) (*Dataset, error) {
	t.Helper()
	p := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(p, content, 0o666); err != nil {
		t.Fatal(err)
	}
	o.TempDir = t.TempDir()
	d, err := Open(t.Context(), p, o)
	if err != nil {
		left, _ := os.ReadDir(o.TempDir)
		if len(left) > 0 {
			t.Errorf("left in the temporary folder: %v", left)
		}
		return nil, err
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		if left, _ := os.ReadDir(o.TempDir); len(left) > 0 {
			t.Errorf("left in the temporary folder: %v", left)
		}
	})
	return d, nil
}

// TestArchives opens the same members from each kind of archive, whatever its name says.
func TestArchives(t *testing.T) {
	all := slices.Concat(usual, evil)
	want := []string{
		"x/cat/2.jpg cat", "x/dog/1.jpg dog", "!x/cat/3.png [cat]: mislabelled: named .png, its content is text", "ignored: 1 system, 1 text",
		"!../up.jpg []: its path leads out of the archive", "!/etc/abs.jpg []: its path leads out of the archive",
		"../notes.txt []: its path leads out of the archive",
		"!x/cat/../../../deep.jpg []: its path leads out of the archive",
		"!x/cat/soft.jpg [cat]: link in an archive: not followed", "!x/cat/2.jpg [cat]: repeats the name of an earlier member",
	}
	wantTar := append([]string{
		"!x/cat/hard.jpg [cat]: link in an archive: not followed", "!x/cat/null.jpg [cat]: device in an archive: not followed",
		"!x/cat/pipe.jpg [cat]: named pipe in an archive: not followed",
	}, want...)
	allTar := tarOf(t, slices.Concat(all, evilTar)...)
	for _, c := range []struct {
		name    string
		content []byte
		want    []string
	}{
		{"pets.zip", zipOf(t, all...), want}, {"pets.tar", allTar, wantTar},
		{"pets.tar.gz", gzipOf(t, allTar), wantTar}, {"pets.TGZ", gzipOf(t, allTar), wantTar}, {"pets", zipOf(t, all...), want},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := openBytes(t, c.name, c.content, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if d.Name != "pets" {
				t.Errorf("name %q, want pets", d.Name)
			}
			wantLines(t, d, c.want...)
			for i, want := range []string{picture("2"), picture("1")} {
				b, err := d.ReadFile(&d.Samples[i])
				if err != nil || string(b) != want {
					t.Errorf("%s: %q, %v", d.Samples[i].Path, b, err)
				}
			}
		})
	}
}

// TestBackslashes reads the zip files of programs that write Windows paths.
func TestBackslashes(t *testing.T) {
	d, err := openBytes(t, "a.zip", zipOf(t, member{`cat\1.jpg`, picture("1"), 0}, member{`dog\2.jpg`, picture("2"), 0}, member{`..\3.jpg`, picture("3"), 0}), Options{})
	if err != nil {
		t.Fatal(err)
	}
	wantLines(t, d, "cat/1.jpg cat", "dog/2.jpg dog", "!../3.jpg []: its path leads out of the archive")
}

func TestDamagedArchives(t *testing.T) {
	long := append([]member{{"cat/big.jpg", picture(strings.Repeat("abc\x00", 5000)), 0}}, usual...)
	plain, packed := tarOf(t, long...), zipOf(t, usual...)
	zipped := gzipOf(t, plain)
	flipped := slices.Clone(zipped)
	flipped[len(flipped)-5] ^= 1 // in the checksum
	stored := bytes.Replace(packed, []byte("PK\x01\x02"), []byte("PK\x01\x09"), 1)
	for _, c := range []struct {
		name    string
		content []byte
		o       Options
		want    string
	}{
		{"cut.tar", plain[:10000], Options{}, "the archive is cut"},
		{"cut.tar.gz", zipped[:len(zipped)/2], Options{}, "the archive is cut"},
		{"within.tar.gz", gzipOf(t, plain[:10000]), Options{}, "the archive is cut"},
		{"cut.zip", packed[:len(packed)-30], Options{}, "cut or damaged"},
		{"list.zip", stored, Options{}, "cut or damaged"},
		{"sum.tar.gz", flipped, Options{}, "damaged: gzip: invalid checksum"},
		{"text.tar.gz", gzipOf(t, bytes.Repeat([]byte("hello"), 500)), Options{}, "not a tar archive"},
		{"empty.tar.gz", gzipOf(t, tarOf(t)), Options{}, "no pictures"},
		{"empty.zip", zipOf(t), Options{}, "no pictures"},
		{"many.tar", plain, Options{MaxMembers: 3}, "more members than the limit, 3"},
		{"many.zip", packed, Options{MaxMembers: 3}, "more members than the limit, 3"},
		{"large.tar.gz", zipped, Options{MaxBytes: 9000}, "more than 9000 bytes"},
		{"large.zip", zipOf(t, long...), Options{MaxBytes: 9000}, "more than 9000 bytes"},
		{"old.7z", []byte("7z\xbc\xaf'\x1c...."), Options{}, "its content is archive"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := openBytes(t, c.name, c.content, c.o)
			wantError(t, err, "dataset: ", c.name, c.want)
		})
	}
}

func TestBomb(t *testing.T) {
	o, err := Options{}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		total, size int64
		ok          bool
	}{
		{freeBytes, 10, true}, {freeBytes + 1, 10, false}, {10 << 30, 9 << 30, true}, {65 << 30, 60 << 30, false}, {20 << 30, 20 << 20, false},
	} {
		if err := o.checkBytes(c.total, c.size); (err == nil) != c.ok {
			t.Errorf("%d bytes from %d: %v", c.total, c.size, err)
		}
	}
	// A member that states more than it holds, in the list at the end, where the size is the third word
	// after the signature's sixteen bytes.
	b := zipOf(t, usual...)
	i := bytes.Index(b, []byte("PK\x01\x02"))
	copy(b[i+24:], "\xf0\xff\xff\xff")
	_, err = openBytes(t, "bomb.zip", b, Options{})
	wantError(t, err, "decompression bomb")
}

// TestDamagedMember has a picture whose checksum is wrong: it is named, and the others are used.
func TestDamagedMember(t *testing.T) {
	b := zipOf(t, member{"cat/1.jpg", picture(strings.Repeat("1", 5000)), 0}, member{"dog/2.jpg", picture("2"), 0}, member{"dog/3.jpg", picture("3"), 0})
	i := bytes.Index(b, []byte("PK\x01\x02"))
	b[i+16] ^= 1                                       // the first member's checksum
	b[bytes.LastIndex(b, []byte("PK\x01\x02"))+8] |= 1 // the last member's flag of encryption
	d, err := openBytes(t, "a.zip", b, Options{})
	if err != nil {
		t.Fatal(err)
	}
	wantLines(t, d, "!cat/1.jpg [cat]: zip: checksum error", "dog/2.jpg dog", "!dog/3.jpg [dog]: encrypted")
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	files := pictures("photos/cat/1.jpg photos/dog/2.jpg")
	files["a.zip"], files["a.tar.gz"] = string(zipOf(t, usual...)), string(gzipOf(t, tarOf(t, usual...)))
	files["a.csv"] = "path,label\nphotos/cat/1.jpg,cat\n"
	writeFiles(t, dir, files)
	for _, name := range []string{"photos", "a.zip", "a.tar.gz", "a.csv"} {
		if _, err := Open(ctx, filepath.Join(dir, name), Options{}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want %v", name, err, context.Canceled)
		}
	}
}

// TestCaltech lists a real archive. GRAFT_DATA is the folder that holds it.
func TestCaltech(t *testing.T) {
	dir := os.Getenv("GRAFT_DATA")
	if dir == "" {
		t.Skip("GRAFT_DATA does not name a folder with 101_ObjectCategories.tar.gz")
	}
	d, err := Open(t.Context(), filepath.Join(dir, "101_ObjectCategories.tar.gz"), Options{Exclude: []string{"BACKGROUND_Google"}})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	s, err := d.Split(SplitOptions{Test: 0.35})
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Classes) != 101 || len(d.Samples) != 8677 || len(d.Skipped) != 0 {
		t.Errorf("%d classes, %d pictures, skipped %v", len(d.Classes), len(d.Samples), d.Skipped)
	}
	if train := len(s.Train) + len(s.Validation); train != 5594 || len(s.Test) != 3083 {
		t.Errorf("%d for training, %d for test, want 5594 and 3083", train, len(s.Test))
	}
	for _, i := range []int{0, 4000, 8676} {
		if b, err := d.ReadFile(&d.Samples[i]); err != nil || int64(len(b)) != d.Samples[i].Size {
			t.Errorf("%s: %d bytes, %v", d.Samples[i].Path, len(b), err)
		}
	}
}
