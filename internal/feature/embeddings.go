package feature

import (
	"encoding/hex"
	"fmt"
	"io"
	"iter"

	"github.com/parquet-go/parquet-go"
)

// Embedding is a row of the file that WriteEmbeddings makes.
type Embedding struct {
	Path     string    // as the user's folder names the picture
	Label    string    // the class; several are joined by "|"; empty if unknown
	SHA256   [32]byte  // of the picture's bytes
	Features []float32 // [D]
}

type embeddingRow struct {
	Path      string    `parquet:"path,plain"`
	Label     string    `parquet:"label,dict"`
	SHA256    string    `parquet:"sha256,plain"`
	Embedding []float32 `parquet:"embedding,list"`
}

// WriteEmbeddings writes rows to w as a Parquet file with the columns path, label, sha256 (text, in hexadecimal)
// and embedding (a list of float32, bit for bit). It holds one row group, of the size of a part, in memory.
func WriteEmbeddings(w io.Writer, rows iter.Seq[Embedding]) error {
	pw := parquet.NewGenericWriter[embeddingRow](w, fileOptions()...)
	pending := 0
	for e := range rows {
		row := embeddingRow{e.Path, e.Label, hex.EncodeToString(e.SHA256[:]), e.Features}
		if _, err := pw.Write([]embeddingRow{row}); err != nil {
			return fmt.Errorf("embeddings: %s: %w", e.Path, err)
		}
		pending++
		if pending*max(len(e.Features), 1) >= maxPartFloats || pending == maxPartRows {
			if err := pw.Flush(); err != nil {
				return fmt.Errorf("embeddings: %w", err)
			}
			pending = 0
		}
	}
	if err := pw.Close(); err != nil {
		return fmt.Errorf("embeddings: %w", err)
	}
	return nil
}
