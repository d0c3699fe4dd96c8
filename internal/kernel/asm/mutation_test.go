package asm

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// mutants is the number of seeded mistakes, each of which must be caught.
const mutants = 150

// TestMutants changes one instruction of a kernel at random and runs the cases of its tests: a wrong
// register, offset, constant or instruction, or one that is missing, must give an error or a wrong result.
func TestMutants(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	tiles := append(ConvTiles(false), ConvTiles(true)...)
	depthwise := append(DepthwiseTiles(false), DepthwiseTiles(true)...)
	for n := range mutants {
		var f *Func
		var run func(*Func) error
		if n%3 == 0 {
			tile := depthwise[r.IntN(len(depthwise))]
			f, run = Depthwise(tile), func(f *Func) error { return runDepthwiseCases(f, tile) }
		} else {
			tile := tiles[r.IntN(len(tiles))]
			f, run = Conv(tile), func(f *Func) error { return runConvCases(f, tile) }
		}
		what := mutate(r, f)
		if run(f) == nil {
			t.Errorf("mutant %d of %s survived: %s", n, f.Name, what)
		}
	}
}

// runConvCases returns the first error of the cases of a tile.
func runConvCases(f *Func, tile ConvTile) error {
	full := tile.Vectors * tile.Lanes()
	for _, lanes := range []int{3, full, full - 3, full - tile.Lanes() + 1, 2 * full} {
		for _, k := range tileCases(lanes) {
			if err := runTile(f, tile, k); err != nil {
				return err
			}
		}
	}
	return nil
}

// runDepthwiseCases returns the first error of the cases of a tile.
func runDepthwiseCases(f *Func, tile DepthwiseTile) error {
	for _, channels := range []int{3, tile.lanes(), 2*tile.lanes() + 5} {
		for _, k := range depthwiseCases(tile, channels) {
			if err := runDepthwise(f, tile, k); err != nil {
				return err
			}
		}
	}
	return nil
}

// TestWinogradMutants is TestMutants for Winograd's transforms.
func TestWinogradMutants(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	tiles := append(WinogradTiles(false), WinogradTiles(true)...)
	for n := range mutants {
		tile := tiles[r.IntN(len(tiles))]
		f := Winograd(tile)
		what := mutate(r, f)
		if runWinogradCases(f, tile) == nil {
			t.Errorf("mutant %d of %s survived: %s", n, f.Name, what)
		}
	}
}

// runWinogradCases returns the first error of the cases of a transform.
func runWinogradCases(f *Func, tile WinogradTile) error {
	for _, k := range winogradCases(tile) {
		if err := runWinograd(f, tile, k); err != nil {
			return err
		}
	}
	return nil
}

// opposite is the instruction that a slip would write for another one.
var opposite = map[Op]Op{VMAXPS: VMINPS, VMINPS: VMAXPS, ADDQ: SUBQ, SUBQ: ADDQ, JEQ: JNE, JNE: JEQ, JLT: JGE, JGE: JLT, VADDPS: VMAXPS, VFMADD231PS: VADDPS}

// mutate makes one mistake and says which.
func mutate(r *rand.Rand, f *Func) string {
	for {
		i := r.IntN(len(f.Insts))
		in := Inst{f.Insts[i].Op, slices.Clone(f.Insts[i].Args)}
		old := in.String()
		if in.Op == LABEL || harmless(in) {
			continue
		}
		switch r.IntN(3) {
		case 0:
			f.Insts = slices.Delete(f.Insts, i, i+1)
			return fmt.Sprintf("%d: %s dropped", i, old)
		case 1:
			op, ok := opposite[in.Op]
			if !ok {
				continue
			}
			in.Op = op
		case 2:
			if len(in.Args) == 0 {
				continue
			}
			j := r.IntN(len(in.Args))
			in.Args[j] = mutateOperand(r, in.Args[j])
		}
		if in.String() == old {
			continue
		}
		f.Insts[i] = in
		return fmt.Sprintf("%d: %s became %s", i, old, in)
	}
}

// harmless reports whether mistakes in an instruction may leave every result as it is: the branch
// back to the unrolled loop, without which the loop of single elements does the rest; the test whether a
// pointer is nil, where any other pointer will do; the copies of the bias, which are all alike; and what asks for
// memory ahead.
func harmless(in Inst) bool {
	switch in.Op {
	case JGE, TESTQ, PREFETCHT0, PREFETCHT1:
		return true
	case VMOVUPS:
		_, from := in.Args[0].(Reg)
		_, to := in.Args[1].(Reg)
		return from && to
	}
	return false
}

func mutateOperand(r *rand.Rand, o Operand) Operand {
	slip := []int{-64, -32, -8, -4, 4, 8, 32, 64}[r.IntN(8)]
	switch o := o.(type) {
	case Imm:
		return o + Imm(slip/4)
	case Mem:
		switch {
		case o.Scale != 0 && r.IntN(3) == 0:
			o.Scale = 3 - min(o.Scale, 2)
		case r.IntN(3) == 0:
			o.Base = otherRegister(r, o.Base)
		default:
			o.Disp += slip
		}
		return o
	case Reg:
		return otherRegister(r, o)
	}
	return o
}

// otherRegister returns another register of the same kind.
func otherRegister(r *rand.Rand, reg Reg) Reg {
	first, n := AX, 14
	switch {
	case reg >= Z0:
		first, n = Z0, 32
	case reg >= Y0:
		first, n = Y0, 16
	case reg >= K0:
		first, n = K0, 8
	}
	return first + Reg(r.IntN(n))
}
