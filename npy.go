package graft

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/graft-ml/graft/internal/atomicfile"
)

// dump collects prepared pictures into a NumPy file, [N,3,H,W] float32 (format version 1.0). The number of
// pictures is known only at the end, so the header, of fixed length, is written again then. A nil dump takes
// and writes nothing.
type dump struct {
	file          *atomicfile.File
	buf           *bufio.Writer
	height, width int
	pictures      int
	scratch       []byte
}

// npyHeader is the length of the header: a multiple of 64, as the format asks.
const npyHeader = 128

func newDump(path string, height, width int) (*dump, error) {
	if path == "" {
		return nil, nil
	}
	f, err := atomicfile.Create(path)
	if err != nil {
		return nil, err
	}
	d := &dump{file: f, buf: bufio.NewWriterSize(f, 1<<20), height: height, width: width}
	if _, err := d.buf.Write(d.header()); err != nil {
		f.Abort()
		return nil, err
	}
	return d, nil
}

func (d *dump) header() []byte {
	text := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, 3, %d, %d), }", d.pictures, d.height, d.width)
	const fixed = 10 // magic, version, length
	return fmt.Appendf(nil, "\x93NUMPY\x01\x00%c%c%-*s\n", npyHeader-fixed, 0, npyHeader-fixed-1, text)
}

// add appends pictures, [n,3,H,W].
func (d *dump) add(pixels []float32) error {
	if d == nil {
		return nil
	}
	d.pictures += len(pixels) / (3 * d.height * d.width)
	d.scratch = d.scratch[:0]
	for _, v := range pixels {
		d.scratch = binary.LittleEndian.AppendUint32(d.scratch, math.Float32bits(v))
	}
	_, err := d.buf.Write(d.scratch)
	return err
}

// commit writes the final header and puts the file in place.
func (d *dump) commit() error {
	if d == nil {
		return nil
	}
	if err := d.buf.Flush(); err != nil {
		return err
	}
	if _, err := d.file.WriteAt(d.header(), 0); err != nil {
		return err
	}
	return d.file.Commit()
}

// abort removes what was written, unless commit has put it in place.
func (d *dump) abort() {
	if d != nil {
		d.file.Abort()
	}
}
