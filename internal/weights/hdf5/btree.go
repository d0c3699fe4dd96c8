package hdf5

// maxDepth bounds the levels of a B-tree: each has at least one entry for every one above it, and three
// levels hold millions.
const maxDepth = 16

// Types of nodes in version 1 B-trees.
const (
	treeGroup  = 0
	treeChunks = 1
)

// tree1 is a walk through a version 1 B-tree.
type tree1 struct {
	f       *File
	kind    uint64
	keySize uint64
	seen    map[uint64]bool
	visit   func(key []byte, child uint64) error
}

// walk visits the entries of the leaves under the node at addr, in order, each with the key that stands
// before it.
func (t *tree1) walk(addr uint64) error { return t.node(addr, maxDepth) }

// node visits what is under a node whose level is below ceiling.
func (t *tree1) node(addr, ceiling uint64) error {
	if t.seen[addr] {
		return formatErrorf("B-tree node at %d: the tree has a circle", addr)
	}
	t.seen[addr] = true
	head, err := t.f.read(addr, 24, "B-tree node")
	if err != nil {
		return err
	}
	c := &cursor{b: head[4:]}
	kind, level, entries := c.uint(1), c.uint(1), c.uint(2)
	switch {
	case string(head[:4]) != "TREE":
		return formatErrorf("no B-tree node at %d", addr)
	case kind != t.kind:
		return formatErrorf("B-tree node at %d has type %d, want %d", addr, kind, t.kind)
	case level >= ceiling || ceiling != maxDepth && level != ceiling-1:
		return formatErrorf("B-tree node at %d has level %d below one of level %d", addr, level, ceiling)
	}
	body, err := t.f.read(addr+24, entries*(t.keySize+8), "B-tree node")
	if err != nil {
		return err
	}
	for c := (&cursor{b: body}); len(c.b) > 0; {
		key, child := c.bytes(t.keySize), c.uint(8)
		if level == 0 {
			err = t.visit(key, child)
		} else {
			err = t.node(child, level)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Types of records in version 2 B-trees.
const (
	recHuge           = 1 // a huge object of a fractal heap
	recLinkName       = 5
	recAttrName       = 8
	recChunk          = 10
	recFilteredChunk  = 11
	nodePrefix        = 10 // signature, version, type and checksum of a node
	maxRecordsPerNode = 1 << 16
)

// tree2 is a walk through a version 2 B-tree. levels[d] tells of nodes at depth d above the leaves.
type tree2 struct {
	f          *File
	kind       uint64
	recordSize uint64
	nrecBytes  int
	levels     []level2
	seen       map[uint64]bool
	visit      func(record []byte) error
}

type level2 struct {
	maxRecords uint64
	totalBytes int // width of a total number of records under such a node, 0 for leaves
}

// walk2 visits the records of the version 2 B-tree at addr in order.
func (f *File) walk2(addr, kind uint64, visit func(record []byte) error) error {
	c, err := f.summed(addr, 38, "BTHD", 0)
	if err != nil {
		return err
	}
	t := &tree2{f: f, kind: c.uint(1), seen: map[uint64]bool{}, visit: visit}
	nodeSize, recordSize, depth := c.uint(4), c.uint(2), c.uint(2)
	c.skip(2) // when nodes are split and merged
	root, records := c.uint(8), c.uint(2)
	switch {
	case t.kind != kind:
		return formatErrorf("B-tree at %d has records of type %d, want %d", addr, t.kind, kind)
	case depth >= maxDepth:
		return formatErrorf("B-tree at %d has depth %d", addr, depth)
	case recordSize == 0 || nodeSize < nodePrefix+recordSize:
		return formatErrorf("B-tree at %d has nodes of %d bytes for records of %d", addr, nodeSize, recordSize)
	case root == undefined:
		return nil
	}
	t.recordSize = recordSize
	t.measure(nodeSize, depth)
	return t.node(root, records, depth)
}

// measure computes how many records fit in the nodes of each depth, which is what the widths of the numbers
// in their child pointers follow from (specification, III.A.2).
func (t *tree2) measure(nodeSize, depth uint64) {
	leaf := (nodeSize - nodePrefix) / t.recordSize
	t.nrecBytes = bytesFor(leaf)
	t.levels = []level2{{maxRecords: leaf}}
	total := leaf
	for d := uint64(1); d <= depth; d++ {
		pointer := uint64(8 + t.nrecBytes + t.levels[d-1].totalBytes)
		n := (nodeSize - min(nodeSize, nodePrefix+pointer)) / (t.recordSize + pointer)
		total = (n+1)*total + n
		t.levels = append(t.levels, level2{maxRecords: n, totalBytes: bytesFor(total)})
	}
}

// bytesFor returns how many bytes numbers up to n take.
func bytesFor(n uint64) int {
	bytes := 1
	for ; n > 0xff; n >>= 8 {
		bytes++
	}
	return bytes
}

func (t *tree2) node(addr, records, depth uint64) error {
	if t.seen[addr] {
		return formatErrorf("B-tree node at %d: the tree has a circle", addr)
	}
	t.seen[addr] = true
	if records > t.levels[depth].maxRecords {
		return formatErrorf("B-tree node at %d has %d records, at most %d fit", addr, records, t.levels[depth].maxRecords)
	}
	magic, size := "BTLF", nodePrefix+records*t.recordSize
	totalBytes := 0
	if depth > 0 {
		magic, totalBytes = "BTIN", t.levels[depth-1].totalBytes
		size += (records + 1) * uint64(8+t.nrecBytes+totalBytes)
	}
	c, err := t.f.summed(addr, size, magic, 0)
	if err != nil {
		return err
	}
	if kind := c.uint(1); kind != t.kind {
		return formatErrorf("B-tree node at %d has records of type %d, want %d", addr, kind, t.kind)
	}
	all := c.bytes(records * t.recordSize)
	for i := range records + 1 {
		if depth > 0 {
			child, n := c.uint(8), c.uint(t.nrecBytes)
			c.skip(uint64(totalBytes))
			if err := t.node(child, n, depth-1); err != nil {
				return err
			}
		}
		if i == records {
			break
		}
		if err := t.visit(all[i*t.recordSize : (i+1)*t.recordSize]); err != nil {
			return err
		}
	}
	return nil
}
