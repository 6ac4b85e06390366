package broker

import (
	"hash/maphash"
	"math/bits"
	"strings"
)

// matcher finds the entries whose patterns match a resource: those of one subject, capability and operation. It is a trie of
// segments, each with its leading separator, in which the time of a search depends on the number of segments and hardly on
// the number of entries. With many entries that time is mostly waiting for memory, one line after the other: so the children
// of all nodes by plain segment lie in one hash table, and a node is one cache line.
type matcher struct {
	root      node
	entries   []*entry
	table     []node // of pack, at most half full
	kids      int    // by plain segment
	ids       uint32 // given to nodes
	slab      []node // not used yet
	functions bool   // "#" separates segments too
}

// rootID is that of every root, and of nothing else.
const rootID = 1

type node struct {
	id       uint32 // of a node with children by plain segment
	parentID uint32 // 0 where the table is empty
	segment  string // its own
	here     *entry // the first entry whose pattern ends here
	rest     *entry // the first entry whose pattern goes on with "/**" and ends
	any      *node  // the child of a segment "/*"
	anyHere  *entry // that of any, when it has nothing else: any is not to be looked at then
	more     *branches
}

// branches is what few nodes have, or what only building needs.
type branches struct {
	here  []*entry // beyond the first
	rest  []*entry
	kids  map[string]*node   // by plain segment; they are in the table
	anyFn *node              // the child of a segment "#*"
	globs affixes[partial]   // a segment with a "*" and other characters
	tails affixes[entryTail] // a segment with "**", and all that follows it
}

// partial is a segment that is matched by itself.
type partial struct {
	segment *pattern
	node    *node
}

// entryTail is the end of a pattern, matched against the whole rest of a resource.
type entryTail struct {
	tail  *pattern
	entry *entry
}

// seed makes the order in tables unknown to guests, who choose what is looked up.
var seed = maphash.MakeSeed()

// segmentEnd finds the end of the segment that begins at i with its separator. The first segment of a resource is all up to
// the first separator after "://".
func (m *matcher) segmentEnd(s string, i int) int {
	if i == 0 {
		if start := strings.Index(s, "://"); start >= 0 {
			i = start + 2
		}
	}
	if i++; i >= len(s) {
		return len(s)
	}
	end := len(s)
	if j := strings.IndexByte(s[i:], '/'); j >= 0 {
		end = i + j
	}
	if m.functions {
		if j := strings.IndexByte(s[i:end], '#'); j >= 0 {
			end = i + j
		}
	}
	return end
}

// slot is where the search for a child of a node by plain segment begins in the table.
func (m *matcher) slot(n *node, segment string) int {
	h := (maphash.String(seed, segment) ^ uint64(n.id)*0x9E3779B97F4A7C15) * 0x9E3779B97F4A7C15
	i, _ := bits.Mul64(h, uint64(len(m.table)))
	return int(i)
}

func (m *matcher) kid(n *node, segment string) *node {
	if n.id == 0 || len(m.table) == 0 {
		return nil
	}
	for i := m.slot(n, segment); ; i++ {
		if i == len(m.table) {
			i = 0
		}
		switch k := &m.table[i]; {
		case k.parentID == 0:
			return nil
		case k.parentID == n.id && k.segment == segment:
			return k
		}
	}
}

// find shows v each entry that matches, those with plain segments first, until one settles the call. It reports whether one
// did.
func (m *matcher) find(resource string, v *visit) bool {
	return m.findFrom(&m.root, resource, 0, v)
}

func (m *matcher) findFrom(n *node, s string, at int, v *visit) bool {
	if at == len(s) {
		if n.here != nil && v.one(n.here) {
			return true
		}
	} else if m.findSegment(n, s, at, v) {
		return true
	}
	under := at < len(s) && s[at] == '/'
	if under && n.rest != nil && v.one(n.rest) {
		return true
	}
	return n.more != nil && n.more.find(s, at, under, v)
}

func (m *matcher) findSegment(n *node, s string, at int, v *visit) bool {
	end := m.segmentEnd(s, at)
	if k := m.kid(n, s[at:end]); k != nil && m.findFrom(k, s, end, v) {
		return true
	}
	if n.anyHere != nil && s[at] == '/' {
		if end == len(s) && v.one(n.anyHere) {
			return true
		}
	} else if k := n.anyAt(s[at]); k != nil && m.findFrom(k, s, end, v) {
		return true
	}
	return n.more != nil && n.more.globs.any() && m.findGlobs(n, s, at, end, v)
}

func (n *node) anyAt(separator byte) *node {
	if separator == '/' {
		return n.any
	}
	if n.more != nil && separator == '#' {
		return n.more.anyFn
	}
	return nil
}

func (m *matcher) findGlobs(n *node, s string, at, end int, v *visit) bool {
	segment, globs := s[at:end], &n.more.globs
	for i := range globs.indexes() {
		for _, g := range globs.candidates(i, segment) {
			if g.segment.match(segment) && m.findFrom(g.node, s, end, v) {
				return true
			}
		}
	}
	return false
}

// find looks at the entries of a node that are not in the node itself.
func (b *branches) find(s string, at int, under bool, v *visit) bool {
	if at == len(s) && v.all(b.here) || under && v.all(b.rest) {
		return true
	}
	for i := range b.tails.indexes() {
		for _, t := range b.tails.candidates(i, s[at:]) {
			if t.tail.match(s[at:]) && v.one(t.entry) {
				return true
			}
		}
	}
	return false
}
