package broker

import (
	"errors"
	"fmt"
	"strings"
)

// AppScheme is the scheme of the resources that an app's own components are to each other: http+app://<component>/<path>.
// Developers write http://<component>.writ.internal/<path>, or Spin's .spin.internal, which are other texts of the same.
// It is a scheme of its own so that no pattern for hosts of the network reaches a component.
const AppScheme = "http+app"

// AppDomain is the domain that components call each other by.
const AppDomain = ".writ.internal"

var appDomains = []string{AppDomain, ".spin.internal"}

// withinApp turns an address of the app's own components into their scheme. All else it leaves alone.
func withinApp(scheme, rest string) (string, string, error) {
	if scheme != "http" && scheme != "https" || !strings.HasPrefix(rest, "//") {
		return scheme, rest, nil
	}
	authority, path, slash := strings.Cut(rest[2:], "/")
	host, port, hasPort := strings.Cut(authority, ":")
	name := strings.TrimSuffix(strings.ToLower(host), ".")
	inside := false
	for _, domain := range appDomains {
		if before, ok := strings.CutSuffix(name, domain); ok {
			name, inside = before, true
			break
		}
	}
	switch {
	case !inside:
		return scheme, rest, nil
	case scheme != "http" || hasPort && port != "80" && port != "" && port != "*" && port != "**":
		return "", "", fmt.Errorf("a component of the app is reached at http://%s%s, without another scheme or port", name, AppDomain)
	case slash:
		path = "/" + path
	}
	return AppScheme, "//" + name + path, nil
}

func canonicalApp(rest string, pattern bool) (string, error) {
	rest, err := hierarchical(rest)
	if err != nil {
		return "", err
	}
	if strings.ContainsAny(rest, "?#") {
		return "", errors.New("a query or fragment is no part of a resource")
	}
	name, path, _ := strings.Cut(rest, "/")
	b := []byte("//")
	for i := range len(name) {
		c := name[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && (c != '*' || !pattern) {
			return "", fmt.Errorf("%q is not the name of a component", name)
		}
		b = append(b, c)
	}
	if name == "" {
		return "", errors.New("no component is named")
	}
	return appendPath(b, path, pattern)
}
