package weights

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/graft-ml/graft/internal/sniff"
	"github.com/graft-ml/graft/internal/tensor"
	"github.com/graft-ml/graft/internal/weights/pickle"
)

// maxTensors is how many arrays a file may have; the largest network known here has 1,500.
const maxTensors = 100_000

// Open reads the list of the arrays of the weights file r, which has size bytes. What the file is, its
// content says; name is for messages. r must stay open as long as arrays are read.
//
// An ONNX model is an UnsupportedError here: package onnx reads it. So is an archive that holds a weights
// file: see OpenArchive.
func Open(r io.ReaderAt, size int64, name string) (*File, error) {
	f, err := open(r, size, name)
	if err != nil {
		return nil, named(name, err)
	}
	f.Name = name
	for i, t := range f.Tensors {
		f.Tensors[i].Read = func() (*tensor.Tensor, error) {
			v, err := t.Read()
			if err == nil {
				err = finite(v)
			}
			if err != nil {
				return nil, named(fmt.Sprintf("%s: tensor %.200q", name, t.Name), err)
			}
			return v, nil
		}
	}
	return f, nil
}

func open(r io.ReaderAt, size int64, name string) (*File, error) {
	head, err := headOf(r, size)
	if err != nil {
		return nil, err
	}
	switch {
	case isZip(head):
		return openZip(r, size, name)
	case isTorchTar(head):
		return openTorchTar(r, size)
	case isPickle(head):
		return openTorchStream(r, size)
	case isSafetensors(head):
		return openSafetensors(r, size)
	case IsONNX(head):
		return nil, unsupportedf("an ONNX model, which is a graph with its weights and not read here")
	case isHDF5(r, size):
		return openKeras(r, size, name, KerasH5)
	case isTar(head):
		return nil, unsupportedf("a tar archive: import takes the weights file out of it")
	}
	return nil, formatErrorf("%s: not a weights file (known are safetensors, torch's .pth, Keras's .h5 and .keras, ONNX)", describe(head))
}

// named puts where in front of an error's message. Whatever bytes are to blame for becomes an error of this
// package.
func named(where string, err error) error {
	var format FormatError
	var unsupported UnsupportedError
	var pickled pickle.FormatError
	var refused pickle.UnsupportedError
	switch {
	case errors.As(err, &format):
		return FormatError(where + ": " + string(format))
	case errors.As(err, &unsupported):
		return UnsupportedError(where + ": " + string(unsupported))
	case errors.As(err, &pickled):
		return FormatError(where + ": " + pickled.Error())
	case errors.As(err, &refused):
		return UnsupportedError(where + ": " + refused.Error())
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return FormatError(where + ": ends too early")
	}
	return fmt.Errorf("%s: %w", where, err)
}

// finite refuses what no layer can compute with. A double beyond float32 counts too.
func finite(t *tensor.Tensor) error {
	for i, x := range t.F {
		if x-x != 0 { // NaN and infinities
			return formatErrorf("element %d of %d is %v: the weights are damaged, or training diverged", i, len(t.F), x)
		}
	}
	return nil
}

// headOf returns the first bytes of r.
func headOf(r io.ReaderAt, size int64) ([]byte, error) {
	head := make([]byte, min(max(size, 0), sniff.HeadLen))
	_, err := io.ReadFull(io.NewSectionReader(r, 0, size), head)
	return head, err
}

func isZip(head []byte) bool {
	return bytes.HasPrefix(head, []byte("PK\x03\x04")) || bytes.HasPrefix(head, []byte("PK\x05\x06"))
}

func isTar(head []byte) bool { return len(head) >= 512 && string(head[257:262]) == "ustar" }

// isTorchTar asks for the first member that torch.save wrote.
func isTorchTar(head []byte) bool {
	return isTar(head) && bytes.HasPrefix(head, []byte("sys_info\x00"))
}

// isPickle asks for the opcode that begins every pickle since protocol 2.
func isPickle(head []byte) bool {
	return len(head) >= 2 && head[0] == 0x80 && head[1] >= 2 && head[1] <= 5
}

// isSafetensors asks for the brace behind the length of the header. JSON may have a brace there too, but
// the length of a header of less than 2^56 bytes has a zero byte, which text has not.
func isSafetensors(head []byte) bool {
	return len(head) > 8 && head[8] == '{' && bytes.IndexByte(head[:8], 0) >= 0
}

// hdf5Magic begins a superblock, which stands at 0, 512, 1024, 2048 … .
const hdf5Magic = "\x89HDF\r\n\x1a\n"

func isHDF5(r io.ReaderAt, size int64) bool {
	var b [len(hdf5Magic)]byte
	for at := int64(0); at <= size-int64(len(b)); at = max(512, 2*at) {
		if _, err := r.ReadAt(b[:], at); err != nil && !errors.Is(err, io.EOF) {
			return false
		}
		if string(b[:]) == hdf5Magic {
			return true
		}
		if at > math.MaxInt64/4 {
			return false
		}
	}
	return false
}

// IsONNX reports whether a file that begins with head looks like an ONNX model: protobuf's field 1, a small
// ir_version, and behind it another field of a ModelProto. Protobuf has no magic, so that it is a guess, but
// no other format that graft meets begins so.
func IsONNX(head []byte) bool {
	if len(head) < 3 || head[0] != 0x08 || head[1] == 0 || head[1] > 32 {
		return false
	}
	switch head[2] {
	case 0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42, 0x72: // producer, its version, domain, model version, doc, graph, opset, metadata
		return true
	}
	return false
}
