package feature

import (
	"context"
	"errors"
	"fmt"
)

// Matrix holds a row of D features for each of n keys.
type Matrix struct {
	Width int       // D
	Data  []float32 // [n,D]
	Have  []bool    // [n]; a row that is false is all zero: its picture could not be read
}

// NewMatrix returns a matrix of n empty rows.
func NewMatrix(n, width int) *Matrix {
	return &Matrix{Width: width, Data: make([]float32, n*width), Have: make([]bool, n)}
}

// Row returns row i, [D], as a part of Data.
func (m *Matrix) Row(i int) []float32 {
	return m.Data[i*m.Width : (i+1)*m.Width : (i+1)*m.Width]
}

// Stats counts pictures by where their features came from. Equal keys count once.
type Stats struct {
	Cached   int // found in the cache
	Computed int // computed by this call
}

// Compute computes the features of the pictures at the places in missing, and calls emit with a place and its
// features for each, in any order but from one goroutine at a time. emit copies f. A picture that cannot be
// read is one for which emit is not called. An error of emit must be returned.
type Compute func(ctx context.Context, missing []int, emit func(i int, f []float32) error) error

// Extract returns the features, width of them, of each key. Those that store lacks (all, where store is nil)
// come from compute, which is given the places in keys of the missing ones: in order, and one for each
// distinct key. Rows that are not emitted stay empty, and nothing is stored of them.
//
// What was emitted is in the store when Extract returns, also when ctx ends or compute fails; then the error
// comes with the matrix so far.
func Extract(ctx context.Context, store *Store, keys [][32]byte, width int, compute Compute) (*Matrix, Stats, error) {
	if store != nil && store.width != width {
		return nil, Stats{}, fmt.Errorf("feature cache %s: holds rows of %d features, asked for %d", store.dir, store.width, width)
	}
	e := &extraction{keys: keys, m: NewMatrix(len(keys), width), places: make(map[[32]byte][]int, len(keys))}
	for i, k := range keys {
		if e.places[k] == nil {
			e.distinct = append(e.distinct, k)
		}
		e.places[k] = append(e.places[k], i)
	}
	if store != nil {
		e.stats.Cached = store.Load(e.distinct, e.set)
		e.w = store.Writer()
	}
	var err error
	if missing := e.missing(); len(missing) > 0 {
		err = compute(ctx, missing, e.emit)
	}
	if e.w != nil {
		if flush := e.w.Flush(); flush != nil && !errors.Is(err, flush) { // emit may have returned it already
			err = errors.Join(err, flush)
		}
	}
	return e.m, e.stats, err
}

// extraction is one call of Extract.
type extraction struct {
	keys     [][32]byte
	distinct [][32]byte         // in order of their first place
	places   map[[32]byte][]int // every place of a key
	m        *Matrix
	w        *Writer // nil without a store
	stats    Stats
}

// missing returns the first place of each key without features.
func (e *extraction) missing() []int {
	var missing []int
	for _, k := range e.distinct {
		if i := e.places[k][0]; !e.m.Have[i] {
			missing = append(missing, i)
		}
	}
	return missing
}

// set fills the rows of a key.
func (e *extraction) set(k [32]byte, f []float32) {
	for _, i := range e.places[k] {
		copy(e.m.Row(i), f)
		e.m.Have[i] = true
	}
}

func (e *extraction) emit(i int, f []float32) error {
	switch {
	case i < 0 || i >= len(e.keys):
		return fmt.Errorf("feature: picture %d of %d", i, len(e.keys))
	case len(f) != e.m.Width:
		return fmt.Errorf("feature: picture %d: %d features, want %d", i, len(f), e.m.Width)
	case e.m.Have[i]:
		return nil
	}
	e.set(e.keys[i], f)
	e.stats.Computed++
	if e.w == nil {
		return nil
	}
	return e.w.Add(e.keys[i], f)
}
