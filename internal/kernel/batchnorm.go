package kernel

import "math"

// BatchNorm normalises the channels of NHWC pictures by the statistics of the batch, or by given ones:
//
//	Y = Act((X − mean)·scale + shift + Res)
//
// with scale = gamma/√(variance + Eps) and shift = beta. Act is Identity, Relu or Clip. Statistics are over all
// N·H·W pixels. The rows of pixels are cut into parts, how many is told by the geometry alone; each part has its own
// sums, which are joined in their order.
type BatchNorm struct {
	C, N, H, W        int
	X, Y, Res, DY, DX Grid
	Eps               float32
	Act               Act

	// PartHeight is the number of rows of a part, which lie in one picture or are those of whole ones; 0 leaves it to
	// Parts.
	PartHeight int
}

// Parts returns the number of parts of the rows of pixels: what is read of one stays in the second-level cache, and
// there are some for each of a few threads.
func (b *BatchNorm) Parts() int {
	const elements, least, few, most = 1 << 15, 1 << 10, 16, 256
	switch {
	case b.PartHeight >= b.H && b.PartHeight > 0:
		return max(1, evenParts(b.N*b.H, b.PartHeight))
	case b.PartHeight > 0:
		return max(1, b.N*evenParts(b.H, b.PartHeight))
	}
	all := b.N * b.H * b.W * b.C
	return max(1, min(max(all/elements, min(all/least, few)), b.N*b.H, most))
}

// PartRows returns the rows of a part, counted over all N·H.
func (b *BatchNorm) PartRows(part int) (r0, r1 int) {
	rows, parts := b.N*b.H, b.Parts()
	switch {
	case b.PartHeight >= b.H && b.PartHeight > 0:
		return part * b.PartHeight, min((part+1)*b.PartHeight, rows)
	case b.PartHeight > 0:
		per := evenParts(b.H, b.PartHeight)
		y := part % per * b.PartHeight
		return part/per*b.H + y, part/per*b.H + min(y+b.PartHeight, b.H)
	}
	return part * rows / parts, (part + 1) * rows / parts
}

// PartialLen returns the number of elements of the sums of all parts.
func (b *BatchNorm) PartialLen() int { return b.Parts() * 2 * b.C }

// part returns the rows of a part, counted over all N·H, and its two sums among those of all parts.
func (b *BatchNorm) part(partial []float32, part int) (r0, r1 int, first, second []float32) {
	must("batch norm part", b.Parts(), 0, part+1)
	must("batch norm sums", len(partial), 0, b.PartialLen())
	sums := partial[part*2*b.C:][:2*b.C]
	r0, r1 = b.PartRows(part)
	return r0, r1, sums[:b.C], sums[b.C:]
}

// row returns the pixels of a row, counted over all N·H.
func (b *BatchNorm) row(data []float32, g Grid, r int) []float32 { return data[g.At(r/b.H, r%b.H, 0):] }

// rowsOf returns Rows over the pixels of a row.
func (b *BatchNorm) rowsOf(to, from, from2 Grid) Rows {
	return Rows{N: b.W, Width: b.C, To: to.Pixel, From: from.Pixel, From2: from2.Pixel}
}

// Moments computes the mean of each channel of a part and the sum of the squared distances from it, and stores them
// to partial [PartialLen].
func (b *BatchNorm) Moments(partial, x []float32, part int) {
	r0, r1, mean, square := b.part(partial, part)
	clear(mean)
	clear(square)
	rows := b.rowsOf(b.X, b.X, b.X)
	for r := r0; r < r1; r++ {
		ColumnSums(mean, b.row(x, b.X, r), rows)
	}
	if n := (r1 - r0) * b.W; n > 0 {
		Binary(Div, mean, mean, []float32{float32(n)})
	}
	for r := r0; r < r1; r++ {
		ColumnSquares(square, b.row(x, b.X, r), mean, rows)
	}
}

// Statistics joins what Moments computed to the mean and the biased variance of the channels [c0, c1), in float64.
func (b *BatchNorm) Statistics(mean, variance, partial []float32, c0, c1 int) {
	must("batch norm statistics", min(len(mean), len(variance)), 0, b.C)
	must("batch norm channels", b.C, c0, c1)
	for ; c0 < c1; c0 += joinedChannels {
		var m, s [joinedChannels]float64 // Chan, Golub and LeVeque's update
		n, end := 0.0, min(c0+joinedChannels, c1)
		for p := range b.Parts() {
			r0, r1 := b.PartRows(p)
			more := float64((r1 - r0) * b.W)
			if more == 0 {
				continue
			}
			sums := partial[p*2*b.C:][:2*b.C]
			ratio := more / (n + more)
			for i, v := range sums[c0:end] {
				d := float64(v) - m[i]
				m[i] += d * ratio
				s[i] += float64(sums[b.C+c0+i]) + d*d*n*ratio
			}
			n += more
		}
		for i := range end - c0 {
			mean[c0+i], variance[c0+i] = float32(m[i]), float32(s[i]/max(n, 1))
		}
	}
}

// joinedChannels is the number of channels whose parts are joined together: a cache line of them.
const joinedChannels = 16

// Scale sets scale to gamma/√(variance + Eps) for the channels [c0, c1). scale may be gamma or variance.
func (b *BatchNorm) Scale(scale, gamma, variance []float32, c0, c1 int) {
	must("batch norm scale", min(len(scale), len(gamma), len(variance)), c0, c1)
	for c := c0; c < c1; c++ {
		scale[c] = float32(float64(gamma[c]) * b.inverse(variance[c]))
	}
}

func (b *BatchNorm) inverse(variance float32) float64 {
	return 1 / math.Sqrt(float64(variance)+float64(b.Eps))
}

// Normalize computes the rows [r0, r1) of y, counted over all N·H. res may be nil. y may be x or res where their
// grids are alike.
func (b *BatchNorm) Normalize(y, x, res, mean, scale, shift []float32, r0, r1 int) {
	must("batch norm parameters", min(len(mean), len(scale), len(shift)), 0, b.C)
	lo, hi := b.Act.bounds()
	for r := r0; r < r1; r++ {
		n := normalizing{dst: b.row(y, b.Y, r), src: b.row(x, b.X, r), mean: mean, scale: scale, shift: shift, lo: lo, hi: hi, resStep: b.Res.Pixel}
		if res != nil {
			n.res = b.row(res, b.Res, r)
		}
		n.run(b.rowsOf(b.Y, b.X, b.Res))
	}
}

// normalizing is what Normalize does to rows; From is the step of src, resStep that of res.
type normalizing struct {
	dst, src, res, mean, scale, shift []float32
	lo, hi                            float32
	resStep                           int
}

func (n *normalizing) runGeneric(r Rows) {
	mean, scale, shift := n.mean[:r.Width], n.scale[:r.Width], n.shift[:r.Width]
	for i := range r.N {
		dst, src := n.dst[i*r.To:][:r.Width], n.src[i*r.From:][:r.Width]
		if n.res == nil {
			for c, v := range src {
				dst[c] = min(max(float32((v-mean[c])*scale[c])+shift[c], n.lo), n.hi)
			}
			continue
		}
		res := n.res[i*n.resStep:][:r.Width]
		for c, v := range src {
			dst[c] = min(max(float32((v-mean[c])*scale[c])+shift[c]+res[c], n.lo), n.hi)
		}
	}
}

// GradSums computes of a part, for each channel, the sum of dY and that of dY·(X − mean), and stores them to partial
// [PartialLen]. Where Act clips, dy is first set to zero in place wherever y is not between the bounds; y may be nil
// otherwise. What dy then holds is also the gradient by Res.
func (b *BatchNorm) GradSums(partial, dy, x, y, mean []float32, part int) {
	r0, r1, sum, dot := b.part(partial, part)
	clear(sum)
	clear(dot)
	rows := b.rowsOf(b.DY, b.DY, b.X)
	for r := r0; r < r1; r++ {
		g := b.row(dy, b.DY, r)
		if b.Act.Func != Identity {
			b.Act.GradRows(g, g, b.row(y, b.Y, r), b.rowsOf(b.DY, b.DY, b.Y))
		}
		columnGrads(sum, dot, g, b.row(x, b.X, r), mean, rows)
	}
}

// ClipGradSums is GradSums where nothing is added: y is not read, but told by x, scale and shift as Normalize has it.
func (b *BatchNorm) ClipGradSums(partial, dy, x, mean, scale, shift []float32, part int) {
	r0, r1, sum, dot := b.part(partial, part)
	clear(sum)
	clear(dot)
	must("batch norm parameters", min(len(mean), len(scale), len(shift)), 0, b.C)
	rows := b.rowsOf(b.DY, b.DY, b.X)
	k := columns{sum: sum, dot: dot, mean: mean, scale: scale, shift: shift}
	k.lo, k.hi = b.Act.bounds()
	for r := r0; r < r1 && !rows.empty(); r++ {
		k.a, k.b = b.row(dy, b.DY, r), b.row(x, b.X, r)
		must("columns", len(k.a), 0, rows.reach(rows.From))
		must("columns", len(k.b), 0, rows.reach(rows.From2))
		k.run(columnClipGradsOf, rows)
	}
}

// BatchNormGrad is what is known of a channel once the parts are joined: what the gradient by X is made of,
//
//	dX = (dY − Shift)·Scale + (X − mean)·Slope
//
// each [C].
type BatchNormGrad struct{ Shift, Scale, Slope []float32 }

// GradParams joins what GradSums computed to the gradients by gamma and beta of the channels [c0, c1), or adds it to
// what is there, unless they are nil, and sets what the gradient by X is made of. Where the statistics are given ones
// rather than the batch's, frozen is true, and they have no gradient: Shift and Slope are then zero.
func (b *BatchNorm) GradParams(g BatchNormGrad, dgamma, dbeta, partial, gamma, variance []float32, frozen, add bool, c0, c1 int) {
	must("batch norm gradient", min(len(g.Shift), len(g.Scale), len(g.Slope), len(gamma), len(variance)), 0, b.C)
	must("batch norm sums", len(partial), 0, b.PartialLen())
	must("batch norm channels", b.C, c0, c1)
	pixels := float64(b.N * b.H * b.W)
	for ; c0 < c1; c0 += joinedChannels {
		var sum, dot [joinedChannels]float64
		end := min(c0+joinedChannels, c1)
		for p := range b.Parts() {
			sums := partial[p*2*b.C:][:2*b.C]
			for i, v := range sums[c0:end] {
				sum[i] += float64(v)
				dot[i] += float64(sums[b.C+c0+i])
			}
		}
		for c := c0; c < end; c++ {
			sum, dot := sum[c-c0], dot[c-c0]
			inverse := b.inverse(variance[c])
			scale := float64(gamma[c]) * inverse
			store(dgamma, c, float32(dot*inverse), add)
			store(dbeta, c, float32(sum), add)
			g.Scale[c], g.Shift[c], g.Slope[c] = float32(scale), 0, 0
			if !frozen && pixels > 0 {
				g.Shift[c], g.Slope[c] = float32(sum/pixels), float32(-scale*inverse*inverse*dot/pixels)
			}
		}
	}
}

// store sets s[i] to v or adds it, unless s is nil.
func store(s []float32, i int, v float32, add bool) {
	switch {
	case s == nil:
	case add:
		s[i] += v
	default:
		s[i] = v
	}
}

// GradInput computes the rows [r0, r1) of the gradient by X, counted over all N·H, from the dy that GradSums left.
// dx may be dy or x where their grids are alike.
func (b *BatchNorm) GradInput(dx, dy, x, mean []float32, g BatchNormGrad, r0, r1 int) {
	must("batch norm gradient", min(len(g.Shift), len(g.Scale), len(g.Slope), len(mean)), 0, b.C)
	rows := b.rowsOf(b.DX, b.DY, b.X)
	for r := r0; r < r1; r++ {
		normGrad(b.row(dx, b.DX, r), b.row(dy, b.DY, r), b.row(x, b.X, r), mean, g, rows)
	}
}

func normGradGeneric(dx, dy, x, mean []float32, g BatchNormGrad, r Rows) {
	mean, shift, scale, slope := mean[:r.Width], g.Shift[:r.Width], g.Scale[:r.Width], g.Slope[:r.Width]
	for i := range r.N {
		out, from := dx[i*r.To:][:r.Width], x[i*r.From2:][:r.Width]
		for c, v := range dy[i*r.From:][:r.Width] {
			out[c] = float32((v-shift[c])*scale[c]) + float32((from[c]-mean[c])*slope[c])
		}
	}
}
