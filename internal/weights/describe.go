package weights

import (
	"bytes"
	"fmt"

	"github.com/graft-ml/graft/internal/sniff"
)

// looks are the files that people have in place of weights, by their first bytes; text, in lower case here, is
// known in any case.
var looks = []struct{ begins, is string }{
	{"version https://git-lfs", "a git-lfs pointer in place of the file (git lfs pull fetches it)"},
	{"<!doctype html", "an HTML page, as a server sends in place of a file"},
	{"<html", "an HTML page, as a server sends in place of a file"},
	{"<?xml", "XML"},
	{"\x1f\x8b", "compressed with gzip (unpack it first)"},
	{"BZh", "compressed with bzip2 (unpack it first)"},
	{"\xfd7zXZ", "compressed with xz (unpack it first)"},
	{"\x28\xb5\x2f\xfd", "compressed with zstd (unpack it first)"},
	{"7z\xbc\xaf", "a 7z archive (unpack it first)"},
	{"GGUF", "GGUF, which holds language models"},
	{"\x93NUMPY", "a NumPy array"},
	{"{", "JSON"},
	{"[", "JSON"},
}

// describe says what a file that begins with head is, as far as that helps who took it for weights.
func describe(head []byte) string {
	if len(head) == 0 {
		return "empty"
	}
	begin := bytes.TrimLeft(head[:min(len(head), 256)], " \t\r\n\ufeff")
	lower := bytes.ToLower(begin)
	for _, l := range looks {
		if bytes.HasPrefix(begin, []byte(l.begins)) || bytes.HasPrefix(lower, []byte(l.begins)) {
			return l.is
		}
	}
	if len(head) > 8 && string(head[4:8]) == "TFL3" {
		return "a TensorFlow Lite model"
	}
	switch f := sniff.Of(head); f {
	case sniff.Unknown, sniff.Archive:
		return fmt.Sprintf("begins with the bytes % x", head[:min(len(head), 8)])
	case sniff.Text:
		return fmt.Sprintf("text that begins with %.40q", begin)
	default:
		return "a file of kind " + f.String()
	}
}
