package pickle

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strconv"
	"unicode/utf8"
)

// input is the bytes of one pickle.
type input struct {
	buf  *bufio.Reader
	pos  int64 // bytes read
	size int64 // bytes that there may be at most
}

// maxLine is how long a name or a number may be that a line feed ends.
const maxLine = 1024

func (in *input) byte() (byte, error) {
	b, err := in.buf.ReadByte()
	if err != nil {
		return 0, in.cut(err)
	}
	in.pos++
	return b, nil
}

// bytes returns the next n bytes, which are the caller's.
func (in *input) bytes(n uint64) ([]byte, error) {
	if left := in.size - in.pos; n > uint64(max(left, 0)) {
		return nil, FormatError(fmt.Sprintf("offset %d: wants %d bytes where there are at most %d", in.pos, n, left))
	}
	if n > 1<<20 {
		return in.grow(int64(n))
	}
	b := make([]byte, n)
	got, err := io.ReadFull(in.buf, b)
	in.pos += int64(got)
	if err != nil {
		return nil, in.cut(err)
	}
	return b, nil
}

// grow reads n bytes into memory that grows as they come: size may promise more than the file has.
func (in *input) grow(n int64) ([]byte, error) {
	var b bytes.Buffer
	got, err := io.CopyN(&b, in.buf, n)
	in.pos += got
	if err != nil {
		return nil, in.cut(err)
	}
	return b.Bytes(), nil
}

// cut turns the end of the file into a FormatError.
func (in *input) cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return FormatError(fmt.Sprintf("offset %d: the pickle is cut short", in.pos))
	}
	return err
}

// uint reads an unsigned little-endian number of n bytes, 8 at most.
func (in *input) uint(n int) (uint64, error) {
	var b [8]byte
	got, err := io.ReadFull(in.buf, b[:n])
	in.pos += int64(got)
	if err != nil {
		return 0, in.cut(err)
	}
	return binary.LittleEndian.Uint64(b[:]), nil
}

// counted reads bytes that follow their number, which takes width bytes.
func (in *input) counted(width int) ([]byte, error) {
	n, err := in.uint(width)
	if err != nil {
		return nil, err
	}
	return in.bytes(n)
}

// text reads a counted string.
func (in *input) text(width int) (any, error) {
	at := in.pos
	b, err := in.counted(width)
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(b) {
		return nil, FormatError(fmt.Sprintf("offset %d: a string that is not UTF-8", at))
	}
	return string(b), nil
}

// long reads a counted integer in two's complement, little-endian.
func (in *input) long(width int) (any, error) {
	b, err := in.counted(width)
	if err != nil {
		return nil, err
	}
	if len(b) > 1<<10 {
		return nil, FormatError(fmt.Sprintf("offset %d: an integer of %d bytes", in.pos, len(b)))
	}
	negative := len(b) > 0 && b[len(b)-1] >= 0x80
	n := new(big.Int)
	for i := len(b) - 1; i >= 0; i-- {
		n.Lsh(n, 8).Or(n, big.NewInt(int64(b[i])))
	}
	if negative {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	if n.IsInt64() {
		return n.Int64(), nil
	}
	return n, nil
}

// line reads up to a line feed, which it drops.
func (in *input) line() (string, error) {
	var line []byte
	for {
		b, err := in.byte()
		if err != nil {
			return "", err
		}
		if b == '\n' {
			break
		}
		if line = append(line, b); len(line) > maxLine {
			return "", FormatError(fmt.Sprintf("offset %d: a line of more than %d bytes", in.pos, maxLine))
		}
	}
	if !utf8.Valid(line) {
		return "", FormatError(fmt.Sprintf("offset %d: a line that is not UTF-8", in.pos))
	}
	return string(line), nil
}

// decimal reads a line that is an int: Python 2 writes those beyond 32 bits so.
func (in *input) decimal() (any, error) {
	s, err := in.line()
	if err != nil {
		return nil, err
	}
	switch s {
	case "00":
		return false, nil
	case "01":
		return true, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return nil, FormatError(fmt.Sprintf("offset %d: %.40q is no int of 64 bits", in.pos, s))
	}
	return n, nil
}
