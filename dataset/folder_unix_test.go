//go:build unix

package dataset

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestSpecialFiles has what could block or never end: opening a pipe waits for a writer, and a folder
// linked into itself has no end.
func TestSpecialFiles(t *testing.T) {
	base := t.TempDir()
	dir := filepath.Join(base, "photos")
	writeFiles(t, dir, pictures("cat/1.jpg dog/2.jpg"))
	writeFiles(t, base, pictures("outside/3.jpg"))
	for _, name := range []string{"cat/pipe.jpg", "cat/pipe"} {
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	links := map[string]string{
		"cat/file.jpg": "../../outside/3.jpg", "cat/linked": "../../outside", "cat/loop": "..", "cat/self.jpg": "self.jpg",
		"dog/gone.jpg": "nowhere", "dog/topipe.jpg": "../cat/pipe.jpg", "dog/null.png": "/dev/null",
	}
	for name, to := range links {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	sock, err := net.Listen("unix", filepath.Join(dir, "dog", "sock.jpg"))
	if err != nil {
		t.Skip("no sockets here: ", err)
	}
	defer sock.Close()
	d, err := Open(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	wantLines(t, d, "cat/1.jpg cat", "cat/file.jpg cat", "dog/2.jpg dog",
		"cat/pipe [cat]: is a named pipe, want a regular file",
		"!cat/pipe.jpg [cat]: is a named pipe, want a regular file",
		"cat/linked [cat]: link to a folder: not followed",
		"cat/loop [cat]: link to a folder: not followed",
		"!cat/self.jpg [cat]: link: too many levels of symbolic links",
		"!dog/gone.jpg [dog]: link: no such file or directory",
		"!dog/topipe.jpg [dog]: is a named pipe, want a regular file",
		"!dog/null.png [dog]: is a device, want a regular file",
		"!dog/sock.jpg [dog]: is a socket, want a regular file")
	_, err = dirFS(dir).Open("cat/pipe.jpg")
	wantError(t, err, "named pipe")
	_, err = dirFS(dir).Open("../outside/3.jpg")
	wantError(t, err, "invalid")
}

func TestUnreadable(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root reads files whatever their mode is")
	}
	dir := t.TempDir()
	writeFiles(t, dir, pictures("cat/1.jpg cat/no.jpg dog/2.jpg dog/sub/3.jpg"))
	for _, name := range []string{"cat/no.jpg", "dog/sub"} {
		p := filepath.Join(dir, name)
		if err := os.Chmod(p, 0); err != nil {
			t.Fatal(err)
		}
		defer os.Chmod(p, 0o700)
	}
	d, err := Open(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	wantLines(t, d, "cat/1.jpg cat", "dog/2.jpg dog", "!cat/no.jpg [cat]: permission denied", "!dog/sub [dog]: folder: permission denied")
}

func TestNamesOnDisk(t *testing.T) {
	dir := t.TempDir()
	long := strings.Repeat("x", 251) + ".jpg"
	names := map[string]string{
		"-dash/1.jpg": picture("1"), "two words/\xff.jpg": picture("2"), "new\nline/" + long: picture("3"), "🐈/..jpg..jpg": picture("4"),
		"...a/5.jpg": picture("5"),
	}
	writeFiles(t, dir, names)
	d, err := Open(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	wantLines(t, d, "-dash/1.jpg -dash", "two words/\xff.jpg two words", "new\nline/"+long+" new\nline", "ignored: 2 hidden")
	for i := range d.Samples {
		if _, err := d.ReadFile(&d.Samples[i]); err != nil {
			t.Error(err)
		}
	}
	writeFiles(t, dir, map[string]string{"d\xff/1.jpg": picture("6")})
	_, err = Open(t.Context(), dir, Options{})
	wantError(t, err, `"d\xff"`, "UTF-8")
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{"one.jpg": picture("1"), "pdf": "%PDF-1.4", "empty": "", "sub/x": "x"})
	for name, want := range map[string]string{
		"missing": "no such file", "one.jpg": "its content is jpeg", "pdf": "its content is pdf", "empty": "its content is empty", "sub": "no pictures",
	} {
		_, err := Open(t.Context(), filepath.Join(dir, name), Options{})
		wantError(t, err, "dataset: ", want)
	}
	_, err := Open(t.Context(), os.DevNull, Options{})
	wantError(t, err, "a device, want a folder")
}
