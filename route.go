package writ

import (
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// route is a path in which ":name" stands for one segment, or with "/..." at
// its end for that path and all below it.
type route struct {
	text     string // as it is written
	segments []routeSegment
	below    bool // ends in "/..."
}

type routeSegment struct {
	text  string // unescaped; the name of a parameter
	param bool
}

var validParam = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,62}$`)

// parseRoute reads "/", "/path", "/path/:name" or "/prefix/...".
func parseRoute(s string) (route, error) {
	r := route{text: s}
	path, below := strings.CutSuffix(s, "/...")
	r.below = below
	if !strings.HasPrefix(s, "/") {
		return route{}, fmt.Errorf("route %q: want a path that starts with /", s)
	}
	path = strings.TrimSuffix(path, "/")
	if path == "" {
		return r, nil
	}
	names := map[string]bool{}
	for text := range strings.SplitSeq(path[1:], "/") {
		segment, err := parseSegment(text)
		if err != nil {
			return route{}, fmt.Errorf("route %q: %w", s, err)
		}
		if name := paramHeader(segment.text); segment.param {
			if names[name] {
				return route{}, fmt.Errorf("route %q: parameter %s is there twice", s, segment.text)
			}
			names[name] = true
		}
		r.segments = append(r.segments, segment)
	}
	return r, nil
}

func parseSegment(text string) (routeSegment, error) {
	name, param := strings.CutPrefix(text, ":")
	switch {
	case param && !validParam.MatchString(name):
		return routeSegment{}, fmt.Errorf("parameter %q: want letters, digits, hyphens and underscores after the colon, starting with a letter", text)
	case param:
		return routeSegment{name, true}, nil
	case text == "":
		return routeSegment{}, fmt.Errorf("an empty segment matches nothing")
	case strings.ContainsAny(text, "*?#") || strings.Contains(text, "..."):
		return routeSegment{}, fmt.Errorf("segment %q: want text, :name, or ... at the end for all below", text)
	}
	plain, err := url.PathUnescape(text)
	return routeSegment{plain, false}, err
}

// routeMatch is a request's path as its route divides it, escaped as it came.
type routeMatch struct {
	values []string // of the route's parameters, in their order
	rest   string   // what "/..." stands for: "", or a path with its slash
}

// match divides an escaped path. A slash at the end of a path changes nothing,
// but in what "/..." stands for.
func (r *route) match(path string) (m routeMatch, ok bool) {
	if !strings.HasPrefix(path, "/") {
		return m, false // such as OPTIONS *
	}
	for _, s := range r.segments {
		if path == "" {
			return m, false
		}
		text := path[1:]
		end := strings.IndexByte(text, '/')
		if end < 0 {
			end = len(text)
		}
		text, path = text[:end], text[end:]
		if !s.matches(text) {
			return m, false
		}
		if s.param {
			m.values = append(m.values, text)
		}
	}
	if r.below {
		m.rest = path
		return m, true
	}
	return m, path == "" || path == "/"
}

// matches compares segments unescaped, so that an escaped slash divides nothing.
func (s routeSegment) matches(text string) bool {
	if s.param {
		return text != ""
	}
	if strings.IndexByte(text, '%') >= 0 {
		plain, err := url.PathUnescape(text)
		return err == nil && plain == s.text
	}
	return text == s.text
}

// compare orders routes so that the first match is the most specific: from the
// left, text comes before a parameter and that before "/...".
func (r *route) compare(o *route) int {
	for i := range max(len(r.segments), len(o.segments)) + 1 {
		if c := cmp.Compare(r.rank(i), o.rank(i)); c != 0 {
			return c
		}
	}
	return 0
}

// rank is how specific a route is at one place.
func (r *route) rank(i int) int {
	switch {
	case i < len(r.segments) && !r.segments[i].param:
		return 0
	case i < len(r.segments):
		return 1
	case !r.below:
		return 2
	}
	return 3
}

// same reports whether two routes match the same paths.
func (r *route) same(o *route) bool {
	if len(r.segments) != len(o.segments) || r.below != o.below {
		return false
	}
	for i, s := range r.segments {
		if s.param != o.segments[i].param || !s.param && s.text != o.segments[i].text {
			return false
		}
	}
	return true
}
