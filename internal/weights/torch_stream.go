package weights

import (
	"encoding/binary"
	"io"
	"math/big"

	"github.com/graft-ml/graft/internal/weights/pickle"
)

// What a legacy stream begins with, each as a pickle of its own (torch.serialization).
var streamMagic, _ = new(big.Int).SetString("1950a86a20f9469cfc6c", 16)

const streamProtocol = 1001

// stream is a legacy file being read: pickles of a magic number, a protocol, the machine, the object and the
// keys of its storages, and then the storages, each behind the number of its elements.
type stream struct {
	r        io.ReaderAt
	at, size int64
	storages map[string]*storage
	parts    map[string]*storage // by their own keys, with off within root
	roots    map[*storage]*storage
}

func openTorchStream(r io.ReaderAt, size int64) (*File, error) {
	s := &stream{r: r, size: size, storages: map[string]*storage{}, parts: map[string]*storage{}, roots: map[*storage]*storage{}}
	if err := s.prologue(); err != nil {
		return nil, err
	}
	object, err := s.pickle(pickle.Env{Globals: torchGlobals, Persistent: s.persistent})
	if err != nil {
		return nil, err
	}
	if err := s.data(); err != nil {
		return nil, err
	}
	for part, root := range s.roots {
		part.off += root.off
	}
	return torchFile(r, size, TorchStream, object)
}

// pickle reads the pickle at hand.
func (s *stream) pickle(env pickle.Env) (any, error) {
	v, end, err := pickle.Decode(s.r, s.at, min(s.size-s.at, maxPickle), env)
	s.at = end
	return v, err
}

func (s *stream) prologue() error {
	magic, err := s.pickle(pickle.Env{})
	if err != nil {
		return err
	}
	if n, ok := magic.(*big.Int); !ok || n.Cmp(streamMagic) != 0 {
		return unsupportedf("a pickle of %s that torch.save did not write", pickle.Kind(magic))
	}
	protocol, err := s.pickle(pickle.Env{})
	if err != nil {
		return err
	}
	if protocol != any(int64(streamProtocol)) {
		return unsupportedf("not of torch's protocol %d, the only one known", streamProtocol)
	}
	info, err := s.pickle(pickle.Env{})
	if err != nil {
		return err
	}
	return littleEndian(info)
}

// persistent notes a storage down, whose place in the file is not known yet.
func (s *stream) persistent(id any) (any, error) {
	st, key, part, err := storageID(id, 6)
	if err != nil {
		return nil, err
	}
	if known := s.storages[key]; known == nil {
		s.storages[key] = st
	} else if err := st.same(key, known); err != nil {
		return nil, err
	}
	st = s.storages[key]
	if part == nil {
		return st, nil
	}
	t, ok := part.(*pickle.Tuple)
	if !ok || len(t.Items) != 3 {
		return nil, formatErrorf("storage %.200q: a part that is %s, want a tuple of 3", key, pickle.Kind(part))
	}
	partKey, ok := t.Items[0].(string)
	offset, ok2 := t.Items[1].(int64)
	n, ok3 := t.Items[2].(int64)
	if !ok || !ok2 || !ok3 {
		return nil, formatErrorf("storage %.200q: a part of %s, %s and %s", key, pickle.Kind(t.Items[0]), pickle.Kind(t.Items[1]), pickle.Kind(t.Items[2]))
	}
	if s.parts[partKey] == nil {
		p, err := st.part(offset, n)
		if err != nil {
			return nil, err
		}
		s.parts[partKey], s.roots[p] = p, st
	}
	return s.parts[partKey], nil
}

// data finds the storages behind the object.
func (s *stream) data() error {
	v, err := s.pickle(pickle.Env{})
	if err != nil {
		return err
	}
	keys, ok := v.(*pickle.List)
	if !ok || len(keys.Items) != len(s.storages) {
		return formatErrorf("%s in place of the keys of %d storages", pickle.Kind(v), len(s.storages))
	}
	seen := map[string]bool{}
	for _, k := range keys.Items {
		key, _ := k.(string)
		st := s.storages[key]
		if st == nil || seen[key] {
			return formatErrorf("storage %.200q comes twice, or no tensor has it", key)
		}
		seen[key] = true
		n, off, err := storageData(s.r, s.at, s.size, st.elem)
		if err != nil {
			return named("storage "+key, err)
		}
		if n != st.n {
			return formatErrorf("storage %.200q has %d elements, its tensors say %d", key, n, st.n)
		}
		st.off, s.at = off, off+n*st.elem.size()
	}
	if s.at != s.size {
		return formatErrorf("%d bytes behind the last storage", s.size-s.at)
	}
	return nil
}

// storageData reads the number of elements at offset at and returns it and where they begin. They must end
// at or before limit.
func storageData(r io.ReaderAt, at, limit int64, e elem) (n, off int64, err error) {
	v, err := int64s(r, at, 1)
	if err != nil {
		return 0, 0, err
	}
	off = at + 8
	if v[0] < 0 || v[0] > (limit-off)/e.size() {
		return 0, 0, formatErrorf("%d elements of %d bytes each where %d bytes are left: is the file cut short?", v[0], e.size(), limit-off)
	}
	return v[0], off, nil
}

// int64s reads n integers.
func int64s(r io.ReaderAt, at int64, n int) ([]int64, error) {
	b := make([]byte, 8*n)
	if _, err := io.ReadFull(io.NewSectionReader(r, at, int64(len(b))), b); err != nil {
		return nil, err
	}
	list := make([]int64, n)
	for i := range list {
		list[i] = int64(binary.LittleEndian.Uint64(b[8*i:]))
	}
	return list, nil
}
