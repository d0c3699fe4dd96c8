package report

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/graft-ml/graft/metric"
)

// TextOptions says what Text shows. The zero value is a good terminal report.
type TextOptions struct {
	Title string // what was evaluated; default "Test"
	Rows  int    // the most classes and labels listed; default 10
	Pairs int    // the most confused pairs listed; default 5
}

// nameWidth is the most columns of a class's name in text.
const nameWidth = 32

// Text writes the report for a person at a terminal: all scores with their intervals, the weakest classes, and
// which were most often taken for which.
func Text(w io.Writer, r *metric.Report, o TextOptions) error {
	o.Title = cmp.Or(o.Title, "Test")
	o.Rows = cmp.Or(o.Rows, 10)
	o.Pairs = cmp.Or(o.Pairs, 5)
	var b strings.Builder
	kind, k := "class", len(r.PerClass)
	if r.PerLabel != nil {
		kind, k = "label", len(r.PerLabel)
	}
	fmt.Fprintf(&b, "%s: %s, %s\n\n", o.Title, plural(r.N, "picture"), plural(k, kind))
	sections := []func(io.Writer, *metric.Report, TextOptions) error{scores, weakClasses, weakLabels, confusedPairs}
	for _, section := range sections {
		if err := section(&b, r, o); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func scores(w io.Writer, r *metric.Report, _ TextOptions) error {
	t := NewTable("lrl")
	t.Add("", "", "95 % interval")
	for _, s := range r.Scores {
		if s.Percent {
			t.Add(s.Title, percent(s.Value), percentRange(s.Interval))
		} else {
			t.Add(s.Title, fmt.Sprintf("%.3f", s.Value), fmt.Sprintf("%.3f – %.3f", s.Low, s.High))
		}
	}
	if err := t.Write(w, "  "); err != nil {
		return err
	}
	if n := len(r.LeftOut); n > 0 {
		shown := r.LeftOut[:min(n, 5)]
		fmt.Fprintf(w, "  The means leave out %s", quoted(shown))
		if n > len(shown) {
			fmt.Fprintf(w, " and %d more", n-len(shown))
		}
		fmt.Fprintln(w, ".")
	}
	return nil
}

// OverSplits writes the means of scores over several splits, under a title.
func OverSplits(w io.Writer, title string, all metric.Spreads) error {
	t := NewTable("lrlr")
	t.Add("", "mean", "95 % interval, split included", "deviation")
	for _, s := range all {
		if s.Percent {
			t.Add(s.Title, percent(s.Value), percentRange(s.Interval), fmt.Sprintf("%.1f", 100*s.Deviation))
		} else {
			t.Add(s.Title, fmt.Sprintf("%.3f", s.Value), fmt.Sprintf("%.3f – %.3f", s.Low, s.High), fmt.Sprintf("%.3f", s.Deviation))
		}
	}
	if _, err := fmt.Fprintf(w, "%s\n\n", title); err != nil {
		return err
	}
	return t.Write(w, "  ")
}

// weakClasses lists all classes if they are few, and otherwise those of the lowest recall that is not 100 %.
func weakClasses(w io.Writer, r *metric.Report, o TextOptions) error {
	var classes []metric.ClassScore
	for _, c := range r.PerClass {
		if c.Support > 0 {
			classes = append(classes, c)
		}
	}
	slices.SortStableFunc(classes, func(a, b metric.ClassScore) int {
		return cmp.Or(cmp.Compare(a.Recall.Value, b.Recall.Value), cmp.Compare(a.Precision.Value, b.Precision.Value))
	})
	title, shown := "Classes", classes
	if len(classes) > o.Rows {
		title, shown = "Weakest classes", classes[:o.Rows]
		perfect := slices.IndexFunc(shown, func(c metric.ClassScore) bool { return c.Recall.Value == 1 })
		if perfect >= 0 {
			shown = shown[:perfect]
		}
	}
	if len(shown) == 0 {
		return nil
	}
	t := NewTable("lrlrrr")
	t.Add(title, "recall", "95 % interval", "precision", "F1", "pictures")
	for _, c := range shown {
		t.Add(Shorten(c.Class, nameWidth), percent(c.Recall.Value), percentRange(c.Recall), percent(c.Precision.Value),
			percent(c.F1), fmt.Sprint(c.Support))
	}
	fmt.Fprintln(w)
	if err := t.Write(w, "  "); err != nil {
		return err
	}
	if rest := classes[len(shown):]; len(rest) > 0 {
		fmt.Fprintf(w, "  and %d more with a recall of %s\n", len(rest), orMore(rest[0].Recall.Value))
	}
	return nil
}

// weakLabels lists all labels if they are few, and otherwise those of the lowest average precision.
func weakLabels(w io.Writer, r *metric.Report, o TextOptions) error {
	var labels []metric.LabelScore
	for _, l := range r.PerLabel {
		if l.Support > 0 {
			labels = append(labels, l)
		}
	}
	slices.SortStableFunc(labels, func(a, b metric.LabelScore) int { return cmp.Compare(a.AP, b.AP) })
	if len(labels) == 0 {
		return nil
	}
	title, shown := "Labels", labels
	if len(labels) > o.Rows {
		title, shown = "Weakest labels", labels[:o.Rows]
	}
	t := NewTable("lrrrrrr")
	t.Add(title, "AP", "F1", "precision", "recall", "threshold", "pictures")
	for _, l := range shown {
		t.Add(Shorten(l.Class, nameWidth), percent(l.AP), percent(l.F1), percent(l.Precision.Value),
			percent(l.Recall.Value), fmt.Sprintf("%.3f", l.Threshold), fmt.Sprint(l.Support))
	}
	fmt.Fprintln(w)
	if err := t.Write(w, "  "); err != nil {
		return err
	}
	if rest := labels[len(shown):]; len(rest) > 0 {
		fmt.Fprintf(w, "  and %d more with an AP of %s\n", len(rest), orMore(rest[0].AP))
	}
	return nil
}

func confusedPairs(w io.Writer, r *metric.Report, o TextOptions) error {
	pairs := confusions(r)
	if len(pairs) == 0 {
		return nil
	}
	t := NewTable("llrr")
	t.Add("Most often confused", "taken for", "pictures", "share")
	for _, p := range pairs[:min(o.Pairs, len(pairs))] {
		t.Add(Shorten(p.class, nameWidth), Shorten(p.takenFor, nameWidth), fmt.Sprintf("%d of %d", p.count, p.of),
			percent(p.share()))
	}
	fmt.Fprintln(w)
	return t.Write(w, "  ")
}

// confused is how many of a class's pictures were taken for another class.
type confused struct {
	class, takenFor string
	count, of       int
}

func (c confused) share() float64 { return float64(c.count) / float64(c.of) }

// confusions returns the pairs of classes that were confused at all, the most pictures first, then the largest
// share of the class.
func confusions(r *metric.Report) []confused {
	var pairs []confused
	for i, row := range r.Confusion {
		for j, n := range row {
			if i != j && n > 0 {
				pairs = append(pairs, confused{r.PerClass[i].Class, r.PerClass[j].Class, n, r.PerClass[i].Support})
			}
		}
	}
	slices.SortStableFunc(pairs, func(a, b confused) int {
		return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(b.share(), a.share()))
	})
	return pairs
}

// oneDecimal is v in per cent. Only all and nothing are shown as 100.0 and 0.0, so that 1999 right of 2000 do not
// look like all of them.
func oneDecimal(v float64) string {
	p := math.Round(v*1000) / 10
	if p == 100 && v < 1 {
		p = 99.9
	}
	if p == 0 && v > 0 {
		p = 0.1
	}
	return fmt.Sprintf("%.1f", p)
}

func percent(v float64) string { return oneDecimal(v) + " %" }

func percentRange(i metric.Interval) string { return oneDecimal(i.Low) + " – " + oneDecimal(i.High) }

// orMore says that v is the least of several.
func orMore(v float64) string {
	if v == 1 {
		return percent(v)
	}
	return percent(v) + " or more"
}

func plural(n int, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case strings.HasSuffix(noun, "s"):
		return fmt.Sprintf("%d %ses", n, noun)
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func quoted(names []string) string {
	var quoted []string
	for _, name := range names {
		quoted = append(quoted, `"`+Shorten(Printable(name), nameWidth)+`"`)
	}
	return strings.Join(quoted, ", ")
}
