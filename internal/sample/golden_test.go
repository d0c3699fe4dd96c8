//go:build amd64 && !amd64.v3

// With fused multiply-add, as on arm64 or with GOAMD64=v3, a few pixels round another way.

package sample

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"testing"
)

// A change of this hash is a change of every demo's pictures, and of the accuracy its documents quote.
func TestGoldenSet(t *testing.T) {
	files, err := Generate(1, 10)
	if err != nil {
		t.Fatal(err)
	}
	h := sha256.New()
	for _, f := range files {
		io.WriteString(h, f.Path)
		h.Write(f.Data)
	}
	const want = "7fb9d308726415d9b1bd2f2def95460fa0eba649238cd7e7907909ab4d1a75b4"
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		t.Errorf("seed 1, 10 a class: sha256 %s, want %s", got, want)
	}
}
