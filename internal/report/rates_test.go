package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
)

// The plot is well-formed XML for curves of any height, says what it suggests, and is the same every time.
func TestPlotRates(t *testing.T) {
	for _, height := range []float64{1e-6, 1, 1e9} {
		var points []Rate
		for i := range 40 {
			x := float64(i) / 40
			points = append(points, Rate{math.Pow(10, 6*x-6), height * (1 - x + math.Sin(9*x)), height * (1 - x)})
		}
		var a, b bytes.Buffer
		if err := errors.Join(PlotRates(&a, points, 3e-4), PlotRates(&b, points, 3e-4)); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a.Bytes(), b.Bytes()) {
			t.Error("two plots of one curve differ")
		}
		text, d := a.String(), xml.NewDecoder(&a)
		for {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if !strings.Contains(text, "suggested: 0.0003") || !strings.Contains(text, "1e-4") {
			t.Errorf("height %v: labels are missing", height)
		}
	}
	if err := PlotRates(io.Discard, []Rate{{1, 1, 1}}, 1); err == nil {
		t.Error("a single point is drawn")
	}
}
