package nn

import "slices"

// moveReferences are those of operators that reduce, reorder and repeat elements.
var moveReferences = map[string]reference{
	"ReduceMean": reduceReference(true),
	"ReduceSum":  reduceReference(false),
	"Flatten": func(n *Node, in []*array) []array {
		axis, s := n.Attrs.Int("axis", 1), in[0].shape
		return []array{{[]int{product(s[:axis]), product(s[axis:])}, in[0].v}}
	},
	"Reshape": func(_ *Node, in []*array) []array {
		out := array{in[1].ints(), in[0].v}
		known := 1
		for i, d := range out.shape {
			if d == 0 {
				out.shape[i] = in[0].shape[i]
			}
			if d >= 0 {
				known *= out.shape[i]
			}
		}
		if i := slices.Index(out.shape, -1); i >= 0 {
			out.shape[i] = len(out.v) / known
		}
		return []array{out}
	},
	"Squeeze": func(_ *Node, in []*array) []array {
		out := array{v: in[0].v}
		for i, d := range in[0].shape {
			if named := len(in) > 1 && slices.Contains(in[1].ints(), i); !named && (len(in) > 1 || d != 1) {
				out.shape = append(out.shape, d)
			}
		}
		return []array{out}
	},
	"Unsqueeze": func(_ *Node, in []*array) []array {
		rank := len(in[0].shape) + len(in[1].v)
		out, rest := array{v: in[0].v}, in[0].shape
		for i := range rank {
			if a := in[1].ints(); slices.Contains(a, i) || slices.Contains(a, i-rank) {
				out.shape = append(out.shape, 1)
				continue
			}
			out.shape, rest = append(out.shape, rest[0]), rest[1:]
		}
		return []array{out}
	},
	"Expand": func(_ *Node, in []*array) []array {
		return []array{filled(stretched(in[0], &array{shape: in[1].ints()}), func(at []int) float64 { return in[0].get(at...) })}
	},
	"Transpose": func(n *Node, in []*array) []array {
		perm, s := n.Attrs.Ints("perm"), []int{}
		if perm == nil {
			for i := range in[0].shape {
				perm = append([]int{i}, perm...)
			}
		}
		for _, p := range perm {
			s = append(s, in[0].shape[p])
		}
		return []array{filled(s, func(at []int) float64 {
			from := make([]int, len(at))
			for i, p := range perm {
				from[p] = at[i]
			}
			return in[0].get(from...)
		})}
	},
	"Concat": func(n *Node, in []*array) []array {
		axis := axisIn(n, in[0])
		s := slices.Clone(in[0].shape)
		for _, x := range in[1:] {
			s[axis] += x.shape[axis]
		}
		return []array{filled(s, func(at []int) float64 {
			from := slices.Clone(at)
			k := 0
			for ; from[axis] >= in[k].shape[axis]; k++ {
				from[axis] -= in[k].shape[axis]
			}
			return in[k].get(from...)
		})}
	},
	"Split": func(n *Node, in []*array) (out []array) {
		axis, begin := axisIn(n, in[0]), 0
		for i := range n.Outputs {
			s := slices.Clone(in[0].shape)
			if s[axis] /= len(n.Outputs); len(in) > 1 {
				s[axis] = in[1].ints()[i]
			}
			out = append(out, filled(s, func(at []int) float64 {
				from := slices.Clone(at)
				from[axis] += begin
				return in[0].get(from...)
			}))
			begin += s[axis]
		}
		return out
	},
	"Gather": func(n *Node, in []*array) []array {
		x, axis := in[0], axisIn(n, in[0])
		r := len(in[1].shape)
		return []array{filled(slices.Concat(x.shape[:axis], in[1].shape, x.shape[axis+1:]), func(at []int) float64 {
			k := (int(in[1].get(at[axis:axis+r]...)) + x.shape[axis]) % x.shape[axis]
			return x.get(slices.Concat(at[:axis], []int{k}, at[axis+r:])...)
		})}
	},
	"Slice": sliceReference,
	"Pad":   padReference,
}

func axisIn(n *Node, x *array) int { return (n.Attrs.Int("axis", 0) + len(x.shape)) % len(x.shape) }

func reduceReference(mean bool) reference {
	return func(n *Node, in []*array) []array {
		x, axes := in[0], n.Attrs.Ints("axes")
		if len(in) > 1 {
			axes = in[1].ints()
		}
		all := len(axes) == 0 && n.Attrs.Int("noop_with_empty_axes", 0) == 0
		kept, shape, count := slices.Clone(x.shape), []int{}, 1
		for i, d := range x.shape {
			if all || slices.Contains(axes, i) || slices.Contains(axes, i-len(x.shape)) {
				kept[i], count = 1, count*d
				if n.Attrs.Int("keepdims", 1) != 0 {
					shape = append(shape, 1)
				}
				continue
			}
			shape = append(shape, d)
		}
		sums := filled(kept, func([]int) float64 { return 0 })
		filled(x.shape, func(at []int) float64 {
			k := 0
			for i, d := range kept {
				k = k*d + at[i]%d
			}
			sums.v[k] += x.get(at...)
			return 0
		})
		for i := range sums.v {
			if mean {
				sums.v[i] /= float64(count)
			}
		}
		return []array{{shape, sums.v}}
	}
}

func sliceReference(_ *Node, in []*array) []array {
	x := in[0]
	picked := make([][]int, len(x.shape))
	s := slices.Clone(x.shape)
	for i, d := range x.shape {
		for k := range d {
			picked[i] = append(picked[i], k)
		}
	}
	for i, start := range in[1].ints() {
		axis, end, step := i, in[2].ints()[i], 1
		if len(in) > 3 {
			axis = (in[3].ints()[i] + len(x.shape)) % len(x.shape)
		}
		if len(in) > 4 {
			step = in[4].ints()[i]
		}
		picked[axis] = sliceOf(x.shape[axis], start, end, step)
		s[axis] = len(picked[axis])
	}
	return []array{filled(s, func(at []int) float64 {
		from := make([]int, len(at))
		for i, k := range at {
			from[i] = picked[i][k]
		}
		return x.get(from...)
	})}
}

// sliceOf lists the indices of start:end:step on an axis of d.
func sliceOf(d, start, end, step int) (out []int) {
	if start < 0 {
		start += d
	}
	if end < 0 {
		end += d
	}
	for k := range d {
		if step < 0 {
			k = d - 1 - k
		}
		from := max(0, min(start, d-1))
		if step > 0 {
			from = max(0, start)
		}
		if (k-from)%step == 0 && (k-from)/step >= 0 && (step > 0 && k < end || step < 0 && k > end) {
			out = append(out, k)
		}
	}
	return out
}

func padReference(n *Node, in []*array) []array {
	x, pads := in[0], in[1].ints()
	r := len(x.shape)
	s := slices.Clone(x.shape)
	for i := range s {
		s[i] += pads[i] + pads[r+i]
	}
	fill := 0.0
	if len(in) > 2 && in[2] != nil {
		fill = in[2].v[0]
	}
	return []array{filled(s, func(at []int) float64 {
		from := make([]int, r)
		for i, d := range x.shape {
			k := at[i] - pads[i]
			switch n.Attrs.Str("mode", "constant") {
			case "edge":
				k = max(0, min(d-1, k))
			case "reflect":
				for d > 1 && (k < 0 || k >= d) {
					if k < 0 {
						k = -k
					} else {
						k = 2*(d-1) - k
					}
				}
			}
			if k < 0 || k >= d {
				return fill
			}
			from[i] = k
		}
		return x.get(from...)
	})}
}
