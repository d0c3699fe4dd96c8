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

// at returns the rate of a step, counted from 0. It rises linearly to the full rate through the warm-up. Then
// Step counts its epochs, and Cosine falls by half a period to zero, which it would reach at the step after the last.
func (s schedule) at(step int) float64 {
	if step < s.warmup {
		return s.rate * float64(step+1) / float64(s.warmup)
	}
	step -= s.warmup
	switch s.kind {
	case Step:
		return s.rate * math.Pow(s.factor, float64(step/s.every))
	case Cosine:
		done := min(1, float64(step)/float64(max(1, s.length-s.warmup)))
		return s.rate * (1 + math.Cos(math.Pi*done)) / 2
	}
	return s.rate
}
