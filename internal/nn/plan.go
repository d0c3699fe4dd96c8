package nn

import (
	"context"
	"fmt"
	"math/bits"
	"sync"

	"github.com/graft-ml/graft/internal/tensor"
)

// PlanOptions are the options of NewPlan.
type PlanOptions struct {
	Pool     *Pool // shared with others; nil: run on the caller
	MaxBatch int   // pictures computed together; 0 means 8. It changes speed and memory, never a result.

	// Apart computes every value between two nodes by its definition: no algorithm and no fusion leaves one out but
	// the activations behind products. It is what Observe needs, and slower.
	Apart bool

	// Precision is that of convolutions whose activation is a clip, and of the values between them. Networks' first
	// convolutions, of few channels, and all other operators stay F32, with conversions between. Int8 is for the values
	// that Quants tells about, by name; those of others stay F32 too. It gives the same integers on all processors.
	Precision Precision
	Quants    map[string]Quant

	direct bool // no Winograd, no bands: what tests compare with
}

// defaultBatch keeps the activations of eight pictures of 224×224 within a large L3 cache.
const defaultBatch = 8

// Plan runs a graph fast. It is made once: the graph is simplified, its weights are packed in the order in
// which the kernels read them, and for each size of batch that comes up a program is laid out, with one arena
// of memory for all. Pictures are NHWC with a halo of zeros inside, whatever the graph says outside.
//
// The result for a picture is the same bit for bit alone and in any batch, and for any number of threads.
type Plan struct {
	pool     *Pool
	maxBatch int
	direct   bool
	apart    bool

	precision Precision
	quants    map[string]Quant
	low       lowNodes

	base    *Graph // simplified, still ONNX: what shapes are inferred from
	fused   *Graph // base with fusions
	inputs  []int  // elements of each input per picture
	outputs []tensor.Shape

	mu        sync.Mutex // held for a run
	packed    map[*Node][]float32
	packedLow map[*Node]any // of kernels that are not of float32
	programs  map[int]*program
	frame     frame
}

// NewPlan returns a plan for g, which is not changed but whose initialisers are kept. It returns an error for
// a graph that is not valid, or has inputs or outputs that are not Float32, or inputs that do not begin with the batch. A
// graph that works only for a batch of one, or mixes the pictures of a batch, is run picture by picture.
func NewPlan(g *Graph, o PlanOptions) (*Plan, error) {
	p := &Plan{pool: o.Pool, maxBatch: o.MaxBatch, direct: o.direct || o.Apart, apart: o.Apart, precision: o.Precision, quants: o.Quants,
		packedLow: map[*Node]any{}, packed: map[*Node][]float32{}, programs: map[int]*program{}}
	if p.maxBatch <= 0 {
		p.maxBatch = defaultBatch
	}
	for name, q := range p.quants {
		if err := q.check(name); err != nil {
			return nil, err
		}
	}
	p.base = g.Clone()
	if err := simplify(p.base); err != nil {
		return nil, err
	}
	infos, free, err := inferAny(p.base)
	if err != nil {
		return nil, err
	}
	if !free || !freeInputs(g) || mixesPictures(p.base, infos) {
		p.maxBatch = 1
	}
	if err := p.setShapes(); err != nil {
		return nil, err
	}
	p.fused = p.base.Clone()
	if p.apart {
		fuseActivations(p.fused, infos)
	} else {
		fuse(p.fused, infos)
	}
	if p.precision != F32 {
		p.low = findLow(p.fused, infos, p.known)
	}
	p.frame.in = make([][]float32, len(p.inputs))
	p.frame.out = make([][]float32, len(p.outputs))
	if _, err := p.program(1); err != nil {
		return nil, err
	}
	return p, nil
}

// freeInputs reports whether every input of g begins with a free batch.
func freeInputs(g *Graph) bool {
	for _, v := range g.Inputs {
		if len(v.Shape) == 0 || v.Shape[0] != tensor.Free {
			return false
		}
	}
	return true
}

// setShapes finds what one picture is in each input and output.
func (p *Plan) setShapes() error {
	infos, err := InferAt(p.base, 1)
	if err != nil {
		return err
	}
	for _, v := range p.base.Inputs {
		in := infos[v.Name]
		if in.DType != tensor.Float32 {
			return fmt.Errorf("nn: input %v: a plan takes float32", v)
		}
		if len(in.Shape) == 0 || in.Shape[0] != 1 {
			return fmt.Errorf("nn: input %v: want a first axis for the batch, free or 1", v)
		}
		n, _ := in.Shape.Elems() // InferAt has checked it
		p.inputs = append(p.inputs, n)
	}
	for _, v := range p.base.Outputs {
		out := infos[v.Name]
		if out.DType != tensor.Float32 {
			return fmt.Errorf("nn: output %q is %v: a plan gives float32", v.Name, out.DType)
		}
		s := out.Shape.Clone()
		if len(s) > 0 && s[0] == 1 {
			s = s[1:]
		} else {
			p.maxBatch = 1
		}
		p.outputs = append(p.outputs, s)
	}
	p.shareBatch(infos)
	return nil
}

// shareBatch takes fewer pictures together where the graph makes several of each, such as views, so that the memory
// stays what it is for one. infos are for a batch of 1.
func (p *Plan) shareBatch(infos map[string]Info) {
	most := 1
	for _, info := range infos {
		if len(info.Shape) == 4 && info.DType == tensor.Float32 && info.Const == nil {
			most = max(most, info.Shape[0])
		}
	}
	p.maxBatch = max(1, p.maxBatch/most)
}

// OutputShape returns the shape of output i for one picture: without the axis of the batch, if it has one.
func (p *Plan) OutputShape(i int) tensor.Shape { return p.outputs[i].Clone() }

// Run computes the outputs for n pictures. src[i] holds input i, row-major, n times its size for one picture;
// dst[i] receives output i, n·OutputShape(i). They must not overlap. Calls from several goroutines take turns. It
// stops between two steps when ctx ends.
func (p *Plan) Run(ctx context.Context, dst, src [][]float32, n int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.run(ctx, dst, src, n)
}

// run is Run for the holder of mu.
func (p *Plan) run(ctx context.Context, dst, src [][]float32, n int) error {
	if err := p.checkArgs(dst, src, n); err != nil {
		return err
	}
	p.pool.Begin()
	defer p.pool.End()
	for done := 0; done < n; {
		b := p.nextBatch(n - done)
		for i, k := range p.inputs {
			p.frame.in[i] = src[i][done*k : (done+b)*k]
		}
		for i := range p.outputs {
			k := product(p.outputs[i])
			p.frame.out[i] = dst[i][done*k : (done+b)*k]
		}
		prog, err := p.program(b)
		if err != nil {
			return err
		}
		if err := prog.run(ctx, &p.frame); err != nil {
			return err
		}
		done += b
	}
	return nil
}

func (p *Plan) checkArgs(dst, src [][]float32, n int) error {
	if n < 0 || len(src) != len(p.inputs) || len(dst) != len(p.outputs) {
		return fmt.Errorf("nn: plan: %d pictures, %d inputs, %d outputs; want %d inputs and %d outputs",
			n, len(src), len(dst), len(p.inputs), len(p.outputs))
	}
	for i, k := range p.inputs {
		if len(src[i]) != n*k {
			return fmt.Errorf("nn: plan: input %d has %d elements, want %d for %d pictures", i, len(src[i]), n*k, n)
		}
	}
	for i, s := range p.outputs {
		if len(dst[i]) != n*product(s) {
			return fmt.Errorf("nn: plan: output %d has %d elements, want %d for %d pictures", i, len(dst[i]), n*product(s), n)
		}
	}
	return nil
}

// nextBatch returns how many of rest pictures to compute together: maxBatch, or a power of two, so that few
// programs are ever made.
func (p *Plan) nextBatch(rest int) int {
	if rest >= p.maxBatch {
		return p.maxBatch
	}
	return 1 << (bits.Len(uint(rest)) - 1)
}

// program returns the program for a batch of n, made on first use.
func (p *Plan) program(n int) (*program, error) {
	if prog := p.programs[n]; prog != nil {
		return prog, nil
	}
	prog, err := compile(p, n)
	if err != nil {
		return nil, err
	}
	p.programs[n] = prog
	return prog, nil
}
