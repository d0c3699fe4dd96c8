package train

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/tensor"
)

// Network is what Tune trains, and in which order.
type Network struct {
	Graph  *nn.Graph // one input, one output of logits [N,K]; its initialisers are left alone
	Phases []Phase   // each trains all that those before it have trained, and perhaps more

	Features string   // the value that the head reads; a Teacher whose features are learnt from needs it
	Dropped  []string // values of Graph behind which there is dropout while it trains, if the options ask for any
}

// Phase is some epochs in which the same parameters train.
type Phase struct {
	Name   string
	Params []Parameter
	Epochs int
}

// Set is labelled inputs of a network, which are loaded as they are needed.
type Set struct {
	Labels [][]int  // [N]
	Keys   []uint64 // [N]: who each input is, for dropout masks that follow it; nil means its row

	// Load gives each batch the inputs x of some of the set, in the order of turns and n at a time, fewer at the end.
	// epoch counts from 1 for training; 0 wants the inputs as they are at prediction. targets, where inputs are blends
	// of several, are the soft labels [n,K] to train on in place of Labels; else nil. What is loaded depends on the epoch
	// and the turns alone, and of a batch on no other.
	Load func(ctx context.Context, epoch int, turns []Turn, n int, each func(x, targets []float32) error) error
}

// N returns the number of inputs.
func (s Set) N() int { return len(s.Labels) }

func (s Set) key(i int) uint64 {
	if s.Keys == nil {
		return uint64(i)
	}
	return s.Keys[i]
}

// Hooks are told what happens in a training. Any may be nil.
type Hooks struct {
	Resumed func(path string, steps int) // a checkpoint was found, and so many steps are done
	Plan    func(Outlook)                // before the first step of each phase, without its time
	Outlook func(Outlook)                // after it
	Step    func(done, all int)          // after each step of an epoch
	Epoch   func(Epoch)
	Saved   func() // a checkpoint was written
}

// TuneResult is a trained network.
type TuneResult struct {
	Graph     *nn.Graph // the network with the values of the best epoch
	History   []Epoch
	BestEpoch int // of least validation loss; without validation the last
}

// Tune trains a network. The training fields of its epochs are means over the steps of the epoch, before each of
// them; the validation fields are measured after it, as at prediction, with the averaged weights if there are any.
// The values of the best epoch are kept. A phase ends early when the validation loss has not fallen for o.Patience
// epochs; the next begins where it ended.
//
// With o.Checkpoints the state is written after each epoch, every so often, and when ctx ends; a training that
// goes on from one, after whatever end, gives the same bits as one that was never interrupted.
func Tune(ctx context.Context, net Network, train, val Set, o TuneOptions, h Hooks) (*TuneResult, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	t, err := newTuning(net, train, val, o.withDefaults(), h)
	if err != nil {
		return nil, err
	}
	if err := t.restore(); err != nil {
		return nil, err
	}
	for t.state.Phase < len(net.Phases) {
		if err := t.phase(ctx); err != nil {
			return nil, err
		}
	}
	return &TuneResult{Graph: t.withValues(t.best), History: t.state.history(), BestEpoch: t.state.Best.Epoch}, nil
}

// tuning is a training under way.
type tuning struct {
	net        Network
	train, val Set
	o          TuneOptions
	hooks      Hooks
	loss       *loss // of the validation
	stepLoss   *loss
	sampler    *sampler

	values map[string][]float32 // of everything that has trained so far, and is not in tape
	best   map[string][]float32 // the values of the best epoch
	state  tuneState

	// Of the phase.
	tape    *nn.Tape
	params  []*param
	opt     *optimizer
	average average
	rates   schedule
	steps   int // of an epoch
	micro   int // inputs that are computed at a time
	outlook Outlook

	judged  int   // validation inputs that are measured at a time
	judging int64 // bytes that measuring takes

	dropouts map[string]uint64 // the layer of each Dropout, by name

	projection *projection // nil: none

	dz, z  []float32
	both   []float32 // gradients by logits and projected features, in one row
	labels [][]int
	keys   []uint64
	saved  time.Time     // the last checkpoint, or the start
	keep   *checkpointer // nil: no checkpoints
}

func newTuning(net Network, train, val Set, o TuneOptions, h Hooks) (*tuning, error) {
	d := Data{Labels: train.Labels}
	if err := o.head().checkClasses(d); err != nil {
		return nil, err
	}
	for i, p := range net.Phases {
		if len(p.Params) == 0 || p.Epochs < 1 {
			return nil, fmt.Errorf("train: phase %q: %d parameters, %d epochs, want at least one of each", p.Name, len(p.Params), p.Epochs)
		}
		if i > 0 && !subset(net.Phases[i-1].Params, p.Params) {
			return nil, fmt.Errorf("train: phase %q does not train all that phase %q trains", p.Name, net.Phases[i-1].Name)
		}
	}
	t := &tuning{net: net, train: train, val: val, o: o, hooks: h, values: map[string][]float32{}, saved: time.Now()}
	t.state.Best.Loss = number(math.Inf(1))
	t.stepLoss, t.loss = losses(o.head(), d.counts(o.Classes))
	t.sampler = newSampler(train.Labels, o.head())
	t.steps = (train.N() + o.Batch - 1) / o.Batch
	if err := t.newProjection(); err != nil {
		return nil, err
	}
	if err := t.planMeasure(); err != nil {
		return nil, err
	}
	if o.Checkpoints != nil {
		t.keep = &checkpointer{*o.Checkpoints}
	}
	return t, nil
}

func subset(a, b []Parameter) bool {
	in := map[string]bool{}
	for _, p := range b {
		in[p.Name] = true
	}
	return !slices.ContainsFunc(a, func(p Parameter) bool { return !in[p.Name] })
}

// phase runs the phase that the state is in, from where the state is, and goes on to the next.
func (t *tuning) phase(ctx context.Context) error {
	p := t.net.Phases[t.state.Phase]
	if err := t.enter(p); err != nil {
		return err
	}
	for t.state.Epoch < p.Epochs && !t.exhausted() {
		err := t.epoch(ctx)
		if err == nil {
			err = t.record(ctx)
		}
		if err != nil {
			if ctx.Err() != nil && t.state.Done > 0 {
				if saveErr := t.save(); saveErr != nil {
					return fmt.Errorf("%w; and the checkpoint could not be written: %w", err, saveErr)
				}
			}
			return err
		}
		if err := t.save(); err != nil {
			return err
		}
	}
	maps.Copy(t.values, t.current(false))
	t.tape, t.params, t.opt = nil, nil, nil
	t.state.next()
	return nil
}

// enter makes the tape and the optimiser of a phase. Their state is that of the checkpoint, if one was read.
func (t *tuning) enter(p Phase) error {
	g := t.withValues(t.values)
	if t.o.Dropout > 0 {
		t.dropouts = insertDropout(g, t.net.Dropped)
	}
	if t.projection != nil {
		t.projection.join(g, t.values)
	}
	if err := t.enterTape(p, g); err != nil {
		return err
	}
	t.opt = &optimizer{rule: t.o.head().rule(), pool: t.o.Pool, steps: t.state.Steps}
	t.params = nil
	for _, q := range p.Params {
		p := &param{name: q.Name, w: t.tape.Param(q.Name), decay: q.Decay, scale: q.Scale}
		p.remember(t.opt.kind)
		t.params = append(t.params, p)
	}
	t.average = average{decay: t.o.Average, steps: t.state.Averaged, of: t.average.of}
	if err := t.state.give(t); err != nil {
		return err
	}
	t.average.include(t.params)
	t.rates = t.o.rates(p.Epochs, t.steps)
	if t.hooks.Plan != nil {
		t.hooks.Plan(t.outlook)
	}
	return nil
}

// withValues returns the network with some of its initialisers replaced. It has no place for a projection's.
func (t *tuning) withValues(values map[string][]float32) *nn.Graph {
	g := t.net.Graph.Clone()
	for name, v := range values {
		if old := g.Init[name]; old != nil {
			g.Init[name] = tensor.FromFloats(v, old.Shape...)
		}
	}
	return g
}

// current returns the values of everything that has trained, those of the tape not copied. averaged means the
// moving averages where there are some.
func (t *tuning) current(averaged bool) map[string][]float32 {
	all := maps.Clone(t.values)
	for _, p := range t.params {
		all[p.name] = p.w
		if a := t.average.of[p.name]; averaged && a != nil {
			all[p.name] = a
		}
	}
	maps.Copy(all, t.tape.Stats())
	return all
}

// exhausted reports whether the phase has gone on for long enough without a better epoch.
func (t *tuning) exhausted() bool {
	began := len(t.state.History) - t.state.Epoch
	return t.o.Patience > 0 && t.val.N() > 0 && len(t.state.History)-max(began, t.state.Best.Epoch) >= t.o.Patience
}

// epoch does the steps of an epoch that are left.
func (t *tuning) epoch(ctx context.Context) error {
	order := t.sampler.turns(t.number())
	if t.state.Step == t.steps {
		return nil // all but the measurement was done before
	}
	return t.train.Load(ctx, t.number(), order[t.state.Step*t.o.Batch:], t.o.Batch, func(x, targets []float32) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		lo := t.state.Step * t.o.Batch
		if err := t.step(ctx, x, targets, order[lo:min(len(order), lo+t.o.Batch)]); err != nil {
			return err
		}
		if t.hooks.Step != nil {
			t.hooks.Step(t.state.Step, t.steps)
		}
		if t.keep != nil && time.Since(t.saved) >= t.keep.every() {
			return t.save()
		}
		return nil
	})
}
