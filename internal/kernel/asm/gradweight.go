package asm

import "fmt"

// Offsets in bytes of the fields of the struct that a tile of a weight gradient gets; package kernel's gradArgs
// describes them.
const (
	GradSrc      = 0  // pointer
	GradDY       = 8  // pointer
	GradDst      = 16 // pointer
	GradImages   = 24 // int
	GradRows     = 32 // int
	GradCols     = 40 // int
	GradStep     = 48 // int
	GradRowGap   = 56 // int
	GradImageGap = 64 // int
	GradPanels   = 72 // int, for GradPanel
	GradPanelLen = 80 // int, for GradPanel
	GradSize     = 88
)

// GradTile is the size of the register tile of a weight gradient: the sums of Elems elements of the input ×
// Vectors·16 output channels on AVX-512, Vectors·8 on AVX2, stay in registers while pixels go by.
type GradTile struct {
	AVX512         bool
	Elems, Vectors int
}

// Name returns the name of the tile's function, as in grad6x16AVX2.
func (t GradTile) Name() string {
	return fmt.Sprintf("grad%dx%d%s", t.Elems, t.Vectors*t.lanes(), ConvTile{AVX512: t.AVX512}.isa())
}

func (t GradTile) lanes() int { return ConvTile{AVX512: t.AVX512}.Lanes() }

// GradTiles returns all tiles of an instruction set: every number of elements with one and two vectors.
func GradTiles(avx512 bool) []GradTile {
	var all []GradTile
	for v := 1; v <= 2; v++ {
		for e := 1; e <= MaxPixels(avx512); e++ {
			all = append(all, GradTile{avx512, e, v})
		}
	}
	return all
}

// GradPanel returns the function that copies, of each of the pixels, Panels times Vectors vectors that follow one
// another: the first to dst, where those of the pixels are dense, the next PanelLen bytes further, and so on. Pixels are
// those of GradWeight's src; Elems and dy are not looked at.
func GradPanel(t GradTile) *Func {
	g := &gradFunc{t, &Func{Name: t.PanelName(), ISA: "AVX2"}}
	if t.AVX512 {
		g.ISA = "AVX512F"
	}
	g.emit(MOVQ, Arg{}, gArgs)
	g.emit(MOVQ, g.arg(GradSrc), gSrc)
	g.emit(MOVQ, g.arg(GradDst), gDst)
	g.pixels(func() {
		g.emit(MOVQ, gSrc, gFrom)
		g.emit(MOVQ, gDst, gTo)
		g.emit(MOVQ, g.arg(GradPanels), gPanels)
		g.label("panel")
		for j := range g.Vectors {
			g.emit(VMOVUPS, Mem{Base: gFrom, Disp: 4 * j * g.lanes()}, g.channel(j))
			g.emit(VMOVUPS, g.channel(j), Mem{Base: gTo, Disp: 4 * j * g.lanes()})
		}
		g.emit(ADDQ, Imm(g.row()), gFrom)
		g.emit(ADDQ, g.arg(GradPanelLen), gTo)
		g.emit(DECQ, gPanels)
		g.emit(JNE, Label("panel"))
		g.emit(ADDQ, Imm(g.row()), gDst)
	})
	g.emit(VZEROUPPER)
	g.emit(RET)
	return g.Func
}

// PanelName returns the name of GradPanel's function, as in gradPanel16AVX2.
func (t GradTile) PanelName() string {
	return fmt.Sprintf("gradPanel%d%s", t.Vectors*t.lanes(), ConvTile{AVX512: t.AVX512}.isa())
}

// The registers of a weight gradient.
const (
	gArgs   = AX
	gSrc    = BX
	gDY     = CX
	gDst    = DX
	gStep   = SI
	gCols   = DI
	gRows   = R8
	gImages = R9
	gFrom   = R10 // of a panel
	gTo     = R11
	gPanels = R12
)

type gradFunc struct {
	GradTile
	*Func
}

// GradWeight returns the function of a tile. It computes
//
//	dst[e][c] += Σ_p src[p][e]·dy[p][c]
//
// as a chain that starts at what dst holds and runs over the pixels p, each step one fused multiply-add. The pixels are Images × Rows × Cols, Step bytes
// apart in src, RowGap and ImageGap bytes more behind a row and an image; in dy they are dense, as dst is.
func GradWeight(t GradTile) *Func {
	g := &gradFunc{t, &Func{Name: t.Name(), ISA: "AVX2, FMA"}}
	if t.AVX512 {
		g.ISA = "AVX512F"
	}
	g.emit(MOVQ, Arg{}, gArgs)
	g.emit(MOVQ, g.arg(GradSrc), gSrc)
	g.emit(MOVQ, g.arg(GradDY), gDY)
	g.emit(MOVQ, g.arg(GradDst), gDst)
	g.each(func(e, j int) { g.emit(VMOVUPS, g.place(e, j), g.sum(e, j)) })
	g.pixels(func() {
		g.multiply()
		g.emit(ADDQ, Imm(g.row()), gDY)
	})
	g.each(func(e, j int) { g.emit(VMOVUPS, g.sum(e, j), g.place(e, j)) })
	g.emit(VZEROUPPER)
	g.emit(RET)
	return g.Func
}

func (g *gradFunc) arg(off int) Mem { return Mem{Base: gArgs, Disp: off} }

// row is the size of the channels of a pixel.
func (g *gradFunc) row() int { return 4 * g.Vectors * g.lanes() }

func (g *gradFunc) v(n int) Reg {
	if g.AVX512 {
		return Z0 + Reg(n)
	}
	return Y0 + Reg(n)
}

func (g *gradFunc) sum(e, j int) Reg { return g.v(e*g.Vectors + j) }

// channel and input are what the sums leave: the last four registers.
func (g *gradFunc) channel(j int) Reg { return g.v(2*MaxPixels(g.AVX512) + j) }
func (g *gradFunc) input(e int) Reg   { return g.v(2*MaxPixels(g.AVX512) + 2 + e%2) }

func (g *gradFunc) place(e, j int) Mem {
	return Mem{Base: gDst, Disp: e*g.row() + 4*j*g.lanes()}
}

func (g *gradFunc) each(f func(e, j int)) {
	for e := range g.Elems {
		for j := range g.Vectors {
			f(e, j)
		}
	}
}

// pixels does what body does for each pixel.
func (g *gradFunc) pixels(body func()) {
	g.emit(MOVQ, g.arg(GradStep), gStep)
	g.emit(MOVQ, g.arg(GradImages), gImages)
	g.label("image")
	g.emit(MOVQ, g.arg(GradRows), gRows)
	g.label("row")
	g.emit(MOVQ, g.arg(GradCols), gCols)
	g.label("pixel")
	body()
	g.emit(ADDQ, gStep, gSrc)
	g.emit(DECQ, gCols)
	g.emit(JNE, Label("pixel"))
	g.emit(ADDQ, g.arg(GradRowGap), gSrc)
	g.emit(DECQ, gRows)
	g.emit(JNE, Label("row"))
	g.emit(ADDQ, g.arg(GradImageGap), gSrc)
	g.emit(DECQ, gImages)
	g.emit(JNE, Label("image"))
}

// multiply adds the products of a pixel.
func (g *gradFunc) multiply() {
	for j := range g.Vectors {
		g.emit(VMOVUPS, Mem{Base: gDY, Disp: 4 * j * g.lanes()}, g.channel(j))
	}
	for e := range g.Elems {
		g.emit(VBROADCASTSS, Mem{Base: gSrc, Disp: 4 * e}, g.input(e))
		for j := range g.Vectors {
			g.emit(VFMADD231PS, g.channel(j), g.input(e), g.sum(e, j))
		}
	}
}
