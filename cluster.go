package graft

import (
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/graft-ml/graft/dataset"
	"github.com/graft-ml/graft/internal/atomicfile"
	"github.com/graft-ml/graft/internal/cluster"
	"github.com/graft-ml/graft/internal/nn"
)

// ClusterOptions says how Cluster works. The zero value looks for the best number of clusters from 2 to 20.
type ClusterOptions struct {
	Backbone Backbone
	Reading  Reading // without Exclude: there are no classes
	MinK     int     // the fewest clusters to try; 0: 2
	MaxK     int     // the most; 0: MinK if that is set, else 20
	Seed     uint64
	Out      string // the folder to write; "": NAME-clusters after the data, with -2, -3 … where that exists
	Progress func(Event)
}

// Clustering says what Cluster found and wrote.
type Clustering struct {
	Dir      string         `json:"dir"`
	Pictures int            `json:"pictures"`
	Skipped  int            `json:"skipped"`
	K        int            `json:"k"`
	Tried    []ClusterTrial `json:"tried"`
	Clusters []ClusterInfo  `json:"clusters"` // the largest first
}

// ClusterTrial is one number of clusters that was tried.
type ClusterTrial struct {
	K          int     `json:"k"`
	Silhouette float64 `json:"silhouette"` // how well the clusters are apart, from -1 to 1; 0 for one cluster
	Inertia    float64 `json:"inertia"`    // the sum of squared distances from the centres
}

// ClusterInfo is one group of pictures.
type ClusterInfo struct {
	Number  int    `json:"number"` // from 1
	Size    int    `json:"size"`
	Typical string `json:"typical"` // the picture nearest to the centre
}

const (
	defaultMaxK = 20
	// manyPictures is the number from which on rounds of k-means look at some of the pictures only.
	manyPictures, pictureBatch = 50_000, 4096
	// silhouetteSample bounds the pictures that a silhouette is measured on.
	silhouetteSample = 2000
)

// Cluster groups the pictures at path, a folder or archive, by what a backbone says of them: k-means on its features,
// scaled to length one. Where more than one number of clusters is allowed, the one of the largest silhouette is
// taken. It writes a folder with clusters.csv (path, cluster, distance from the cluster's centre) and sheet.png, which
// shows the pictures nearest to each centre. Nothing at path is changed.
func Cluster(ctx context.Context, path string, o ClusterOptions) (*Clustering, error) {
	if err := o.validate(); err != nil {
		return nil, &OptionError{err}
	}
	if o.Out != "" {
		if err := checkOutput(path, o.Out); err != nil {
			return nil, err
		}
	} else if err := checkOutside(path, dataName(path)+"-clusters"); err != nil {
		return nil, err
	}
	pool := nn.NewPool(o.Reading.Threads)
	defer pool.Close()
	g := &grouping{o: o, pool: pool, tell: progress(o.Progress)}
	if err := g.read(ctx, path); err != nil {
		return nil, err
	}
	defer g.data.Close()
	if err := g.choose(ctx); err != nil {
		return nil, err
	}
	return g.write(ctx, path)
}

func (o *ClusterOptions) validate() error {
	errs := []error{o.Backbone.validate(), o.Reading.validate()}
	if len(o.Reading.Exclude) > 0 {
		errs = append(errs, fmt.Errorf("exclude %q: pictures without labels have no classes", o.Reading.Exclude))
	}
	if o.MinK < 0 || o.MaxK < 0 || o.MaxK > 0 && o.MaxK < o.MinK {
		errs = append(errs, fmt.Errorf("%d to %d clusters, want at least 1 and the smaller number first", o.MinK, o.MaxK))
	}
	return errors.Join(errs...)
}

// grouping is one run of Cluster.
type grouping struct {
	o    ClusterOptions
	pool *nn.Pool
	tell progress

	data  *dataset.Dataset
	index []int // the samples that have features
	bad   int
	width int
	x     []float32 // [len(index),width], each of length one

	tried []ClusterTrial
	best  *cluster.Result
}

// read finds the pictures and computes their features.
func (g *grouping) read(ctx context.Context, path string) (err error) {
	base, err := g.o.Backbone.load(ctx, g.tell)
	if err != nil {
		return err
	}
	x, err := newExtractor(base, numerics{}, g.pool, g.o.Reading, sight{})
	if err != nil {
		return err
	}
	if g.data, err = openUnlabelled(ctx, path, g.o.Reading, g.tell); err != nil {
		return err
	}
	f, bad, err := x.run(ctx, g.data, indices(len(g.data.Samples)), g.tell)
	if err != nil {
		return errors.Join(err, g.data.Close())
	}
	g.width, g.bad = base.Width, len(bad)+len(g.data.Skipped)
	for i := range g.data.Samples {
		if f.have(i) {
			g.index = append(g.index, i)
			g.x = append(g.x, f.row(i)...)
		}
	}
	cluster.Unit(g.x, g.width)
	return nil
}

// choose clusters by each number that is allowed and keeps the best.
func (g *grouping) choose(ctx context.Context) error {
	n := len(g.index)
	lo, hi := max(g.o.MinK, 1), g.o.MaxK
	if g.o.MinK == 0 && hi != 1 {
		lo = 2
	}
	if hi == 0 {
		hi = lo
		if g.o.MinK == 0 {
			hi = min(defaultMaxK, n-1)
		}
	}
	if hi > n || lo > hi {
		return fmt.Errorf("%s: %s, too few for %d clusters", g.data.Name, count(n, "picture", "pictures"), max(lo, hi))
	}
	o := cluster.Options{Seed: g.o.Seed, Pool: g.pool}
	if n > manyPictures {
		o.Batch = pictureBatch
		g.tell.note("more than %d pictures: k-means goes by batches of %d", manyPictures, pictureBatch)
	}
	most := math.Inf(-1)
	for o.K = lo; o.K <= hi; o.K++ {
		g.tell.step("clusters", o.K-lo, hi-lo+1)
		r, err := cluster.KMeans(ctx, g.x, g.width, o)
		if err != nil {
			return err
		}
		s, err := g.silhouette(ctx, r.Labels)
		if err != nil {
			return err
		}
		g.tried = append(g.tried, ClusterTrial{o.K, s, r.Inertia})
		if s > most {
			most, g.best = s, r
		}
	}
	g.tell.step("clusters", hi-lo+1, hi-lo+1)
	return nil
}

// silhouette is the silhouette of a clustering, 0 where there is none.
func (g *grouping) silhouette(ctx context.Context, labels []int) (float64, error) {
	s, err := cluster.Silhouette(ctx, g.x, g.width, labels, silhouetteSample, g.o.Seed, g.pool)
	if math.IsNaN(s) {
		s = 0
	}
	return s, err
}

// write makes the folder of results.
func (g *grouping) write(ctx context.Context, path string) (*Clustering, error) {
	members := g.members()
	sheet, err := g.sheet(ctx, members)
	if err != nil {
		return nil, err
	}
	r := &Clustering{Pictures: len(g.index), Skipped: g.bad, K: len(members), Tried: g.tried}
	for c, m := range members {
		info := ClusterInfo{Number: c + 1, Size: len(m)}
		if len(m) > 0 {
			info.Typical = g.path(m[0])
		}
		r.Clusters = append(r.Clusters, info)
	}
	if r.Dir = g.o.Out; r.Dir == "" {
		r.Dir, err = atomicfile.NewDir(dataName(path) + "-clusters")
	} else {
		r.Dir, err = makeRunFolder(path, g.o.Out)
	}
	if err != nil {
		return nil, err
	}
	for _, f := range []runFile{{"clusters.csv", g.writeCSV}, {"sheet.png", sheet}} {
		if err := atomicfile.WriteFile(filepath.Join(r.Dir, f.name), f.write); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// members lists the rows of each cluster, the nearest to its centre first.
func (g *grouping) members() [][]int {
	members := make([][]int, len(g.best.Sizes))
	for row, c := range g.best.Labels {
		members[c] = append(members[c], row)
	}
	for _, m := range members {
		slices.SortStableFunc(m, func(a, b int) int { return cmp.Compare(g.best.Distances[a], g.best.Distances[b]) })
	}
	return members
}

func (g *grouping) path(row int) string { return g.data.Samples[g.index[row]].Path }

// writeCSV writes the cluster of each picture, in the order of the paths.
func (g *grouping) writeCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	out.Write([]string{"path", "cluster", "distance"})
	for row, c := range g.best.Labels {
		out.Write([]string{g.path(row), strconv.Itoa(c + 1), strconv.FormatFloat(float64(g.best.Distances[row]), 'g', -1, 32)})
	}
	out.Flush()
	return out.Error()
}
