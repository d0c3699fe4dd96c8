package kernel

// unit is what a kernel of a low precision reads of a pixel's input at once: four bytes, 4 or 2 elements that lie
// off elements from where the pixel's input starts, and which taps they meet, counted in the order [KH][KW][InC];
// -1 is an element that only lies there and has no weight.
type unit struct {
	off int
	tap [4]int
}

// units cuts the reduction into units of per elements, in the order of the segments. A segment's last unit that would
// reach over the segment's end starts earlier and repeats none of the taps before it where the window is large
// enough; whole is false if a unit reaches over the end of the window, whatever it does.
func (c *Conv) units(per int) (all []unit, whole bool) {
	length, cols := c.KW*c.InC, 1
	if c.DilW != 1 || c.Src.Pixel != c.InC {
		length, cols = c.InC, c.KW
	}
	reach := (c.KH-1)*c.DilH*c.Src.Row + (cols-1)*c.DilW*c.Src.Pixel + length
	tap := 0
	for ky := range c.KH {
		for col := range cols {
			start := ky*c.DilH*c.Src.Row + col*c.DilW*c.Src.Pixel
			for i := 0; i < length; i += per {
				u := unit{off: max(0, min(start+i, reach-per)), tap: [4]int{-1, -1, -1, -1}}
				for j := i; j < min(i+per, length); j++ {
					u.tap[start+j-u.off] = tap + j
				}
				all = append(all, u)
			}
			tap += length
		}
	}
	return all, reach >= per
}
