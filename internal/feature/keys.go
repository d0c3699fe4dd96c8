package feature

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/graft-ml/graft/internal/atomicfile"
)

// Beside a part lies a list of its keys, so that a store of gigabytes is opened without reading it: the keys, 32
// bytes each, in the order of the rows, and at the end a hash of them and of what they belong to. It saves time and nothing else:
// where it is missing or wrong the part is read and the list written anew.

// keysExt ends the name of a list of keys.
const keysExt = ".keys"

// keysName returns the name of the list of a part's keys. It is hidden from those who read all of the folder as Parquet.
func keysName(part string) string { return "." + strings.TrimSuffix(part, partExt) + keysExt }

// ofKeys returns the part whose list of keys has that name, and false if it is no such name.
func ofKeys(name string) (part string, ok bool) {
	inner, ok := strings.CutSuffix(name, keysExt)
	if !ok || !strings.HasPrefix(inner, ".") {
		return "", false
	}
	return inner[1:] + partExt, true
}

// sumKeys is the end of a list: the hash of the part's name, what it holds, and the keys.
func sumKeys(part, fingerprint string, width int, keys []byte) [32]byte {
	h := sha256.New()
	fmt.Fprintf(h, "graft keys 1\n%s\n%s\n%d\n", part, fingerprint, width)
	h.Write(keys)
	return [32]byte(h.Sum(nil))
}

// writeKeys writes the list of a part in dir.
func writeKeys(dir, part, fingerprint string, width int, keys [][32]byte) error {
	b := make([]byte, 0, 32*(len(keys)+1))
	for _, k := range keys {
		b = append(b, k[:]...)
	}
	sum := sumKeys(part, fingerprint, width, b)
	return atomicfile.WriteFile(filepath.Join(dir, keysName(part)), func(w io.Writer) error {
		_, err := w.Write(append(b, sum[:]...))
		return err
	})
}

// readKeys reads it back. It is nil where there is none that is whole and of this part, fingerprint and width.
func readKeys(dir, part, fingerprint string, width int) [][32]byte {
	path := filepath.Join(dir, keysName(part))
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size()%32 != 0 || info.Size() < 64 || info.Size() > 32*int64(rowsPerPart(width)+1) {
		return nil
	}
	b, err := os.ReadFile(path)
	if err != nil || int64(len(b)) != info.Size() {
		return nil
	}
	list := b[:len(b)-32]
	if sumKeys(part, fingerprint, width, list) != [32]byte(b[len(list):]) {
		return nil
	}
	keys := make([][32]byte, len(list)/32)
	for i := range keys {
		keys[i] = [32]byte(list[32*i:])
	}
	return keys
}
