package graft

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/graft-ml/graft/internal/atomicfile"
	"github.com/graft-ml/graft/internal/backbone"
	"github.com/graft-ml/graft/internal/cpu"
	"github.com/graft-ml/graft/internal/kernel"
	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/onnx"
	"github.com/graft-ml/graft/internal/quant"
)

// BenchOptions says what Bench measures. The zero value measures the embedded backbone with eight pictures together on
// all cores.
type BenchOptions struct {
	// Backbone is the network. Nothing is fetched: of one that is published and not in the store the architecture is
	// built with random weights, which changes no speed. A file that does not say how its input is scaled is taken raw.
	Backbone Backbone

	// Train measures steps of training in place of runs: forward, backward through all of the network, and the update of its
	// weights by SGD with momentum, and a classifier of 1000 classes behind the features. It goes with neither Layers nor
	// Write.
	Train bool

	// BatchNorm says which statistics batch normalisations use in training: "batch", the default, or "frozen", those of the
	// file.
	BatchNorm string

	Batch   int     // pictures computed together; 0: 8, in training 16
	Threads int     // 0: GOMAXPROCS, which is also the most
	Seconds float64 // how long the network is run; 0: 5
	Layers  bool    // time each step of the network as well, for as long again

	// Precision is what the convolutions are computed in: "f32", the default, "bf16" or "int8", with ranges that fit the
	// pictures that are run. bf16 also runs, more slowly, where the processor has no instructions for it.
	Precision string

	// Write is the file to which the network is written as ONNX, so that others can be measured on it: of int8, in ONNX's
	// form for quantised networks. "": none.
	Write string

	Progress func(Event)
}

// A Spread is what several measurements of one thing gave.
type Spread struct {
	Min    float64 `json:"min"`
	Median float64 `json:"median"`
	Max    float64 `json:"max"`
}

// spread returns that of v, which is not empty and which it sorts.
func spread(v []float64) Spread {
	slices.Sort(v)
	k := len(v)
	return Spread{v[0], (v[(k-1)/2] + v[k/2]) / 2, v[k-1]}
}

// over is the spread of k/x, where s is that of x.
func (s Spread) over(k float64) Spread { return Spread{k / s.Max, k / s.Median, k / s.Min} }

// times is the spread of k·x.
func (s Spread) times(k float64) Spread { return Spread{k * s.Min, k * s.Median, k * s.Max} }

// BenchReport is what Bench measured. FLOP are counted by the definition of the operators, two for a multiply-add,
// whatever algorithm computes them: one that needs fewer can exceed the peak. Those of a training step are three times as
// many, for a gradient by the weights and one by the input of each layer, less the one by the pictures, which none needs.
type BenchReport struct {
	CPU       string  `json:"cpu"`
	Path      string  `json:"path"` // architecture, instruction set, and version of the rules of its arithmetic
	Cores     int     `json:"cores"`
	Threads   int     `json:"threads"`
	Peak      Peak    `json:"peak_gflops"`
	PeakInt8  *Peak   `json:"peak_int8_gops,omitempty"`   // of products of bytes, by the customary instructions; nil in plain Go
	PeakBF16  *Peak   `json:"peak_bf16_gflops,omitempty"` // of products of bfloat16; nil where there are no instructions for them
	CopySpeed float64 `json:"copy_gb_per_second"`         // from memory to memory, what is read and what is written

	Network  string  `json:"backbone"`
	Weights  string  `json:"weights"` // where they are from: "embedded", "file", "store" or "random"
	Width    int     `json:"width"`   // pixels
	Height   int     `json:"height"`
	Features int     `json:"features"` // numbers that it gives for a picture
	GFLOP    float64 `json:"gflop"`    // of a picture, in training for a step

	Precision string  `json:"precision"`
	Train     bool    `json:"train,omitempty"`
	BatchNorm string  `json:"batch_norm,omitempty"`         // in training
	Params    int     `json:"parameters,omitempty"`         // numbers that train
	Memory    int64   `json:"training_megabytes,omitempty"` // values, gradients, weights as they are and packed, and the optimiser's memory
	Batch     int     `json:"batch"`
	Images    Spread  `json:"images_per_second"`
	BatchTime Spread  `json:"milliseconds_per_batch"`
	GFLOPS    Spread  `json:"gflops"`        // a second
	PeakShare Spread  `json:"share_of_peak"` // of that of the precision
	Layers    []Layer `json:"layers,omitempty"`
	Version   string  `json:"graft_version"`
}

// Peak is how many billion multiplications and additions a second the processor does when it does
// nothing else: what no kernel exceeds.
type Peak struct {
	OneThread  float64 `json:"one_thread"`
	AllThreads float64 `json:"all_threads"`
}

// Layer is one step of the network: an operator and what is fused into it.
type Layer struct {
	Op        string  `json:"op"`
	Node      string  `json:"node,omitempty"`
	Geometry  string  `json:"geometry"` // "3x3/2 64->128, 28x28": window and stride, channels, size of the output
	GFLOP     float64 `json:"gflop"`    // of the batch
	Megabytes float64 `json:"megabytes"`
	Time      Spread  `json:"milliseconds"`  // of the batch
	GFLOPS    float64 `json:"gflops"`        // by the median time
	PeakShare float64 `json:"share_of_peak"` // 1 is all of it
	TimeShare float64 `json:"share_of_time"`
}

func (o *BenchOptions) validate() error {
	var errs []error
	if o.Batch < 0 || o.Batch > maxBenchBatch {
		errs = append(errs, fmt.Errorf("batch %d, want 1 to %d pictures", o.Batch, maxBenchBatch))
	}
	if o.Threads < 0 {
		errs = append(errs, fmt.Errorf("threads %d, want at least 1", o.Threads))
	}
	if !(o.Seconds >= 0 && o.Seconds <= maxBenchSeconds) {
		errs = append(errs, fmt.Errorf("seconds %v, want more than 0 and at most %d", o.Seconds, maxBenchSeconds))
	}
	p, err := parsePrecision(o.Precision)
	if o.Train && err == nil && p == nn.Int8 {
		errs = append(errs, fmt.Errorf("precision %q: training is measured in f32 or bf16", o.Precision))
	}
	if o.BatchNorm != "" && !o.Train {
		errs = append(errs, errors.New("batch norm is for steps of training"))
	}
	if o.BatchNorm != "" && o.BatchNorm != normBatch && o.BatchNorm != normFrozen {
		errs = append(errs, fmt.Errorf("batch norm %q, want frozen or batch", o.BatchNorm))
	}
	if o.Train && (o.Layers || o.Write != "") {
		errs = append(errs, errors.New("layers and write go with runs, not with steps of training"))
	}
	return errors.Join(append(errs, err, o.Backbone.validate())...)
}

const (
	maxBenchBatch   = 1024
	maxBenchSeconds = 3600
)

// bench is a measurement in progress.
type bench struct {
	o        BenchOptions
	pool     *nn.Pool
	plan     *nn.Plan
	src, dst [][]float32
	base     *backbone.Backbone
	report   *BenchReport
}

// Bench measures how fast this machine is, and how fast it runs a network. Options that make no sense give an
// *OptionError.
func Bench(ctx context.Context, o BenchOptions) (*BenchReport, error) {
	if err := o.validate(); err != nil {
		return nil, &OptionError{err}
	}
	if o.Batch == 0 {
		o.Batch = 8
		if o.Train {
			o.Batch = 16
		}
	}
	if o.Seconds == 0 {
		o.Seconds = 5
	}
	b := &bench{o: o, pool: nn.NewPool(o.Threads)}
	defer b.pool.Close()
	b.report = &BenchReport{CPU: cpu.Model(), Path: cpu.Path(), Cores: runtime.NumCPU(), Threads: b.pool.Threads(), Batch: o.Batch, Version: Version}
	if err := b.prepare(ctx); err != nil {
		return nil, err
	}
	b.machine()
	run := b.network
	if o.Train {
		run = b.training
	}
	if err := run(ctx); err != nil {
		return nil, err
	}
	if o.Layers {
		return b.report, b.layers(ctx)
	}
	return b.report, nil
}

// machine measures the processor and its memory.
func (b *bench) machine() {
	limit := time.Duration(b.o.Seconds * float64(time.Second))
	r, threads := b.report, b.pool.Threads()
	r.Peak, r.CopySpeed = *measurePeak(kernel.Peak, threads, limit), measureCopy(threads, limit)
	r.PeakInt8, r.PeakBF16 = measurePeak(kernel.PeakInt8, threads, limit), measurePeak(kernel.PeakBF16, threads, limit)
}

// peak is that of the precision that was measured on all threads; of float32 where there is none.
func (r *BenchReport) peak() float64 {
	for name, p := range map[string]*Peak{nn.Int8.String(): r.PeakInt8, nn.BF16.String(): r.PeakBF16} {
		if r.Precision == name && p != nil {
			return p.AllThreads
		}
	}
	return r.Peak.AllThreads
}

// prepare makes the network ready to run, and writes it if asked to.
func (b *bench) prepare(ctx context.Context) error {
	base, from, err := b.o.Backbone.loadOrDraw(ctx, b.o.Progress)
	if err != nil {
		return err
	}
	r := b.report
	r.Network, r.Weights, r.Width, r.Height, r.Features = base.Name, from, base.Spec.Width, base.Spec.Height, base.Width
	pixels := make([]float32, b.o.Batch*3*r.Width*r.Height)
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range pixels {
		pixels[i] = float32(rnd.IntN(256))
	}
	b.base, b.src = base, [][]float32{pixels}
	if b.o.Train {
		return nil
	}
	how, err := b.numerics(ctx, base, pixels)
	if err != nil {
		return err
	}
	r.Precision = how.precision.String()
	if b.o.Write != "" {
		g := base.Graph
		if how.precision == nn.Int8 {
			if g, err = quant.QDQ(g, how.quants); err != nil {
				return err
			}
		}
		m := &onnx.Model{Graph: g, Producer: "graft", ProducerVersion: Version,
			Metadata: map[string]string{backbone.KeyFeatures: backbone.OutputName, backbone.KeyInput: "raw", backbone.KeyResize: base.Spec.String()}}
		if err := atomicfile.WriteFile(b.o.Write, func(w io.Writer) error { _, err := m.WriteTo(w); return err }); err != nil {
			return err
		}
	}
	o := how.options(b.pool)
	o.MaxBatch = b.o.Batch
	if b.plan, err = nn.NewPlan(base.Graph, o); err != nil {
		return fmt.Errorf("backbone %s: %w", base.Name, err)
	}
	b.dst = [][]float32{make([]float32, b.o.Batch*base.Width)}
	return nil
}

// numerics returns what the network is computed in; for int8 with the ranges of its values for some of the pictures that
// are run: values that are all small, or all clipped, would be no measurement of it.
func (b *bench) numerics(ctx context.Context, base *backbone.Backbone, pixels []float32) (numerics, error) {
	p, err := parsePrecision(b.o.Precision)
	if err != nil || p != nn.Int8 {
		return numerics{precision: p}, err
	}
	c, err := quant.New(base.Graph, b.pool)
	if err != nil {
		return numerics{}, fmt.Errorf("backbone %s: %w", base.Name, err)
	}
	const enough = 4
	n := min(enough, b.o.Batch)
	if err := c.Add(ctx, pixels[:n*len(pixels)/b.o.Batch], n); err != nil {
		return numerics{}, err
	}
	how := numerics{p, c.Quants()}
	if len(how.quants) == 0 {
		return numerics{}, errNothingLow
	}
	return how, nil
}

// loadOrDraw is load without a download, and says where the weights are from.
func (b *Backbone) loadOrDraw(ctx context.Context, tell progress) (base *backbone.Backbone, from string, err error) {
	local := *b
	local.Hub.Offline = true
	info, notFile := os.Stat(b.Name)
	switch {
	case b.Name == "" || b.Name == embeddedName:
		from = "embedded"
	case notFile == nil && !info.IsDir() || looksLikeFile(b.Name):
		from = "file"
	default:
		name, err := b.Hub.have(b.Name)
		if err != nil {
			return nil, "", fmt.Errorf("backbone: %w", err)
		}
		if name != "" {
			tell.note("%s is not in the store: its architecture with random weights", name)
			o, err := b.options()
			if err != nil {
				return nil, "", err
			}
			base, err = backbone.Seeded(name, o)
			return base, "random", err
		}
		from = "store"
	}
	base, err = local.load(ctx, tell)
	if err != nil && b.InputMode == "" && b.Mean == nil && from == "file" {
		local.InputMode = "raw"
		base, err = local.load(ctx, tell)
	}
	return base, from, err
}

// have returns "" if the weights called name are in the store, else the name of the published ones that are meant.
func (h *Hub) have(name string) (missing string, err error) {
	store, err := h.open()
	if err != nil {
		return "", err
	}
	stored, here, _, err := find(store, name)
	if here {
		return "", err
	}
	return stored, err
}

// network measures pictures a second: the fastest window of time is what the machine can do, the median what it does
// while others use it too.
func (b *bench) network(ctx context.Context) error {
	steps, err := b.plan.Profile(ctx, b.dst, b.src, b.o.Batch) // lays out the program and warms up
	if err != nil {
		return err
	}
	r := b.report
	for _, s := range steps {
		r.GFLOP += 2 * float64(s.MACs) / 1e9 / float64(b.o.Batch)
	}
	m := newMeter(b.o)
	for more := true; more; more = m.ran() {
		if err := b.plan.Run(ctx, b.dst, b.src, b.o.Batch); err != nil {
			return err
		}
	}
	m.tell(r)
	return nil
}

// meter counts batches. It cuts the time into windows, each of which gives a speed.
type meter struct {
	seconds      float64
	batch, n     int
	start, begin time.Time // of the measurement, of the window
	rates        []float64 // pictures a second
}

func newMeter(o BenchOptions) *meter {
	now := time.Now()
	return &meter{seconds: o.Seconds, batch: o.Batch, start: now, begin: now}
}

// ran counts a batch, and reports whether there are to be more.
func (m *meter) ran() (more bool) {
	const windows = 20
	m.n += m.batch
	if now := time.Now(); now.Sub(m.begin).Seconds() >= m.seconds/windows {
		m.rates = append(m.rates, float64(m.n)/now.Sub(m.begin).Seconds())
		m.n, m.begin = 0, now
	}
	return len(m.rates) < 3 || time.Since(m.start).Seconds() < m.seconds
}

// tell writes what was measured to r, which has the cost of a picture.
func (m *meter) tell(r *BenchReport) {
	r.Images = spread(m.rates)
	r.BatchTime = r.Images.over(1000 * float64(r.Batch))
	r.GFLOPS = r.Images.times(r.GFLOP)
	r.PeakShare = r.GFLOPS.times(1 / r.peak())
}

// layers measures each step of the network.
func (b *bench) layers(ctx context.Context) error {
	var steps []nn.StepTime
	var times [][]float64 // of each step, in milliseconds
	for start, n := time.Now(), 0; n < 3 || time.Since(start).Seconds() < b.o.Seconds; n++ {
		var err error
		if steps, err = b.plan.Profile(ctx, b.dst, b.src, b.o.Batch); err != nil {
			return err
		}
		if times == nil {
			times = make([][]float64, len(steps))
		}
		for i, s := range steps {
			times[i] = append(times[i], 1000*s.Time.Seconds())
		}
	}
	total := 0.0
	for i, s := range steps {
		l := Layer{Op: s.Op, Node: s.Node, Geometry: s.Geometry, GFLOP: 2 * float64(s.MACs) / 1e9, Megabytes: float64(s.Bytes) / 1e6, Time: spread(times[i])}
		if l.Time.Median > 0 {
			l.GFLOPS = l.GFLOP / l.Time.Median * 1000
		}
		l.PeakShare = l.GFLOPS / b.report.peak()
		total += l.Time.Median
		b.report.Layers = append(b.report.Layers, l)
	}
	for i := range b.report.Layers {
		b.report.Layers[i].TimeShare = b.report.Layers[i].Time.Median / max(total, 1e-9)
	}
	return nil
}
