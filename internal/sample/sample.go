// Package sample draws the set of pictures that `graft demo` learns from: traffic signs by the road, as a
// phone might have caught them.
//
// Input is a seed and a number of pictures per class; output is a list of files, one folder per class. A sign
// is drawn flat once (signs.go), then for each picture set into a scene (scene.go) of its own place, angle,
// light and weather. The same seed gives the same bytes for any number of threads; on another architecture,
// or with GOAMD64=v3, where a compiler may round a·b+c once, a few pixels can differ by one level.
package sample

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"image/jpeg"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
)

// File is one file of the set.
type File struct {
	Path string // class/name.jpg, with slashes
	Data []byte
}

// Classes returns the names of the classes, sorted.
func Classes() []string {
	names := make([]string, 0, len(signs))
	for _, s := range signs {
		names = append(names, s.name)
	}
	slices.Sort(names)
	return names
}

// The two files that every folder from the real world has: one cut off while it was copied, and one copied
// twice. Both come on top of perClass.
const (
	corruptPath   = "no-entry/cut-off.jpg"
	duplicatePath = "roundabout/0001 (copy).jpg"
	duplicateOf   = "roundabout/0001.jpg"
)

// Generate draws perClass pictures of each class, a truncated one and a copy, in order of their paths. It is an
// error if perClass is less than 2: one picture cannot be both learnt from and tested on.
func Generate(seed uint64, perClass int) ([]File, error) {
	if perClass < 2 {
		return nil, fmt.Errorf("sample: %d pictures of a class, want 2 or more", perClass)
	}
	files := make([]File, len(signs)*perClass)
	errs := make([]error, len(signs))
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	var wg sync.WaitGroup
	for c, s := range signs {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			errs[c] = s.generate(files[c*perClass:(c+1)*perClass], seed)
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return withOddities(files), nil
}

// generate fills files with pictures of s. Each has random numbers of its own, so that its content does not
// depend on how many others are drawn.
func (s sign) generate(files []File, seed uint64) error {
	flat, err := s.render()
	if err != nil {
		return fmt.Errorf("sample: draw %s: %w", s.name, err)
	}
	name := fnv.New64a()
	name.Write([]byte(s.name))
	for i := range files {
		r := random{rand.New(rand.NewPCG(seed, name.Sum64()+uint64(i)))}
		var b bytes.Buffer
		if err := jpeg.Encode(&b, photograph(flat, r), &jpeg.Options{Quality: 55 + r.IntN(38)}); err != nil {
			return fmt.Errorf("sample: encode %s: %w", s.name, err)
		}
		files[i] = File{Path: fmt.Sprintf("%s/%04d.jpg", s.name, i+1), Data: b.Bytes()}
	}
	return nil
}

// withOddities adds the truncated file and the copy, and sorts by path.
func withOddities(files []File) []File {
	for _, f := range slices.Clone(files) {
		if f.Path == duplicateOf {
			files = append(files,
				File{Path: duplicatePath, Data: f.Data},
				File{Path: corruptPath, Data: f.Data[:len(f.Data)/3]})
		}
	}
	slices.SortFunc(files, func(a, b File) int { return bytes.Compare([]byte(a.Path), []byte(b.Path)) })
	return files
}

// random is a source of numbers for one picture.
type random struct{ *rand.Rand }

// between returns a number from lo to hi, evenly.
func (r random) between(lo, hi float64) float64 { return lo + (hi-lo)*r.Float64() }

// chance reports true with probability p.
func (r random) chance(p float64) bool { return r.Float64() < p }
