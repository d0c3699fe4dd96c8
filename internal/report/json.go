package report

import (
	"bytes"
	"encoding/json"
	"io"
	"regexp"
	"slices"
)

// WriteJSON writes v as JSON, indented by two spaces. Arrays and objects of nothing but numbers stay on one line:
// a row of a confusion matrix, an interval.
func WriteJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(numbers.ReplaceAllFunc(b.Bytes(), joinLines))
	return err
}

// numbers is an indented array or object of numbers. It holds line breaks, which no JSON string does.
var numbers = regexp.MustCompile(`[\[{]\n(\s*("[^"\\\n]*": )?-?\d[-+.eE\d]*,?\n)+\s*[]}]`)

func joinLines(block []byte) []byte {
	lines := bytes.Split(block, []byte("\n"))
	for i := range lines {
		lines[i] = bytes.TrimSpace(lines[i])
	}
	last := len(lines) - 1
	inside := bytes.Join(lines[1:last], []byte(" "))
	return slices.Concat(lines[0], inside, lines[last])
}
