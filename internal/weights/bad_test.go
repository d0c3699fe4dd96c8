package weights

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"runtime"
	"testing"
	"time"
)

// smallMemory is what refusing a small file may take, freed memory included: 16 MiB of the 256 MB that a bad
// file is granted.
const smallMemory = 16 << 20

// allocated returns how many bytes of memory f took, freed ones included.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// member is a file to be put in an archive.
type member struct {
	name, data string
	method     uint16 // of a zip
}

func zipOf(t testing.TB, members ...member) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, m := range members {
		w, err := z.CreateHeader(&zip.FileHeader{Name: m.name, Method: m.method})
		if err == nil {
			_, err = w.Write([]byte(m.data))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func tarOf(t testing.TB, members ...member) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range members {
		err := w.WriteHeader(&tar.Header{Name: m.name, Size: int64(len(m.data)), Mode: 0o644})
		if err == nil {
			_, err = w.Write([]byte(m.data))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func manyMembers(n int) []member {
	list := make([]member, n)
	for i := range list {
		list[i] = member{fmt.Sprint(i), "x", zip.Store}
	}
	return list
}

// manyHeaders is a zip of n members that are nothing but entries of the directory, whose end says that there
// are none of them (the number is counted modulo 65536).
func manyHeaders(n int) []byte {
	header := make([]byte, 46)
	copy(header, "PK\x01\x02")
	b := append([]byte("PK\x03\x04"), bytes.Repeat(header, n)...)
	end := make([]byte, 22)
	copy(end, "PK\x05\x06")
	binary.LittleEndian.PutUint16(end[10:], uint16(n))
	binary.LittleEndian.PutUint32(end[12:], uint32(46*n))
	binary.LittleEndian.PutUint32(end[16:], 4)
	return append(b, end...)
}

// zip64 replaces the end of a zip by that of a zip64, which says of the directory what is given.
func zip64(z []byte, members, size, offset uint64) []byte {
	z = z[:len(z)-22]
	at := uint64(len(z))
	le := binary.LittleEndian
	z = append(z, "PK\x06\x06"...)
	z = le.AppendUint64(z, 44)
	z = append(z, make([]byte, 12)...) // versions, disks
	for _, n := range []uint64{members, members, size, offset} {
		z = le.AppendUint64(z, n)
	}
	z = append(z, "PK\x06\x07\x00\x00\x00\x00"...)
	z = append(le.AppendUint64(z, at), 1, 0, 0, 0)
	return append(z, "PK\x05\x06\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00"...)
}

// small are the files that are read, and damaged below.
var small = []string{"zip.pth", "zip_protocol4.pth", "checkpoint.pth", "stream.pth", "stream_protocol4.pth", "tar.pth", "all.safetensors"}

// A file that is cut anywhere is refused, but for a tar, whose end is padding.
func TestCut(t *testing.T) {
	for _, name := range small {
		t.Run(name, func(t *testing.T) {
			data := file(t, name)
			end := len(data)
			if name == "tar.pth" {
				end = len(bytes.TrimRight(data, "\x00"))
			}
			for i := range end {
				_, err := openAll(data[:i])
				if err == nil {
					t.Fatalf("cut at %d of %d it is read", i, len(data))
				}
				if i%64 == 0 {
					wantError(t, err, "")
				}
			}
		})
	}
}

// A file with one bit changed is read or refused, in little time and memory.
func TestFlipped(t *testing.T) {
	for _, name := range []string{"zip.pth", "stream_protocol4.pth", "tar.pth", "all.safetensors"} {
		t.Run(name, func(t *testing.T) {
			data := file(t, name)
			begin, n := time.Now(), 0
			spent := allocated(func() {
				for i, was := range data {
					if was == 0 && name == "tar.pth" { // nearly all of it is padding
						continue
					}
					data[i] ^= 1 << (i % 8)
					if _, err := openAll(data); err != nil && i%64 == 0 {
						wantError(t, err, "")
					}
					data[i], n = was, n+1
				}
			})
			if mean := spent / uint64(n); mean > 1<<20 {
				t.Errorf("%d bytes of memory each", mean)
			}
			if mean := time.Since(begin) / time.Duration(n); mean > 20*time.Millisecond {
				t.Errorf("%v each", mean)
			}
		})
	}
}
