package transform

import (
	"fmt"
	"hash/fnv"
	"math"

	"github.com/graft-ml/graft/internal/random"
)

// Random is the way from training pictures to a network's input, drawn anew for every picture in every epoch.
// It is for training alone, which is why it is not a [Spec] and cannot stand where one is wanted.
//
// What is drawn is a function of the seed, the epoch and the picture's key, whatever the order of pictures,
// the batches and the number of workers. Each augmentation has random numbers of its own: another one more
// or less changes nothing about them.
type Random struct {
	Spec    Spec
	Augment Augment
	Seed    uint64
}

// At returns the draw for the picture called key (of its content, say) in an epoch.
func (r Random) At(epoch int, key uint64) Draw { return Draw{r, epoch, key} }

// Draw is what a [Random] does to one picture in one epoch. With an Augment that changes nothing its methods
// give what those of the Spec give, to the bit.
type Draw struct {
	random Random
	epoch  int
	key    uint64
}

// forAugment sets the streams of this package apart from others with the same seed.
const forAugment = 0x6175676d656e74

// stream returns the random numbers of one augmentation. Its key has the name, not its number, so that a new row
// of the table changes none of the others' draws.
func (d Draw) stream(op int) random.Stream {
	name := fnv.New64a()
	name.Write([]byte(ops[op].name))
	return random.New(d.random.Seed, forAugment, uint64(d.epoch), d.key, name.Sum64())
}

// Reduction is [Spec.Reduction] for this draw.
func (d Draw) Reduction(w, h int) Reduction {
	return d.frame(w, h).reduction(d.random.Spec.Filter, w, h)
}

// Apply is [Spec.Apply] for this draw: dst [3,Height,Width] gets whole numbers 0–255.
func (d Draw) Apply(dst []float32, pix []uint8, w, h int) error {
	s := d.random.Spec
	if err := s.checkDst(dst); err != nil {
		return err
	}
	src := RGB{Pix: pix, W: w, H: h}
	if err := src.check(); err != nil {
		return fmt.Errorf("transform: source: %w", err)
	}
	d.frame(w, h).apply(dst, src, s)
	d.change(dst)
	return nil
}

// ApplyPlanes is [Spec.ApplyPlanes] for this draw, with what [Draw.Reduction] wants.
func (d Draw) ApplyPlanes(dst []float32, planes []Plane, w, h int) error {
	s := d.random.Spec
	if err := s.checkDst(dst); err != nil {
		return err
	}
	if err := s.checkPlanes(planes, w, h); err != nil {
		return err
	}
	d.frame(w, h).applyPlanes(dst, planes, s)
	d.change(dst)
	return nil
}

// Steps names what the draw does to a w x h picture, in order, with the strengths drawn: "rotation -7.3°".
func (d Draw) Steps(w, h int) []string {
	var names []string
	if d.random.Augment.strength[resizedCrop] > 0 {
		f := d.frame(w, h)
		names = append(names, fmt.Sprintf("resizedcrop %.0f%%", 100*float64(f.across.in)/float64(w)*float64(f.down.in)/float64(h)))
	}
	for _, s := range d.steps() {
		names = append(names, s.String())
	}
	return names
}

// frame is where the output's pixels come from: a random box of the picture, or what the Spec shows of it.
func (d Draw) frame(w, h int) framing {
	s, cut := d.random.Spec, d.random.Augment.strength[resizedCrop]
	if cut == 0 {
		return s.frame(w, h)
	}
	r := d.stream(resizedCrop)
	x, y, bw, bh := randomBox(&r, w, h, 1-cut)
	return framing{placement{w: s.Width, h: s.Height},
		axis{in: bw, out: s.Width, hi: s.Width, from: x, drawn: true},
		axis{in: bh, out: s.Height, hi: s.Height, from: y, drawn: true}}
}

// randomBox is torchvision's RandomResizedCrop.get_params: a box of at least the share least of the area and
// of an aspect between 3:4 and 4:3, or after ten tries the largest centred one of such an aspect.
func randomBox(r *random.Stream, w, h int, least float64) (x, y, bw, bh int) {
	const narrow, wide = 3.0 / 4, 4.0 / 3
	for range 10 {
		area := float64(w) * float64(h) * r.Between(least, 1)
		ratio := math.Exp(r.Between(math.Log(narrow), math.Log(wide)))
		bw, bh = int(math.RoundToEven(math.Sqrt(area*ratio))), int(math.RoundToEven(math.Sqrt(area/ratio)))
		if bw > 0 && bw <= w && bh > 0 && bh <= h {
			return r.Below(w - bw + 1), r.Below(h - bh + 1), bw, bh
		}
	}
	bw, bh = w, h
	switch ratio := float64(w) / float64(h); {
	case ratio < narrow:
		bh = int(math.RoundToEven(float64(w) / narrow))
	case ratio > wide:
		bw = int(math.RoundToEven(float64(h) * wide))
	}
	return (w - bw) / 2, (h - bh) / 2, bw, bh
}

// drawing collects the steps of one draw, in order.
type drawing struct {
	r     *random.Stream // of the augmentation at hand
	w, h  int            // of the resized picture
	steps []step
}

// step is one change of a picture: a motion or a change of its pixels in place.
type step struct {
	format string // of its name, for args
	args   []any

	motion *affine
	change func(p *picture)
}

func (s step) String() string { return fmt.Sprintf(s.format, s.args...) }

// steps draws what happens to the picture after it is resized.
func (d Draw) steps() []step {
	c := drawing{w: d.random.Spec.Width, h: d.random.Spec.Height}
	for i, strength := range d.random.Augment.strength {
		if strength > 0 && ops[i].draw != nil {
			r := d.stream(i)
			c.r = &r
			ops[i].draw(&c, strength)
		}
	}
	return c.steps
}

func (d *drawing) add(change func(p *picture), format string, args ...any) {
	d.steps = append(d.steps, step{format: format, args: args, change: change})
}

// picture is RGB8 [h,w,3], to be changed in place.
type picture struct {
	pix  []uint8
	w, h int
}

// change does the steps to dst, [3,Height,Width]. Motions that follow each other become one, so that the
// picture is resampled once.
func (d Draw) change(dst []float32) {
	steps := d.steps()
	if len(steps) == 0 {
		return
	}
	s := d.random.Spec
	plane := s.Width * s.Height
	buf := getScratch(3 * plane)
	defer scratch.Put(buf)
	p := &picture{*buf, s.Width, s.Height}
	gather(p.pix, dst)
	run(p, steps, d.random.Augment.fill)
	spread(dst, p.pix, plane, 0)
}

func run(p *picture, steps []step, fill Fill) {
	for i := 0; i < len(steps); i++ {
		if steps[i].change != nil {
			steps[i].change(p)
			continue
		}
		m := *steps[i].motion
		for ; i+1 < len(steps) && steps[i+1].motion != nil; i++ {
			m = steps[i+1].motion.after(m)
		}
		p.move(m, fill)
	}
}

// gather writes src, planes of whole numbers 0–255, to dst, RGB8.
func gather(dst []uint8, src []float32) {
	n := len(dst) / 3
	red, green, blue := src[:n], src[n:][:n], src[2*n:][:n]
	for i := range red {
		px := dst[3*i : 3*i+3 : 3*i+3]
		px[0], px[1], px[2] = uint8(red[i]), uint8(green[i]), uint8(blue[i])
	}
}
