package hdf5

import (
	"errors"
	"strings"
	"testing"
)

// TestRefuses opens what is sound HDF5 and not read. None of it may open another file.
func TestRefuses(t *testing.T) {
	tests := []struct{ name, earliest, latest string }{
		{"soft", "soft links are not followed", ""},
		{"external_link", "a link into another file is not followed", ""},
		{"external_storage", "external storage: the data are in another file, which is not opened", ""},
		{"virtual", "not in the file", "virtual data set: the data are in other files"},
		{"lzf", "filtered by lzf", ""},
		{"scaleoffset", "filtered by scaleoffset", ""},
		{"holes", "the chunk before that at [4] is not stored", "chunk 0 is not stored"},
		{"nothing", "shape [8] declares 32 bytes, none are stored", ""},
		{"growing", "", "extensible array"},
		{"committed", "neither a group nor a data set", ""},
		{"shared_type", "header message 0x03 is shared between objects", ""},
		{"bomb", "shape [32768 32768] declares 4294967296 bytes in a file of", ""},
		{"zeros", "chunk 0 declares 4000000 bytes, 3898 are stored", ""},
		{"good/x", "not a group", ""},
		{"nowhere", "not in the file", ""},
		{"", "not in the file", ""},
		{"good/", "not a group", ""},
	}
	for _, version := range []string{"earliest", "latest"} {
		root := openFile(t, readFile(t, "refused_"+version+".h5")).Root()
		for _, tt := range tests {
			t.Run(version+"/"+tt.name, func(t *testing.T) {
				want := tt.earliest
				if version == "latest" && tt.latest != "" {
					want = tt.latest
				}
				d, err := root.Dataset(tt.name)
				if err == nil {
					_, err = numbers(d)
				}
				if version == "earliest" && want == "" {
					if err != nil {
						t.Errorf("earliest reads %v", err)
					}
					return
				}
				checkRefusal(t, err, want)
			})
		}
	}
}

// checkRefusal checks that err is one line, of one of the two types, and says what it should.
func checkRefusal(t *testing.T, err error, want string) {
	t.Helper()
	var damaged FormatError
	var unsupported UnsupportedError
	if !errors.As(err, &damaged) && !errors.As(err, &unsupported) {
		t.Fatalf("error %v, want a FormatError or an UnsupportedError with %q", err, want)
	}
	if s := err.Error(); !strings.Contains(s, want) || strings.Contains(s, "\n") || !strings.HasPrefix(s, "hdf5: ") {
		t.Errorf("error %q, want one line with %q", s, want)
	}
}

func TestStringsRefuses(t *testing.T) {
	d, err := openFile(t, readFile(t, "refused_latest.h5")).Root().Dataset("numbers")
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Strings("shape")
	checkRefusal(t, err, `"/numbers": "shape": attribute holds integers of 8 bytes, want strings`)
	_, err = d.Strings("dtype")
	checkRefusal(t, err, `"/numbers": no attribute "dtype"`)
	if ok, err := d.HasAttr("dtype"); ok || err != nil {
		t.Errorf("HasAttr = %v, %v", ok, err)
	}
}
