package weights

import (
	"io"
	"strings"

	"github.com/graft-ml/graft/internal/weights/pickle"
)

// keras3Member is the weights file in a .keras.
const keras3Member = "model.weights.h5"

// openZip opens the two formats that are zips.
func openZip(r io.ReaderAt, size int64, name string) (*File, error) {
	z, err := readZip(r, size)
	if err != nil {
		return nil, err
	}
	if z.files[keras3Member] != nil {
		return openKeras(r, size, name, Keras3)
	}
	prefix, err := z.torchPrefix()
	if err != nil {
		return nil, err
	}
	if err := z.checkByteOrder(r, prefix+"byteorder"); err != nil {
		return nil, err
	}
	off, n, err := z.stored(prefix + "data.pkl")
	if err != nil {
		return nil, err
	}
	if n > maxPickle {
		return nil, formatErrorf("data.pkl has %d bytes, the limit is %d", n, maxPickle)
	}
	storages := map[string]*storage{}
	env := pickle.Env{Globals: torchGlobals, Persistent: func(id any) (any, error) {
		s, key, _, err := storageID(id, 5)
		if err != nil {
			return nil, err
		}
		if known := storages[key]; known != nil {
			return known, s.same(key, known)
		}
		off, n, err := z.stored(prefix + "data/" + key)
		if err == nil && (n%s.elem.size() != 0 || n/s.elem.size() != s.n) {
			err = formatErrorf("storage %.200q: %d elements of %d bytes each, but the member has %d bytes", key, s.n, s.elem.size(), n)
		}
		s.off, storages[key] = off, s
		return s, err
	}}
	object, end, err := pickle.Decode(r, off, n, env)
	if err != nil {
		return nil, err
	}
	if end != off+n {
		return nil, formatErrorf("data.pkl has %d bytes behind its end", off+n-end)
	}
	return torchFile(r, size, TorchZip, object)
}

// torchPrefixes returns the folders that hold a data.pkl. A torch file has one, with a name of its own.
func (z *zipFiles) torchPrefixes() []string {
	var prefixes []string
	for _, f := range z.list {
		if p, ok := strings.CutSuffix(f.Name, "data.pkl"); ok && (p == "" || strings.IndexByte(p, '/') == len(p)-1) {
			prefixes = append(prefixes, p)
		}
	}
	return prefixes
}

// torchPrefix returns the folder of a torch file that is no program.
func (z *zipFiles) torchPrefix() (string, error) {
	prefixes := z.torchPrefixes()
	switch len(prefixes) {
	case 0:
		return "", unsupportedf("a zip that is no weights file itself (no data.pkl of torch, no %s of Keras): import takes one out of it", keras3Member)
	case 1:
	default:
		return "", formatErrorf("a zip with a data.pkl in %d folders, want one", len(prefixes))
	}
	for _, f := range z.list {
		if rest, ok := strings.CutPrefix(f.Name, prefixes[0]); ok && (rest == "constants.pkl" || strings.HasPrefix(rest, "code/")) {
			return "", unsupportedf("a TorchScript program (torch.jit.save), which is not run: load it in torch and save its state_dict()")
		}
	}
	return prefixes[0], nil
}

// checkByteOrder refuses the numbers of a big-endian machine. Files before torch 2.1 do not say.
func (z *zipFiles) checkByteOrder(r io.ReaderAt, member string) error {
	if z.files[member] == nil {
		return nil
	}
	off, n, err := z.stored(member)
	if err != nil {
		return err
	}
	b := make([]byte, min(n, 16))
	if _, err := io.ReadFull(io.NewSectionReader(r, off, n), b); err != nil {
		return err
	}
	if string(b) != "little" {
		return unsupportedf("byteorder is %.200q, want little: save it again on a little-endian machine", b)
	}
	return nil
}
