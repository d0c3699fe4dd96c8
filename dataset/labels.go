package dataset

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// exclusion is the set of classes to leave out.
type exclusion map[string]bool

func (e exclusion) has(class string) bool { return e[class] }

// newExclusion returns an error for each name that is not a class of counts, with the classes near to it.
func newExclusion(counts map[string]int, names []string) (exclusion, error) {
	ex := exclusion{}
	var errs []error
	for _, name := range names {
		if _, ok := counts[name]; ok {
			ex[name] = true
			continue
		}
		text := fmt.Sprintf("exclude: no class is named %q", name)
		if near := nearNames(name, slices.Sorted(maps.Keys(counts))); len(near) > 0 {
			text += "; near it: " + quoted(near)
		} else {
			text += "; the classes are " + quoted(slices.Sorted(maps.Keys(counts)))
		}
		errs = append(errs, errors.New(text))
	}
	return ex, errors.Join(errs...)
}

// nearNames returns up to three of names that may have been meant by name, nearest first.
func nearNames(name string, names []string) []string {
	type near struct {
		name string
		d    int
	}
	var all []near
	key := foldName(name)
	for _, n := range names {
		k := foldName(n)
		d := editDistance(key, k)
		if strings.HasPrefix(k, key) || strings.HasPrefix(key, k) {
			d = min(d, 1)
		}
		if d <= max(2, utf8.RuneCountInString(key)/3) {
			all = append(all, near{n, d})
		}
	}
	slices.SortStableFunc(all, func(a, b near) int { return cmp.Compare(a.d, b.d) })
	var out []string
	for _, n := range all[:min(3, len(all))] {
		out = append(out, n.name)
	}
	return out
}

// editDistance is Levenshtein's, over runes.
func editDistance(a, b string) int {
	x, y := []rune(a), []rune(b)
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := range x {
		diagonal := row[0]
		row[0] = i + 1
		for j := range y {
			change := diagonal
			if x[i] != y[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(y)]
}

// foldName maps names that look alike to one: case and the composition of accents do not count.
func foldName(name string) string { return cases.Fold().String(norm.NFC.String(name)) }

// twins returns the pairs of classes that look alike, quoted.
func twins(classes []string) []string {
	first := map[string]string{}
	var pairs []string
	for _, c := range classes {
		key := foldName(c)
		if other, ok := first[key]; ok {
			pairs = append(pairs, fmt.Sprintf("%+q and %+q", other, c))
			continue
		}
		first[key] = c
	}
	return pairs
}

// quoted lists names for a message, the first ten of them.
func quoted(names []string) string {
	const most = 10
	var parts []string
	for _, n := range names[:min(most, len(names))] {
		parts = append(parts, fmt.Sprintf("%q", n))
	}
	text := strings.Join(parts, ", ")
	if len(names) > most {
		text += fmt.Sprintf(" and %d more", len(names)-most)
	}
	return text
}

// setClasses sets Classes to the names in counts that are not excluded, and returns for each the label
// list that its samples share. A model file can only keep names that are UTF-8.
func (d *Dataset) setClasses(counts map[string]int, ex exclusion) (map[string][]int, error) {
	d.Classes = slices.DeleteFunc(slices.Sorted(maps.Keys(counts)), ex.has)
	for _, name := range d.Classes {
		if !utf8.ValidString(name) {
			return nil, FormatError(fmt.Sprintf("%s: the class %q: its name is not UTF-8: rename it", d.shown, name))
		}
	}
	labels := make(map[string][]int, len(d.Classes))
	all := make([]int, len(d.Classes))
	for i, name := range d.Classes {
		all[i] = i
		labels[name] = all[i : i+1 : i+1]
	}
	return labels, nil
}

// joinLabels returns the labels' names joined by '|'. A bar or backslash within a name is preceded by a
// backslash.
func joinLabels(classes []string, labels []int) string {
	parts := make([]string, len(labels))
	for i, l := range labels {
		parts[i] = labelEscaper.Replace(classes[l])
	}
	return strings.Join(parts, "|")
}

var labelEscaper = strings.NewReplacer(`\`, `\\`, `|`, `\|`)

// splitLabels undoes joinLabels. A backslash before any other character is that backslash, so that names
// written by hand may have one.
func splitLabels(s string) []string {
	if s == "" {
		return nil
	}
	var parts []string
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s) && (s[i+1] == '\\' || s[i+1] == '|'):
			i++
			b.WriteByte(s[i])
		case c == '|':
			parts = append(parts, b.String())
			b.Reset()
		default:
			b.WriteByte(c)
		}
	}
	return append(parts, b.String())
}
