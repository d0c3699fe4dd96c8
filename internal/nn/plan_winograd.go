package nn

import (
	"github.com/graft-ml/graft/internal/kernel"
	"github.com/graft-ml/graft/internal/tensor"
)

// winogradTile returns the tile of Winograd's algorithm, 0 where k is computed as it is defined.
func (c *compiler) winogradTile(k *kernel.Conv) int {
	if c.plan.direct {
		return 0
	}
	return k.WinogradTile()
}

// winogradHalo returns how far the tiles of Winograd's algorithm reach over the border of the input, if it is what k
// is computed by.
func (c *compiler) winogradHalo(k *kernel.Conv, w window) halo {
	tile := c.winogradTile(k)
	if tile == 0 {
		return halo{}
	}
	rows, cols := (&kernel.Winograd{Conv: *k, Tile: tile}).Reach()
	return halo{bottom: max(0, rows-w[0].padBegin-w[0].in), right: max(0, cols-w[1].padBegin-w[1].in)}
}

// winograd makes s the tasks of a convolution by Winograd's algorithm: parts of the tiles, and of the blocks of
// channels where tiles are few. A task needs scratch, of which there is one for each thread.
func (c *compiler) winograd(s *step, n *Node, k *kernel.Winograd, w *tensor.Tensor, src, dst, res *planValue) {
	packed := c.packedOf(n, k.PackedLen(), func(p []float32) { k.Pack(p, w.F, c.floats(n.inputName(2))) })
	tiles, blocks := cutWinograd(k.Tiles(), k.Blocks(), c.plan.pool.Threads())
	buf := c.newScratch(s, k.ScratchLen(tiles.part, blocks.part))
	s.tasks = tiles.parts * blocks.parts
	s.task = func(f *frame, i int) {
		slot, data := buf.take(f)
		t0, t1 := tiles.at(i / blocks.parts)
		b0, b1 := blocks.at(i % blocks.parts)
		k.Run(f.of(dst), f.of(src), f.orNil(res), packed, data, t0, t1, b0, b1)
		buf.give(slot)
	}
}

// cutWinograd cuts a product of tiles by blocks of channels. A task has so many tiles that it reads the weights
// seldom, and few enough for the second-level cache; all blocks, because each task transforms its input for
// itself, unless there would not be a task for each thread.
func cutWinograd(tiles, blocks, threads int) (byTile, byBlock cut) {
	const most, least = 28, 14
	parts := (tiles + most - 1) / most
	if even := (parts + threads - 1) / threads * threads; tiles >= even*least {
		parts = even
	}
	groups := min(blocks, (threads+parts-1)/parts)
	return cutInto(tiles, (tiles+parts-1)/parts), cutInto(blocks, (blocks+groups-1)/groups)
}
