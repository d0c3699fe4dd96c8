package weights

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Limits of what is unpacked.
const (
	maxRatio    = 100
	maxUnpacked = 4 << 30
	maxListed   = 8 // names in a message
)

// Member is the weights file in an archive.
type Member struct {
	Name string // as the archive has it: a path that nothing should be written to
	Size int64  // unpacked

	open   func() (io.ReadCloser, error)
	limits error // why it is not to be unpacked
}

// Open gives the bytes of the member. They end in a FormatError if the archive lied about them.
func (m *Member) Open() (io.ReadCloser, error) {
	rc, err := m.open()
	if err != nil {
		return nil, named(m.where(), err)
	}
	return &memberReader{rc, m}, nil
}

func (m *Member) where() string { return fmt.Sprintf("member %.200q", m.Name) }

// memberReader says of errors where they were met and whose they are.
type memberReader struct {
	io.ReadCloser
	m *Member
}

func (r *memberReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = formatErrorf("%s: cannot be unpacked: %v", r.m.where(), err)
	}
	return n, err
}

// IsArchive reports whether r, of size bytes, is a zip or a tar that is not itself a weights file: torch and
// Keras write zips and torch once wrote tars, which are for Open, as are damaged zips.
func IsArchive(r io.ReaderAt, size int64) bool {
	head, err := headOf(r, size)
	if err != nil || !isZip(head) {
		return err == nil && isTar(head) && !isTorchTar(head)
	}
	z, err := readZip(r, size)
	return err == nil && z.files[keras3Member] == nil && len(z.torchPrefixes()) == 0
}

// OpenArchive finds the one weights file in an archive: a .whl, .zip or .tar. Of each member it reads the
// first bytes, and tells by them what it is. More or less than one weights file is an error that lists what
// there is. name is for messages.
func OpenArchive(r io.ReaderAt, size int64, name string) (*Member, error) {
	m, err := findMember(r, size)
	if err != nil {
		return nil, named(name, err)
	}
	return m, nil
}

func findMember(r io.ReaderAt, size int64) (*Member, error) {
	head, err := headOf(r, size)
	if err != nil {
		return nil, err
	}
	list := tarList
	if isZip(head) {
		list = zipList
	} else if !isTar(head) {
		return nil, formatErrorf("%s: no archive (zip or tar)", describe(head))
	}
	members, err := list(r, size)
	if err != nil {
		return nil, err
	}
	var found []*Member
	for _, m := range members {
		ok, err := m.isWeights()
		if err != nil {
			return nil, err
		}
		if ok {
			found = append(found, m)
		}
	}
	switch len(found) {
	case 1:
		if m := found[0]; m.limits != nil {
			return nil, named(m.where(), m.limits)
		}
		return found[0], nil
	case 0:
		return nil, formatErrorf("no weights file among the %d members: %s", len(members), names(members))
	}
	return nil, formatErrorf("%d weights files, want one: %s (unpack the archive and take one)", len(found), names(found))
}

// names lists members for a message, the first of them.
func names(members []*Member) string {
	var list []string
	for _, m := range members[:min(len(members), maxListed)] {
		list = append(list, fmt.Sprintf("%.100q", m.Name))
	}
	if len(members) > maxListed {
		list = append(list, "…")
	}
	return strings.Join(list, ", ")
}

// isWeights reports whether m begins as a weights file does.
func (m *Member) isWeights() (bool, error) {
	if m.Size == 0 {
		return false, nil
	}
	r, err := m.Open()
	if err != nil {
		return false, err
	}
	defer r.Close()
	head := make([]byte, min(m.Size, 1024))
	if _, err := io.ReadFull(r, head); err != nil {
		return false, err
	}
	return isWeightsHead(head), nil
}

// isWeightsHead is what open asks, for a file of which nothing but the head is at hand. A zip is a weights
// file if the first of its members is one that torch or Keras write first.
func isWeightsHead(head []byte) bool {
	switch {
	case isZip(head) && len(head) >= 30:
		n := int(head[26]) | int(head[27])<<8
		first := string(head[30:min(30+n, len(head))])
		_, file, _ := strings.Cut(first, "/")
		return file == "data.pkl" || file == "version" || slices.Contains([]string{"metadata.json", "config.json", keras3Member}, first)
	case isTorchTar(head), isSafetensors(head), IsONNX(head):
		return true
	case isPickle(head):
		return bytes.Contains(head[:min(len(head), 32)], []byte("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"))
	}
	return bytes.HasPrefix(head, []byte(hdf5Magic)) || len(head) >= 520 && string(head[512:520]) == hdf5Magic
}

func zipList(r io.ReaderAt, size int64) ([]*Member, error) {
	z, err := readZip(r, size)
	if err != nil {
		return nil, err
	}
	var members []*Member
	for _, f := range z.list {
		if f.FileInfo().IsDir() {
			continue
		}
		members = append(members, &Member{Name: f.Name, Size: int64(min(f.UncompressedSize64, maxUnpacked+1)), open: f.Open, limits: zipLimits(f)})
	}
	return members, nil
}

// zipLimits says why a member is not to be unpacked, if so.
func zipLimits(f *zip.File) error {
	packed, unpacked := f.CompressedSize64, f.UncompressedSize64
	if unpacked > maxUnpacked || unpacked/maxRatio > packed {
		return unsupportedf("unpacks to %d bytes from %d, the limits are %d and %d times", unpacked, packed, int64(maxUnpacked), maxRatio)
	}
	return nil
}

func tarList(r io.ReaderAt, size int64) ([]*Member, error) {
	files, err := tarMembers(r, size)
	if err != nil {
		return nil, err
	}
	var members []*Member
	for name, m := range files {
		members = append(members, &Member{Name: name, Size: m.end - m.off,
			open: func() (io.ReadCloser, error) {
				return io.NopCloser(io.NewSectionReader(r, m.off, m.end-m.off)), nil
			}})
	}
	slices.SortFunc(members, func(a, b *Member) int { return strings.Compare(a.Name, b.Name) })
	return members, nil
}
