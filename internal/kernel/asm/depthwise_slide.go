package asm

// maxSlide is the width of the widest window that a tile slides: its weights, the sums of a group, an input and a mask
// are all that AVX2 has registers for.
const maxSlide = 7

// dBases hold the pixels 0, 7 and 14 of a row of the input, from which the others are in reach.
var dBases = [...]Reg{dBase, R14, R15}

// slide adds the products of all taps, a row of them at a time: its weights stay in registers, and an input is loaded
// once for all windows that it is in. Of each sum the order is that of taps.
func (d *depthwiseFunc) slide(row Label, tail bool) {
	last := (d.Pixels-1)*d.Stride + d.Cols - 1
	d.emit(ADDQ, dOffset, dBase)
	d.loadSteps(d.arg(DepthColStep), GroupPixels)
	d.label(row)
	for i := 1; i <= last/GroupPixels; i++ {
		d.emit(LEAQ, Mem{dBases[i-1], rStep3, 2, 0}, dBases[i])
		d.emit(ADDQ, rStep, dBases[i])
	}
	for x := range d.Cols {
		d.emit(ADDQ, dTap, dWeights)
		d.load(Mem{Base: dWeights}, d.slideWeight(x), tail)
	}
	for j := range last + 1 {
		d.slideInput(j, tail)
	}
	d.nextRow()
	d.emit(DECQ, dRows)
	d.emit(JNE, row)
}

// slideWeight returns the register of weight x of a row: behind the sums.
func (d *depthwiseFunc) slideWeight(x int) Reg { return d.v(GroupPixels + x) }

// slideInput adds the products of pixel j of the input's row.
func (d *depthwiseFunc) slideInput(j int, tail bool) {
	var taps []int
	for x := range d.Cols {
		if p := (j - x) / d.Stride; j >= x && (j-x)%d.Stride == 0 && p < d.Pixels {
			taps = append(taps, x)
		}
	}
	from := inGroup(dBases[j/GroupPixels], j%GroupPixels)
	if len(taps) == 1 {
		d.combine(VFMADD231PS, from, tail, d.slideWeight(taps[0]), d.v((j-taps[0])/d.Stride))
		return
	}
	input := d.input()
	if d.Cols < maxSlide && j%2 == 1 {
		input = d.v(GroupPixels + d.Cols)
	}
	d.load(from, input, tail)
	for _, x := range taps {
		d.emit(VFMADD231PS, input, d.slideWeight(x), d.v((j-x)/d.Stride))
	}
}

// nextRow moves on to the next row of the input.
func (d *depthwiseFunc) nextRow() {
	switch d.Cols {
	case 3:
		d.emit(ADDQ, rStep3, dBase)
	case 5:
		d.emit(ADDQ, rStep5, dBase)
	case 7:
		d.emit(LEAQ, Mem{dBase, rStep3, 2, 0}, dBase)
		d.emit(ADDQ, rStep, dBase)
	}
	d.emit(ADDQ, d.arg(DepthRowGap), dBase)
}
