// Package hub keeps weight files on disk and fetches them, resumable and verified, from where they are published.
//
// Input is an [Entry], which names a published file and its digest, or any reader of a file to import; output
// is the path of a file in a [Store] and an [About], which says what it is. A file is seen in the store only
// when it is whole, verified and durable, whatever process was killed in between. Nothing is known here of
// what a weight file holds: the caller gives a check that a file must pass.
package hub

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Entry is what is known of a published file. At least one digest must be known: a file that cannot be
// verified is not fetched, only imported.
type Entry struct {
	Name   string // in the store: letters, digits and _ . -, at most 80, the first neither . nor -
	URL    string // https://…; empty for a file that can only be imported
	File   string // the file's own name, at most 198 of the same characters and +
	Size   int64  // in bytes; 0 if unknown
	SHA256 string // 64 lower-case hex digits, or at least the first 8 where only they are published; or empty
	MD5    string // 32 lower-case hex digits, where the publisher names only that; or empty

	// HubDigest says that the server itself names the file's SHA-256, as Hugging Face does: in
	// X-Linked-Etag, or in ETag, of an answer of the host that URL (or the mirror) names.
	HubDigest bool
}

// About is what the store knows of a file that it holds.
type About struct {
	Name   string            `json:"name"`
	File   string            `json:"file"`   // name of the file when it came
	Size   int64             `json:"size"`   // in bytes
	SHA256 string            `json:"sha256"` // 64 lower-case hex digits
	Source string            `json:"source"` // URL, or name of the imported file
	Facts  map[string]string `json:"facts,omitempty"`
}

// DefaultDir returns the folder of the store where the user names none: graft/backbones in the user's cache
// directory.
func DefaultDir() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("weights store: %w", err)
	}
	return filepath.Join(dir, "graft", "backbones"), nil
}

var (
	nameForm   = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}$`)
	fileForm   = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.+-]{0,199}$`)
	prefixForm = regexp.MustCompile(`^[0-9a-f]{8,64}$`)
	sha256Form = regexp.MustCompile(`^[0-9a-f]{64}$`)
	md5Form    = regexp.MustCompile(`^[0-9a-f]{32}$`)
)

// CheckName says what is wrong with a name for the store, or nil. Such a name is one path element, on every
// system: filepath.IsLocal knows the names that Windows reserves.
func CheckName(name string) error {
	if !nameForm.MatchString(name) || !filepath.IsLocal(name) {
		return fmt.Errorf("name %q: want letters, digits, _ . and -, at most 80, beginning with a letter, a digit or _", name)
	}
	return nil
}

// maxFile is the longest name of a file that comes; in the store it may have two characters more, see slot.
const maxFile = 198

func checkFile(file string) error {
	if !fileForm.MatchString(file) || !filepath.IsLocal(file) || strings.EqualFold(file, aboutFile) {
		return fmt.Errorf("file name %q: want letters, digits, _ . + and -, at most 198, beginning with a letter, a digit or _", file)
	}
	return nil
}

// cleanFile makes a file name of any name that a user's file has.
func cleanFile(name string) string {
	b := []byte(name)
	for i, c := range b {
		if !fileForm.Match([]byte{'_', c}) {
			b[i] = '_'
		}
	}
	if n := len(b) - maxFile; n > 0 {
		b = b[n:] // the end says what kind of file it is
	}
	if !fileForm.Match(b) || strings.EqualFold(string(b), aboutFile) {
		return "_" + string(b[min(1, len(b)):])
	}
	return string(b)
}

func (e Entry) check() error {
	if err := checkFile(e.File); err != nil {
		return err
	}
	switch {
	case len(e.File) > maxFile:
		return fmt.Errorf("file name %q: longer than %d", e.File, maxFile)
	case e.SHA256 != "" && !prefixForm.MatchString(e.SHA256):
		return fmt.Errorf("sha256 %q: want 8 to 64 lower-case hex digits", e.SHA256)
	case e.MD5 != "" && !md5Form.MatchString(e.MD5):
		return fmt.Errorf("md5 %q: want 32 lower-case hex digits", e.MD5)
	case e.SHA256 == "" && e.MD5 == "" && !e.HubDigest:
		return fmt.Errorf("%s has no published digest to verify it by: %s", e.File, e.byHand())
	case e.Size < 0:
		return fmt.Errorf("size %d", e.Size)
	}
	return nil
}

// byHand says how to get the file without this package.
func (e Entry) byHand() string {
	from := ""
	if e.URL != "" {
		from = " from " + e.URL
	}
	name := ""
	if e.HubDigest { // nothing in the file tells which one it is
		name = " --name " + e.Name
	}
	return fmt.Sprintf("get %s%s and run: graft backbones import %s%s", e.File, from, e.File, name)
}

// address returns the URL to ask: the entry's, or with a mirror the mirror's with the entry's path and query
// appended. The published one must be https; a mirror may be http, for localhost and intranets.
func (e Entry) address(mirror string) (*url.URL, error) {
	u, err := url.Parse(e.URL)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.Opaque != "" {
		return nil, fmt.Errorf("address %q: want https://HOST/PATH", e.URL)
	}
	u.Fragment = ""
	if mirror == "" {
		return u, nil
	}
	m, err := url.Parse(mirror)
	if err != nil || m.Scheme != "https" && m.Scheme != "http" || m.Host == "" || m.RawQuery != "" || m.Fragment != "" {
		return nil, errors.New("mirror: want https://HOST or https://HOST/PREFIX; the path of the published address is appended")
	}
	m = m.JoinPath(u.EscapedPath())
	m.RawQuery = u.RawQuery
	return m, nil
}

// shown is u without what may be secret in it: a password, the signature in a query.
func shown(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
}
