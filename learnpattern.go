package writ

import "strings"

// maxBeside is how many resources beside each other are named one by one. More than that are a pattern.
const maxBeside = 4

// segments is a tree of resources by their segments.
type segments struct {
	kids  map[string]*segments
	here  bool   // a resource ends here
	count uint64 // calls of it and all below
	deep  bool   // something is below a kid
}

// generalise puts patterns for resources that are many beside each other, and returns the calls of each. What comes before the
// path (a store, a host, a database) always stays as it is.
func generalise(resources map[string]uint64) map[string]uint64 {
	patterns := map[string]uint64{}
	authorities := map[string]*segments{}
	for r, n := range resources {
		at := authorityLength(r)
		if at < 0 {
			patterns[r] += n
			continue
		}
		root := authorities[r[:at]]
		if root == nil {
			root = &segments{}
			authorities[r[:at]] = root
		}
		root.add(strings.Split(r[at+1:], "/"), n)
	}
	for authority, root := range authorities {
		root.patterns(authority, patterns)
	}
	return patterns
}

// authorityLength is where the path of a resource begins, -1 when it has none.
func authorityLength(resource string) int {
	_, rest, ok := strings.Cut(resource, "://")
	slash := strings.IndexByte(rest, '/')
	if !ok || slash < 0 {
		return -1
	}
	return len(resource) - len(rest) + slash
}

func (s *segments) add(path []string, n uint64) {
	s.count += n
	if len(path) == 0 {
		s.here = true
		return
	}
	if s.kids == nil {
		s.kids = map[string]*segments{}
	}
	k := s.kids[path[0]]
	if k == nil {
		k = &segments{}
		s.kids[path[0]] = k
	}
	s.deep = s.deep || len(path) > 1
	k.add(path[1:], n)
}

// patterns adds those of what is below a prefix, which has no slash at its end.
func (s *segments) patterns(prefix string, patterns map[string]uint64) {
	if s.here {
		patterns[prefix] += s.own()
	}
	if len(s.kids) > maxBeside {
		star := "/*"
		if s.deep {
			star = "/**"
		}
		patterns[prefix+star] += s.count - s.own()
		return
	}
	for name, k := range s.kids {
		k.patterns(prefix+"/"+name, patterns)
	}
}

// own is the number of calls of the resource itself.
func (s *segments) own() uint64 {
	n := s.count
	for _, k := range s.kids {
		n -= k.count
	}
	return n
}
