package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// size is a flag of a number of megabytes: plain, or with a unit, as 500MB or 2.5GB. Units are powers of a thousand.
type size int

// units are those of a size, in megabytes.
var units = []struct {
	name  string
	megas float64
}{{"KB", 1e-3}, {"MB", 1}, {"GB", 1e3}, {"TB", 1e6}}

func (v *size) Type() string { return "SIZE" }

func (v *size) String() string {
	switch n := int(*v); {
	case n == 0:
		return "0" // which is what pflag takes for no default
	case n%1000 == 0:
		return strconv.Itoa(n/1000) + "GB"
	default:
		return strconv.Itoa(n) + "MB"
	}
}

func (v *size) Set(s string) error {
	text, megas := strings.ToUpper(strings.TrimSpace(s)), 1.0
	for _, u := range units {
		if number, ok := strings.CutSuffix(text, u.name); ok {
			text, megas = strings.TrimSpace(number), u.megas
			break
		}
	}
	x, err := strconv.ParseFloat(text, 64)
	x *= megas
	if err != nil || math.IsNaN(x) || math.Abs(x) > 1e12 {
		return fmt.Errorf("%q is no size, want megabytes, or a number with a unit, as 500MB or 2GB", s)
	}
	if *v = size(math.Floor(x)); *v == 0 && x != 0 {
		return fmt.Errorf("%q is less than a megabyte", s)
	}
	return nil
}
