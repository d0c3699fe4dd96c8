package weights

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/graft-ml/graft/internal/tensor"
)

// header is what a safetensors file says of itself.
type header struct {
	metadata map[string]string
	entries  []headerEntry
}

type headerEntry struct {
	name       string
	elem       elem
	shape      tensor.Shape
	begin, end int64 // behind the header
}

// Limits of what one array may be: the weights of layers have at most five axes, and names of 60 letters.
const (
	maxRank = 8
	maxName = 1000
)

// maxText is how long any string of a header may be.
const maxText = 8 << 20

// parseHeader reads a header. It follows the format's grammar, not JSON's: an object of objects of three
// known keys has no depth to bound, and whatever else stands in it is refused where it stands.
func parseHeader(text []byte) (header, error) {
	p := &headerParser{text: text}
	h := header{}
	p.object("the header", func(name string) {
		if name == "__metadata__" {
			h.metadata = p.metadata()
			return
		}
		h.entries = append(h.entries, p.entry(name))
		if len(h.entries) > maxTensors {
			p.failf("more than %d tensors", maxTensors)
		}
	})
	if p.space(); p.err == nil && p.at != len(text) {
		p.failf("more text behind its end")
	}
	return h, p.err
}

// headerParser walks through a header. The first error sticks, and ends all loops.
type headerParser struct {
	text []byte
	at   int
	err  error
}

func (p *headerParser) failf(format string, args ...any) {
	if p.err == nil {
		p.err = named("byte "+strconv.Itoa(p.at), formatErrorf(format, args...))
	}
}

func (p *headerParser) metadata() map[string]string {
	m := map[string]string{}
	p.object("__metadata__", func(key string) { m[key] = p.str() })
	return m
}

func (p *headerParser) entry(name string) headerEntry {
	e := headerEntry{name: name}
	if len(name) > maxName {
		p.failf("a name of %d bytes, the limit is %d", len(name), maxName)
	}
	seen := 0
	p.object(name, func(key string) {
		switch seen++; key {
		case "dtype":
			e.elem = p.dtype(name)
		case "shape":
			for _, d := range p.numbers(name, maxRank) {
				if int64(int(d)) != d {
					p.failf("tensor %.200q: extent %d", name, d)
				}
				e.shape = append(e.shape, int(d))
			}
		case "data_offsets":
			if o := p.numbers(name, 2); len(o) == 2 {
				e.begin, e.end = o[0], o[1]
			} else {
				p.failf("tensor %.200q: %d data_offsets, want two", name, len(o))
			}
		default:
			p.failf("tensor %.200q: unknown key %.40q", name, key)
		}
	})
	if seen != 3 {
		p.failf("tensor %.200q: want dtype, shape and data_offsets", name)
	}
	return e
}

func (p *headerParser) dtype(name string) elem {
	s := p.str()
	e, ok := safetensorsTypes[s]
	if !ok && p.err == nil {
		p.err = unsupportedf("tensor %.200q: elements of type %.40q (read are F64, F32, F16, BF16, I64, I32, I16, I8, U8, BOOL)", name, s)
	}
	return e
}

// object reads an object called what and calls value at each of its values. A key may not come twice.
func (p *headerParser) object(what string, value func(key string)) {
	keys := map[string]bool{}
	p.list('{', '}', func() {
		key := p.str()
		if keys[key] {
			p.failf("%.200q has the key %.200q twice", what, key)
		}
		keys[key] = true
		p.expect(':')
		value(key)
	})
}

// numbers reads an array of at most limit whole numbers that are not negative.
func (p *headerParser) numbers(name string, limit int) []int64 {
	var list []int64
	p.list('[', ']', func() {
		if len(list) == limit {
			p.failf("tensor %.200q: an array of more than %d numbers", name, limit)
		}
		list = append(list, p.number(name))
	})
	return list
}

// list reads what stands between open and end, separated by commas.
func (p *headerParser) list(open, end byte, item func()) {
	p.expect(open)
	if p.peek() == end {
		p.at++
		return
	}
	for p.err == nil {
		item()
		if p.peek() == end {
			p.at++
			return
		}
		p.expect(',')
	}
}

func (p *headerParser) number(name string) int64 {
	p.peek()
	n, begin := int64(0), p.at
	for p.at < len(p.text) && p.text[p.at] >= '0' && p.text[p.at] <= '9' {
		digit := int64(p.text[p.at] - '0')
		if n > (math.MaxInt64-digit)/10 {
			p.failf("tensor %.200q: a number beyond 63 bits", name)
			return 0
		}
		n = 10*n + digit
		p.at++
	}
	digits := p.at - begin
	if digits == 0 || digits > 1 && p.text[begin] == '0' || strings.IndexByte(".eE", p.char()) >= 0 {
		p.failf("tensor %.200q: want a whole number that is not negative, found %.20q", name, p.text[begin:])
	}
	return n
}

// str reads a string.
func (p *headerParser) str() string {
	p.expect('"')
	begin := p.at
	for plain := true; p.err == nil; p.at++ {
		if p.at-begin > maxText {
			p.failf("a string of more than %d bytes", maxText)
		}
		switch c := p.char(); {
		case c == '"' && plain:
			p.at++
			return string(p.text[begin : p.at-1])
		case c == '"':
			p.at++
			var s string
			if json.Unmarshal(p.text[begin-1:p.at], &s) != nil {
				p.failf("a string with a bad escape")
			}
			return s
		case c < ' ':
			p.failf("a string that does not end, or has a control character")
		case c == '\\':
			plain = false
			p.at++
		}
	}
	return ""
}

// expect reads one character behind white space.
func (p *headerParser) expect(c byte) {
	if got := p.peek(); got != c {
		p.failf("want %q, found %.20q", c, p.text[min(p.at, len(p.text)):])
		return
	}
	p.at++
}

// peek skips white space and returns the character there.
func (p *headerParser) peek() byte {
	p.space()
	return p.char()
}

func (p *headerParser) space() {
	for p.at < len(p.text) && bytes.IndexByte([]byte(" \t\r\n"), p.text[p.at]) >= 0 {
		p.at++
	}
}

// char returns the character at hand, or 0 at the end, which no text has.
func (p *headerParser) char() byte {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}
