//go:build !amd64 || purego

package kernel

// tileC returns the channels of a full block, and the least that a block may have.
func tileC() (block, vector int) { return genericC, genericC }

// manyBlocks reports whether a task may be of several blocks.
func manyBlocks() bool { return false }

// run computes the pixels [p0, p1).
func (t *convTask) run(p0, p1 int) { t.runGeneric(p0, p1) }

func (d *Depthwise) run(dst, src, res, packed []float32, r0, r1 int) {
	d.runGeneric(dst, src, res, packed, r0, r1)
}

func (w *Winograd) transformIn(dst, src, _ []float32, t0, t1 int) {
	w.transformInGeneric(dst, src, t0, t1)
}

func (w *Winograd) transformOut(dst, res, src, bias, _ []float32, t0, t1, c0 int) {
	w.transformOutGeneric(dst, res, src, bias, t0, t1, c0)
}

func (c *WinogradGradWeight) squareOfX(dst, src, _ []float32, n, step int) {
	squareOfXGeneric(dst, src, c.Src, n, step)
}

func (c *WinogradGradWeight) squareOfDY(dst, src, _ []float32, n, step int) {
	squareOfDYGeneric(dst, src, c.Dst, n, step)
}

func (c *WinogradGradWeight) weightsOf(dst, src, _ []float32, n, step, apart int) {
	weightsOfGeneric(dst, src, n, step, apart)
}

func (t *gradTask) run(sums []float32, n int) { t.runGeneric(sums, n) }

func (s *strided) copyPanels(dst []float32, width, n, panelLen int) {
	s.copyPanelsGeneric(dst, width, n, panelLen)
}

func (d *DepthwiseGradWeight) gradRows(sums, src, dy []float32, r0, r1, c0, c1 int) {
	d.gradRowsGeneric(sums, src, dy, r0, r1, c0, c1)
}

func peak(n int) (ops int) { return peakGeneric(n) }
