package weights

import "github.com/graft-ml/graft/internal/weights/pickle"

// storage is a run of elements in a file: one that torch.save wrote, or a part of it.
type storage struct {
	elem elem
	n    int64 // elements
	off  int64 // of the first byte, in the file
}

// part returns n elements of s from the element at offset on.
func (s *storage) part(offset, n int64) (*storage, error) {
	if offset < 0 || n < 0 || offset > s.n || n > s.n-offset {
		return nil, formatErrorf("%d elements from %d on, of a storage of %d", n, offset, s.n)
	}
	return &storage{s.elem, n, s.off + offset*s.elem.size()}, nil
}

// storageID takes apart the persistent id of a storage: ("storage", class, key, device, elements), and in
// legacy streams, where want is 6, what part of that storage is meant, or None for all.
func storageID(id any, want int) (s *storage, key string, part any, err error) {
	t, ok := id.(*pickle.Tuple)
	if !ok || len(t.Items) != want || t.Items[0] != any("storage") {
		return nil, "", nil, formatErrorf("a persistent id that is %s, want a storage's tuple of %d", pickle.Kind(id), want)
	}
	e, err := storageElem(t.Items[1])
	if err != nil {
		return nil, "", nil, err
	}
	key, ok = t.Items[2].(string)
	n, ok2 := t.Items[4].(int64)
	if !ok || !ok2 || n < 0 {
		return nil, "", nil, formatErrorf("a storage with %s for a key and %s for a number of elements", pickle.Kind(t.Items[2]), pickle.Kind(t.Items[4]))
	}
	if want > 5 {
		part = t.Items[5]
	}
	return &storage{elem: e, n: n}, key, part, nil
}

// same checks that a storage which is named once more is the one known by that key.
func (s *storage) same(key string, known *storage) error {
	if s.elem != known.elem || s.n != known.n {
		return formatErrorf("storage %.200q is named with two types or lengths", key)
	}
	return nil
}

// littleEndian checks what a file says of the machine that wrote it.
func littleEndian(sysInfo any) error {
	d, ok := sysInfo.(*pickle.Dict)
	if !ok {
		return formatErrorf("%s in place of sys_info", pickle.Kind(sysInfo))
	}
	if little, _ := d.Get("little_endian"); little != any(true) {
		return unsupportedf("written on a big-endian machine: save it again on a little-endian one")
	}
	return nil
}
