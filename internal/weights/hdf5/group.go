package hdf5

import (
	"cmp"
	"slices"
	"strings"
)

// Group is a group: a directory of groups and data sets.
type Group struct {
	object
	names []string
	links map[string]link
}

// link is what a name in a group leads to.
type link struct {
	kind  linkKind
	addr  uint64
	order uint64 // of creation; 0 if the group does not keep it
}

type linkKind uint64

const (
	hardLink     linkKind = 0
	softLink     linkKind = 1
	externalLink linkKind = 64
)

// open returns the object at addr, a *Group or a *Dataset. A group is read once.
func (f *File) open(addr uint64, path string) (any, error) {
	if g, ok := f.groups[addr]; ok {
		return g, nil
	}
	messages, err := f.header(addr)
	if err != nil {
		return nil, within(path, err)
	}
	o := object{f: f, path: path, addr: addr, messages: messages}
	if _, ok := o.find(msgLayout); ok {
		d, err := newDataset(o)
		if err != nil {
			return nil, within(path, err)
		}
		return d, nil
	}
	g, err := newGroup(o)
	if err != nil {
		return nil, within(path, err)
	}
	f.groups[addr] = g
	return g, nil
}

// newGroup reads the links of an object whose messages make it a group.
func newGroup(o object) (*Group, error) {
	g := &Group{object: o, links: map[string]link{}}
	found := false
	for _, m := range o.messages {
		var err error
		switch m.kind {
		case msgSymbolTable:
			err, found = g.symbolTable(m.data), true
		case msgLink:
			err, found = g.addMessage(m.data), true
		case msgLinkInfo:
			err, found = o.f.dense(m.data, 8, recLinkName, g.addMessage), true
		}
		if err != nil {
			return nil, err
		}
	}
	if !found {
		return nil, formatErrorf("neither a group nor a data set")
	}
	slices.SortFunc(g.names, func(a, b string) int {
		return cmp.Or(cmp.Compare(g.links[a].order, g.links[b].order), cmp.Compare(a, b))
	})
	return g, nil
}

func (g *Group) add(name string, l link) error {
	if _, twice := g.links[name]; twice {
		return formatErrorf("two links %q", name)
	}
	if len(name) == 0 || len(name) > maxName {
		return formatErrorf("link with a name of %d bytes", len(name))
	}
	g.links[name] = l
	g.names = append(g.names, name)
	return nil
}

// symbolTable adds the links of an old group: a B-tree of symbol nodes and a heap of names.
func (g *Group) symbolTable(data []byte) error {
	c := &cursor{b: data}
	tree, heapAddr := c.uint(8), c.uint(8)
	if c.short {
		return formatErrorf("symbol table message of %d bytes", len(data))
	}
	names, err := g.f.localHeap(heapAddr)
	if err != nil {
		return err
	}
	t := &tree1{f: g.f, kind: treeGroup, keySize: 8, seen: map[uint64]bool{}}
	t.visit = func(_ []byte, node uint64) error { return g.symbolNode(node, names) }
	return t.walk(tree)
}

func (g *Group) symbolNode(addr uint64, names localHeap) error {
	const entry, cachedSoftLink = 40, 2
	head, err := g.f.read(addr, 8, "symbol table node")
	if err != nil {
		return err
	}
	c := &cursor{b: head}
	if string(c.bytes(4)) != "SNOD" || c.uint(1) != 1 {
		return formatErrorf("no symbol table node at %d", addr)
	}
	c.skip(1)
	body, err := g.f.read(addr+8, c.uint(2)*entry, "symbol table node")
	if err != nil {
		return err
	}
	for c := (&cursor{b: body}); len(c.b) > 0; {
		nameAt, addr, cached := c.uint(8), c.uint(8), c.uint(4)
		c.skip(20)
		name, err := names.name(nameAt)
		if err != nil {
			return err
		}
		l := link{kind: hardLink, addr: addr}
		if cached == cachedSoftLink {
			l.kind = softLink
		}
		if err := g.add(name, l); err != nil {
			return err
		}
	}
	return nil
}

// addMessage adds the link that a link message tells of.
func (g *Group) addMessage(data []byte) error {
	c := &cursor{b: data}
	version, flags := c.uint(1), c.uint(1)
	var l link
	if flags&8 != 0 {
		l.kind = linkKind(c.uint(1))
	}
	if flags&4 != 0 {
		l.order = c.uint(8)
	}
	if flags&16 != 0 {
		c.skip(1) // character set
	}
	name := string(c.bytes(c.uint(1 << (flags & 3))))
	if l.kind == hardLink {
		l.addr = c.uint(8)
	}
	switch {
	case c.short:
		return formatErrorf("link message of %d bytes is cut", len(data))
	case version != 1:
		return unsupportedf("link message version %d, want 1", version)
	}
	return g.add(name, l)
}

// Names returns the names in the group: in order of creation where the file keeps it, else sorted. The caller
// must not change them.
func (g *Group) Names() []string { return g.names }

// Has reports whether the group has a link of that name, which is no path.
func (g *Group) Has(name string) bool {
	_, ok := g.links[name]
	return ok
}

// Open returns what path leads to from g, a *Group or a *Dataset.
func (g *Group) Open(path string) (any, error) {
	for {
		name, rest, more := strings.Cut(path, "/")
		child, err := g.child(name)
		if err != nil || !more {
			return child, err
		}
		next, ok := child.(*Group)
		if !ok {
			return nil, within(g.join(name), formatErrorf("not a group"))
		}
		g, path = next, rest
	}
}

// Group returns the group at path.
func (g *Group) Group(path string) (*Group, error) { return open1[*Group](g, path, "group") }

// Dataset returns the data set at path.
func (g *Group) Dataset(path string) (*Dataset, error) { return open1[*Dataset](g, path, "data set") }

func open1[T any](g *Group, path, what string) (T, error) {
	child, err := g.Open(path)
	out, ok := child.(T)
	if err == nil && !ok {
		err = within(g.join(path), formatErrorf("not a %s", what))
	}
	return out, err
}

func (g *Group) join(name string) string { return strings.TrimSuffix(g.path, "/") + "/" + name }

// child opens what one name leads to.
func (g *Group) child(name string) (any, error) {
	path := g.join(name)
	l, ok := g.links[name]
	switch {
	case !ok:
		return nil, within(path, formatErrorf("not in the file"))
	case l.kind == softLink:
		return nil, within(path, unsupportedf("soft links are not followed"))
	case l.kind == externalLink:
		return nil, within(path, unsupportedf("a link into another file is not followed"))
	case l.kind != hardLink:
		return nil, within(path, unsupportedf("link of kind %d", l.kind))
	}
	return g.f.open(l.addr, path)
}
