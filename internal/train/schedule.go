package train

import "math"

// schedule is the learning rate as a function of the step.
type schedule struct {
	kind           string
	rate           float64
	warmup, length int // steps
	every          int // steps between the steps of Step
	factor         float64
}

// newSchedule lays o's schedule out for epochs of so many steps.
func newSchedule(o HeadOptions, steps int) schedule {
	return schedule{kind: o.Schedule, rate: o.LearningRate, warmup: o.WarmupEpochs * steps, length: o.Horizon * steps,
		every: o.StepEpochs * steps, factor: o.StepFactor}
}

// The shape of OneCycle, as torch's OneCycleLR has it: the rate rises from 1/25 through three tenths of the steps,
// and ends at 1/250 000.
const (
	oneCycleRise  = 0.3
	oneCycleStart = 1.0 / 25
	oneCycleEnd   = oneCycleStart / 1e4
)

// at returns the rate of a step, counted from 0. It rises linearly to the full rate through the warm-up. Then
// Step counts its epochs, and Cosine falls by half a period to zero, which it would reach at the step after the last.
// OneCycle, which is a warm-up itself, rises and falls by half a period each.
func (s schedule) at(step int) float64 {
	if step < s.warmup {
		return s.rate * float64(step+1) / float64(s.warmup)
	}
	step -= s.warmup
	switch s.kind {
	case Step:
		return s.rate * math.Pow(s.factor, float64(step/max(1, s.every)))
	case Cosine:
		return s.rate * between(1, 0, float64(step)/float64(max(1, s.length-s.warmup)))
	case OneCycle:
		last := float64(max(1, s.length-s.warmup-1))
		rise := max(1, oneCycleRise*float64(s.length-s.warmup)-1)
		if done := float64(step) / rise; done <= 1 {
			return s.rate * between(oneCycleStart, 1, done)
		}
		return s.rate * between(1, oneCycleEnd, (float64(step)-rise)/max(1, last-rise))
	}
	return s.rate
}

// between goes from one value to another along half a period of the cosine, as done goes from 0 to 1.
func between(from, to, done float64) float64 {
	return to + (from-to)*(1+math.Cos(math.Pi*min(1, done)))/2
}
