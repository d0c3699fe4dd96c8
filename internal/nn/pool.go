package nn

// Pool is a set of workers that share the work of a pass.
type Pool struct{}

// Run calls f(0) … f(n-1), each once, on the pool's workers and the caller, and returns when all are done.
func (p *Pool) Run(n int, f func(i int)) {
	for i := range n {
		f(i)
	}
}
