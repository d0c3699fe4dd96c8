package hdf5

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// FuzzHDF5 opens everything in a file, with and without a look at its checksums. Whatever the bytes, there is
// no panic, the memory stays within what a file of this length may ask for, and each element is given once.
func FuzzHDF5(f *testing.F) {
	for _, name := range tiny {
		f.Add(readFile(f, name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<16 {
			return
		}
		// The superblock must name the file's length, or there is nothing more to see.
		if len(data) > 48 {
			at := 40
			if data[8] >= 2 {
				at = 28
			}
			data = bytes.Clone(data)
			binary.LittleEndian.PutUint64(data[at:], uint64(len(data)))
		}
		before := allocated()
		for _, lax := range []bool{false, true} {
			file, err := open(bytes.NewReader(data), int64(len(data)), lax)
			if err != nil {
				continue
			}
			_ = walkGroup(file.Root(), map[uint64]bool{})
		}
		// Structures are held to 4 times the length, a chunk to 1000 times what is stored for it.
		if n := allocated() - before; n > 64<<20+3000*uint64(len(data)) {
			t.Errorf("%d bytes of memory for %d", n, len(data))
		}
	})
}
