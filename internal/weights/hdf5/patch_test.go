package hdf5

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// patch is one change of a file: at bytes behind the first magic, put is written, little-endian. self as an
// address is the magic's own.
type patch struct {
	magic string
	at    int
	put   []any
}

const self = uint64(1<<64 - 2)

func (p patch) apply(t *testing.T, data []byte) {
	t.Helper()
	start := bytes.Index(data, []byte(p.magic))
	if start < 0 {
		t.Fatalf("no %q", p.magic)
	}
	at := start + p.at
	for _, v := range p.put {
		if v == self {
			v = uint64(start)
		}
		b, err := binary.Append(nil, binary.LittleEndian, v)
		if err != nil {
			t.Fatal(err)
		}
		at += copy(data[at:], b)
	}
}

func put(v ...any) []any { return v }

// Stretches of the tiny files by which what follows them is found.
const (
	chunkTree    = "TREE\x01\x00"
	groupTree    = "TREE\x00\x00"
	continuation = "\x10\x00\x10\x00\x00\x00\x00\x00"
	space3       = "\x01\x01\x01\x00\x00\x00\x00\x00\x03\x00\x00\x00" // of g/contiguous
	space10      = "\x01\x01\x01\x00\x00\x00\x00\x00\x0a\x00\x00\x00" // of chunked
	contiguous3  = "\x03\x01"                                         // layout message, version 3
	chunked3     = "\x03\x02\x02"
	chunked4     = "\x04\x02\x00\x02" // version 4
	filters1     = "\x01\x03\x00\x00\x00\x00\x00\x00\x02\x00"
	reference    = "\x01\x00\x00\x00\x00\x18\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00" // to a string of length 1 at 6144
	floatType    = "\x11\x20\x1f\x00\x04\x00\x00\x00"
)

// TestDamagedEarliest damages structures of a file as h5py writes it for the oldest readers, with superblock
// version 0, which have no checksums.
func TestDamagedEarliest(t *testing.T) {
	const far, e18 = uint64(1 << 40), uint64(1e18)
	tests := map[string][]patch{
		"no HDF5 signature in 12840 bytes":                                              {{Signature, 0, put(byte('X'))}},
		"superblock version 9":                                                          {{Signature, 8, put(byte(9))}},
		"offsets of 4 and lengths of 8 bytes":                                           {{Signature, 13, put(byte(4))}},
		"superblock at offset 0 says that it is at 512":                                 {{Signature, 24, put(uint64(512))}},
		"truncated: it has 12840 bytes and says that it had 12841":                      {{Signature, 40, put(uint64(12841))}},
		"1 bytes follow the end that the superblock names":                              {{Signature, 40, put(uint64(12839))}},
		"driver information block":                                                      {{Signature, 48, put(uint64(96))}},
		"object header at 1099511627776: the file ends":                                 {{Signature, 64, put(far)}},
		"object header: no address":                                                     {{Signature, 64, put(uint64(undefined))}},
		"no object header at 680":                                                       {{Signature, 64, put(uint64(680))}},
		"object header at 112 has 4294967295 bytes":                                     {{Signature, 96 + 8, put(^uint32(0))}},
		"header message 0x11 of 65535 bytes goes beyond":                                {{Signature, 96 + 18, put(^uint16(0))}},
		"header message 0x11 is shared":                                                 {{Signature, 96 + 20, put(byte(2))}},
		"object header continues at 1088 more than once":                                {{continuation, 8, put(self, uint64(24))}},
		"object header continuation at 1099511627776":                                   {{continuation, 8, put(far)}},
		"continuation at 0 has 1099511627776 bytes":                                     {{continuation, 8, put(uint64(0), far)}},
		"no B-tree node at 136":                                                         {{groupTree, 0, put(byte('t'))}},
		"B-tree node at 136 has type 1, want 0":                                         {{groupTree, 4, put(byte(1))}},
		"B-tree node at 136: the tree has a circle":                                     {{groupTree, 32, put(self)}, {groupTree, 5, put(byte(1))}},
		"B-tree node at 136 has level 200":                                              {{groupTree, 5, put(byte(200))}},
		"B-tree node at 10240 has level 0 below":                                        {{groupTree, 32, put(uint64(10240))}, {groupTree, 5, put(byte(5))}, {chunkTree, 4, put(byte(0))}},
		"B-tree node at 160 has 1048560 bytes":                                          {{groupTree, 6, put(^uint16(0))}},
		"symbol table node at 1099511627776":                                            {{groupTree, 32, put(far)}},
		"no symbol table node at 4096":                                                  {{"SNOD", 0, put(byte('s'))}},
		"symbol table node at 4104 has 2621400 bytes":                                   {{"SNOD", 6, put(^uint16(0))}},
		"name at 1099511627776 of a local heap":                                         {{"SNOD", 8, put(far)}},
		"two links \"chunked\"":                                                         {{"SNOD", 8, put(uint64(16))}, {"SNOD", 48, put(uint64(16))}, {"SNOD", 88, put(uint64(16))}},
		"soft links are not followed":                                                   {{"SNOD", 24, put(uint32(2))}},
		"no local heap at 680":                                                          {{"HEAP", 4, put(byte(1))}},
		"local heap's data at":                                                          {{"HEAP", 8, put(far)}},
		"does not end within":                                                           {{"HEAP", 8, put(uint64(18))}},
		"no global heap collection at 6144":                                             {{"GCOL", 4, put(byte(9))}},
		"global heap collection at 6144 has 1099511627776":                              {{"GCOL", 8, put(far)}},
		"object 1 of the global heap collection at 6144 has":                            {{"GCOL", 24, put(^uint64(0))}},
		"global heap collection at 6144 has no object 1":                                {{"GCOL", 16, put(uint16(7))}},
		"string of 99 bytes in a global heap object of 1":                               {{reference, 0, put(uint32(99))}},
		"shape [1000000000000000000] declares 4000000000000000000 bytes, 12 are stored": {{space3, 8, put(e18)}},
		"shape [4611686018427387904] of 4 bytes an element is more than there can be":   {{space3, 8, put(uint64(1 << 62))}},
		"shape [9223372036854775808] of 4 bytes":                                        {{space3, 8, put(uint64(1 << 63))}},
		"array of 200 dimensions":                                                       {{space3, 1, put(byte(200))}},
		"dataspace message of 24 bytes for 30 dimensions":                               {{space3, 1, put(byte(30))}},
		"dataspace message version 3":                                                   {{space3, 0, put(byte(3))}},
		"datatype message of 24 bytes, element of 0":                                    {{floatType, 4, put(uint32(0))}},
		"datatype message of 24 bytes, element of 4294967295":                           {{floatType, 4, put(^uint32(0))}},
		"data at 1099511627776: the file ends":                                          {{contiguous3, 2, put(far)}},
		"none are stored":                                                               {{contiguous3, 2, put(uint64(undefined))}},
		"data at 12832 has 12 bytes: the file ends at 12840":                            {{contiguous3, 2, put(uint64(12832))}},
		"declares 12 bytes, 1099511627776 are stored":                                   {{contiguous3, 10, put(far)}},
		"data layout message version 9":                                                 {{contiguous3, 0, put(byte(9))}},
		"virtual data set":                                                              {{contiguous3, 1, put(byte(3))}},
		"data layout of class 7":                                                        {{contiguous3, 1, put(byte(7))}},
		"declares 2000000000000000000 bytes in a file of 12840":                         {{space10, 8, put(e18)}},
		"3 of 1000 chunks are stored":                                                   {{space10, 8, put(uint64(4000))}},
		"1250000 chunks, at most 1048576":                                               {{space10, 8, put(uint64(5000000))}},
		"chunks of shape [0]":                                                           {{chunked3, 11, put(uint32(0))}},
		"chunk 0 declares 8589934588 bytes":                                             {{chunked3, 11, put(^uint32(0) - 1)}, {chunkTree, 6, put(uint16(1))}},
		"chunks with elements of 4 bytes in an array with elements of 2":                {{chunked3, 15, put(uint32(4))}},
		"chunks of 2 dimensions in an array of 1":                                       {{chunked3, 2, put(byte(3))}},
		"B-tree node at 1099511627776":                                                  {{chunked3, 3, put(far)}},
		"0 of 3 chunks are stored":                                                      {{chunked3, 3, put(uint64(undefined))}},
		"B-tree node at 10240: the tree has a circle":                                   {{chunkTree, 48, put(self)}, {chunkTree, 5, put(byte(1))}},
		"chunk at 1099511627776: the file ends":                                         {{chunkTree, 48, put(far)}},
		"bytes: the file ends at 12840":                                                 {{chunkTree, 24, put(^uint32(0))}},
		"chunk at [0] comes twice":                                                      {{chunkTree, 56 + 8, put(uint64(0))}},
		"the chunk before that at [8] is not stored":                                    {{chunkTree, 56 + 8, put(uint64(8))}},
		"chunk at [5] of an array of shape [10]":                                        {{chunkTree, 56 + 8, put(uint64(5))}},
		"chunk at [1099511627776]":                                                      {{chunkTree, 56 + 8, put(far)}},
		"\"chunk 0\": Fletcher checksum":                                                {{chunkTree, 24, put(uint32(20))}},
		"\"chunk 0\": 18 bytes, want 8":                                                 {{chunkTree, 28, put(uint32(7))}},
		"filtered by zstd":                                                              {{filters1, 8, put(uint16(32015))}},
		"filtered by filter 999":                                                        {{filters1, 8, put(uint16(999))}},
		"filtered by szip":                                                              {{filters1, 8, put(uint16(4))}},
		"filtered twice by filter 1":                                                    {{filters1, 8, put(uint16(1))}},
		"filter pipeline message version 3":                                             {{filters1, 0, put(byte(3))}},
		"filter pipeline message of 80 bytes is cut":                                    {{filters1, 1, put(byte(30))}},
	}
	for want, patches := range tests {
		t.Run(want, func(t *testing.T) { checkPatched(t, "tiny_earliest.h5", patches, want, false) })
	}
}

// TestDamaged114 damages structures of a file as h5py writes it for readers of HDF5 1.14. These have
// checksums, which stop any damage; for those who set them right, they are not looked at the second time.
func TestDamaged114(t *testing.T) {
	const far = uint64(1 << 40)
	tests := map[string]patch{
		"object header at 48 has 1099511627776 bytes": {"OHDR", 5, put(byte(3), far)},
		"more than once":                              {"OCHK", 4, put(byte(0x10), uint16(16), byte(0), self, uint64(28))},
		"has records of type 7, want 5":               {"BTHD", 5, put(byte(7))},
		"has depth 65535":                             {"BTHD", 12, put(^uint16(0))},
		"has nodes of 0 bytes":                        {"BTHD", 6, put(uint32(0))},
		"has nodes of 512 bytes for records of 0":     {"BTHD", 10, put(uint16(0))},
		"version 2 B-tree leaf node at 1099511627776": {"BTHD", 16, put(far)},
		"has 65535 records, at most 45 fit":           {"BTHD", 24, put(^uint16(0))},
		"no version 2 B-tree internal node at 6208":   {"BTHD", 12, put(uint16(2))},
		"B-tree node at 6208 has records of type 9":   {"BTLF", 5, put(byte(9))},
		"B-tree record of 1 bytes for heap IDs of 7":  {"BTHD", 10, put(uint16(1))},
		"has no object of ID":                         {"BTLF", 10, put(byte(0x30))},
		"version 2 B-tree header: no address":         {"BTLF", 10, put(byte(0x10))},
		"bytes at 4294967295 of the fractal heap":     {"BTLF", 11, put(^uint32(0))},
		"is filtered":                                 {"FRHP", 7, put(uint16(9))},
		"3 in a row":                                  {"FRHP", 110, put(uint16(3))},
		"blocks of 512 to 3 bytes":                    {"FRHP", 120, put(uint64(3))},
		"blocks of 0 to":                              {"FRHP", 112, put(uint64(0))},
		"999 bits":                                    {"FRHP", 128, put(uint16(999))},
		"fractal heap direct block at 1099511627776":  {"FRHP", 132, put(far)},
		"fractal heap indirect block at 6720":         {"FRHP", 140, put(uint16(4))},
		"no fractal heap direct block at 6720":        {"FHDB", 0, put(byte('f'))},
		"has 1099511627776 entries":                   {"FAHD", 8, put(far)},
		"with entries of 99 bytes":                    {"FAHD", 6, put(byte(99))},
		"fixed array data block at 1099511627776":     {"FAHD", 16, put(far)},
		"no fixed array data block at ":               {"FADB", 0, put(byte('f'))},
		"chunk at 1099511627776":                      {"FADB", 14, put(far)},
		"chunk 0 is not stored":                       {"FADB", 14, put(uint64(undefined))},
		"chunk extents of 9 bytes":                    {chunked4, 4, put(byte(9))},
		"chunk index of type 9":                       {chunked4, 7, put(byte(9))},
		"extensible array":                            {chunked4, 7, put(byte(4))},
		"chunks at the edges are not filtered":        {chunked4, 2, put(byte(1))},
		"data layout message of 17 bytes is cut":      {chunked4, 7, put(byte(5))},
	}
	for want, p := range tests {
		t.Run(want, func(t *testing.T) {
			checkPatched(t, "tiny_v114.h5", []patch{p}, want, true)
			data := readFile(t, "tiny_v114.h5")
			p.apply(t, data)
			if err := walkAll(data, false); err == nil {
				t.Error("no error in spite of checksums")
			}
		})
	}
}

func checkPatched(t *testing.T, name string, patches []patch, want string, lax bool) {
	t.Helper()
	data := readFile(t, name)
	for _, p := range patches {
		p.apply(t, data)
	}
	var err error
	bounded(t, func() { err = walkAll(data, lax) })
	checkRefusal(t, err, want)
}
