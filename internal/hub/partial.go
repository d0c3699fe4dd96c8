package hub

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/graft-ml/graft/internal/atomicfile"
)

// partialFile is what has come of a download, and partialOrigin says of what: both are left by a process that
// was killed, for the next one to go on with. A name has one download at a time, so fixed names do.
const (
	partialFile   = ".partial"
	partialOrigin = ".partial.json"
)

// origin tells whether bytes to come belong to those that are there.
type origin struct {
	URL    string `json:"url"`
	ETag   string `json:"etag,omitempty"`   // strong, with its quotes; without one nothing is resumed
	Size   int64  `json:"size,omitempty"`   // of the whole file; 0 if unknown
	SHA256 string `json:"sha256,omitempty"` // as the server named it
}

// partial is the file that a download writes: have bytes of what origin says.
type partial struct {
	folder string
	f      *os.File
	onDisk int64 // size of f
	have   int64
	origin origin
}

// openPartial opens what is there of e from url. What is there of anything else is as good as nothing.
func openPartial(folder, url string, e Entry) (*partial, error) {
	f, err := os.OpenFile(filepath.Join(folder, partialFile), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	p := &partial{folder: folder, f: f}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	p.onDisk = info.Size()
	var o origin
	b, err := readSmall(filepath.Join(folder, partialOrigin))
	if err != nil || json.Unmarshal(b, &o) != nil {
		return p, nil
	}
	if o.URL == url && o.serves(e, p.onDisk) {
		p.have, p.origin = p.onDisk, o
	}
	return p, nil
}

// serves reports whether n bytes of o are of use for e.
func (o origin) serves(e Entry, n int64) bool {
	switch {
	case n != o.Size && (o.ETag == "" || o.Size > 0 && n > o.Size):
		return false
	case e.Size > 0 && o.Size != e.Size:
		return false
	case e.HubDigest:
		return sha256Form.MatchString(o.SHA256) && strings.HasPrefix(o.SHA256, e.SHA256)
	}
	return o.SHA256 == ""
}

// complete reports whether all bytes are there.
func (p *partial) complete() bool { return p.origin.Size > 0 && p.have == p.origin.Size }

// resumable reports whether the server can be asked for the rest of the same version.
func (p *partial) resumable() bool { return p.have > 0 && p.origin.ETag != "" }

// restart begins with the first byte of o. The old bytes go before the old origin does, so that after a kill
// at any point no origin stands beside bytes of another.
func (p *partial) restart(o origin) error {
	p.have, p.origin = 0, origin{}
	if p.onDisk > 0 {
		if err := p.f.Truncate(0); err != nil {
			return err
		}
		p.onDisk = 0
	}
	return p.setOrigin(o)
}

func (p *partial) setOrigin(o origin) error {
	b, err := json.Marshal(o)
	if err != nil {
		return err
	}
	p.origin = o
	return atomicfile.WriteFile(filepath.Join(p.folder, partialOrigin), func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}

// write appends b.
func (p *partial) write(b []byte) error {
	n, err := p.f.WriteAt(b, p.have)
	p.have += int64(n)
	p.onDisk = max(p.onDisk, p.have)
	return err
}

// close closes the file and leaves it for the next process.
func (p *partial) close() { p.f.Close() }

// remove drops the file and what is known of it.
func (p *partial) remove() error {
	p.close()
	return errors.Join(os.Remove(p.f.Name()), os.Remove(filepath.Join(p.folder, partialOrigin)))
}

// checkRoom says so where need bytes more do not fit in a folder's file system.
func checkRoom(dir string, need int64) error {
	if free, ok := freeSpace(dir); ok && free < need {
		return fmt.Errorf("%s has %d bytes free, %d are needed", dir, free, need)
	}
	return nil
}
