// Package weights reads the files in which trained weights are published, natively and strictly.
//
// Input: a file of one of the formats below, as an io.ReaderAt. Output: a [File], the list of its arrays with
// their names, shapes and element types; an array's data are read when it is loaded. Nothing in a file is
// ever executed, no other file is opened on its behalf, and every length is checked against the bytes that
// are there before memory is taken. What belongs to which layer of a network is not known here: see package
// backbone.
package weights

import (
	"fmt"

	"github.com/graft-ml/graft/internal/tensor"
)

// Format is the kind of a weights file.
type Format string

// The formats that Open tells apart by content, never by name.
const (
	Safetensors Format = "safetensors"
	TorchZip    Format = "torch zip"           // torch.save since 1.6
	TorchStream Format = "torch legacy stream" // torch.save before, or with _use_new_zipfile_serialization=False
	TorchTar    Format = "torch tar"           // torch.save of 2016
	KerasH5     Format = "Keras h5"            // save_weights and save of Keras 1 and 2, and of Keras 3 under the name .h5
	Keras3      Format = "Keras 3 weights"     // .weights.h5, also inside of .keras
)

// FormatError says that a file is damaged or is not what it claims to be.
type FormatError string

func (e FormatError) Error() string { return "weights: " + string(e) }

// UnsupportedError says that a valid file uses what graft does not read, or refuses to.
type UnsupportedError string

func (e UnsupportedError) Error() string { return "weights: " + string(e) }

func formatErrorf(format string, args ...any) error { return FormatError(fmt.Sprintf(format, args...)) }

func unsupportedf(format string, args ...any) error {
	return UnsupportedError(fmt.Sprintf(format, args...))
}

// Tensor is one array of a file.
type Tensor struct {
	// Name is the file's own: "layer1.0.conv1.weight", "conv1_conv/kernel:0", "layers/conv2d_1/vars/0".
	Name string

	// Layer is the layer that the array belongs to, in Keras's files; "" in others.
	Layer string

	// Shape has the axes in the file's order: OIHW in torch's files, HWIO in Keras's.
	Shape tensor.Shape

	// DType is what Read gives: Float32 for every kind of floating-point number, Int64 for integers.
	DType tensor.DType

	// Read gives the elements, row-major. One that is NaN or infinite is a FormatError. Read may be called
	// more than once, from one goroutine at a time.
	Read func() (*tensor.Tensor, error)
}

// File is a weights file that is open. Its tensors stand in the order of the file where it has one (torch,
// Keras: the order of the model's layers), else by name.
type File struct {
	Name     string // for messages
	Format   Format
	Tensors  []Tensor
	Metadata map[string]string // safetensors' __metadata__; keras_version and backend of Keras's files
}
