package weights

import (
	"archive/zip"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"
)

// Pickles by hand. Each returns the opcodes that push one value.

func pyInt(n int64) string {
	return "\x8a\x08" + string(binary.LittleEndian.AppendUint64(nil, uint64(n)))
}
func pyStr(s string) string {
	return "X" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(s)))) + s
}
func pyTuple(items ...string) string { return "(" + strings.Join(items, "") + "t" }
func pyList(items ...string) string  { return "](" + strings.Join(items, "") + "e" }
func pyInts(list ...int64) string {
	items := make([]string, len(list))
	for i, n := range list {
		items[i] = pyInt(n)
	}
	return pyTuple(items...)
}

// pyDict takes keys and values in turn.
func pyDict(items ...string) string { return "}(" + strings.Join(items, "") + "u" }

// pyStorage is a storage of n floats in a zip; last is what a legacy stream adds.
func pyStorage(key string, n int64, last ...string) string {
	items := append([]string{pyStr("storage"), "ctorch\nFloatStorage\n", pyStr(key), pyStr("cpu"), pyInt(n)}, last...)
	return pyTuple(items...) + "Q"
}

func pyTensor(storage string, offset int64, size, stride []int64) string {
	return "ctorch._utils\n_rebuild_tensor_v2\n" + pyTuple(storage, pyInt(offset), pyInts(size...), pyInts(stride...), "\x89", "}") + "R"
}

// floats are the bytes of 0, 1, 2 ….
func floats(n int) string {
	var b []byte
	for i := range n {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(i)))
	}
	return string(b)
}

// torchZip is a zip with a pickle and one storage of six floats.
func torchZip(t testing.TB, object string, more ...member) []byte {
	members := []member{{"w/data.pkl", "\x80\x02" + object + ".", zip.Store}, {"w/byteorder", "little", zip.Store}, {"w/data/0", floats(6), zip.Store}}
	return zipOf(t, append(members, more...)...)
}

const sysInfo = "}X\x0d\x00\x00\x00little_endian\x88s."

// torchStream is a legacy stream of an object, the keys of its storages and these.
func torchStream(object, keys, storages string) []byte {
	return []byte("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19." + "\x80\x02M\xe9\x03." + sysInfo + object + "." + keys + "." + storages)
}

func counted(n int64, data string) string {
	return string(binary.LittleEndian.AppendUint64(nil, uint64(n))) + data
}

// torchTar is a file of 2016 with one tensor "a" of two, of the parts that are not given.
func torchTar(t testing.TB, tensors, storages string) []byte {
	if tensors == "" {
		tensors = "K\x01." + pyTuple("K\x01", "K\x02", "ctorch\nFloatTensor\n") + "." + counted(1, counted(2, counted(1, counted(0, ""))))
	}
	if storages == "" {
		storages = "K\x01." + pyTuple("K\x02", pyStr("cpu"), "ctorch\nFloatStorage\n") + "." + counted(6, floats(6)) + "]."
	}
	return tarOf(t, member{name: "sys_info", data: sysInfo}, member{name: "pickle", data: pyDict(pyStr("a"), pyStr("1")+"Q") + "."},
		member{name: "tensors", data: tensors}, member{name: "storages", data: storages})
}

// Forms that today's torch does not write, but older ones did.
func TestOlderTorch(t *testing.T) {
	storage := pyStorage("0", 6)
	whole := pyTensor(storage, 0, []int64{6}, []int64{1})
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"whole", torchZip(t, pyDict(pyStr("a"), whole)), "a [6] [0 1 2 3 4 5]"},
		{"_rebuild_tensor", torchZip(t, pyDict(pyStr("a"), "ctorch._utils\n_rebuild_tensor\n"+pyTuple(storage, pyInt(1), pyInts(2), pyInts(2))+"R")), "a [2] [1 3]"},
		{"a tensor's class and state", torchZip(t, pyDict(pyStr("a"), "ctorch\nFloatTensor\n)R"+pyTuple(storage, pyInt(1), pyInts(2), pyInts(2))+"b")), "a [2] [1 3]"},
		{"a tensor on a GPU", torchZip(t, pyDict(pyStr("a"), "ctorch.cuda\nFloatTensor\n)R"+pyTuple(strings.Replace(storage, "torch\n", "torch.cuda\n", 1), pyInt(1), pyInts(2), pyInts(2))+"b")), "a [2] [1 3]"},
		{"a parameter that has its tensor in the state", torchZip(t, pyDict(pyStr("a"), "ctorch.nn.parameter\nParameter\n)\x81"+pyTuple(whole, "N", "}", "\x88", "\x89")+"b")), "a [6] [0 1 2 3 4 5]"},
		{"a variable", torchZip(t, pyDict(pyStr("a"), "ctorch.autograd.variable\nVariable\n"+pyTuple(whole)+"R"+pyTuple("\x88", "\x89", "}")+"b")), "a [6] [0 1 2 3 4 5]"},
		{"a parameter with attributes", torchZip(t, pyDict(pyStr("a"), "ctorch._utils\n_rebuild_parameter_with_state\n"+pyTuple(whole, "\x88", "}", "}")+"R")), "a [6] [0 1 2 3 4 5]"},
		{"torch.Size", torchZip(t, pyDict(pyStr("a"), "ctorch._utils\n_rebuild_tensor\n"+pyTuple(storage, pyInt(0), "ctorch\nSize\n"+pyTuple(pyInts(2, 3))+"R", pyInts(1, 2))+"R")), "a [2 3] [0 2 4 1 3 5]"},
		{"axes of one with any stride", torchZip(t, pyDict(pyStr("a"), pyTensor(storage, 0, []int64{1, 6, 1}, []int64{0, 1, 99}))), "a [1 6 1] [0 1 2 3 4 5]"},
		{"a diagonal", torchZip(t, pyDict(pyStr("a"), pyTensor(storage, 0, []int64{2}, []int64{4}))), "a [2] [0 4]"},
		{"a scalar", torchZip(t, pyDict(pyStr("a"), pyTensor(storage, 5, nil, nil))), "a [] [5]"},
		{"names of DataParallel in part", torchZip(t, pyDict(pyStr("module.a"), whole, pyStr("b"), whole)), "module.a [6] [0 1 2 3 4 5] b [6] [0 1 2 3 4 5]"},
		{"names of DataParallel", torchZip(t, pyDict(pyStr("module.a"), whole)), "a [6] [0 1 2 3 4 5]"},
		{"in a checkpoint", torchZip(t, pyDict(pyStr("epoch"), "K\x01", pyStr("model"), pyDict(pyStr("a"), whole))), "a [6] [0 1 2 3 4 5]"},
		{"no folder", zipOf(t, member{"data.pkl", pyDict(pyStr("a"), whole) + ".", zip.Store}, member{"data/0", floats(6), zip.Store}), "a [6] [0 1 2 3 4 5]"},
		{"a part of a storage", torchStream(pyDict(pyStr("a"), pyTensor(pyStorage("9", 6, pyTuple(pyStr("8"), pyInt(2), pyInt(4))), 1, []int64{3}, []int64{1})),
			pyList(pyStr("9")), counted(6, floats(6))), "a [3] [3 4 5]"},
		{"a tar", torchTar(t, "", ""), "a [2] [0 1]"},
		{"a part of a storage in a tar", torchTar(t, "", "K\x01."+pyTuple("K\x05", pyStr("cpu"), "ctorch\nFloatStorage\n")+"."+counted(6, floats(6))+pyList(pyInts(2, 5, 3, 2))+"."), "a [2] [3 4]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := openAll(c.data)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, x := range f.Tensors {
				v, err := x.Read()
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, fmt.Sprintf("%s %v %v", x.Name, x.Shape, v.F))
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("%v, want %s", got, c.want)
			}
		})
	}
}

// What torch itself writes, and graft does not read.
func TestRefusedTorchFiles(t *testing.T) {
	for name, want := range map[string]string{
		"script.pt":    "a TorchScript program (torch.jit.save), which is not run",
		"module.pth":   `refuses to call "torch.nn.modules.linear.Linear"`,
		"expanded.pth": `tensor "a": size [1000] with strides [0]: elements lie one on another`,
		"mixed.pth":    `the entry "note" is a string, want a tensor`,
	} {
		t.Run(name, func(t *testing.T) { wantRefused(t, file(t, name), want) })
	}
}

func TestBadTorch(t *testing.T) {
	storage := pyStorage("0", 6)
	view := func(offset int64, size, stride []int64) []byte {
		return torchZip(t, pyDict(pyStr("a"), pyTensor(storage, offset, size, stride)))
	}
	object := func(o string) []byte { return torchZip(t, o) }
	whole := pyTensor(storage, 0, []int64{6}, []int64{1})
	dict := pyDict(pyStr("a"), whole)
	var many []string
	for i := range 1000 {
		many = append(many, pyStr(fmt.Sprint(i)), pyTensor(pyStorage("1", 5000), 0, []int64{2}, []int64{4999}))
	}
	args := func(name string, items ...string) []byte {
		return object(pyDict(pyStr("a"), "ctorch._utils\n"+name+"\n"+pyTuple(items...)+"R"))
	}
	pickled := "\x80\x02" + dict + "."
	lying := torchZip(t, dict)
	binary.LittleEndian.PutUint32(lying[strings.LastIndex(string(lying), "PK\x01\x02")+24:], 1<<31) // unpacked size of the last member
	encrypted := torchZip(t, dict)
	encrypted[strings.Index(string(encrypted), "PK\x01\x02")+8] |= 1

	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"calls os.system", object("cos\nsystem\n" + pyTuple(pyStr("ls")) + "R"), `refuses to call "os.system"`},
		{"frame of 2^60", object("\x95\x00\x00\x00\x00\x00\x00\x00\x10"), "frame of 1152921504606846976 bytes"},
		{"bytes of 1 GB", object("\x8e\x00\x00\x00\x40\x00\x00\x00\x00"), "wants 1073741824 bytes"},
		{"nested two million deep", object(strings.Repeat("(", 2_000_000)), "nests more than 64 deep"},
		{"memo that is missing", object("h\x07"), "memo entry 7 was never written"},
		{"text behind the pickle", zipOf(t, member{"w/data.pkl", pickled + "x", zip.Store}, member{"w/data/0", floats(6), zip.Store}), "1 bytes behind its end"},

		{"offset beyond the storage", view(6, []int64{1}, []int64{1}), "begins at element 6 of a storage of 6"},
		{"offset negative", view(-1, []int64{1}, []int64{1}), "begins at element -1"},
		{"size beyond the storage", view(0, []int64{7}, []int64{1}), "reaches beyond its storage, where 6 elements are left"},
		{"offset and size beyond", view(1, []int64{6}, []int64{1}), "where 5 elements are left"},
		{"stride beyond the storage", view(0, []int64{2, 2}, []int64{6, 1}), "reaches beyond"},
		{"stride of 2^62", view(0, []int64{3}, []int64{1 << 62}), "reaches beyond"},
		{"size of 2^62", view(0, []int64{1 << 62}, []int64{1}), "reaches beyond"},
		{"size that overflows", view(0, []int64{1 << 32, 1 << 32}, []int64{1 << 32, 1}), "too many elements"},
		{"size negative", view(0, []int64{-1}, []int64{1}), "size [-1]"},
		{"stride 0", view(0, []int64{6}, []int64{0}), "one on another"},
		{"stride negative", view(5, []int64{6}, []int64{-1}), "one on another"},
		{"windows that overlap", view(0, []int64{4, 3}, []int64{1, 1}), "one on another"},
		{"views of one storage without end", torchZip(t, pyDict(many...), member{"w/data/1", floats(5000), zip.Store}), "more than 4 times the bytes of the file"},
		{"fewer strides than axes", view(0, []int64{2, 3}, []int64{1}), "as many strides"},
		{"nine axes", view(0, make([]int64, 9), make([]int64, 9)), "as many strides"},
		{"a tensor of two arguments", args("_rebuild_tensor_v2", storage, pyInt(0)), "a tensor of 2 arguments, want 6 or 7"},
		{"an older tensor of two arguments", args("_rebuild_tensor", storage, pyInt(0)), "a tensor of 2 arguments, want 4"},
		{"a negative of its storage", args("_rebuild_tensor_v2", storage, pyInt(0), pyInts(6), pyInts(1), "\x89", "}", pyDict(pyStr("neg"), "\x88")), "a negative of its storage"},
		{"a tensor of a number", args("_rebuild_tensor", "K\x01", pyInt(0), pyInts(6), pyInts(1)), "a tensor of an int, an int"},
		{"a size of strings", args("_rebuild_tensor", storage, pyInt(0), pyTuple(pyStr("6")), pyInts(1)), "want a storage"},
		{"a parameter of a number", args("_rebuild_parameter", "K\x01", "\x88", "}"), "a parameter of an int"},
		{"a parameter of nothing", args("_rebuild_parameter"), "a parameter of 0 arguments"},
		{"a parameter's state of a number", object(pyDict(pyStr("a"), "ctorch.nn.parameter\nParameter\n)\x81"+pyTuple("N", "N", "}", "\x88", "\x89")+"b")), "a parameter of None"},
		{"a state of one", object(pyDict(pyStr("a"), "ctorch\nFloatTensor\n)R"+pyTuple("N")+"b")), "a tensor's state is a tuple"},
		{"a tensor without its state", object(pyDict(pyStr("a"), "ctorch\nFloatTensor\n)R")), "has no storage"},
		{"a tensor's class with arguments", object(pyDict(pyStr("a"), "ctorch\nFloatTensor\n(K\x01tR")), "with 1 arguments"},
		{"torch.Size of a number", object("ctorch\nSize\n(K\x01tR"), "torch.Size of something else"},

		{"storage missing", object(pyDict(pyStr("a"), pyTensor(pyStorage("1", 6), 0, []int64{6}, []int64{1}))), `no member "w/data/1"`},
		{"storage outside", object(pyDict(pyStr("a"), pyTensor(pyStorage("../../x", 6), 0, []int64{6}, []int64{1}))), `no member "w/data/../../x"`},
		{"storage short", object(pyDict(pyStr("a"), pyTensor(pyStorage("0", 7), 0, []int64{6}, []int64{1}))), "7 elements of 4 bytes each, but the member has 24 bytes"},
		{"storage long", object(pyDict(pyStr("a"), pyTensor(pyStorage("0", 5), 0, []int64{5}, []int64{1}))), "5 elements of 4 bytes each, but the member has 24 bytes"},
		{"storage of 2^62 elements", object(pyDict(pyStr("a"), pyTensor(pyStorage("0", 1<<62), 0, []int64{5}, []int64{1}))), "but the member has 24 bytes"},
		{"storage of -1 elements", object(pyDict(pyStr("a"), pyTensor(pyStorage("0", -1), 0, []int64{5}, []int64{1}))), "for a number of elements"},
		{"storage named twice", object(pyDict(pyStr("a"), whole, pyStr("b"), strings.Replace(whole, "Float", "Int", 1))), `storage "0" is named with two types`},
		{"storage compressed", zipOf(t, member{"w/data.pkl", pickled, zip.Store}, member{"w/data/0", floats(6), zip.Deflate}), "is compressed, want it stored"},
		{"pickle compressed", zipOf(t, member{"w/data.pkl", pickled, zip.Deflate}), "is compressed"},
		{"storage of an unknown type", object(pyDict(pyStr("a"), strings.Replace(whole, "Float", "Quint", 1))), `refuses to call "torch.QuintStorage"`},
		{"storage of a tensor's type", object(pyDict(pyStr("a"), strings.Replace(whole, "FloatStorage", "FloatTensor", 1))), "torch.FloatTensor in place of a storage's type"},
		{"a module for an id", object(pyTuple(pyStr("module"), "N", "N", "N") + "Q"), "want a storage's tuple of 5"},

		{"big-endian", zipOf(t, member{"w/data.pkl", pickled, zip.Store}, member{"w/byteorder", "big", zip.Store}), `byteorder is "big", want little`},
		{"a member twice", torchZip(t, dict, member{"w/data/0", floats(6), zip.Store}), `the member "w/data/0" twice`},
		{"two pickles", torchZip(t, dict, member{"v/data.pkl", pickled, zip.Store}), "a data.pkl in 2 folders"},
		{"a program", torchZip(t, dict, member{"w/code/a.py", "", zip.Store}), "a TorchScript program"},
		{"too many members", torchZip(t, dict, manyMembers(maxMembers)...), "10003 members, the limit is 10000"},
		{"a million members", manyHeaders(1_000_000), "directory has more than"},
		{"no pickle", zipOf(t, member{"a.npy", "x", zip.Store}), "a zip that is no weights file itself"},
		{"a size that lies", lying, "is compressed"},
		{"a zip64 of 2^60 members", zip64(torchZip(t, dict), 1<<60+1, 300, 500), "damaged zip"},
		{"a zip64 whose directory is outside", zip64(torchZip(t, dict), 3, 300, 1<<60), "damaged zip"},
		{"a zip64 whose directory is 2^60 bytes", zip64(torchZip(t, dict), 3, 1<<60, 500), "damaged zip"},
		{"encrypted", encrypted, "is encrypted"},

		{"a number", object("K\x01"), "holds an int, want a state dict"},
		{"a list of tensors", object(pyList(whole)), "holds a list, want a state dict"},
		{"nothing", object("}"), "a state dict of 0 entries"},
		{"a tensor twice", object(pyDict(pyStr("a"), whole, pyStr("a"), whole)), `tensor "a" comes twice`},
		{"a long name", object(pyDict(pyStr(strings.Repeat("a", 1001)), whole)), "a name of 1001 bytes"},
		{"a number for a key", object(pyDict("K\x01", whole)), "an int for a key"},
		{"a dict in a dict in a dict", object(pyDict(pyStr("model"), pyDict(pyStr("model"), dict))), `the entry "model" is a dict`},
		{"a dict that holds itself", object("}q\x01(" + pyStr("model") + "h\x01u"), `the entry "model" is a dict`},
	} {
		t.Run(c.name, func(t *testing.T) { wantRefused(t, c.data, c.want) })
	}
}

func TestBadTorchStream(t *testing.T) {
	storage := pyStorage("9", 6, "N")
	dict := func(s string) string {
		return pyDict(pyStr("a"), pyTensor(s, 0, []int64{2}, []int64{1}))
	}
	keys, data := pyList(pyStr("9")), counted(6, floats(6))
	good := string(torchStream(dict(storage), keys, data))
	part := func(items ...string) []byte {
		return torchStream(dict(pyStorage("9", 6, pyTuple(items...))), keys, data)
	}
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"another pickle", []byte("\x80\x02]."), "a pickle of a list that torch.save did not write"},
		{"another number", []byte("\x80\x02K\x01."), "a pickle of an int"},
		{"another protocol", []byte(strings.Replace(good, "M\xe9\x03", "M\xea\x03", 1)), "torch's protocol 1001"},
		{"big-endian", []byte(strings.Replace(good, "\x88s.", "\x89s.", 1)), "big-endian"},
		{"no sys_info", []byte(strings.Replace(good, sysInfo, "N.", 1)), "None in place of sys_info"},
		{"bytes behind the end", []byte(good + "x"), "1 bytes behind the last storage"},
		{"keys of no storage", torchStream(dict(storage), pyList(pyStr("8")), data), `storage "8" comes twice, or no tensor has it`},
		{"no keys", torchStream(dict(storage), "N", data), "None in place of the keys of 1 storages"},
		{"too few keys", torchStream(dict(storage), "]", data), "a list in place of the keys of 1"},
		{"number of elements negative", torchStream(dict(storage), keys, counted(-1, "")), "-1 elements of 4 bytes"},
		{"number of elements of 2^61", torchStream(dict(storage), keys, counted(1<<61, floats(6))), "where 24 bytes are left"},
		{"number of elements another", torchStream(dict(storage), keys, counted(5, floats(5))), `storage "9" has 5 elements, its tensors say 6`},
		{"an id of a zip", torchStream(dict(pyStorage("9", 6)), keys, data), "want a storage's tuple of 6"},
		{"a part beyond", part(pyStr("8"), pyInt(3), pyInt(4)), "4 elements from 3 on, of a storage of 6"},
		{"a part negative", part(pyStr("8"), pyInt(-1), pyInt(4)), "4 elements from -1 on"},
		{"a part that overflows", part(pyStr("8"), pyInt(1<<62), pyInt(1<<62)), "of a storage of 6"},
		{"a part of two", part(pyStr("8"), pyInt(1)), "want a tuple of 3"},
		{"a part of strings", part(pyStr("8"), pyStr("1"), pyInt(1)), "a part of a string, a string"},
	} {
		t.Run(c.name, func(t *testing.T) { wantRefused(t, c.data, c.want) })
	}
}

func TestBadTorchTar(t *testing.T) {
	record := pyTuple("K\x01", "K\x02", "N") + "."
	storage := pyTuple("K\x02", pyStr("cpu"), "ctorch\nFloatStorage\n") + "." + counted(6, floats(6))
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"no storages", tarOf(t, member{name: "sys_info", data: sysInfo}), `no member "storages"`},
		{"big-endian", tarOf(t, member{name: "sys_info", data: strings.Replace(sysInfo, "\x88", "\x89", 1)}), "big-endian"},
		{"a number of storages that is none", torchTar(t, "", "N."), "None in place of a number of records"},
		{"more storages than there are", torchTar(t, "", "K\x02."+storage+"]."), "a record that is a list"},
		{"2^40 storages", torchTar(t, "", pyInt(1<<40)+"."), "from 0 to 100000"},
		{"a storage twice", torchTar(t, "", "K\x02."+storage+storage+"]."), "no int, or known"},
		{"a storage beyond the end", torchTar(t, "", "K\x01."+strings.Replace(storage, "\x06\x00\x00\x00\x00\x00", "\x07\x00\x00\x00\x00\x00", 1)+"]."), "7 elements of 4 bytes each where"},
		{"no list of parts", torchTar(t, "", "K\x01."+storage+"N."), "None in place of the list of parts"},
		{"a part of an unknown storage", torchTar(t, "", "K\x01."+storage+pyList(pyInts(3, 9, 0, 1))+"."), "a new part of a known storage"},
		{"a part of itself", torchTar(t, "", "K\x01."+storage+pyList(pyInts(3, 3, 0, 1))+"."), "a new part of a known storage"},
		{"a part beyond", torchTar(t, "", "K\x01."+storage+pyList(pyInts(3, 2, 6, 1))+"."), "1 elements from 6 on"},
		{"no tensor of that number", torchTar(t, "K\x00.", ""), `no tensor's number: "1"`},
		{"a tensor twice", torchTar(t, "K\x02."+record+counted(0, counted(0, ""))+record, ""), "no int, or known"},
		{"a tensor of no storage", torchTar(t, "K\x01."+pyTuple("K\x01", "N", "N")+"."+counted(0, counted(0, "")), ""), "has no storage"},
		{"a tensor of nine axes", torchTar(t, "K\x01."+record+counted(9, ""), ""), "a tensor of 9 axes"},
		{"a tensor of -1 axes", torchTar(t, "K\x01."+record+counted(-1, ""), ""), "a tensor of -1 axes"},
		{"a tensor beyond its storage", torchTar(t, "K\x01."+record+counted(1, counted(7, counted(1, counted(0, "")))), ""), "reaches beyond its storage"},
	} {
		t.Run(c.name, func(t *testing.T) { wantRefused(t, c.data, c.want) })
	}
}
