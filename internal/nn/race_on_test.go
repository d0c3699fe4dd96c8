//go:build race

package nn

// raceDetector says that the race detector is on: sync.Pool then forgets things at random.
const raceDetector = true
