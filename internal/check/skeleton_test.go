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
		{"Tiny.legacy.h5.gz", "260ede136f1ddce8cbfd24ac6ad485aeb34c77d13f28473d2f93d4bbbcdb6d0f"},
		{"Tiny.model.h5.gz", "a774ff37663ef95abb545d4b33e799510ec813abeab7f80882ef21fdd02fa789"},
		{"Tiny.weights.h5.gz", "be5b9db3b906e1d6c0cfe61bb0092044ce365858b8e63bc3fa38b3554d475bf3"},
		{"Tiny.keras.gz", "92f76f9a2f2aeaadc1ac0113e07a471d30d59c2ed492eb7b58b8795f45c559ed"}, // its arrays lie at odd offsets
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
