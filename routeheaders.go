package writ

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	wasihttp "github.com/writ-host/writ/capabilities/http"
)

// boundRoute is a route and what serves it.
type boundRoute struct {
	route
	runner *runner
	params []string            // the headers of its parameters, in their order
	fixed  map[string][]string // the headers that are the same for all requests
}

// ErrNotHTTP is of a route to a component that is not for HTTP.
var ErrNotHTTP = errors.New("answers no requests")

// bindRoutes sets the routes against the components that can serve them.
func (e *edition) bindRoutes() error {
	for _, r := range e.app.Manifest.Triggers.HTTP {
		runner := e.runners[r.Component]
		if runner.handle == nil {
			return fmt.Errorf("route %s: component %s %w: it does not export %s", r.Route, r.Component, ErrNotHTTP, wasihttp.Handler().Name)
		}
		if r.Route.Private {
			continue
		}
		parsed, err := parseRoute(r.Route.Pattern)
		if err != nil {
			return err
		}
		e.routes = append(e.routes, parsed.bind(runner))
	}
	slices.SortStableFunc(e.routes, func(a, b boundRoute) int { return a.compare(&b.route) })
	return nil
}

func (r route) bind(runner *runner) boundRoute {
	b := boundRoute{route: r, runner: runner, fixed: map[string][]string{
		"Spin-Matched-Route": {r.text}, "Spin-Raw-Component-Route": {r.text},
		"Spin-Component-Route": {strings.TrimSuffix(r.text, "/...")}, "Spin-Base-Path": {"/"},
	}}
	for _, s := range r.segments {
		if s.param {
			b.params = append(b.params, paramHeader(s.text))
		}
	}
	return b
}

// paramHeader is the name under which a component finds a route's parameter.
func paramHeader(name string) string {
	return http.CanonicalHeaderKey("Spin-Path-Match-" + strings.ReplaceAll(name, "_", "-"))
}

// route finds what serves a request, and tells it so in the request's headers.
func (e *edition) route(r *http.Request) (*runner, bool) {
	path := r.URL.EscapedPath()
	for i := range e.routes {
		if m, ok := e.routes[i].match(path); ok {
			e.routes[i].tell(r, path, m)
			return e.routes[i].runner, true
		}
	}
	return nil, false
}

// tell puts into the request what Spin tells components of how they were
// reached, in the place of what strip removed.
func (b *boundRoute) tell(r *http.Request, path string, m routeMatch) {
	for name, value := range b.fixed {
		r.Header[name] = value
	}
	for i, name := range b.params {
		r.Header[name] = []string{m.values[i]}
	}
	full := r.URL.Scheme + "://" + r.Host + path
	if r.URL.RawQuery != "" {
		full += "?" + r.URL.RawQuery
	}
	told := []string{full, m.rest, r.RemoteAddr}
	r.Header["Spin-Full-Url"] = told[0:1:1]
	r.Header["Spin-Path-Info"] = told[1:2:2]
	r.Header["Spin-Client-Addr"] = told[2:3:3]
}
