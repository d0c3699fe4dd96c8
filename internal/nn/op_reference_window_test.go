package nn

import "math"

// windowReferences are those of operators that sum or pick over windows, rows and axes.
var windowReferences = map[string]reference{
	"Conv": func(n *Node, in []*array) []array {
		x, w := in[0], in[1]
		perGroup := w.shape[0] / n.Attrs.Int("group", 1)
		win := spansOf(n, x.shape[2:], w.shape[2:])
		return []array{win.filled(x.shape[0], w.shape[0], func(pic, m int, spots []spot) float64 {
			sum := 0.0
			if len(in) > 2 {
				sum = in[2].get(m)
			}
			for ch := range w.shape[1] {
				for _, s := range spots {
					if s.real {
						sum += x.get(append([]int{pic, m/perGroup*w.shape[1] + ch}, s.at...)...) * w.get(append([]int{m, ch}, s.kernel...)...)
					}
				}
			}
			return sum
		})}
	},
	"MaxPool": func(n *Node, in []*array) []array {
		return pooledBy(n, in[0], func(spots []spot, x func(spot) float64) float64 {
			top := math.Inf(-1)
			for _, s := range spots {
				if s.real {
					top = max(top, x(s))
				}
			}
			return top
		})
	},
	"AveragePool": func(n *Node, in []*array) []array {
		return pooledBy(n, in[0], func(spots []spot, x func(spot) float64) float64 {
			sum, count := 0.0, 0.0
			for _, s := range spots {
				if s.real {
					sum += x(s)
				}
				if s.real || s.padding && n.Attrs.Int("count_include_pad", 0) != 0 {
					count++
				}
			}
			return sum / count
		})
	},
	"GlobalAveragePool": func(_ *Node, in []*array) []array {
		s := in[0].shape
		return []array{reduced(in[0], s[:2], ones(len(s)-2), 1/float64(product(s[2:])))}
	},
	"GlobalMaxPool": func(_ *Node, in []*array) []array {
		s := in[0].shape
		plane := product(s[2:])
		return []array{filled(append(append([]int{}, s[:2]...), ones(len(s)-2)...), func(at []int) float64 {
			top := math.Inf(-1)
			for _, v := range in[0].v[(at[0]*s[1]+at[1])*plane:][:plane] {
				top = max(top, v)
			}
			return top
		})}
	},
	"BatchNormalization": func(n *Node, in []*array) []array {
		return []array{filled(in[0].shape, func(at []int) float64 {
			c := at[1]
			return (in[0].get(at...)-in[3].get(c))/math.Sqrt(in[4].get(c)+attr(n, "epsilon", 1e-5))*in[1].get(c) + in[2].get(c)
		})}
	},
	"LayerNormalization": layerNormReference,
	"LRN": func(n *Node, in []*array) []array {
		size := n.Attrs.Int("size", 0)
		return []array{filled(in[0].shape, func(at []int) float64 {
			x, c, sum := in[0].get(at...), at[1], 0.0
			for k := c - (size-1)/2; k <= c+size/2; k++ {
				if k >= 0 && k < in[0].shape[1] {
					at[1] = k
					sum += math.Pow(in[0].get(at...), 2)
				}
			}
			at[1] = c
			return x / math.Pow(attr(n, "bias", 1)+attr(n, "alpha", 1e-4)/float64(size)*sum, attr(n, "beta", 0.75))
		})}
	},
	"Softmax":    softmaxReference(func(x, sum float64) float64 { return math.Exp(x) / sum }),
	"LogSoftmax": softmaxReference(func(x, sum float64) float64 { return x - math.Log(sum) }),
	"Gemm": func(n *Node, in []*array) []array {
		a, b := turned(in[0], n.Attrs.Int("transA", 0)), turned(in[1], n.Attrs.Int("transB", 0))
		return []array{filled([]int{a.shape[0], b.shape[1]}, func(at []int) float64 {
			y := attr(n, "alpha", 1) * dot(a, b, at)
			if len(in) > 2 {
				y += attr(n, "beta", 1) * in[2].get(at...)
			}
			return y
		})}
	},
	"MatMul": matMulReference,
}

func ones(n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = 1
	}
	return s
}

// spot is a place in a window: an element of the kernel, and the index in the input that it meets.
type spot struct {
	kernel, at    []int
	real, padding bool // within the input; within the padding
}

// spans is a sliding window by the formulas of ONNX.
type spans struct {
	in, kernel, stride, dilation, begin, end, out []int
}

func spansOf(n *Node, in, kernel []int) spans {
	r := len(in)
	list := func(name string, size, or int) []int {
		if v := n.Attrs.Ints(name); v != nil {
			return v
		}
		v := make([]int, size)
		for i := range v {
			v[i] = or
		}
		return v
	}
	pads := list("pads", 2*r, 0)
	w := spans{in, kernel, list("strides", r, 1), list("dilations", r, 1), pads[:r], pads[r:], make([]int, r)}
	for i, d := range in {
		reach := (kernel[i]-1)*w.dilation[i] + 1
		if auto := n.Attrs.Str("auto_pad", "NOTSET"); auto == "SAME_UPPER" || auto == "SAME_LOWER" {
			w.out[i] = int(math.Ceil(float64(d) / float64(w.stride[i])))
			total := max(0, (w.out[i]-1)*w.stride[i]+reach-d)
			w.begin[i], w.end[i] = total/2, total-total/2
			if auto == "SAME_LOWER" {
				w.begin[i], w.end[i] = w.end[i], w.begin[i]
			}
			continue
		}
		steps := float64(d+w.begin[i]+w.end[i]-reach) / float64(w.stride[i])
		w.out[i] = int(steps) + 1
		if n.Attrs.Int("ceil_mode", 0) != 0 {
			w.out[i] = int(math.Ceil(steps)) + 1
			if (w.out[i]-1)*w.stride[i] >= d+w.begin[i] {
				w.out[i]--
			}
		}
	}
	return w
}

// filled computes [N,C,out…] from the spots of each window.
func (w spans) filled(N, C int, f func(pic, ch int, spots []spot) float64) array {
	return filled(append([]int{N, C}, w.out...), func(at []int) float64 {
		var spots []spot
		filled(w.kernel, func(k []int) float64 {
			s := spot{kernel: append([]int(nil), k...), real: true, padding: true}
			for i := range k {
				p := at[2+i]*w.stride[i] - w.begin[i] + k[i]*w.dilation[i]
				s.at = append(s.at, p)
				s.real = s.real && p >= 0 && p < w.in[i]
				s.padding = s.padding && p < w.in[i]+w.end[i]
			}
			spots = append(spots, s)
			return 0
		})
		return f(at[0], at[1], spots)
	})
}

func pooledBy(n *Node, x *array, f func(spots []spot, x func(spot) float64) float64) []array {
	return []array{spansOf(n, x.shape[2:], n.Attrs.Ints("kernel_shape")).filled(x.shape[0], x.shape[1], func(pic, ch int, spots []spot) float64 {
		return f(spots, func(s spot) float64 { return x.get(append([]int{pic, ch}, s.at...)...) })
	})}
}

// reduced sums x over its last axes, times by, and gives the result the shape kept, then more.
func reduced(x *array, kept, more []int, by float64) array {
	size := len(x.v) / product(kept)
	out := filled(kept, func([]int) float64 { return 0 })
	for i, v := range x.v {
		out.v[i/size] += by * v
	}
	out.shape = append(append([]int{}, kept...), more...)
	return out
}

func layerNormReference(n *Node, in []*array) []array {
	x, axis := in[0], n.Attrs.Int("axis", -1)
	if axis < 0 {
		axis += len(x.shape)
	}
	width := product(x.shape[axis:])
	by := 1 / float64(width)
	mean := reduced(x, x.shape[:axis], ones(len(x.shape)-axis), by)
	centred := filled(x.shape, func(at []int) float64 { return x.get(at...) - mean.get(at...) })
	inv := reduced(&array{x.shape, squares(centred.v)}, x.shape[:axis], ones(len(x.shape)-axis), by)
	for i, v := range inv.v {
		inv.v[i] = 1 / math.Sqrt(v+attr(n, "epsilon", 1e-5))
	}
	y := filled(x.shape, func(at []int) float64 {
		v := centred.get(at...) * inv.get(at...) * in[1].get(at...)
		if len(in) > 2 {
			v += in[2].get(at...)
		}
		return v
	})
	return []array{y, mean, inv}[:len(n.Outputs)]
}

func squares(v []float64) []float64 {
	out := make([]float64, len(v))
	for i, x := range v {
		out[i] = x * x
	}
	return out
}

func softmaxReference(f func(x, sum float64) float64) reference {
	return func(n *Node, in []*array) []array {
		axis := (n.Attrs.Int("axis", -1) + len(in[0].shape)) % len(in[0].shape)
		return []array{filled(in[0].shape, func(at []int) float64 {
			sum, place := 0.0, at[axis]
			for at[axis] = range in[0].shape[axis] {
				sum += math.Exp(in[0].get(at...))
			}
			at[axis] = place
			return f(in[0].get(at...), sum)
		})}
	}
}

// turned transposes a matrix if trans is not 0.
func turned(a *array, trans int) array {
	if trans == 0 {
		return *a
	}
	return filled([]int{a.shape[1], a.shape[0]}, func(at []int) float64 { return a.get(at[1], at[0]) })
}

// dot is the element at of the product of stacks of matrices.
func dot(a, b array, at []int) float64 {
	sum, r := 0.0, len(at)
	left, right := append([]int{}, at...), append([]int{}, at...)
	for k := range a.shape[len(a.shape)-1] {
		left[r-1], right[r-2] = k, k
		sum += a.get(left...) * b.get(right...)
	}
	return sum
}

func matMulReference(_ *Node, in []*array) []array {
	a, b := *in[0], *in[1]
	if len(a.shape) == 1 {
		a.shape = []int{1, a.shape[0]}
	}
	if len(b.shape) == 1 {
		b.shape = []int{b.shape[0], 1}
	}
	stack := stretched(&array{shape: a.shape[:len(a.shape)-2]}, &array{shape: b.shape[:len(b.shape)-2]})
	rows, cols := a.shape[len(a.shape)-2], b.shape[len(b.shape)-1]
	out := filled(append(append([]int{}, stack...), rows, cols), func(at []int) float64 { return dot(a, b, at) })
	out.shape = append([]int{}, stack...)
	if len(in[0].shape) > 1 {
		out.shape = append(out.shape, rows)
	}
	if len(in[1].shape) > 1 {
		out.shape = append(out.shape, cols)
	}
	return []array{out}
}
