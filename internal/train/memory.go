package train

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/graft-ml/graft/internal/nn"
)

// Outlook says what a phase will cost.
type Outlook struct {
	Phase         string
	Params        int           // numbers that train
	Epochs, Steps int           // epochs, and steps of each
	Step          time.Duration // the first one, without loading; 0 before it

	Memory     int64 // bytes: see TuneOptions.Memory
	Batch      int   // inputs of a step
	Micro      int   // of which so many are computed at a time
	Recomputes bool  // some values are computed twice, for less memory
}

// enterTape makes the tape of a phase that trains names in g, for as many inputs at a time as the memory allows.
func (t *tuning) enterTape(p Phase, g *nn.Graph) error {
	var names []string
	for _, q := range p.Params {
		names = append(names, q.Name)
	}
	o := nn.TapeOptions{Params: names, Pool: t.o.Pool, BatchStats: t.o.BatchStats, Precision: t.o.Precision}
	t.micro, t.outlook = t.o.Micro, Outlook{Phase: p.Name, Epochs: p.Epochs, Steps: t.steps, Batch: t.o.Batch}
	for _, name := range names {
		t.outlook.Params += len(g.Init[name].F)
	}
	rest := t.rest(t.outlook.Params, g)
	if t.o.Memory > 0 {
		frozen, err := t.frozen(g, o)
		if err != nil {
			return err
		}
		if o.Memory = t.o.Memory - rest - frozen; o.Memory <= 0 {
			o.Memory = 1 // nothing fits: the error says what would
		}
		if t.micro, err = t.fitting(g, o, rest+frozen); err != nil {
			return err
		}
	}
	need, err := t.lay(g, o)
	if few := (*nn.MemoryError)(nil); errors.As(err, &few) { // for the scratch of many threads, which is no part of the choice
		o.Memory = few.Least
		need, err = t.lay(g, o)
	}
	t.outlook.Memory, t.outlook.Micro = need+rest, t.micro
	return err
}

// frozen returns what the part before everything trained takes, for as many inputs at a time as there may be. It looks at
// one thread's memory, as fitting does.
func (t *tuning) frozen(g *nn.Graph, o nn.TapeOptions) (int64, error) {
	o.Pool = nil
	tape, err := nn.NewTape(g, o)
	if err != nil {
		return 0, err
	}
	return tape.Frozen(min(t.o.Micro, t.train.N()))
}

// lay makes the tape and lays its program out. It returns the bytes that it takes.
func (t *tuning) lay(g *nn.Graph, o nn.TapeOptions) (need int64, err error) {
	if t.tape, err = nn.NewTape(g, o); err != nil {
		return 0, err
	}
	n := min(t.micro, t.train.N())
	if need, err = t.tape.Memory(n); err != nil {
		return 0, err
	}
	t.outlook.Recomputes = t.tape.Recomputes(n)
	frozen, err := t.tape.Frozen(n)
	return need + frozen, err
}

// fitting returns the most inputs at a time, of as equal parts of a batch as can be, whose steps fit into o.Memory. It looks
// at one thread's memory: the number of threads must not change how a batch is divided, since that changes the order
// of sums.
func (t *tuning) fitting(g *nn.Graph, o nn.TapeOptions, rest int64) (int, error) {
	o.Pool = nil
	tape, err := nn.NewTape(g, o)
	if err != nil {
		return 0, err
	}
	most := min(t.o.Micro, t.train.N())
	last := 0
	for parts := 1; ; parts++ {
		micro := (most + parts - 1) / parts
		if micro == last {
			continue
		}
		last = micro
		_, err := tape.Memory(micro)
		few := (*nn.MemoryError)(nil)
		switch {
		case err == nil && parts == 1:
			return t.o.Micro, nil
		case err == nil:
			return micro, nil
		case !errors.As(err, &few):
			return 0, err
		case micro == 1:
			least := int64(math.Ceil(float64(few.Least+rest) / 1e6))
			return 0, fmt.Errorf("train: to train %s, one picture at a time, takes %d MB, and %d MB are allowed: allow as much, or train fewer stages or smaller pictures%s",
				t.outlook.Phase, least, t.o.Memory/1e6, t.teacherShare())
		}
	}
}

// teacherShare names what the teacher takes, as the end of a message; "" without one.
func (t *tuning) teacherShare() string {
	if t.o.Teacher == nil {
		return ""
	}
	return fmt.Sprintf(", or without the teacher, which takes %d MB", int64(math.Ceil(float64(t.o.Teacher.Memory)/1e6)))
}

const (
	mostJudged  = 8      // inputs that are measured at a time
	judgedShare = 1. / 8 // of the memory, which measuring should not exceed
)

// planMeasure decides how many validation inputs are measured at a time, and notes what that takes. It looks at one
// thread's memory, as fitting does.
func (t *tuning) planMeasure() error {
	if t.val.N() == 0 {
		return nil
	}
	plan, err := nn.NewPlan(t.net.Graph, nn.PlanOptions{MaxBatch: mostJudged})
	for t.judged = mostJudged; err == nil; t.judged /= 2 {
		t.judging, err = plan.Memory(t.judged)
		if t.judged == 1 || t.o.Memory == 0 || float64(t.judging) <= judgedShare*float64(t.o.Memory) {
			break
		}
	}
	return err
}

// rest returns the bytes that a phase of so many trained numbers takes beside its tape: the network as it was given, as it
// is measured, and in its best epoch; the values of earlier phases; the state of the optimiser and the averages;
// the teacher; and two batches of inputs, the one at hand and the next.
func (t *tuning) rest(params int, g *nn.Graph) int64 {
	var weights, before int64
	for _, v := range t.net.Graph.Init {
		weights += int64(len(v.F))
	}
	for _, v := range t.values {
		before += int64(len(v))
	}
	state := int64(2) // a memory of the optimiser, and the best epoch
	if t.o.Optimizer != SGD {
		state++
	}
	if t.o.Average > 0 {
		state++
	}
	input := int64(1)
	for _, n := range g.Inputs[0].Shape[1:] {
		input *= int64(n)
	}
	bytes := t.o.Overhead + t.judging
	if t.o.Teacher != nil {
		bytes += t.o.Teacher.Memory
	}
	return bytes + 4*(weights+before+state*int64(params)+2*int64(min(t.o.Batch, t.train.N()))*input)
}
