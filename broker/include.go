package broker

import "strings"

// maxPairs bounds the work of comparing patterns. Beyond it the answer is the careful one.
const maxPairs = 1 << 15

// fresh is a unit that no canonical text has: it stands for all characters that the compared patterns do not name.
const fresh unit = 0

// includes reports whether every resource that matches inner also matches one of outer. A true answer is certain; a false
// one may be wrong for patterns too intricate to compare within maxPairs steps.
func includes(outer []*pattern, inner *pattern) bool {
	if len(outer) == 0 {
		return false
	}
	c := &comparison{outer: outer, inner: inner, seen: map[string]struct{}{}}
	c.alphabet()
	start := c.empty()
	for i, p := range outer {
		p.enter(start[i], 0)
	}
	c.push(0, start)
	for len(c.work) > 0 {
		at := c.work[len(c.work)-1]
		c.work = c.work[:len(c.work)-1]
		if len(c.seen) > maxPairs || !c.expand(at) {
			return false
		}
	}
	return true
}

// comparison walks through inner one path at a time, and through all of outer at once.
type comparison struct {
	outer   []*pattern
	inner   *pattern
	letters []unit
	seen    map[string]struct{}
	work    []pair
}

type pair struct {
	place int      // in inner
	sets  []places // in each of outer
}

// alphabet collects the units that the patterns tell apart: those they name, those that stop a star, and one for all others.
func (c *comparison) alphabet() {
	known := map[unit]bool{fresh: true, '/': true, '.': true, ':': true}
	if scheme, _, _ := strings.Cut(c.inner.text, ":"); schemes[scheme] == nil {
		known['#'] = true // only resources that are functions have a plain one
	}
	for _, p := range append([]*pattern{c.inner}, c.outer...) {
		for _, u := range p.units {
			if u&starBit == 0 {
				known[u] = true
			}
		}
	}
	for u := range known {
		c.letters = append(c.letters, u)
	}
}

func (c *comparison) empty() []places {
	sets := make([]places, len(c.outer))
	for i, p := range c.outer {
		sets[i] = make(places, p.words())
	}
	return sets
}

// push adds a pair to the work, and with a star the pair after it, unless they were seen before.
func (c *comparison) push(place int, sets []places) {
	key := make([]byte, 0, 64)
	key = append(key, byte(place), byte(place>>8))
	for _, set := range sets {
		for _, w := range set {
			for range 8 {
				key = append(key, byte(w))
				w >>= 8
			}
		}
	}
	if _, ok := c.seen[string(key)]; ok {
		return
	}
	c.seen[string(key)] = struct{}{}
	c.work = append(c.work, pair{place, sets})
	if place < len(c.inner.units) && c.inner.units[place]&starBit != 0 {
		c.push(place+1, sets)
	}
}

// expand follows a pair over each unit that inner can take. It reports false when inner can end where none of outer can.
func (c *comparison) expand(at pair) bool {
	if at.place == len(c.inner.units) {
		for i, p := range c.outer {
			if at.sets[i].has(len(p.units)) {
				return true
			}
		}
		return false
	}
	for _, u := range c.lettersAt(at.place) {
		next, ok := c.inner.follow(at.place, u)
		if !ok {
			continue
		}
		sets, alive := c.empty(), false
		for i, p := range c.outer {
			alive = p.step(at.sets[i], sets[i], u) || alive
		}
		if !alive { // inner can always go on to its end from here
			return false
		}
		c.push(next, sets)
	}
	return true
}

func (c *comparison) lettersAt(place int) []unit {
	if u := c.inner.units[place]; u&starBit == 0 {
		return []unit{u}
	}
	return c.letters
}

// overlap reports whether some resource matches both patterns. A false answer is certain.
func overlap(a, b *pattern) bool {
	if n := min(len(a.prefix), len(b.prefix)); a.prefix[:n] != b.prefix[:n] {
		return false
	}
	type at struct{ a, b int }
	seen, work := map[at]bool{{}: true}, []at{{}}
	for len(work) > 0 && len(seen) <= maxPairs {
		here := work[len(work)-1]
		work = work[:len(work)-1]
		if here.a == len(a.units) && here.b == len(b.units) {
			return true
		}
		for _, next := range [3]at{{here.a + 1, here.b + 1}, {here.a + 1, here.b}, {here.a, here.b + 1}} {
			if !seen[next] && a.canMove(here.a, next.a, b, here.b, next.b) {
				seen[next] = true
				work = append(work, next)
			}
		}
	}
	return len(work) > 0
}

// canMove reports whether a and b can go on together over at most one unit. A star is left behind by standing for nothing,
// and stays where it is while the other pattern moves over a unit it can stand for.
func (a *pattern) canMove(a0, a1 int, b *pattern, b0, b1 int) bool {
	ua, sa, oka := a.at(a0)
	ub, sb, okb := b.at(b0)
	switch {
	case a1 > a0 && b1 > b0:
		return oka && okb && !sa && !sb && ua == ub
	case a1 > a0:
		return oka && (sa || okb && sb && starKind(ub).passes(ua))
	default:
		return okb && (sb || oka && sa && starKind(ua).passes(ub))
	}
}

// at reads the unit at a place: its value, or the kind of a star.
func (p *pattern) at(place int) (u unit, star, ok bool) {
	if place >= len(p.units) {
		return 0, false, false
	}
	u = p.units[place]
	return u &^ starBit, u&starBit != 0, true
}
