package feature

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/parquet-go/parquet-go"

	"github.com/graft-ml/graft/internal/atomicfile"
)

// maxPartRows and maxPartFloats bound a part, and with it what a crash can cost and what reading one
// takes: 4096 rows or 16 MiB of features, whichever comes first.
const (
	maxPartRows   = 4096
	maxPartFloats = 4 << 20
)

// partExt ends the name of a part.
const partExt = ".parquet"

// partName returns the name of a part whose file is b: what sha256sum prints, and partExt.
func partName(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]) + partExt
}

// fingerprintKey is the key of a part's own metadata that says what features it holds.
const fingerprintKey = "graft.fingerprint"

// partRow is the schema of a part. The hash is text, not 32 raw bytes, for those who read a part in DuckDB or
// pandas and compare it with what sha256sum prints; beside the embedding its size does not matter.
type partRow struct {
	SHA256    string    `parquet:"sha256,plain"`
	Embedding []float32 `parquet:"embedding,list"`
}

// part is the content of a Parquet part: row i is keys[i] and values[i*width : (i+1)*width].
type part struct {
	keys   [][32]byte
	values []float32
}

// rowsPerPart returns how many rows of this width, from 1 to maxPartFloats, fill a part.
func rowsPerPart(width int) int { return min(maxPartRows, maxPartFloats/width) }

// write commits p to dir and returns the name. The name is made from the content, so that two processes which
// write the same part write the same file.
func (p *part) write(dir, fingerprint string, width int) (string, error) {
	rows := make([]partRow, len(p.keys))
	for i, k := range p.keys {
		rows[i] = partRow{hex.EncodeToString(k[:]), p.values[i*width : (i+1)*width]}
	}
	var b bytes.Buffer
	b.Grow(4*len(p.values) + 128*len(rows) + 4096)
	options := append(fileOptions(), parquet.KeyValueMetadata(fingerprintKey, fingerprint))
	if err := parquet.Write(&b, rows, options...); err != nil {
		return "", fmt.Errorf("encode a part: %w", err)
	}
	name := partName(b.Bytes())
	return name, atomicfile.WriteFile(filepath.Join(dir, name), func(w io.Writer) error {
		_, err := w.Write(b.Bytes())
		return err
	})
}

// fileOptions are those of every Parquet file here. Features do not compress (snappy and zstd save nothing worth
// their time on a float's mantissa), and least and greatest values of them say nothing.
func fileOptions() []parquet.WriterOption {
	return []parquet.WriterOption{
		parquet.Compression(&parquet.Uncompressed),
		parquet.CreatedBy("graft", "1", ""),
		parquet.SkipPageBounds("embedding", "list", "element"),
	}
}

// readPart reads a part back. Its error says why a file is none: damaged, or not of this fingerprint and width.
//
// The Parquet library trusts the sizes in a file, and a few wrong bytes make it panic or ask for gigabytes. It is
// not shown any: a file whose name is not the hash of its content is refused first. Who forges both may write to
// the cache, and could give false features just as well.
func readPart(path, fingerprint string, width int) (*part, error) {
	b, err := readBounded(path, width)
	if err != nil {
		return nil, err
	}
	return parsePart(filepath.Base(path), b, fingerprint, width)
}

// readBounded reads a file that is no larger than a part can be.
func readBounded(path string, width int) ([]byte, error) {
	info, err := os.Stat(path) // before opening: a named pipe would block
	if err != nil {
		return nil, err
	}
	// A row has its floats, a level or two of a byte each beside every one, and its key.
	limit := int64(rowsPerPart(width))*(6*int64(width)+256) + 1<<16
	switch {
	case !info.Mode().IsRegular():
		return nil, errors.New("not a regular file")
	case info.Size() > limit:
		return nil, fmt.Errorf("%d bytes, a part has at most %d", info.Size(), limit)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, info.Size())
	_, err = io.ReadFull(f, b)
	return b, err
}

func parsePart(name string, b []byte, fingerprint string, width int) (p *part, err error) {
	if name != partName(b) {
		return nil, errors.New("damaged: the name is not the sha256 of the content")
	}
	defer func() {
		if r := recover(); r != nil {
			p, err = nil, fmt.Errorf("not a part: %v", r)
		}
	}()
	f, err := parquet.OpenFile(bytes.NewReader(b), int64(len(b)), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, err
	}
	if got, _ := f.Lookup(fingerprintKey); got != fingerprint {
		return nil, fmt.Errorf("features of another kind, fingerprint %.16q", got)
	}
	if !parquet.EqualNodes(f.Schema(), partSchema) {
		return nil, fmt.Errorf("columns %v, want sha256 and embedding", f.Schema())
	}
	n := f.NumRows()
	if n < 0 || n > int64(rowsPerPart(width)) || n*int64(width) > int64(len(b))/4 {
		return nil, fmt.Errorf("%d rows of %d features in %d bytes", n, width, len(b))
	}
	p = &part{keys: make([][32]byte, 0, n), values: make([]float32, 0, int(n)*width)}
	for _, g := range f.RowGroups() {
		if err := p.readGroup(g, width); err != nil {
			return nil, err
		}
	}
	if int64(len(p.keys)) != n || len(p.values) != len(p.keys)*width {
		return nil, fmt.Errorf("%d keys and %d values in %d rows of %d features", len(p.keys), len(p.values), n, width)
	}
	return p, nil
}

var partSchema = parquet.SchemaOf(partRow{})

// readGroup appends the rows of a row group to p, page by page, without a Go value for each.
func (p *part) readGroup(g parquet.RowGroup, width int) error {
	columns := g.ColumnChunks()
	err := eachPage(columns[0], func(page parquet.Page) error {
		data := page.Data()
		text, ends := data.ByteArray()
		for i := range page.NumValues() {
			var key [32]byte
			hexKey := text[ends[i]:ends[i+1]]
			if n, err := hex.Decode(key[:], hexKey[:min(64, len(hexKey))]); err != nil || n != 32 || len(hexKey) != 64 {
				return fmt.Errorf("sha256 %q: not 64 hexadecimal digits", hexKey)
			}
			p.keys = append(p.keys, key)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return eachPage(columns[1], func(page parquet.Page) error {
		for i, level := range page.RepetitionLevels() {
			if starts := (len(p.values)+i)%width == 0; starts != (level == 0) {
				return fmt.Errorf("a row has not %d features", width)
			}
		}
		data := page.Data()
		values := data.Float()
		if int64(len(values)) != page.NumValues() {
			return fmt.Errorf("%d features are null", page.NumValues()-int64(len(values)))
		}
		p.values = append(p.values, values...)
		return nil
	})
}

// eachPage calls read with every page of a column.
func eachPage(column parquet.ColumnChunk, read func(parquet.Page) error) error {
	pages := column.Pages()
	defer pages.Close()
	for {
		page, err := pages.ReadPage()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		err = read(page)
		parquet.Release(page)
		if err != nil {
			return err
		}
	}
}
