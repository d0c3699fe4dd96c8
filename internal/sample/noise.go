package sample

// lattice returns a number from 0 to 1 for a point of the grid; salt tells fields apart.
func lattice(x, y int, salt uint64) float32 {
	// Finaliser of SplitMix64.
	z := uint64(x)*0x9e3779b97f4a7c15 + uint64(y)*0xc2b2ae3d27d4eb4f + salt
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return float32(z>>40) / (1 << 24)
}

// smooth runs evenly between the four grid points around a place, which must not be negative.
func smooth(x, y float32, salt uint64) float32 {
	xi, yi := int(x), int(y)
	fx, fy := x-float32(xi), y-float32(yi)
	fx, fy = fx*fx*(3-2*fx), fy*fy*(3-2*fy)
	top := lattice(xi, yi, salt) + fx*(lattice(xi+1, yi, salt)-lattice(xi, yi, salt))
	low := lattice(xi, yi+1, salt) + fx*(lattice(xi+1, yi+1, salt)-lattice(xi, yi+1, salt))
	return top + fy*(low-top)
}

// fractal sums fields of twice the detail and half the height: the texture of clouds, leaves, asphalt. It is
// within 0 to 1, mostly near the middle.
func fractal(x, y float32, salt uint64, octaves int) float32 {
	sum, height, all := float32(0), float32(1), float32(0)
	for i := range octaves {
		sum += height * smooth(x, y, salt+uint64(i)*977)
		all += height
		x, y, height = 2*x, 2*y, height/2
	}
	return sum / all
}

func clamp01(v float32) float32 { return min(max(v, 0), 1) }
