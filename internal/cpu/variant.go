//go:build !amd64.v3

package cpu

// variant tells builds of one architecture apart whose compilers fuse multiply and add differently.
const variant = ""
