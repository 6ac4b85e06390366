package broker

import "math/bits"

// maxWords is the number of words that hold one bit for each place of the longest pattern.
const maxWords = maxPattern/64 + 1

// places is a set of places in a pattern, one bit each: place i is before unit i.
type places []uint64

func (p *pattern) words() int { return len(p.units)>>6 + 1 }

func (s places) has(place int) bool { return s[place>>6]&(1<<(place&63)) != 0 }

// enter adds a place, and with a star also the place after it, since a star may stand for nothing.
func (p *pattern) enter(set places, place int) {
	for {
		set[place>>6] |= 1 << (place & 63)
		if place == len(p.units) || p.units[place]&starBit == 0 {
			return
		}
		place++
	}
}

// step moves every place in from over one unit into to, which it clears first. It reports whether any is left.
func (p *pattern) step(from, to places, u unit) bool {
	clear(to)
	alive := false
	for w, word := range from {
		for ; word != 0; word &= word - 1 {
			place := w<<6 | bits.TrailingZeros64(word)
			if next, ok := p.follow(place, u); ok {
				p.enter(to, next)
				alive = true
			}
		}
	}
	return alive
}

func (p *pattern) follow(place int, u unit) (int, bool) {
	if place == len(p.units) {
		return 0, false
	}
	here := p.units[place]
	if here&starBit != 0 {
		return place, starKind(here &^ starBit).passes(u)
	}
	return place + 1, here == u
}

// advance runs the pattern over s, which begins with p.prefix. It reports whether any place is left, and whether the end of
// the pattern is among them. Its time is bounded by the product of both lengths, whatever the guest chose as s.
func (p *pattern) advance(s string) (alive, end bool) {
	var buffers [2][maxWords]uint64
	from, to := places(buffers[0][:p.words()]), places(buffers[1][:p.words()])
	p.enter(from, p.first)
	for i := len(p.prefix); i < len(s); {
		u, n := unitAt(s, i)
		if !p.step(from, to, u) {
			return false, false
		}
		from, to = to, from
		i += n
	}
	return true, from.has(len(p.units))
}

// run matches a pattern of several stars.
func (p *pattern) run(s string) bool {
	_, end := p.advance(s)
	return end
}

// reaches reports whether some resource that begins with prefix matches. Any place left will do: what is left of a pattern
// can always be completed.
func (p *pattern) reaches(prefix string) bool {
	if len(prefix) <= len(p.prefix) {
		return p.prefix[:len(prefix)] == prefix
	}
	if p.stars == 0 || prefix[:len(p.prefix)] != p.prefix {
		return false
	}
	alive, _ := p.advance(prefix)
	return alive
}
