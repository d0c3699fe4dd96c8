package graft

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/graft-ml/graft/internal/backbone"
	"github.com/graft-ml/graft/internal/cpu"
	"github.com/graft-ml/graft/internal/loader"
	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/train"
	"github.com/graft-ml/graft/metric"
)

// open opens the backbone: for training from scratch the architecture, with random weights.
func (j *job) open(ctx context.Context) (err error) {
	b := &j.o.Backbone
	if j.o.Strategy == strategyAuto {
		return j.openDepths(ctx)
	}
	if j.o.Strategy != strategyScratch {
		j.base, err = b.load(ctx, j.o.Progress)
		return err
	}
	if j.base, err = b.architecture(ctx, j.o.Progress); err != nil {
		return err
	}
	if j.base.Graph, err = nn.Fold(j.base.Graph); err != nil {
		return err
	}
	return j.base.Redraw(j.o.Seed)
}

// architecture returns a network for the sake of its structure: of a published one nothing is fetched.
func (b *Backbone) architecture(ctx context.Context, tell progress) (*backbone.Backbone, error) {
	if entries, err := backbone.Find(b.Name); err != nil || len(entries) == 0 || b.Name == "" {
		return b.load(ctx, tell)
	}
	o, err := b.options()
	if err != nil {
		return nil, err
	}
	if o.Normalise == nil {
		torch := Backbone{InputMode: "torch"}
		if o.Normalise, err = torch.normalise(); err != nil {
			return nil, err
		}
	}
	return backbone.Seeded(b.Name, o)
}

// scan decodes every picture once, to leave out those that cannot be.
func (j *job) scan(ctx context.Context) error {
	used, done := j.split.all(), 0
	good := map[int]bool{}
	failures, err := loader.Run(ctx, samples{j.data}, used, j.o.Reading.loading(j.base.Spec), func(b loader.Batch) error {
		for _, i := range b.Index {
			good[i] = true
		}
		done += len(b.Index) + len(b.Failed)
		progress(j.o.Progress).step("check", done, len(used))
		return nil
	})
	if err != nil {
		return err
	}
	bad := skippedOf(j.data, failures)
	j.bad = append(j.bad, bad...)
	if err := checkBad(j.data, bad, len(used), j.o.Reading.MaxBad); err != nil {
		return err
	}
	return j.dropFailed(func(i int) bool { return good[i] })
}

// tune trains the network, or the last stages of it, with the head.
func (j *job) tune(ctx context.Context) error {
	full, net, err := j.network()
	if err != nil {
		return err
	}
	if j.o.Resume && !j.place.resumes {
		j.note("there is no unfinished run: a new one begins")
	}
	learn, judge, err := j.sets(ctx)
	if err != nil {
		return err
	}
	j.feats.drop()
	o := j.tuneOptions()
	if j.place != nil { // a run that auto takes minutes for keeps none
		o.Checkpoints = &train.Checkpoints{Dir: j.place.dir, Every: j.o.Tuning.CheckpointEvery, Facts: j.facts(), Resume: j.place.resumes,
			Warn: progress(j.o.Progress).warnText}
	}
	j.noteSlow(o)
	r, err := train.Tune(ctx, net, learn, judge, o, j.hooks())
	if err != nil {
		return err
	}
	j.best, j.tuned = r.BestEpoch, full
	j.history = nil
	for _, e := range r.History {
		j.history = append(j.history, ownEpoch(e, false))
	}
	for _, p := range net.Phases[len(net.Phases)-1].Params {
		full.Init[p.Name] = r.Graph.Init[p.Name]
	}
	for name, t := range r.Graph.Init { // statistics of batch normalisations
		if full.Init[name] != nil {
			full.Init[name] = t
		}
	}
	return nil
}

// noteSlow says that bf16 is slow here, if it is.
func (j *job) noteSlow(o train.TuneOptions) {
	if o.Precision == nn.BF16 && !cpu.HasBF16 {
		j.note("bf16: this processor has no instruction for it, so that training takes longer than in f32; its numbers are those of one that has")
	}
}

// tuneOptions says how the network is trained.
func (j *job) tuneOptions() train.TuneOptions {
	o := j.o.Tuning.options()
	o.Classes, o.MultiLabel = len(j.data.Classes), j.data.MultiLabel
	o.Dropout, o.LabelSmoothing, o.ClassWeights = j.o.Head.Dropout, j.o.Head.LabelSmoothing, j.o.Head.ClassWeights
	o.Sampling = j.o.Head.Sampling
	o.Seed, o.Pool, o.Teacher = j.o.Seed, j.pool, j.teacher.lessons(cmp.Or(o.Batch, defaultTuneBatch))
	o.Overhead = overhead + j.frozen.memory()
	return o
}

// sets returns the training and the validation set, as inputs of what trains.
func (j *job) sets(ctx context.Context) (learn, judge train.Set, err error) {
	if j.frozen != nil {
		return j.frozen.sets(ctx)
	}
	return j.pictures(j.train), j.pictures(j.validation), nil
}

// hooks tell the caller what happens in the training of a network.
func (j *job) hooks() train.Hooks {
	tell := progress(j.o.Progress)
	return train.Hooks{
		Resumed: func(path string, steps int) {
			j.note("going on from %s, after %s", path, count(steps, "step", "steps"))
		},
		Plan: j.onPlan,
		Outlook: func(l train.Outlook) {
			whole := time.Duration(l.Epochs*l.Steps) * l.Step
			j.note("the first step took %.2g s, so that %s of %s take about %v", l.Step.Seconds(),
				count(l.Epochs, "epoch", "epochs"), count(l.Steps, "step", "steps"), whole.Round(time.Second))
		},
		Step:  func(done, all int) { tell.step("tune", done, all) },
		Epoch: j.onEpoch(false),
	}
}

// onPlan tells what a phase of the training takes, and what is done without for lack of memory.
func (j *job) onPlan(l train.Outlook) {
	j.note("training %s: %.3g million numbers, %.0f MB", l.Phase, float64(l.Params)/1e6, math.Ceil(float64(l.Memory)/1e6))
	if l.Recomputes {
		j.note("memory: a part of the values is computed twice, which makes steps slower and changes no result")
	}
	if l.Micro >= l.Batch {
		return
	}
	if l.Micro < j.o.Tuning.MicroBatch || j.o.Tuning.MicroBatch == 0 {
		j.note("memory: of the %d pictures of a step %d are computed at a time", l.Batch, l.Micro)
	}
	if j.o.Tuning.BatchNorm == normBatch {
		j.note("batch norm: the statistics are those of %d pictures at a time, not of the whole batch", l.Micro)
	}
}

// stopped adds to the error of a run that was stopped how to go on with it.
func (j *job) stopped(ctx context.Context, err error) error {
	switch {
	case j.place == nil:
	case !j.place.checkpoints():
		return errors.Join(err, j.place.remove())
	case ctx.Err() != nil:
		j.note("the run is kept in %s: the same command with --resume goes on with it", j.place.dir)
	}
	return err
}

// network returns the whole network with its head, and what of it is trained in which phases.
func (j *job) network() (*nn.Graph, train.Network, error) {
	var net train.Network
	if j.base.SinglePicture() {
		return nil, net, fmt.Errorf("backbone %s: its file fixes the batch to one picture, and such a network cannot be trained: take the strategy frozen", j.base.Name)
	}
	base, err := nn.Fold(j.base.Graph)
	if err != nil {
		return nil, net, err
	}
	var head *nn.Graph
	if j.head != nil {
		head = j.head.Head
	} else if head, err = train.NewHead(j.base.Width, j.headOptions()); err != nil {
		return nil, net, err
	}
	stages, err := backbone.Stages(base)
	if err != nil {
		return nil, net, err
	}
	full := nn.Join(base, head)
	net.Graph, net.Features, net.Dropped = full, base.Outputs[0].Name, train.Droppable(full.Nodes[len(base.Nodes):])
	net.Phases = j.phases(full, stages, len(base.Nodes))
	first := len(stages) - j.o.Tuning.Stages
	switch {
	case j.o.Strategy != strategyPartial || first <= 0:
	case j.o.augment().Draws():
		j.note("augmentation: the frozen stages run in every epoch, on what is drawn there")
	default:
		var before *nn.Graph
		if before, net.Graph, err = backbone.SplitAt(full, stages[first].Input); err != nil {
			return nil, net, err
		}
		j.frozen, err = j.newBoundary(before, stages[first])
	}
	return full, net, err
}

// phases divides the epochs of the strategy among what is trained. The first baseNodes nodes of g are the base's.
func (j *job) phases(g *nn.Graph, stages []backbone.Stage, baseNodes int) []train.Phase {
	first := max(0, len(stages)-j.o.Tuning.Stages) // the first stage of the last ones
	var all, last []train.Parameter
	place := firstUses(g)
	for _, p := range train.Parameters(g) {
		stage := len(stages) // the head
		if at := place[p.Name]; at < baseNodes {
			for stage--; stage > 0 && stages[stage].Start > at; stage-- {
			}
		}
		p.Scale = math.Pow(j.o.Tuning.LayerDecay, float64(len(stages)-stage))
		if all = append(all, p); stage >= first {
			last = append(last, p)
		}
	}
	epochs := j.o.Tuning.Epochs
	lastStages := count(len(stages)-first, "last stage", "last stages")
	switch {
	case j.o.Strategy == strategyPartial:
		return []train.Phase{{Name: lastStages, Params: last, Epochs: epochs}}
	case j.o.Strategy == strategyScratch || epochs == 1 || first == 0:
		return []train.Phase{{Name: "all", Params: all, Epochs: epochs}}
	}
	begin := max(1, epochs/3)
	return []train.Phase{{Name: lastStages, Params: last, Epochs: begin}, {Name: "all", Params: all, Epochs: epochs - begin}}
}

// firstUses returns the number of the first node that reads each value.
func firstUses(g *nn.Graph) map[string]int {
	first := map[string]int{}
	for i, n := range slices.Backward(g.Nodes) {
		for _, name := range n.Inputs {
			first[name] = i
		}
	}
	return first
}

// pictures is the set of some samples, which are decoded as they are needed. In epochs of training they are as
// the options augment them.
func (j *job) pictures(index []int) train.Set {
	s := train.Set{}
	for _, i := range index {
		s.Labels, s.Keys = append(s.Labels, j.data.Samples[i].Labels), append(s.Keys, j.key(i))
	}
	s.Load = func(ctx context.Context, epoch int, turns []train.Turn, n int, each func(x, targets []float32) error) error {
		d := draw{spec: j.base.Spec, epoch: epoch, index: index, turns: turns, batch: n}
		if epoch > 0 && j.o.augment().Draws() {
			return j.eachDrawn(ctx, d, func(b loader.Batch, targets []float32) error { return each(b.Pixels, targets) })
		}
		o := j.loading(d.spec)
		o.Batch = n
		wanted, _ := d.wanted()
		_, err := loader.Run(ctx, samples{j.data}, wanted, o, func(b loader.Batch) error {
			if len(b.Failed) > 0 {
				return errChanged(b.Failed[0])
			}
			return each(b.Pixels, nil)
		})
		return err
	}
	return s
}

// errChanged is the error of a picture that could be read in an earlier stage of the run.
func errChanged(err error) error {
	return fmt.Errorf("%w (it could be read before: has it changed?)", err)
}

// measureTuned tests the model on the pictures held out, with the network that is written.
func (j *job) measureTuned(ctx context.Context) error {
	whole := withViews(j.tuned, j.base.Graph.Outputs[0].Name, j.base.Spec, j.o.tta())
	j.model = withProbabilities(whole, j.data.MultiLabel)
	if err := j.tunedThresholds(ctx); err != nil {
		return err
	}
	in := metric.Input{Classes: j.data.Classes, MultiLabel: j.data.MultiLabel, Seed: j.o.Seed, Thresholds: j.thresholds}
	var err error
	if in.Probs, in.Labels, err = j.predict(ctx, "test", j.test); err != nil {
		return err
	}
	j.probs = in.Probs
	j.report, err = metric.Evaluate(in)
	return err
}

// tunedThresholds is chooseThresholds for a network.
func (j *job) tunedThresholds(ctx context.Context) error {
	if !j.data.MultiLabel || len(j.validation) == 0 {
		return j.chooseThresholds(ctx)
	}
	probs, labels, err := j.predict(ctx, "validation", j.validation)
	if err != nil {
		return err
	}
	j.thresholds, err = metric.Thresholds(j.data.Classes, probs, labels)
	return err
}

// predict runs the model over some samples: [N,K], and the labels of each.
func (j *job) predict(ctx context.Context, what string, index []int) (probs []float32, labels [][]int, err error) {
	plan, err := nn.NewPlan(j.model, nn.PlanOptions{Pool: j.pool})
	if err != nil {
		return nil, nil, err
	}
	k, done := len(j.data.Classes), 0
	probs = make([]float32, len(index)*k)
	_, err = loader.Run(ctx, samples{j.data}, index, j.o.Reading.loading(j.spec()), func(b loader.Batch) error {
		if len(b.Failed) > 0 {
			return errChanged(b.Failed[0])
		}
		n := len(b.Index)
		if err := plan.Run(ctx, [][]float32{probs[done*k : (done+n)*k]}, [][]float32{b.Pixels}, n); err != nil {
			return err
		}
		done += n
		progress(j.o.Progress).step(what, done, len(index))
		return nil
	})
	for _, i := range index {
		labels = append(labels, j.data.Samples[i].Labels)
	}
	return probs, labels, err
}

// writeTuned makes the run folder, whole, out of the unfinished one.
func (j *job) writeTuned(context.Context) (err error) {
	j.out, err = j.place.finish(j.writeFiles)
	return err
}

// key is the beginning of the hash of a sample's content: who it is, for random numbers.
func (j *job) key(i int) uint64 { return pictureKey(j.data.Samples[i].SHA256) }
