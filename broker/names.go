package broker

import "strings"

// NamesHost reports whether the grant's pattern names one host: a resource with an authority whose host has no
// wildcard. Only such a grant can mean an address that is not public.
func (g *Grant) NamesHost() bool {
	text, err := CanonicalPattern(g.Resource)
	if err != nil {
		return false
	}
	end := authorityEnd(text)
	if end == 0 {
		return false
	}
	_, host, _ := strings.Cut(text[:end], "://")
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		host = host[:i]
	}
	return host != "" && !strings.Contains(host, "*")
}
