package kernel

// gradTask is a box of pixels whose products with the elements of a segment of the input are wanted, for one block
// of output channels: sums[k][j] = Σ src[pixel][k]·dy[pixel][j].
type gradTask struct {
	dy                 []float32 // [pixels][width]
	width              int
	images, rows, cols int
	step, row, image   int  // between the pixels of a row of src, rows and images
	add                bool // to what sums holds
}

// runGeneric computes the sums of the elements [0, n) of src, two by four at a time.
func (t *gradTask) runGeneric(sums, src []float32, n int) {
	for k := 0; k < n; k += 2 {
		two := min(2, n-k)
		for j := 0; j < t.width; j += 4 {
			var s [8]float32
			if t.add {
				for i := range two {
					copy(s[4*i:4*i+4], sums[(k+i)*t.width+j:])
				}
			}
			t.tile(&s, src[k:], two-1, j)
			for i := range two {
				copy(sums[(k+i)*t.width+j:][:4], s[4*i:])
			}
		}
	}
}

// tile adds the products of elements 0 and second, which may be the same, with the channels j to j+4.
func (t *gradTask) tile(s *[8]float32, src []float32, second, j int) {
	dy := t.dy[j:]
	s00, s01, s02, s03, s10, s11, s12, s13 := s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]
	for i := range t.images {
		for y := range t.rows {
			at := i*t.image + y*t.row
			for range t.cols {
				x0, x1, d := src[at], src[at+second], (*[4]float32)(dy)
				s00 += float32(x0 * d[0])
				s01 += float32(x0 * d[1])
				s02 += float32(x0 * d[2])
				s03 += float32(x0 * d[3])
				s10 += float32(x1 * d[0])
				s11 += float32(x1 * d[1])
				s12 += float32(x1 * d[2])
				s13 += float32(x1 * d[3])
				at += t.step
				dy = dy[min(t.width, len(dy)):]
			}
		}
	}
	*s = [8]float32{s00, s01, s02, s03, s10, s11, s12, s13}
}

func (t *gradTask) run(sums, src []float32, n int) { t.runGeneric(sums, src, n) }
