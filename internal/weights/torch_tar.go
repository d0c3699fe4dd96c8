package weights

import (
	"archive/tar"
	"errors"
	"io"
	"strconv"

	"github.com/graft-ml/graft/internal/weights/pickle"
)

// tarFile is a file that torch.save of 2016 wrote, being read: a tar with the members sys_info, pickle (the
// object, in which a tensor is the number by which it is known in the next), tensors and storages.
type tarFile struct {
	r        io.ReaderAt
	members  map[string]extent
	storages map[int64]*storage
	tensors  map[int64]*view
}

// extent is where a member's bytes lie.
type extent struct{ off, end int64 }

func openTorchTar(r io.ReaderAt, size int64) (*File, error) {
	members, err := tarMembers(r, size)
	if err != nil {
		return nil, err
	}
	t := &tarFile{r: r, members: members, storages: map[int64]*storage{}, tensors: map[int64]*view{}}
	info, _, err := t.pickle("sys_info", members["sys_info"].off, pickle.Env{})
	if err == nil {
		err = littleEndian(info)
	}
	if err == nil {
		err = t.readStorages()
	}
	if err == nil {
		err = t.readTensors()
	}
	if err != nil {
		return nil, err
	}
	object, _, err := t.pickle("pickle", members["pickle"].off, pickle.Env{Globals: torchGlobals, Persistent: t.persistent})
	if err != nil {
		return nil, err
	}
	return torchFile(r, size, TorchTar, object)
}

// tarMembers finds the regular files of a tar.
func tarMembers(r io.ReaderAt, size int64) (map[string]extent, error) {
	section := io.NewSectionReader(r, 0, size)
	members := map[string]extent{}
	for tr := tar.NewReader(section); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return members, nil
		}
		if err != nil {
			return nil, formatErrorf("a damaged tar, or one that is cut short: %v", err)
		}
		if len(members) == maxMembers {
			return nil, formatErrorf("a tar of more than %d members", maxMembers)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		if h.PAXRecords["GNU.sparse.major"]+h.PAXRecords["GNU.sparse.map"] != "" {
			return nil, unsupportedf("the tar's member %.200q is sparse", h.Name)
		}
		if _, twice := members[h.Name]; twice {
			return nil, formatErrorf("a tar that has the member %.200q twice", h.Name)
		}
		// Package tar reads no further than a header.
		off, err := section.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, err
		}
		if h.Size > size-off {
			return nil, formatErrorf("the tar's member %.200q: %d bytes at %d in a file of %d", h.Name, h.Size, off, size)
		}
		members[h.Name] = extent{off, off + h.Size}
	}
}

// pickle reads a pickle at offset at of the file, within a member.
func (t *tarFile) pickle(member string, at int64, env pickle.Env) (v any, end int64, err error) {
	m, ok := t.members[member]
	if !ok {
		return nil, 0, formatErrorf("the tar has no member %.200q", member)
	}
	v, end, err = pickle.Decode(t.r, at, min(m.end-at, maxPickle), env)
	if err != nil {
		err = named(member, err)
	}
	return v, end, err
}

// records reads a number and as many records of a tuple of three, each of which next completes: it is given
// the offset behind the tuple and returns that behind the record.
func (t *tarFile) records(member string, next func(record []any, at int64) (int64, error)) (end int64, err error) {
	v, at, err := t.pickle(member, t.members[member].off, pickle.Env{})
	if err != nil {
		return 0, err
	}
	n, ok := v.(int64)
	if !ok || n < 0 || n > maxTensors {
		return 0, formatErrorf("%s: %s in place of a number of records from 0 to %d", member, pickle.Kind(v), maxTensors)
	}
	for range n {
		v, end, err := t.pickle(member, at, pickle.Env{Globals: torchGlobals})
		if err != nil {
			return 0, err
		}
		record, ok := v.(*pickle.Tuple)
		if !ok || len(record.Items) != 3 {
			return 0, formatErrorf("%s: a record that is %s, want a tuple of 3", member, pickle.Kind(v))
		}
		if at, err = next(record.Items, end); err != nil {
			return 0, named(member, err)
		}
	}
	return at, nil
}

// readStorages reads records of (key, device, class), a number of elements, and these; and then a list of
// those storages that are parts of others.
func (t *tarFile) readStorages() error {
	end, err := t.records("storages", func(record []any, at int64) (int64, error) {
		key, ok := record[0].(int64)
		if !ok || t.storages[key] != nil {
			return 0, formatErrorf("a storage whose key is no int, or known")
		}
		e, err := storageElem(record[2])
		if err != nil {
			return 0, err
		}
		n, off, err := storageData(t.r, at, t.members["storages"].end, e)
		t.storages[key] = &storage{e, n, off}
		return off + n*e.size(), err
	})
	if err != nil {
		return err
	}
	v, _, err := t.pickle("storages", end, pickle.Env{})
	if err != nil {
		return err
	}
	parts, ok := v.(*pickle.List)
	if !ok {
		return formatErrorf("storages: %s in place of the list of parts", pickle.Kind(v))
	}
	for _, p := range parts.Items {
		n, ok := ints(p)
		if !ok || len(n) != 4 || t.storages[n[0]] != nil || t.storages[n[1]] == nil {
			return formatErrorf("storages: a part that is %s, want four ints for a new part of a known storage", pickle.Kind(p))
		}
		if t.storages[n[0]], err = t.storages[n[1]].part(n[2], n[3]); err != nil {
			return named("storages", err)
		}
	}
	return nil
}

// readTensors reads records of (key, key of the storage, class), and behind each the number of axes, the
// sizes, the strides and the offset in the storage.
func (t *tarFile) readTensors() error {
	_, err := t.records("tensors", func(record []any, at int64) (int64, error) {
		key, ok := record[0].(int64)
		if !ok || t.tensors[key] != nil {
			return 0, formatErrorf("a tensor whose key is no int, or known")
		}
		id, _ := record[1].(int64) // None: a tensor without elements
		rank, err := int64s(t.r, at, 1)
		if err != nil {
			return 0, err
		}
		axes := int(int32(rank[0])) // four bytes, and four without a meaning
		if axes < 0 || axes > maxRank {
			return 0, formatErrorf("a tensor of %d axes", axes)
		}
		n, err := int64s(t.r, at+8, 2*axes+1)
		if err != nil {
			return 0, err
		}
		t.tensors[key] = &view{t.storages[id], n[2*axes], n[:axes], n[axes : 2*axes]}
		return at + 8 + 8*int64(len(n)), nil
	})
	return err
}

// persistent finds a tensor by its number.
func (t *tarFile) persistent(id any) (any, error) {
	s, _ := id.(string)
	key, err := strconv.ParseInt(s, 10, 64)
	if err == nil && t.tensors[key] != nil {
		return t.tensors[key], nil
	}
	return nil, formatErrorf("a persistent id that is no tensor's number: %.40q", s)
}
