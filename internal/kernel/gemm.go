package kernel

// Gemm is a matrix product with its epilogue: dst[M,N] = Act(bias + a[M,K]·b[K,N] + res).
//
// It is a 1×1 convolution over M pixels, and runs as one.
type Gemm struct {
	M, N, K int
	Act     Act
}

func (g *Gemm) filter() Filter { return Filter{OutC: g.N, InC: g.K, KH: 1, KW: 1, Groups: 1} }

// Blocks returns the number of blocks of columns in which Run is told what to do.
func (g *Gemm) Blocks() int { f := g.filter(); return f.Blocks() }

// PackedLen returns the number of elements of the packed b.
func (g *Gemm) PackedLen() int { f := g.filter(); return f.PackedLen() }

// Pack writes b [K,N] ([N,K] if transposed) and bias [N] (nil: zeros) to dst [PackedLen] in the order in
// which Run reads them.
func (g *Gemm) Pack(dst, b, bias []float32, transposed bool) {
	must("gemm weights", len(b), 0, g.K*g.N)
	f := g.filter()
	if transposed {
		f.Pack(dst, b, bias)
		return
	}
	must("packed weights", len(dst), 0, f.PackedLen())
	clear(dst[:f.PackedLen()])
	f.copyBlocks(dst, bias, 0)
	for k := range g.K {
		f.copyBlocks(dst, b[k*g.N:(k+1)*g.N], 1+k)
	}
}

// copyBlocks copies a row of channels to row k of the blocks that they belong to.
func (f *Filter) copyBlocks(dst, row []float32, k int) {
	blockC := f.blockC()
	for j := 0; j*blockC < len(row); j++ {
		w := f.packedC(j)
		copy(dst[j*f.blockLen()+k*w:][:w], row[j*blockC:])
	}
}

// Run computes the rows [m0, m1) of the column blocks [b0, b1). a and dst are row-major and dense; res,
// which may be nil, is too. dst may be res, not a.
func (g *Gemm) Run(dst, a, res, packed []float32, m0, m1, b0, b1 int) {
	c := Conv{Filter: g.filter(), StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, N: 1, OutH: 1, OutW: g.M, Act: g.Act}
	c.Src = Grid{Pixel: g.K}
	c.Dst = Grid{Pixel: g.N}
	c.Res = c.Dst
	c.Run(dst, a, res, packed, m0, m1, b0, b1)
}
