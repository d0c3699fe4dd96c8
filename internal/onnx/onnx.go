// Package onnx reads and writes ONNX model files.
//
// Input: the bytes of a ModelProto at opset 7 to 21. Output: an nn.Graph with the semantics of opset 17, and
// back. The protobuf wire format is read directly, with no generated code: every length is checked against
// the bytes that are left before anything is allocated, so that what a file makes us allocate stays within a
// small multiple of its size, and no bytes cause a panic. Weights are referenced where they lie in the file,
// not copied, if they are aligned. Data outside the file is never read.
package onnx

import (
	"fmt"
	"io"
	"os"

	"github.com/graft-ml/graft/internal/nn"
)

// Limits of what is read and written.
const (
	MinOpset = 7  // broadcasting became what it is today
	MaxOpset = 21 // newest whose differences opset.go knows

	MaxBytes = 1<<31 - 1 // protobuf's own limit on a message

	maxNodes = 100_000 // nodes, and initialisers
	maxRank  = 16
	irWrite  = 8 // the IR version that came with opset 17
)

// Model is a model file in memory.
type Model struct {
	Graph    *nn.Graph
	Metadata map[string]string // metadata_props

	Producer        string
	ProducerVersion string

	Opset     int // of the standard operators, as read; written files have nn.Opset
	IRVersion int // as read; written files have 8
}

// FormatError says that a file is not a valid ONNX model.
type FormatError string

func (e FormatError) Error() string { return "onnx: " + string(e) }

// UnsupportedError says that a valid model uses what graft does not have.
type UnsupportedError string

func (e UnsupportedError) Error() string { return "onnx: " + string(e) }

func formatErrorf(format string, args ...any) error { return FormatError(fmt.Sprintf(format, args...)) }

func unsupportedf(format string, args ...any) error {
	return UnsupportedError(fmt.Sprintf(format, args...))
}

// ReadFile reads the model file path. It refuses what is not a regular file and what is larger than 2 GiB,
// which no ONNX file can be. Errors name the file.
func ReadFile(path string) (*Model, error) {
	data, err := ReadBytes(path)
	if err != nil {
		return nil, err
	}
	m, err := Decode(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// ReadBytes returns the content of the model file path, for Decode, under the same conditions as ReadFile.
func ReadBytes(path string) ([]byte, error) {
	// Stat comes before Open because opening a FIFO waits for its other end.
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: %w", path, FormatError("not a regular file"))
	}
	if info.Size() > MaxBytes {
		return nil, fmt.Errorf("%s: %w", path, formatErrorf("%d bytes, an ONNX file has at most %d (2 GiB)", info.Size(), MaxBytes))
	}
	return os.ReadFile(path)
}

// WriteTo writes m to w as Encode does, without a copy of the weights in memory.
func (m *Model) WriteTo(w io.Writer) (int64, error) {
	r, err := m.encode()
	if err != nil {
		return 0, err
	}
	var n int64
	for _, part := range r.parts {
		k, err := w.Write(part)
		n += int64(k)
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// Encode returns m as an ONNX file at opset 17 and IR version 8. Equal models give equal bytes: initialisers
// and metadata stand in the order of their names, weights as raw_data, little-endian. Gelu, which that opset
// lacks, is written as the nodes that it is made of. A value that ONNX cannot express is an error, and so is
// a file above 2 GiB.
func Encode(m *Model) ([]byte, error) {
	r, err := m.encode()
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, r.size)
	for _, part := range r.parts {
		out = append(out, part...)
	}
	return out, nil
}
