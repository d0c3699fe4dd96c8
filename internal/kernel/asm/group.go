package asm

// GroupPixels is the number of pixels of a group: those that lie at equal distances and whose addresses need
// no more than a base, the distance, and its multiples by 3 and 5 in registers.
const GroupPixels = 7

// The registers of a group's distances.
const (
	rStep  = DX
	rStep3 = SI
	rStep5 = DI
)

// loadSteps loads the distances that a group of n pixels needs.
func (f *Func) loadSteps(step Mem, n int) {
	if n > 1 {
		f.emit(MOVQ, step, rStep)
	}
	if n > 3 {
		f.emit(LEAQ, Mem{rStep, rStep, 2, 0}, rStep3)
	}
	if n > 5 {
		f.emit(LEAQ, Mem{rStep, rStep, 4, 0}, rStep5)
	}
}

// inGroup returns the address of pixel p of the group that starts at base.
func inGroup(base Reg, p int) Mem {
	return [GroupPixels]Mem{
		{Base: base}, {base, rStep, 1, 0}, {base, rStep, 2, 0}, {base, rStep3, 1, 0},
		{base, rStep, 4, 0}, {base, rStep5, 1, 0}, {base, rStep3, 2, 0},
	}[p]
}
