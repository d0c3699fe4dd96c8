package dataset

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

func isZip(head []byte) bool {
	return bytes.HasPrefix(head, []byte("PK\x03\x04")) || bytes.HasPrefix(head, []byte("PK\x05\x06"))
}

func isGzip(head []byte) bool { return bytes.HasPrefix(head, []byte("\x1f\x8b")) }

// isTar asks for the magic, or for a header with a right checksum, which older archives have too.
func isTar(head []byte) bool {
	if len(head) > 262 && string(head[257:262]) == "ustar" {
		return true
	}
	_, err := tar.NewReader(bytes.NewReader(head)).Next()
	return err == nil
}

// inArchive tells in which archive err happened, and what the usual causes mean.
func inArchive(name string, err error) error {
	var format FormatError
	var unsupported UnsupportedError
	switch {
	case errors.As(err, &format):
		return FormatError(name + ": " + string(format))
	case errors.As(err, &unsupported):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return FormatError(name + ": the archive is cut: it ends within a file")
	case errors.Is(err, zip.ErrFormat):
		return FormatError(name + ": the zip archive is cut or damaged: it has no valid list of members at its end")
	case errors.Is(err, tar.ErrHeader), errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum):
		return FormatError(name + ": the archive is damaged: " + err.Error())
	}
	return fmt.Errorf("dataset: %s: %w", name, err)
}

// zipSource reads the members of a zip archive; file.at is the index of one.
type zipSource struct {
	*os.File
	r *zip.Reader
}

func (s zipSource) open(f file) (io.ReadCloser, int64, error) {
	z := s.r.File[f.at]
	r, err := z.Open()
	return r, int64(z.UncompressedSize64), err
}

func listZip(ctx context.Context, l *listing, f *os.File, o Options) (source, error) {
	src := zipSource{File: f}
	info, err := f.Stat()
	if err != nil {
		return src, err
	}
	if src.r, err = zip.NewReader(f, info.Size()); err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return src, err
	}
	total := int64(0)
	for i, z := range src.r.File {
		if err := l.countMember(ctx, o); err != nil {
			return src, err
		}
		if z.UncompressedSize64 > uint64(o.MaxBytes) {
			return src, o.checkBytes(o.MaxBytes+1, info.Size())
		}
		total += int64(z.UncompressedSize64)
		if err := o.checkBytes(total, info.Size()); err != nil {
			return src, err
		}
		name := z.Name
		if !strings.Contains(name, "/") {
			name = strings.ReplaceAll(name, `\`, "/") // some programs write Windows paths as they are
		}
		switch mode := z.Mode(); {
		case mode.IsDir() || strings.HasSuffix(name, "/"):
			l.addMemberDir(name)
		case !mode.IsRegular():
			l.leaveOut(name, kindOf(mode)+" in an archive: not followed")
		case z.Flags&1 != 0:
			l.leaveOut(name, "encrypted")
		default:
			l.addMember(name, int64(z.UncompressedSize64), int64(i))
		}
	}
	return src, nil
}

// tarSource reads the members of a tar archive in place; file.at is the offset of the content.
type tarSource struct {
	*os.File
	remove string // to be deleted at Close, where an open file cannot be
}

func (s tarSource) open(f file) (io.ReadCloser, int64, error) {
	return io.NopCloser(io.NewSectionReader(s.File, f.at, f.size)), f.size, nil
}

func (s tarSource) Close() error {
	err := s.File.Close()
	if s.remove != "" {
		err = errors.Join(err, os.Remove(s.remove))
	}
	return err
}

func listTar(ctx context.Context, l *listing, f *os.File, o Options) (source, error) {
	return tarSource{File: f}, scanTar(ctx, l, f, o)
}

// scanTar lists the members of a tar archive. The reader skips contents by seeking.
func scanTar(ctx context.Context, l *listing, f *os.File, o Options) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	at := io.NewSectionReader(f, 0, info.Size())
	r := tar.NewReader(at)
	for {
		h, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
			return err
		}
		if err := l.countMember(ctx, o); err != nil {
			return err
		}
		offset, err := at.Seek(0, io.SeekCurrent)
		if err != nil {
			return err
		}
		switch {
		case h.Typeflag == tar.TypeDir:
			l.addMemberDir(h.Name)
		case h.Typeflag == tar.TypeGNUSparse || h.PAXRecords["GNU.sparse.major"] != "" || h.PAXRecords["GNU.sparse.map"] != "":
			l.leaveOut(h.Name, "sparse file in an archive: not read")
		case h.Typeflag == tar.TypeReg:
			l.addMember(h.Name, h.Size, offset)
		case h.Typeflag != tar.TypeXGlobalHeader:
			l.leaveOut(h.Name, tarKind(h.Typeflag)+" in an archive: not followed")
		}
	}
}

func tarKind(flag byte) string {
	switch flag {
	case tar.TypeLink, tar.TypeSymlink:
		return "link"
	case tar.TypeChar, tar.TypeBlock:
		return "device"
	case tar.TypeFifo:
		return "named pipe"
	}
	return fmt.Sprintf("entry of type %q", flag)
}

// listTarGz unpacks the gzip stream to a temporary file and lists that. The archive is not needed then.
func listTarGz(ctx context.Context, l *listing, f *os.File, o Options) (source, error) {
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	tmp, err := os.CreateTemp(o.TempDir, "graft-*.tar")
	if err != nil {
		return nil, err
	}
	src := tarSource{File: tmp}
	if os.Remove(tmp.Name()) != nil {
		src.remove = tmp.Name()
	}
	if err := gunzip(ctx, tmp, f, info.Size(), o); err != nil {
		return src, err
	}
	err = scanTar(ctx, l, tmp, o)
	if errors.Is(err, tar.ErrHeader) && l.members == 0 {
		err = FormatError("what is compressed is not a tar archive")
	}
	return src, err
}

// gunzip unpacks src, of size bytes, to dst.
func gunzip(ctx context.Context, dst *os.File, src io.Reader, size int64, o Options) error {
	r, err := gzip.NewReader(bufio.NewReaderSize(src, 1<<20))
	if err != nil {
		return err
	}
	buf := make([]byte, 1<<20)
	for total := int64(0); ; {
		n, err := r.Read(buf)
		total += int64(n)
		if e := errors.Join(ctx.Err(), o.checkBytes(total, size)); e != nil {
			return e
		}
		if _, e := dst.Write(buf[:n]); e != nil {
			return fmt.Errorf("unpacking to a temporary file (set TMPDIR to where there is room): %w", e)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
