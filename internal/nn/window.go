package nn

// maxWindow bounds the numbers that describe a window, so that sums and products of them fit.
const maxWindow = 1 << 20

// axisWindow is a sliding window along one spatial axis: output o looks at the inputs
// o·stride − padBegin + k·dilation for k in [0,kernel).
type axisWindow struct {
	in, out                  int
	kernel, stride, dilation int
	padBegin, padEnd         int
}

// window is the geometry of a convolution or pooling, an axisWindow for each spatial axis.
type window []axisWindow

// newWindow reads the geometry from the attributes of n (strides, dilations, pads, auto_pad, ceil_mode) for an input
// with the given spatial extents, and computes those of the output.
func newWindow(n *Node, spatial, kernel []int) (window, error) {
	rank := len(spatial)
	if rank == 0 || len(kernel) != rank {
		return nil, n.errorf("kernel %v over spatial extents %v", kernel, spatial)
	}
	strides, err := windowAttr(n, "strides", rank, 1)
	if err != nil {
		return nil, err
	}
	dilations, err := windowAttr(n, "dilations", rank, 1)
	if err != nil {
		return nil, err
	}
	pads, err := windowAttr(n, "pads", 2*rank, 0)
	if err != nil {
		return nil, err
	}
	w := make(window, rank)
	for i := range w {
		a := axisWindow{in: spatial[i], kernel: kernel[i], stride: strides[i], dilation: dilations[i],
			padBegin: pads[i], padEnd: pads[rank+i]}
		if a.kernel < 1 || a.kernel > maxWindow || a.in > maxElems {
			return nil, n.errorf("kernel %v over spatial extents %v", kernel, spatial)
		}
		if err := a.setOutput(n); err != nil {
			return nil, err
		}
		w[i] = a
	}
	return w, nil
}

// windowAttr returns the list attribute name, which has size elements of at least least; a list of that where
// the node has none.
func windowAttr(n *Node, name string, size, least int) ([]int, error) {
	v := n.Attrs.Ints(name)
	if v == nil {
		v = make([]int, size)
		for i := range v {
			v[i] = least
		}
	}
	if len(v) != size {
		return nil, n.errorf("%s %v, want %d numbers", name, v, size)
	}
	for _, x := range v {
		if x < least || x > maxWindow {
			return nil, n.errorf("%s %v, want numbers of %d to %d", name, v, least, maxWindow)
		}
	}
	return v, nil
}

// reach returns the extent of the kernel with its dilation.
func (a axisWindow) reach() int { return (a.kernel-1)*a.dilation + 1 }

// setOutput computes the output's extent, and the padding where auto_pad says so.
func (a *axisWindow) setOutput(n *Node) error {
	reach := a.reach()
	auto := n.Attrs.Str("auto_pad", "NOTSET")
	switch auto {
	case "SAME_UPPER", "SAME_LOWER":
		a.out = (a.in + a.stride - 1) / a.stride
		total := max((a.out-1)*a.stride+reach-a.in, 0)
		a.padBegin = total / 2
		if auto == "SAME_LOWER" {
			a.padBegin = total - total/2
		}
		a.padEnd = total - a.padBegin
		return nil
	case "VALID":
		a.padBegin, a.padEnd = 0, 0
	case "NOTSET", "":
	default:
		return n.errorf("auto_pad %q, want NOTSET, SAME_UPPER, SAME_LOWER or VALID", auto)
	}
	room := a.in + a.padBegin + a.padEnd - reach
	if room < 0 {
		return n.errorf("a window of %d over %d elements padded by %d and %d", reach, a.in, a.padBegin, a.padEnd)
	}
	a.out = room/a.stride + 1
	// A window that would start beyond the input and its leading padding is left out.
	if n.Attrs.Int("ceil_mode", 0) != 0 && room%a.stride != 0 && a.out*a.stride < a.in+a.padBegin {
		a.out++
	}
	return nil
}

// flat returns the same geometry over one axis if every window is a single element, as in a 1×1
// convolution: rows are then as long as can be.
func (w window) flat() window {
	in := 1
	for _, a := range w {
		if a.kernel != 1 || a.stride != 1 || a.padBegin != 0 || a.padEnd != 0 {
			return w
		}
		in *= a.in
	}
	return window{{in: in, out: in, kernel: 1, stride: 1, dilation: 1}}
}

// outputs returns the spatial extents of the output.
func (w window) outputs() []int {
	s := make([]int, len(w))
	for i, a := range w {
		s[i] = a.out
	}
	return s
}

// row is a run of outputs along the last axis that see the inputs of one element of the kernel: output out+i
// sees input in+i·step. All three are indices into dense spatial planes.
type row struct {
	kernel, out, in, n, step int
}

// taps lists for one axis which outputs an element of the kernel serves: row.out and row.in are positions
// along that axis. Elements of the kernel that meet padding only are left out.
func (a axisWindow) taps() []row {
	var taps []row
	for k := range a.kernel {
		shift := k*a.dilation - a.padBegin // the input of output 0
		lo, hi := 0, 0
		if shift < 0 {
			lo = (-shift + a.stride - 1) / a.stride
		}
		if last := a.in - 1 - shift; last >= 0 {
			hi = min(last/a.stride+1, a.out)
		}
		if lo < hi {
			taps = append(taps, row{kernel: k, out: lo, in: lo*a.stride + shift, n: hi - lo, step: a.stride})
		}
	}
	return taps
}

// rows returns a walk over all pairs of output and kernel element that meet an input, in the order of the
// kernel for each output. Padding is never visited.
func (w window) rows() func(yield func(row)) {
	taps := make([][]row, len(w))
	for i, a := range w {
		taps[i] = a.taps()
	}
	return func(yield func(row)) { w.walk(taps, row{}, yield) }
}

func (w window) walk(taps [][]row, at row, yield func(row)) {
	a := w[0]
	for _, t := range taps[0] {
		r := row{kernel: at.kernel*a.kernel + t.kernel}
		if len(w) == 1 {
			r.out, r.in, r.n, r.step = at.out*a.out+t.out, at.in*a.in+t.in, t.n, t.step
			yield(r)
			continue
		}
		for i := range t.n {
			r.out, r.in = at.out*a.out+t.out+i, at.in*a.in+t.in+i*t.step
			w[1:].walk(taps[1:], r, yield)
		}
	}
}
