//go:build !purego

package cpu

// kernelLevel is the best level that kernels exist for, as far as it is in use.
var kernelLevel = active
