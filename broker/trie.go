package broker

import "strings"

// add puts an entry into the trie. It is found after pack.
func (m *matcher) add(e *entry) {
	m.root.id, m.ids = rootID, max(m.ids, rootID)
	m.entries = append(m.entries, e)
	n, text, authority := &m.root, e.pattern.text, authorityEnd(e.pattern.text)
	if scheme, _, _ := strings.Cut(text, ":"); schemes[scheme] == nil {
		m.functions = true
	}
	for at := 0; at < len(text); {
		end := m.segmentEnd(text, at)
		segment := text[at:end]
		switch {
		case strings.Contains(segment, "**"):
			n.addTail(text[at:], authority-at, e)
			return
		case at > 0 && len(segment) == 2 && segment[1] == '*':
			n = m.anyKid(n, segment[0])
		case strings.Contains(segment, "*"):
			n = m.globKid(n, segment, authority-at)
		default:
			n = m.addKid(n, segment)
		}
		at = end
	}
	if n.here == nil {
		n.here = e
		return
	}
	n.branches().here = append(n.branches().here, e)
}

func (n *node) branches() *branches {
	if n.more == nil {
		n.more = &branches{}
	}
	return n.more
}

func (n *node) addTail(text string, authority int, e *entry) {
	switch {
	case text == "/**" && authority <= 0 && n.rest == nil:
		n.rest = e
	case text == "/**" && authority <= 0:
		n.branches().rest = append(n.branches().rest, e)
	default:
		tail := newPattern(text, unitsOf(text, authority))
		n.branches().tails.add(tail, entryTail{tail, e})
	}
}

// newNode takes a node from a slab, so that nodes made together lie together.
func (m *matcher) newNode(parent *node, segment string) *node {
	if len(m.slab) == 0 {
		m.slab = make([]node, min(512, max(4, len(m.entries))))
	}
	n := &m.slab[0]
	m.slab = m.slab[1:]
	n.parentID, n.segment = parent.id, segment
	return n
}

func (m *matcher) addKid(n *node, segment string) *node {
	b := n.branches()
	if k := b.kids[segment]; k != nil {
		return k
	}
	if b.kids == nil {
		b.kids = map[string]*node{}
	}
	if n.id == 0 {
		m.ids++
		n.id = m.ids
	}
	k := &node{parentID: n.id, segment: segment}
	b.kids[segment] = k
	m.kids++
	return k
}

func (m *matcher) anyKid(n *node, separator byte) *node {
	at := &n.any
	if separator != '/' {
		at = &n.branches().anyFn
	}
	if *at == nil {
		*at = m.newNode(n, string(separator)+"*")
	}
	return *at
}

func (m *matcher) globKid(n *node, segment string, authority int) *node {
	p := newPattern(segment, unitsOf(segment, authority))
	b := n.branches()
	for _, g := range b.globs.bucket(p) {
		if g.segment.text == segment {
			return g.node
		}
	}
	k := m.newNode(n, segment)
	b.globs.add(p, partial{p, k})
	return k
}

// pack moves all children by plain segment into the table, and their segments side by side: the patterns that they were cut
// from are far apart. Nothing is added later.
func (m *matcher) pack() {
	if m.kids > 0 {
		m.table = make([]node, 2*m.kids+1)
	}
	m.packBelow(&m.root)
	var text strings.Builder
	for i := range m.table {
		text.WriteString(m.table[i].segment)
	}
	rest := text.String()
	for i := range m.table {
		n := len(m.table[i].segment)
		m.table[i].segment, rest = rest[:n], rest[n:]
	}
}

func (m *matcher) packBelow(n *node) {
	if n.more != nil {
		for segment, k := range n.more.kids {
			at := m.place(n, segment)
			*at = *k
			n.more.kids[segment] = at
		}
	}
	for k := range n.kids() {
		m.packBelow(k)
	}
	if k := n.any; k != nil && k.here != nil && k.rest == nil && k.any == nil && k.more == nil {
		n.anyHere = k.here
	}
}

// place finds the empty place in the table for a child.
func (m *matcher) place(n *node, segment string) *node {
	for i := m.slot(n, segment); ; i++ {
		if i == len(m.table) {
			i = 0
		}
		if m.table[i].parentID == 0 {
			return &m.table[i]
		}
	}
}
