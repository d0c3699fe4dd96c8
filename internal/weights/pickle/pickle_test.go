package pickle

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"os"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

// testEnv knows one class that can be called, one that cannot, and ids that are strings.
var testEnv = Env{
	Globals: map[string]Func{
		"collections.OrderedDict": OrderedDict,
		"torch.FloatStorage":      nil,
		"m.f":                     func(args []any) (any, error) { return &object{args: len(args)}, nil },
	},
	Persistent: func(id any) (any, error) {
		if s, ok := id.(string); ok {
			return s + "!", nil
		}
		return nil, errors.New("no such id")
	},
}

type object struct {
	args  int
	state any
}

func (o *object) Build(state any) error {
	o.state = state
	return nil
}

func decode(data string) (any, error) {
	v, _, err := Decode(strings.NewReader(data), 0, int64(len(data)), testEnv)
	return v, err
}

// plain turns containers into Go's own, to compare them.
func plain(v any) any {
	list := func(items []any) []any {
		out := []any{}
		for _, item := range items {
			out = append(out, plain(item))
		}
		return out
	}
	switch v := v.(type) {
	case *Tuple:
		return [1]any{list(v.Items)}
	case *List:
		return list(v.Items)
	case *Dict:
		return [2]any{list(v.Keys), list(v.Values)}
	case *big.Int:
		return v.String()
	}
	return v
}

func pythonPickles(t testing.TB) map[string][]byte {
	t.Helper()
	text, err := os.ReadFile("testdata/values.json") // testdata/backbones/make_torch_files.py
	if err != nil {
		t.Fatal(err)
	}
	pickles := map[string]string{}
	if err := json.Unmarshal(text, &pickles); err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for protocol, s := range pickles {
		if out[protocol], err = base64.StdEncoding.DecodeString(s); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// What Python writes, in each protocol.
func TestValues(t *testing.T) {
	type tuple = [1]any
	type list = []any
	type dict = [2]any
	n := func(v int) any { return int64(v) }
	shared := list{"shared"}
	want := list{
		nil, true, false, n(0), n(255), n(256), n(65535), n(65536), n(-1), n(1<<31 - 1), n(-1 << 31), n(1 << 31), n(1<<63 - 1), n(-1 << 63), "9223372036854775808",
		1.5, "", "a", strings.Repeat("é", 200), []byte{}, []byte("x"), bytes.Repeat([]byte("y"), 300),
		tuple{list{}}, tuple{list{n(1)}}, tuple{list{n(1), n(2)}}, tuple{list{n(1), n(2), n(3)}}, tuple{list{n(1), n(2), n(3), n(4)}},
		list{}, list{n(1), n(2)}, dict{list{}, list{}}, dict{list{"a", "b"}, list{n(1), tuple{list{n(2)}}}},
		dict{list{"z", "a"}, list{n(1), n(2)}}, shared, shared,
	}
	for protocol, data := range pythonPickles(t) {
		t.Run("protocol "+protocol, func(t *testing.T) {
			want := want
			if protocol == "2" { // has no bytes
				want = append(want[:19:19], want[22:]...)
			}
			// Something stands in front, and behind.
			v, end, err := Decode(strings.NewReader("xx"+string(data)+"yyy"), 2, int64(len(data)+3), testEnv)
			if err != nil || end != int64(2+len(data)) {
				t.Fatalf("ends at %d of %d: %v", end, 2+len(data), err)
			}
			if got := plain(v); !reflect.DeepEqual(got, any(want)) {
				t.Errorf("got\n%#v, want\n%#v", got, want)
			}
			items := v.(*List).Items
			if items[len(items)-1] != items[len(items)-2] {
				t.Error("one list became two")
			}
		})
	}
}

// What Python 3 does not write, but older ones or torch do.
func TestOtherValues(t *testing.T) {
	for _, c := range []struct {
		data string
		want any
	}{
		{"I1099511627776\n.", int64(1 << 40)}, {"I01\n.", true}, {"I00\n.", false},
		{"U\x02ab.", "ab"}, {"T\x02\x00\x00\x00ab.", "ab"},
		{"ccollections\nOrderedDict\n]]\x55\x01aaK\x01aa\x85R.", [2]any{[]any{"a"}, []any{int64(1)}}}, // Python 2
		{"cm\nf\nK\x01K\x02\x86RK\x07b.", &object{2, int64(7)}},
		{"\x8c\x01m\x8c\x01f\x93)\x81.", &object{}},
		{"U\x01iQ.", "i!"},
		{"K\x012\x86.", [1]any{[]any{int64(1), int64(1)}}},
		{"(K\x01K\x021K\x030K\x04.", int64(4)},
		{"}K\x05b.", [2]any{[]any{}, []any{}}},
	} {
		v, err := decode(c.data)
		if got := plain(v); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q: %#v, %v, want %#v", c.data, got, err, c.want)
		}
	}
	v, err := decode("}U\x01aK\x01sU\x01aK\x02s.")
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := v.(*Dict).Get("a"); !ok || got != any(int64(2)) {
		t.Errorf("the last value of a key: %v", got)
	}
	if _, ok := v.(*Dict).Get("b"); ok {
		t.Error("a key that is not there")
	}
}

func TestBad(t *testing.T) {
	million := strings.Repeat
	for _, c := range []struct{ name, data, want string }{
		{"calls os.system", "cos\nsystem\nU\x02ls\x85R.", `refuses to call "os.system"`},
		{"calls os.system, protocol 4", "\x80\x04\x8c\x02os\x8c\x06system\x93.", `refuses to call "os.system"`},
		{"calls os.system, protocol 0", "(ios\nsystem\n.", `refuses to call "os.system"`},
		{"name with a line feed", "\x8c\x03o\ns\x8c\x06system\x93.", `"o\ns.system"`},
		{"calls a storage", "ctorch\nFloatStorage\n)R.", "refuses to call torch.FloatStorage"},
		{"calls a number", "K\x01)R.", "calls what is no function"},
		{"calls without a tuple", "cm\nf\nK\x01R.", "not with a tuple"},
		{"state of a number", "K\x01K\x01b.", "state of an int"},
		{"frame of 2^60", "\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x10.", "frame of 1152921504606846976 bytes"},
		{"frame too short", "\x80\x04\x95\x01\x00\x00\x00\x00\x00\x00\x00K\x01.", "beyond its frame"},
		{"frame in a frame", "\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x95\x01\x00\x00\x00\x00\x00\x00\x00N.", "within a frame"},
		{"bytes of 1 GB", "\x8e\x00\x00\x00\x40\x00\x00\x00\x00.", "wants 1073741824 bytes"},
		{"bytes of 2^64-1", "\x8e\xff\xff\xff\xff\xff\xff\xff\xff.", "wants 18446744073709551615 bytes"},
		{"string of -1", "T\xff\xff\xff\xff.", "wants 4294967295 bytes"},
		{"an integer too long", "\x8b\x00\x08\x00\x00" + million("x", 2048) + ".", "integer of 2048 bytes"},
		{"two million lists", million("]", 2_000_000), "more than 1000000 opcodes"},
		{"lists in lists", million("]", 400_000) + million("a", 399_999) + ".", "nests more than 64"},
		{"tuples in tuples", ")" + million("\x85", 400_000) + ".", "nests more than 64"},
		{"dicts in dicts", million("}N", 400_000) + "N" + million("s", 399_999) + ".", "nests more than 64"},
		{"dicts of one long list", "]q\x00(" + million("NN\x86", 50_000) + "eccollections\nOrderedDict\nq\x01" + million("h\x01h\x00\x85R", 100_000) + "0.", "more than 1000000 opcodes"},
		{"marks in marks", million("(", 400_000), "nests more than 64"},
		{"memo that is missing", "h\x07.", "memo entry 7 was never written"},
		{"memo beyond the limit", "Nr\xff\xff\xff\x7f.", "memo entry 2147483647"},
		{"ends early", "K", "cut short"},
		{"empty", "", "cut short"},
		{"stops on nothing", ".", "STOP finds too few"},
		{"stops on two", "NN.", "2 values"},
		{"stops in a mark", "N(1(N.", "2 values and 1 marks"},
		{"takes what is below the mark", "N(0.", "POP finds too few"},
		{"a mark missing", "Nt.", "mark is missing"},
		{"append to nothing", "(Ne.", "no list"},
		{"append to a dict", "}(Ne.", "appends to a dict"},
		{"item of a list", "](NNu.", "sets an item of a list"},
		{"item of nothing", "(NNu.", "no dict"},
		{"key without value", "}(Nu.", "without a value"},
		{"no opcode", "\xff.", "0xff is no opcode"},
		{"extension", "\x82\x01.", "EXT1"},
		{"protocol 6", "\x80\x06N.", "protocol 6"},
		{"not UTF-8", "U\x01\xff.", "not UTF-8"},
		{"global not UTF-8", "c\xff\nf\n.", "not UTF-8"},
		{"global without end", "c" + million("x", 2000), "more than 1024 bytes"},
		{"global by a number", "K\x01K\x02\x93.", "not a string"},
		{"int that is none", "Ix\n.", "no int"},
		{"unknown id", "K\x01Q.", "no such id"},
		{"pairs that are none", "ccollections\nOrderedDict\n]K\x01a\x85R.", "pairs"},
		{"dict of a number", "ccollections\nOrderedDict\nK\x01\x85R.", "pairs"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var err error
			spent := allocated(func() { _, err = decode(c.data) })
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v, want %q", err, c.want)
			}
			// The million opcodes are the most that a pickle can cost.
			if limit := uint64(64<<10 + 80*len(c.data)); spent > limit {
				t.Errorf("%d bytes of memory for %d of pickle, the limit is %d", spent, len(c.data), limit)
			}
		})
	}
	if _, _, err := Decode(strings.NewReader("NQ."), 0, 3, Env{}); err == nil || !strings.Contains(err.Error(), "persistent") {
		t.Errorf("an id where none are known: %v", err)
	}
}

// allocated returns how many bytes of memory f took, freed ones included.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Every prefix of a pickle is an error, and no change of one byte is a panic.
func TestCutAndFlipped(t *testing.T) {
	for protocol, data := range pythonPickles(t) {
		for i := range data {
			if _, err := decode(string(data[:i])); err == nil {
				t.Errorf("protocol %s cut at %d is read", protocol, i)
			}
			for bit := range 8 {
				flipped := bytes.Clone(data)
				flipped[i] ^= 1 << bit
				decode(string(flipped))
			}
		}
	}
}

func TestKind(t *testing.T) {
	for _, c := range []struct {
		v    any
		want string
	}{
		{nil, "None"}, {true, "a bool"}, {int64(1), "an int"}, {new(big.Int), "an int"}, {1.5, "a float"}, {"", "a string"}, {[]byte{}, "bytes"},
		{&Tuple{}, "a tuple"}, {&List{}, "a list"}, {&Dict{}, "a dict"}, {&Class{Name: "m.f"}, "m.f"}, {&object{}, "an object"},
	} {
		if got := Kind(c.v); got != c.want {
			t.Errorf("%T: %q, want %q", c.v, got, c.want)
		}
	}
}

func FuzzPickle(f *testing.F) {
	for _, data := range pythonPickles(f) {
		f.Add(data)
	}
	for _, s := range []string{
		"cos\nsystem\nU\x02ls\x85R.", "\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x10.", "\x8e\x00\x00\x00\x40\x00\x00\x00\x00.",
		"cm\nf\nK\x01K\x02\x86RK\x07b.", "ccollections\nOrderedDict\n]]\x55\x01aaK\x01aa\x85R.", "]q\x00h\x00a.", "(((NNu.", "h\x07.", "I01\n.", "U\x01iQ.",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, end, err := Decode(bytes.NewReader(data), 0, int64(len(data)), testEnv)
		if err == nil && (end < 1 || end > int64(len(data))) {
			t.Errorf("ends at %d of %d", end, len(data))
		}
		Kind(v)
	})
}
