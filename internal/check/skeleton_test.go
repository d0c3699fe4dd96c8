package check

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"testing"
)

const skeletons = "../../testdata/backbones/skeleton/"

// The hashes are those of the files that Keras wrote.
func TestSkeleton(t *testing.T) {
	for _, c := range []struct{ name, sha256 string }{
		{"Tiny.legacy.h5.gz", "069b1ceaa87d349ee2de2ddf85665edfcf2f5108d417278e010d3f2cc2b9ad28"},
		{"Tiny.model.h5.gz", "150dace6c332b212dde4cd8e62920d763e4884eb9fc47e8864b5c6e727daa3fe"},
		{"Tiny.weights.h5.gz", "883e56ae9c99105dc065db8d84372ae4bb0b631f388d54727c66a5b1ee274346"},
		{"Tiny.keras.gz", "beef5380e33766a5933b761ff8774ef46a52ac82327f1a2fa8c1d90b90781ded"}, // its arrays lie at odd offsets
	} {
		t.Run(c.name, func(t *testing.T) {
			r, size := LoadSkeleton(t, skeletons+c.name)
			whole, err := io.ReadAll(io.NewSectionReader(r, 0, size))
			if err != nil || int64(len(whole)) != size {
				t.Fatalf("%d bytes, %v; want %d", len(whole), err, size)
			}
			if got := sha256.Sum256(whole); hex.EncodeToString(got[:]) != c.sha256 {
				t.Errorf("sha256 %x, want %s", got, c.sha256)
			}
			for off := range size {
				n := min(off%171+1, size-off)
				got := make([]byte, n)
				if _, err := r.ReadAt(got, off); err != nil || !bytes.Equal(got, whole[off:off+n]) {
					t.Fatalf("bytes %d to %d differ from those of the whole file, %v", off, off+n, err)
				}
			}
		})
	}
}

// Larger skeletons give the files that their headers tell of.
func TestSkeletonFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("draws 100 MB of weights")
	}
	for _, name := range []string{"MobileNetV2.keras.gz", "DenseNet121.legacy.h5.gz", "EfficientNetB0.weights.h5.gz", "MobileNetV3Large.model.h5.gz"} {
		t.Run(name, func(t *testing.T) {
			s, err := openSkeleton(skeletons + name)
			if err != nil {
				t.Fatal(err)
			}
			hash := sha256.New()
			if _, err := io.Copy(hash, io.NewSectionReader(s, 0, s.Size)); err != nil {
				t.Fatal(err)
			}
			if got := hex.EncodeToString(hash.Sum(nil)); got != s.SHA256 {
				t.Errorf("sha256 %s, want %s", got, s.SHA256)
			}
		})
	}
}

func TestSkeletonReadsToTheEnd(t *testing.T) {
	r, size := LoadSkeleton(t, skeletons+"Tiny.keras.gz")
	for _, c := range []struct {
		off int64
		n   int
		err error
	}{
		{size - 3, 3, io.EOF},
		{size, 0, io.EOF},
		{size + 9, 0, io.EOF},
	} {
		if n, err := r.ReadAt(make([]byte, 8), c.off); n != c.n || err != c.err {
			t.Errorf("8 bytes at %d of %d: %d, %v; want %d, %v", c.off, size, n, err, c.n, c.err)
		}
	}
	if _, err := r.ReadAt(make([]byte, 8), -1); err == nil {
		t.Error("an offset of -1 is read")
	}
}

func TestSkeletonThatDoesNotAddUp(t *testing.T) {
	for _, text := range []string{
		`{"size":9,"fills":[{"skip":2,"name":"a","shape":[1]},{"skip":-1,"name":"b","shape":[1]}]}` + "\na", // overlap
		`{"size":10,"fills":[{"skip":2,"name":"a","shape":[1]}]}` + "\nabcde",                               // a byte too few
		`{"size":10,"fills":[{"skip":8,"name":"a","shape":[1]}]}` + "\nabcdef",                              // beyond the end
		`{"size":1,"fills":[]}`, // no line
		`[]` + "\n",
	} {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		io.WriteString(z, text)
		z.Close()
		path := filepath.Join(t.TempDir(), "bad.gz")
		if err := os.WriteFile(path, packed.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := openSkeleton(path); err == nil {
			t.Errorf("%q is taken for a skeleton", text)
		}
	}
}
