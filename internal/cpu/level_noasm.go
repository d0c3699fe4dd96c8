//go:build !amd64 || purego

package cpu

// kernelLevel is the level of the kernels in use: all are plain Go.
const kernelLevel = Generic
