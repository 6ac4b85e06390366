package broker

import (
	"iter"
	"slices"
)

// affixes indexes patterns by the plain text they begin or end with, whichever is longer, so that a search looks at few of
// many. It probes once for each length of such a text that occurs.
type affixes[T any] struct {
	byPrefix, bySuffix map[string][]T
	prefixes, suffixes []int // the lengths that occur
}

func (a *affixes[T]) any() bool { return len(a.prefixes)+len(a.suffixes) > 0 }

func (a *affixes[T]) add(p *pattern, item T) {
	if len(p.suffix) > len(p.prefix) {
		a.bySuffix, a.suffixes = insertAffix(a.bySuffix, a.suffixes, p.suffix, item)
		return
	}
	a.byPrefix, a.prefixes = insertAffix(a.byPrefix, a.prefixes, p.prefix, item)
}

func insertAffix[T any](m map[string][]T, lengths []int, text string, item T) (map[string][]T, []int) {
	if m == nil {
		m = map[string][]T{}
	}
	if !slices.Contains(lengths, len(text)) {
		lengths = append(lengths, len(text))
	}
	m[text] = append(m[text], item)
	return m, lengths
}

// bucket holds the items that share the text by which p is indexed.
func (a *affixes[T]) bucket(p *pattern) []T {
	if len(p.suffix) > len(p.prefix) {
		return a.bySuffix[p.suffix]
	}
	return a.byPrefix[p.prefix]
}

// indexes is the number of probes that candidates answers.
func (a *affixes[T]) indexes() int { return len(a.prefixes) + len(a.suffixes) }

// candidates answers probe i: items whose text s begins or ends with.
func (a *affixes[T]) candidates(i int, s string) []T {
	if i < len(a.prefixes) {
		if n := a.prefixes[i]; n <= len(s) {
			return a.byPrefix[s[:n]]
		}
		return nil
	}
	if n := a.suffixes[i-len(a.prefixes)]; n <= len(s) {
		return a.bySuffix[s[len(s)-n:]]
	}
	return nil
}

// all yields every item.
func (a *affixes[T]) all() iter.Seq[T] {
	return func(yield func(T) bool) {
		for _, m := range []map[string][]T{a.byPrefix, a.bySuffix} {
			for _, items := range m {
				for _, item := range items {
					if !yield(item) {
						return
					}
				}
			}
		}
	}
}
