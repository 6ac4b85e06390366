package broker

import "strings"

// A pattern is a sequence of units: a plain byte, an escaped byte ("%2A"), or a star. Matching steps over whole units, so
// that a star never ends in the middle of an escape.
type unit uint16

const (
	escaped unit = 0x100 // plus the byte
	starBit unit = 0x200 // plus the kind
)

// starKind is the set of plain bytes that a star stops at.
type starKind uint8

const (
	starAll     starKind = iota // "**": nothing
	starHost                    // "**" in a host: the end of the authority
	starSegment                 // "*": the end of a segment
	starLabel                   // "*" in a host: the end of a label
)

// stops says for each plain byte at which kinds of star it stops, one bit each.
var stops = [256]uint8{
	'/': 1<<starHost | 1<<starSegment | 1<<starLabel,
	'#': 1<<starSegment | 1<<starLabel,
	'.': 1 << starLabel,
	':': 1 << starLabel,
}

func (k starKind) passes(u unit) bool { return u >= escaped || stops[byte(u)]&(1<<k) == 0 }

// pattern is a compiled pattern, or a part of one.
type pattern struct {
	text   string
	units  []unit
	stars  int
	first  int      // index of the first star in units
	kind   starKind // of the first star
	prefix string   // the text before the first star
	suffix string   // the text after the last star
}

// compilePattern compiles the canonical text of a whole pattern.
func compilePattern(text string) *pattern {
	return newPattern(text, unitsOf(text, authorityEnd(text)))
}

func newPattern(text string, units []unit) *pattern {
	p := &pattern{text: text, units: units, prefix: text}
	for i, u := range units {
		if u&starBit == 0 {
			continue
		}
		if p.stars == 0 {
			p.first, p.kind = i, starKind(u&^starBit)
		}
		p.stars++
	}
	if p.stars > 0 {
		p.prefix = text[:strings.IndexByte(text, '*')]
		p.suffix = text[strings.LastIndexByte(text, '*')+1:]
	}
	return p
}

// authorityEnd is the offset at which the host and port end in a canonical pattern of a scheme that has them.
func authorityEnd(text string) int {
	scheme, rest, _ := strings.Cut(text, "://")
	switch scheme {
	case "http", "https", AppScheme, "tcp", "udp", "dns":
		start := len(text) - len(rest)
		if i := strings.IndexByte(rest, '/'); i >= 0 {
			return start + i
		}
		return len(text)
	}
	return 0
}

func unitsOf(text string, authority int) []unit {
	units := make([]unit, 0, len(text))
	for i := 0; i < len(text); {
		if text[i] != '*' {
			u, n := unitAt(text, i)
			units = append(units, u)
			i += n
			continue
		}
		kind, n := starSegment, 1
		if i+1 < len(text) && text[i+1] == '*' {
			kind, n = starAll, 2
		}
		if i < authority {
			kind++ // starHost or starLabel
		}
		units = append(units, starBit|unit(kind))
		i += n
	}
	return units
}

// unitAt reads one unit that is no star.
func unitAt(s string, i int) (unit, int) {
	if s[i] == '%' {
		if v, ok := unescape(s[i:]); ok {
			return escaped | unit(v), 3
		}
	}
	return unit(s[i]), 1
}

// match reports whether a canonical text (a resource, or the part of one that belongs to this part of a pattern) matches.
func (p *pattern) match(s string) bool {
	switch {
	case p.stars == 0:
		return s == p.text
	case len(s) < len(p.prefix)+len(p.suffix) || !strings.HasPrefix(s, p.prefix) || !strings.HasSuffix(s, p.suffix):
		return false
	case p.stars == 1:
		return p.kind.spans(s, len(p.prefix), len(s)-len(p.suffix))
	}
	return p.run(s)
}

// spans reports whether a star can stand for s[from:to].
func (k starKind) spans(s string, from, to int) bool {
	if to-1 >= from && s[to-1] == '%' || to-2 >= from && s[to-2] == '%' {
		return false // the cut is inside of an escape
	}
	if k == starAll {
		return true
	}
	for i := from; i < to; i++ {
		if stops[s[i]]&(1<<k) != 0 {
			return false
		}
	}
	return true
}
