package hub

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/graft-ml/graft/internal/atomicfile"
)

// aboutFile is the name of the file that says what its folder holds.
const aboutFile = "about.json"

// maxAbout bounds what is read of a small JSON file; a real one has some hundred bytes.
const maxAbout = 1 << 20

// record is the content of about.json.
type record struct {
	About
	Stored string `json:"stored"` // name of the file in the folder
}

// readRecord reads the about.json of a name. The error is fs.ErrNotExist where there is none.
func readRecord(folder, name string) (record, error) {
	path := filepath.Join(folder, aboutFile)
	b, err := readSmall(path)
	if err != nil {
		return record{}, err
	}
	r, err := parseRecord(b, name)
	if err != nil {
		return record{}, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxAbout+1))
	if err == nil && len(b) > maxAbout {
		err = fmt.Errorf("%s: more than %d bytes", path, maxAbout)
	}
	return b, err
}

// parseRecord checks all that is used of a record: what it names becomes a path.
func parseRecord(b []byte, name string) (record, error) {
	var r record
	if err := json.Unmarshal(b, &r); err != nil {
		return record{}, fmt.Errorf("damaged: %w", err)
	}
	switch {
	case r.Name != name:
		return record{}, fmt.Errorf("damaged: it is of %q, want %q", r.Name, name)
	case checkFile(r.Stored) != nil:
		return record{}, fmt.Errorf("damaged: %w", checkFile(r.Stored))
	case r.Size <= 0:
		return record{}, fmt.Errorf("damaged: size %d", r.Size)
	case !sha256Form.MatchString(r.SHA256):
		return record{}, errors.New("damaged: sha256 is not 64 hex digits")
	}
	return r, nil
}

func writeRecord(folder string, r record) error {
	b, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	return atomicfile.WriteFile(filepath.Join(folder, aboutFile), func(w io.Writer) error {
		_, err := w.Write(append(b, '\n'))
		return err
	})
}
