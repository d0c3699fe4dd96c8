// Package report shows how a run went: as text for a terminal, as JSON and CSV for programs, and as plots.
//
// Input: a metric.Report and the history of the training. Output: bytes on an io.Writer, always the same for the
// same input. Names of classes come from strangers' folders, so whatever could move a terminal's cursor or break a
// line is shown as � in text and plots; JSON and CSV have the names as they are.
package report

import (
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// Table aligns rows of cells for a terminal.
type Table struct {
	align string
	rows  [][]string
}

// NewTable starts a table. align has a letter for each column: 'l' or 'r' for the side its cells keep to.
func NewTable(align string) *Table { return &Table{align: align} }

// Add appends a row. Missing cells are empty; cells beyond the columns are dropped.
func (t *Table) Add(cells ...string) {
	row := make([]string, len(t.align))
	for i := range min(len(cells), len(row)) {
		row[i] = Printable(cells[i])
	}
	t.rows = append(t.rows, row)
}

// Write writes the rows, each after indent, with two spaces between columns and none at the end.
func (t *Table) Write(w io.Writer, indent string) error {
	widths := make([]int, len(t.align))
	for _, row := range t.rows {
		for i, cell := range row {
			widths[i] = max(widths[i], Width(cell))
		}
	}
	var b strings.Builder
	for _, row := range t.rows {
		var line strings.Builder
		line.WriteString(indent)
		for i, cell := range row {
			if i > 0 {
				line.WriteString("  ")
			}
			pad := strings.Repeat(" ", widths[i]-Width(cell))
			if t.align[i] == 'r' {
				line.WriteString(pad + cell)
			} else {
				line.WriteString(cell + pad)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Width is how many columns of a terminal s takes: two for East Asian wide characters and emoji, none for
// combining marks and formatting characters.
func Width(s string) int {
	n := 0
	for _, r := range s {
		n += runeWidth(r)
	}
	return n
}

func runeWidth(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
		return 0
	}
	if isWide(r) {
		return 2
	}
	return 1
}

func isWide(r rune) bool {
	k := width.LookupRune(r).Kind()
	return k == width.EastAsianWide || k == width.EastAsianFullwidth
}

// Shorten cuts s to at most n columns, the last of them an ellipsis if anything was cut. n must be positive.
func Shorten(s string, n int) string {
	if Width(s) <= n {
		return s
	}
	used := 0
	for i, r := range s {
		if used += runeWidth(r); used > n-1 {
			return s[:i] + "…"
		}
	}
	return s
}

// Printable replaces what is no visible character of valid UTF-8, each byte or rune by U+FFFD: escape sequences,
// line breaks, and the marks that turn the direction of writing.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) || r == '\u200d' { // the joiner inside emoji
			return r
		}
		return utf8.RuneError
	}, s)
}
