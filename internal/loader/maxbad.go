package loader

import (
	"fmt"
	"strconv"
	"strings"
)

// MaxBad is how many pictures of a run may fail before the run counts as failed. The zero value allows the
// larger of 10 pictures and 5 %.
type MaxBad struct {
	text    string // as given; "" is the default
	count   int
	percent float64
}

const (
	defaultMaxBadCount   = 10
	defaultMaxBadPercent = 5
)

// ParseMaxBad reads a number of pictures, "25", or a share of them, "2.5%".
func ParseMaxBad(text string) (MaxBad, error) {
	if share, ok := strings.CutSuffix(text, "%"); ok {
		p, err := strconv.ParseFloat(share, 64)
		if err != nil || !(p >= 0 && p <= 100) {
			return MaxBad{}, fmt.Errorf("loader: most bad pictures %q, want 0%% to 100%%", text)
		}
		return MaxBad{text: text, percent: p}, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return MaxBad{}, fmt.Errorf(`loader: most bad pictures %q, want a number like "25" or a share like "2.5%%"`, text)
	}
	return MaxBad{text: text, count: n}, nil
}

// Exceeded reports whether bad pictures of total are more than m allows.
func (m MaxBad) Exceeded(bad, total int) bool {
	count, percent := m.count, m.percent
	if m.text == "" {
		count, percent = defaultMaxBadCount, defaultMaxBadPercent
	}
	return bad > count && float64(bad)*100 > percent*float64(total)
}

// String returns the text that m was read from, or the default in words.
func (m MaxBad) String() string {
	if m.text == "" {
		return fmt.Sprintf("the larger of %d and %d%%", defaultMaxBadCount, defaultMaxBadPercent)
	}
	return m.text
}
