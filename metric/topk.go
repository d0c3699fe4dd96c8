package metric

var top1 = metric{key: "top1", title: "top-1 accuracy", percent: true, task: oneLabel,
	proportion: func(e *evaluation) (hits, n int) { return e.topK(1) }}

// top5 asks for the right class among the five most probable; of fewer than five classes it is always there.
var top5 = metric{key: "top5", title: "top-5 accuracy", percent: true, task: oneLabel,
	proportion: func(e *evaluation) (hits, n int) { return e.topK(min(5, e.k)) }}

// topK counts the pictures whose right class is among the k most probable.
func (e *evaluation) topK(k int) (hits, n int) {
	for _, rank := range e.rank {
		if rank < k {
			hits++
		}
	}
	return hits, e.n
}
