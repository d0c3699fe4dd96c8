package feature

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/parquet-go/parquet-go"
)

const testWidth = 6

// counting returns a Compute that emits row(picture) for each missing place but the bad ones, and the list
// of places it was asked for.
func counting(pictures []int, bad ...int) (Compute, *[]int) {
	var asked []int
	return func(ctx context.Context, missing []int, emit func(int, []float32) error) error {
		asked = append(asked, missing...)
		for _, i := range missing {
			if slices.Contains(bad, i) {
				continue
			}
			if err := emit(i, row(pictures[i], testWidth)); err != nil {
				return err
			}
		}
		return nil
	}, &asked
}

func keysOf(pictures []int) [][32]byte {
	keys := make([][32]byte, len(pictures))
	for i, p := range pictures {
		keys[i] = key(p)
	}
	return keys
}

func wantMatrix(t *testing.T, m *Matrix, pictures []int, bad ...int) {
	t.Helper()
	for i, p := range pictures {
		want := row(p, testWidth)
		if slices.Contains(bad, i) {
			want = make([]float32, testWidth)
		}
		if m.Have[i] == slices.Contains(bad, i) || !sameBits(m.Row(i), want) {
			t.Errorf("row %d: have %v, %v, want %v", i, m.Have[i], m.Row(i), want)
		}
	}
}

func TestExtract(t *testing.T) {
	dir := t.TempDir()
	for _, step := range []struct {
		name     string
		pictures []int
		bad      []int
		asked    []int
		stats    Stats
	}{
		{"cold, with copies", []int{1, 2, 1, 3, 2}, nil, []int{0, 1, 3}, Stats{0, 3}},
		{"warm, reordered", []int{3, 1, 2, 2}, nil, nil, Stats{3, 0}},
		{"two added, one unreadable", []int{1, 4, 2, 5, 3}, []int{3}, []int{1, 3}, Stats{3, 1}},
		{"the unreadable one was not stored", []int{5, 4}, nil, []int{0}, Stats{1, 1}},
		{"nothing", nil, nil, nil, Stats{}},
	} {
		t.Run(step.name, func(t *testing.T) {
			compute, asked := counting(step.pictures, step.bad...)
			m, stats, err := Extract(t.Context(), open(t, dir, testWidth), keysOf(step.pictures), testWidth, compute)
			if err != nil {
				t.Fatal(err)
			}
			wantMatrix(t, m, step.pictures, step.bad...)
			if stats != step.stats || !slices.Equal(*asked, step.asked) {
				t.Errorf("%+v, asked for %v; want %+v, %v", stats, *asked, step.stats, step.asked)
			}
		})
	}
}

func TestExtractWithoutStore(t *testing.T) {
	pictures := []int{1, 1, 2}
	for range 2 {
		compute, asked := counting(pictures)
		m, stats, err := Extract(t.Context(), nil, keysOf(pictures), testWidth, compute)
		if err != nil || stats != (Stats{0, 2}) || len(*asked) != 2 {
			t.Errorf("%+v, %v, asked for %v", stats, err, *asked)
		}
		wantMatrix(t, m, pictures)
	}
}

// What was computed before a cancelled or failed run ended is not computed again.
func TestExtractKeepsWhatItHas(t *testing.T) {
	dir, pictures := t.TempDir(), []int{1, 2, 3, 4}
	ctx, cancel := context.WithCancel(t.Context())
	_, stats, err := Extract(ctx, open(t, dir, testWidth), keysOf(pictures), testWidth,
		func(ctx context.Context, missing []int, emit func(int, []float32) error) error {
			err := emit(2, row(3, testWidth))
			cancel()
			return errors.Join(err, ctx.Err())
		})
	if !errors.Is(err, context.Canceled) || stats != (Stats{0, 1}) {
		t.Errorf("%+v, %v", stats, err)
	}
	compute, asked := counting(pictures)
	m, stats, err := Extract(t.Context(), open(t, dir, testWidth), keysOf(pictures), testWidth, compute)
	if err != nil || stats != (Stats{1, 3}) || !slices.Equal(*asked, []int{0, 1, 3}) {
		t.Errorf("%+v, %v, asked for %v", stats, err, *asked)
	}
	wantMatrix(t, m, pictures)
}

// A damaged part costs its rows, not the run.
func TestExtractRedoesADamagedPart(t *testing.T) {
	dir, pictures := t.TempDir(), []int{1, 2, 3, 4}
	compute, _ := counting(pictures)
	s := open(t, dir, testWidth)
	if _, _, err := Extract(t.Context(), s, keysOf(pictures[:2]), testWidth, compute); err != nil {
		t.Fatal(err)
	}
	torn := parts(t, s)[0]
	if _, _, err := Extract(t.Context(), s, keysOf(pictures), testWidth, compute); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, testWidth)
	if err := os.Truncate(torn, 100); err != nil {
		t.Fatal(err)
	}
	compute, asked := counting(pictures)
	m, stats, err := Extract(t.Context(), s, keysOf(pictures), testWidth, compute)
	if err != nil || stats != (Stats{2, 2}) || !slices.Equal(*asked, []int{0, 1}) {
		t.Errorf("%+v, %v, asked for %v", stats, err, *asked)
	}
	wantMatrix(t, m, pictures)
	// The same rows make the same part: the damaged one has been replaced.
	if s := open(t, dir, testWidth); s.Len() != 4 || len(s.Ignored()) > 0 {
		t.Errorf("%d rows, ignored %v", s.Len(), s.Ignored())
	}
}

func TestExtractErrors(t *testing.T) {
	keys := keysOf([]int{1, 2})
	emits := func(i, width int) Compute {
		return func(ctx context.Context, _ []int, emit func(int, []float32) error) error {
			return emit(i, make([]float32, width))
		}
	}
	gone := open(t, t.TempDir(), testWidth)
	if err := os.RemoveAll(filepath.Dir(gone.dir)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		store   *Store
		compute Compute
	}{
		{"store of another width", open(t, t.TempDir(), testWidth+1), emits(0, testWidth)},
		{"features of another width", nil, emits(0, testWidth+1)},
		{"place out of range", nil, emits(2, testWidth)},
		{"folder gone", gone, emits(0, testWidth)},
	} {
		if _, _, err := Extract(t.Context(), c.store, keys, testWidth, c.compute); err == nil {
			t.Errorf("%s: no error", c.name)
		}
	}
}

func TestWriteEmbeddings(t *testing.T) {
	const n = maxPartRows + 10
	var b bytes.Buffer
	err := WriteEmbeddings(&b, func(yield func(Embedding) bool) {
		for i := range n {
			if !yield(Embedding{Path: "a/é.jpg", Label: "a|b", SHA256: key(i), Features: []float32{float32(i), 1.0 / 3, -0.1}}) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := parquet.Read[embeddingRow](bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil || len(got) != n {
		t.Fatalf("%d rows, %v", len(got), err)
	}
	for i, r := range got {
		if r.Path != "a/é.jpg" || r.Label != "a|b" || len(r.SHA256) != 64 || !sameBits(r.Embedding, []float32{float32(i), 1.0 / 3, -0.1}) {
			t.Fatalf("row %d: %+v", i, r)
		}
	}
}
