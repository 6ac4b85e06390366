package writ

import (
	"slices"
	"strings"
	"testing"
)

func mustRoutes(t *testing.T, texts ...string) []route {
	t.Helper()
	var routes []route
	for _, text := range texts {
		r, err := parseRoute(text)
		if err != nil {
			t.Fatal(err)
		}
		routes = append(routes, r)
	}
	slices.SortStableFunc(routes, func(a, b route) int { return a.compare(&b) })
	return routes
}

func TestRoutesMatchTheMostSpecific(t *testing.T) {
	all := []string{"/...", "/", "/one", "/one/...", "/one/two/...", "/one/:x", "/one/:x/three", "/one/:x/...", "/one/two", "/:a/b", "/caf%C3%A9", "/o:k"}
	for path, want := range map[string]string{
		"/": "/", "/one": "/one", "/one/": "/one", "/one/two": "/one/two", "/one/two/": "/one/two",
		"/one/2": "/one/:x 2", "/one/2/": "/one/:x 2", "/one/2/three": "/one/:x/three 2", "/one/2/3/4": "/one/:x/... 2 + /3/4",
		"/one/two/three": "/one/two/... + /three", "/one/two/three/": "/one/two/... + /three/",
		"/two": "/... + /two", "/x/b": "/:a/b x", "//b": "/... + //b", "/one//": "/one/... + //", "/one//x": "/one/... + //x",
		"/%6Fne": "/one", "/caf%c3%a9": "/caf%C3%A9", "/one%2Ftwo": "/... + /one%2Ftwo", "/one/a%2Fb": "/one/:x a%2Fb",
		"/o:k": "/o:k", "*": "", "": "", "one": "",
	} {
		for _, order := range [][]string{all, reversed(all)} {
			if got := matched(mustRoutes(t, order...), path); got != want {
				t.Errorf("%s: %q, want %q", path, got, want)
			}
		}
	}
}

func reversed(list []string) []string {
	list = slices.Clone(list)
	slices.Reverse(list)
	return list
}

func matched(routes []route, path string) string {
	for i := range routes {
		if m, ok := routes[i].match(path); ok {
			text := routes[i].text
			for _, v := range m.values {
				text += " " + v
			}
			if m.rest != "" {
				text += " + " + m.rest
			}
			return text
		}
	}
	return ""
}

func TestRoutesThatAreNone(t *testing.T) {
	for _, text := range []string{"", "one", "/a*", "/*", "/.../x", "/a...", "/:", "/:1", "/:a b", "/:é", "/a//b", "//", "/:a/:A", "/:a_b/:a-b", "/%zz", "/a?b", "/a#b"} {
		if r, err := parseRoute(text); err == nil {
			t.Errorf("%q is taken as %+v", text, r)
		}
	}
}

func TestRoutesThatAreTheSame(t *testing.T) {
	for pair, want := range map[string]bool{
		"/a /a": true, "/a /a/": true, "/:x /:y": true, "/:x/... /:y/...": true, "/a /%61": true,
		"/a /a/...": false, "/a /:a": false, "/a /b": false, "/ /...": false,
	} {
		a, b, _ := strings.Cut(pair, " ")
		routes := mustRoutes(t, a, b)
		if routes[0].same(&routes[1]) != want {
			t.Errorf("%s: the same is not %v", pair, want)
		}
	}
}

func FuzzRoute(f *testing.F) {
	f.Add("/one/:x/...", "/one/2/3")
	f.Add("/", "//")
	f.Add("/caf%C3%A9", "/caf%c3%a9/")
	f.Fuzz(func(t *testing.T, text, path string) {
		r, err := parseRoute(text)
		if err != nil {
			return
		}
		m, ok := r.match(path)
		if !ok {
			return
		}
		params := 0
		for _, s := range r.segments {
			if s.param {
				params++
			}
		}
		if len(m.values) != params || !strings.HasSuffix(path, m.rest) || m.rest != "" && (!r.below || m.rest[0] != '/') {
			t.Errorf("%q of %q: %+v", text, path, m)
		}
	})
}
