// Package feature computes what a frozen base says of each picture, once, and keeps it.
//
// Input is the sha256 of every picture's bytes and a function that computes the features of those that are
// missing; output is a Matrix [n,D] and the count of what was computed and what was found. The cache is a
// folder of Parquet parts for each Fingerprint, keyed by content: a renamed or copied picture is found, an
// edited one is not. Parts are never changed, so that processes may share a folder without a lock, and a
// part that is damaged is as good as absent: its rows are computed again.
package feature

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
)

// Base is a frozen network without its classifier.
type Base interface {
	// Features writes the features of n pictures to dst [n,D]. pixels [n,3,H,W] are RGB from 0 to 255, of
	// the base's own height and width. A row does not depend on what else is in the batch.
	Features(ctx context.Context, dst, pixels []float32, n int) error
	// Width returns D.
	Width() int
}

// Fingerprint is all that a feature depends on besides the picture's bytes.
type Fingerprint struct {
	Weights    [32]byte // sha256 of the weights file
	Preprocess string   // size, resize rule, normalisation
	Cut        string   // the tensor taken as the feature
	Path       string   // numeric path: precision, instruction set, version of the rules that order sums
	Version    int      // of whatever else changes a value, the decoders included
}

// String returns 64 hexadecimal digits, different for different fingerprints.
func (f Fingerprint) String() string {
	b := append([]byte("graft features\n"), f.Weights[:]...)
	for _, s := range []string{f.Preprocess, f.Cut, f.Path} {
		b = binary.LittleEndian.AppendUint64(b, uint64(len(s))) // so that "a","bc" is not "ab","c"
		b = append(b, s...)
	}
	b = binary.LittleEndian.AppendUint64(b, uint64(f.Version))
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// DefaultDir returns the folder of the cache where the user names none: graft/features in the user's cache
// directory.
func DefaultDir() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("feature cache: %w; give a folder with --cache DIR", err)
	}
	return filepath.Join(dir, "graft", "features"), nil
}
