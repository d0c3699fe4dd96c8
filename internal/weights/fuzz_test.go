package weights

import "testing"

// maxFuzzed keeps the fuzzer from spending its time on long inputs.
const maxFuzzed = 64 << 10

// fuzzOpen opens what the fuzzer made, and reads its arrays. Whatever it is, memory stays small.
func fuzzOpen(t *testing.T, data []byte) {
	if len(data) > maxFuzzed {
		return
	}
	spent := allocated(func() { openAll(data) })
	if spent > 4*smallMemory {
		t.Errorf("%d bytes of memory for a file of %d", spent, len(data))
	}
}

func FuzzSafetensors(f *testing.F) {
	f.Add(file(f, "all.safetensors"))
	f.Add(safetensorsOf(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"__metadata__":{"\u0061":"b"}}`, 8))
	f.Add(safetensorsOf(`{"a":{"dtype":"I8","shape":[4294967296,4294967296],"data_offsets":[0,8]}}`, 8))
	f.Fuzz(fuzzOpen)
}

func FuzzTorch(f *testing.F) {
	for _, name := range []string{"zip.pth", "zip_protocol4.pth", "checkpoint.pth", "stream.pth", "stream_protocol4.pth", "tar.pth", "script.pt", "module.pth", "expanded.pth", "mixed.pth"} {
		f.Add(file(f, name))
	}
	whole := pyTensor(pyStorage("0", 6), 0, []int64{6}, []int64{1})
	f.Add(torchZip(f, pyDict(pyStr("model"), pyDict(pyStr("module.a"), whole))))
	f.Add(torchZip(f, "cos\nsystem\n"+pyTuple(pyStr("ls"))+"R"))
	f.Add(torchTar(f, "", ""))
	f.Add(torchStream(pyDict(pyStr("a"), pyTensor(pyStorage("9", 6, pyTuple(pyStr("8"), pyInt(2), pyInt(4))), 1, []int64{3}, []int64{1})), pyList(pyStr("9")), counted(6, floats(6))))
	f.Fuzz(fuzzOpen)
}
