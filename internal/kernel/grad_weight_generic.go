package kernel

// strided is a box of pixels of images × rows × cols, of which the first starts at data[at] and consecutive pixels of
// a row, rows and images so many elements apart.
type strided struct {
	data               []float32
	at                 int
	images, rows, cols int
	step, row, image   int
}

// copyTo copies n elements of each pixel to dst, width elements apart, and returns where they are.
func (s *strided) copyTo(dst []float32, n, width int) strided {
	to := 0
	for i := range s.images {
		for y := range s.rows {
			at := s.at + i*s.image + y*s.row
			for range s.cols {
				copy(dst[to:to+n], s.data[at:])
				at += s.step
				to += width
			}
		}
	}
	return strided{dst, 0, s.images, s.rows, s.cols, width, s.cols * width, s.rows * s.cols * width}
}

// copyPanelsGeneric copies n times width elements of each pixel: the first to dst, where those of the pixels are dense,
// the next panelLen elements further, and so on.
func (s *strided) copyPanelsGeneric(dst []float32, width, n, panelLen int) {
	for i := range n {
		from := *s
		from.at += i * width
		from.copyTo(dst[i*panelLen:], width, width)
	}
}

// gradTask is the product of the elements of pixels with the channels of a block of the output's gradient there:
// sums[k][j] += Σ data[pixel][k]·dy[pixel][j].
type gradTask struct {
	strided
	dy    []float32 // [pixels][width]
	width int
}

// ones is the input whose gradient is that of a bias.
var ones = [1]float32{1}

// bias returns the task whose only element is 1 in every pixel.
func (t gradTask) bias() gradTask {
	t.data, t.at, t.step, t.row, t.image = ones[:], 0, 0, 0, 0
	return t
}

// runGeneric adds to the sums of the elements [0, n), two by four at a time.
func (t *gradTask) runGeneric(sums []float32, n int) {
	for k := 0; k < n; k += 2 {
		two := min(2, n-k)
		for j := 0; j < t.width; j += 4 {
			var s [8]float32
			for i := range two {
				copy(s[4*i:4*i+4], sums[(k+i)*t.width+j:])
			}
			t.tile(&s, k, two-1, j)
			for i := range two {
				copy(sums[(k+i)*t.width+j:][:4], s[4*i:])
			}
		}
	}
}

// tile adds the products of the elements k and k+second with the channels j to j+4.
func (t *gradTask) tile(s *[8]float32, k, second, j int) {
	dy := t.dy[j:]
	s00, s01, s02, s03, s10, s11, s12, s13 := s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]
	for i := range t.images {
		for y := range t.rows {
			at := t.at + i*t.image + y*t.row + k
			for range t.cols {
				x0, x1, d := t.data[at], t.data[at+second], (*[4]float32)(dy)
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
