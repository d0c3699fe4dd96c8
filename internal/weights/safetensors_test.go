package weights

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

// safetensorsOf is a file of a header and n bytes of data.
func safetensorsOf(header string, n int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, n)...)
}

func TestSafetensorsHeader(t *testing.T) {
	f, err := openAll(safetensorsOf(" {\n\t\"b\\u0061\" : {\"data_offsets\":[0, 8],\r\"shape\":[ 2 ,1],\"dtype\":\"F32\"},\"a\":{\"dtype\":\"BOOL\",\"shape\":[],\"data_offsets\":[8,9]},\"e\":{\"dtype\":\"I8\",\"shape\":[0],\"data_offsets\":[9,9]} }  "[1:], 9))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, x := range f.Tensors {
		got = append(got, fmt.Sprint(x.Name, x.Shape, x.DType))
	}
	if want := "a[] int64 ba[2 1] float32 e[0] int64"; strings.Join(got, " ") != want {
		t.Errorf("%s, want %s", got, want)
	}
	if f, err := openAll(safetensorsOf("{}", 0)); err != nil || len(f.Tensors) != 0 {
		t.Errorf("a file of nothing: %v", err)
	}
}

func TestBadSafetensors(t *testing.T) {
	// one is a header with one tensor a, of which the rest is given.
	one := func(rest string) string { return `{"a":{` + rest + `}}` }
	offsets := func(o string) string { return one(`"dtype":"F32","shape":[2],"data_offsets":` + o) }
	shape := func(s string) string { return one(`"dtype":"F32","shape":` + s + `,"data_offsets":[0,8]`) }
	length := func(n uint64) []byte { return append(binary.LittleEndian.AppendUint64(nil, n), "{}      "...) }
	two := func(b string) string {
		return `{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":` + b + `}}`
	}
	nan := safetensorsOf(offsets("[0,8]"), 8)
	binary.LittleEndian.PutUint32(nan[len(nan)-4:], math.Float32bits(float32(math.NaN())))
	inf := safetensorsOf(one(`"dtype":"F64","shape":[1],"data_offsets":[0,8]`), 8)
	binary.LittleEndian.PutUint64(inf[len(inf)-8:], math.Float64bits(1e300))

	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"header longer than the file", length(9), "header of 9 bytes in a file of 16"},
		{"header of 2^63", length(1 << 63), "header of 9223372036854775808 bytes"},
		{"header beyond the limit", length(maxHeader + 1), "the limit is 100000000"},
		{"not a brace", safetensorsOf("[]", 0), "not a weights file"},
		{"key twice", safetensorsOf(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 8), `"the header" has the key "a" twice`},
		{"key twice by an escape", safetensorsOf(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"\u0061":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 8), `the key "a" twice`},
		{"key twice in a tensor", safetensorsOf(one(`"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]`), 8), `"a" has the key "dtype" twice`},
		{"key twice in the metadata", safetensorsOf(`{"__metadata__":{"x":"1","x":"2"}}`, 0), `the key "x" twice`},
		{"metadata twice", safetensorsOf(`{"__metadata__":{},"__metadata__":{}}`, 0), "twice"},
		{"metadata of numbers", safetensorsOf(`{"__metadata__":{"x":1}}`, 0), `want '"', found "1}}"`},
		{"overlap", safetensorsOf(two("[4,12]"), 12), "begins at 4, within the one before, which ends at 8"},
		{"the same bytes", safetensorsOf(two("[0,8]"), 8), "begins at 0, within"},
		{"hole", safetensorsOf(two("[12,20]"), 20), "begins at 12, 4 bytes behind"},
		{"hole in front", safetensorsOf(offsets("[4,12]"), 12), "begins at 4, 4 bytes behind"},
		{"trailing bytes", safetensorsOf(offsets("[0,8]"), 9), "1 bytes behind the last tensor"},
		{"data cut short", safetensorsOf(offsets("[0,8]"), 7), "ends at 8, behind the data's end at 7"},
		{"end before begin", safetensorsOf(two("[8,0]"), 8), "bytes for shape"},
		{"three offsets", safetensorsOf(offsets("[0,8,8]"), 8), "more than 2 numbers"},
		{"one offset", safetensorsOf(offsets("[0]"), 8), "1 data_offsets, want two"},
		{"shape too small", safetensorsOf(shape("[1]"), 8), "8 bytes for shape [1] of 4 bytes each"},
		{"shape too large", safetensorsOf(shape("[3]"), 8), "8 bytes for shape [3] of 4 bytes each"},
		{"shape product overflows", safetensorsOf(shape("[4294967296,4294967296,2]"), 8), "too many elements"},
		{"shape product overflows in bytes", safetensorsOf(shape("[4611686018427387906]"), 8), "8 bytes for shape"},
		{"extent negative", safetensorsOf(shape("[-2]"), 8), `want a whole number that is not negative, found "-2]`},
		{"extent a float", safetensorsOf(shape("[2.0]"), 8), "want a whole number"},
		{"extent 1e400", safetensorsOf(shape("[1e400]"), 8), "want a whole number"},
		{"extent with a zero in front", safetensorsOf(shape("[02]"), 8), "want a whole number"},
		{"extent of 2^63", safetensorsOf(shape("[9223372036854775808]"), 8), "beyond 63 bits"},
		{"extent of many digits", safetensorsOf(shape("["+strings.Repeat("9", 1000)+"]"), 8), "beyond 63 bits"},
		{"extent a string", safetensorsOf(shape(`["2"]`), 8), "want a whole number"},
		{"too many axes", safetensorsOf(shape("[2"+strings.Repeat(",1", 8)+"]"), 8), "more than 8 numbers"},
		{"type unknown", safetensorsOf(one(`"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]`), 8), `type "F8_E4M3" (read are F64`},
		{"type a number", safetensorsOf(one(`"dtype":1,"shape":[8],"data_offsets":[0,8]`), 8), `want '"'`},
		{"key unknown", safetensorsOf(one(`"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":{}`), 8), `unknown key "x"`},
		{"key missing", safetensorsOf(one(`"dtype":"F32","shape":[2]`), 8), "want dtype, shape and data_offsets"},
		{"100,000 deep", safetensorsOf(`{"a":`+strings.Repeat(`{"a":`, 100_000), 0), `unknown key "a"`},
		{"100,000 deep in brackets", safetensorsOf(`{"a":`+strings.Repeat(`[`, 100_000), 0), `want '{', found "[[[[`},
		{"text behind the header", safetensorsOf("{}x", 0), "more text behind its end"},
		{"comma too many", safetensorsOf(`{"a":{"dtype":"F32","shape":[2,],"data_offsets":[0,8]}}`, 8), "want a whole number"},
		{"comma missing", safetensorsOf(`{"a":{"dtype":"F32" "shape":[2],"data_offsets":[0,8]}}`, 8), "want ','"},
		{"string without end", safetensorsOf(`{"a`, 0), "does not end"},
		{"string that ends in an escape", safetensorsOf(`{"a\`, 0), "does not end"},
		{"control character", safetensorsOf("{\"a\nb\":1}", 0), "control character"},
		{"bad escape", safetensorsOf(`{"\x":1}`, 0), "bad escape"},
		{"a long name", safetensorsOf(strings.Replace(shape("[2]"), "a", strings.Repeat("a", 1001), 1), 8), "a name of 1001 bytes"},
		{"not UTF-8", safetensorsOf("{\"\xff\":{}}", 0), "not UTF-8"},
		{"ends early", safetensorsOf(`{"a":{"dtype":"F32","shape":[2`, 0), "want ','"},
		{"NaN", nan, `tensor "a": element 1 of 2 is NaN`},
		{"a double beyond float32", inf, `tensor "a": element 0 of 1 is +Inf`},
	} {
		t.Run(c.name, func(t *testing.T) { wantRefused(t, c.data, c.want) })
	}
}

// The longest header that the format allows, of one string.
func TestLongHeader(t *testing.T) {
	data := make([]byte, 8+maxHeader)
	for i := range data {
		data[i] = '\\'
	}
	binary.LittleEndian.PutUint64(data, maxHeader)
	copy(data[8:], `{"a`)
	var err error
	spent := allocated(func() { _, err = openBytes(data) })
	wantError(t, err, "a string of more than 8388608 bytes")
	if spent > 128<<20 {
		t.Errorf("%d bytes of memory", spent)
	}
}

// wantRefused checks that a file is refused with one line that says want, soon and in little memory.
func wantRefused(t *testing.T, data []byte, want string) {
	t.Helper()
	var err error
	begin := time.Now()
	spent := allocated(func() { _, err = openAll(data) })
	wantError(t, err, want)
	if limit := uint64(smallMemory + 2*len(data)); spent > limit || time.Since(begin) > 2*time.Second {
		t.Errorf("%d bytes of memory for a file of %d, in %v", spent, len(data), time.Since(begin))
	}
}
