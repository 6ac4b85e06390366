package broker

import (
	"errors"
	"fmt"
	"strings"
)

// Canonical brings the text of one resource into the form that decisions are made on, in which equal resources are equal
// strings. A plain "*" is refused: it stands for itself only as "%2A".
func Canonical(text string) (string, error) { return canonicalise(text, false) }

// CanonicalPattern does the same for a pattern, in which "*" matches any run of characters within a segment (in a host:
// within a label) and "**" any run across segments (in a host: across labels).
func CanonicalPattern(text string) (string, error) { return canonicalise(text, true) }

// schemes holds the built-in schemes. A resource with any other beginning is an interface's function.
var schemes = map[string]func(rest string, pattern bool) (string, error){
	"kv": canonicalKV, "sql": canonicalSQL, "file": canonicalFile, "dns": canonicalDNS,
	"http":    func(rest string, pattern bool) (string, error) { return canonicalHTTP(rest, "80", pattern) },
	"https":   func(rest string, pattern bool) (string, error) { return canonicalHTTP(rest, "443", pattern) },
	AppScheme: canonicalApp,
	"tcp":     canonicalEndpoint, "udp": canonicalEndpoint,
	"env": canonicalOpaque, "clock": canonicalOpaque, "random": canonicalOpaque,
}

func canonicalise(text string, pattern bool) (string, error) {
	if limit := MaxResource; len(text) > limit || pattern && len(text) > maxPattern {
		return "", fmt.Errorf("resource of %d bytes is too long", len(text))
	}
	scheme, rest, ok := strings.Cut(text, ":")
	scheme, rest, err := withinApp(strings.ToLower(scheme), rest)
	if err != nil {
		return wrapResource("", text, err)
	}
	part := schemes[scheme]
	if !ok || part == nil {
		out, err := canonicalFunction(text, pattern)
		return wrapResource(out, text, err)
	}
	out, err := part(rest, pattern)
	return wrapResource(scheme+":"+out, text, err)
}

func wrapResource(out, text string, err error) (string, error) {
	if err != nil {
		return "", fmt.Errorf("resource %q: %w", text, err)
	}
	if len(out) > MaxResource {
		return "", fmt.Errorf("resource of %d bytes in canonical form is too long", len(out))
	}
	return out, nil
}

func canonicalKV(rest string, pattern bool) (string, error) {
	rest, err := hierarchical(rest)
	if err != nil {
		return "", err
	}
	store, key, slash := strings.Cut(rest, "/")
	if !slash && !strings.Contains(store, "**") {
		return "", fmt.Errorf("no key: the whole store is kv://%s/**", store)
	}
	b, err := appendText([]byte("//"), store, unreserved, pattern)
	if err != nil || !slash {
		return string(b), err
	}
	b, err = appendText(append(b, '/'), key, keyChars, pattern)
	return string(b), err
}

func canonicalSQL(rest string, pattern bool) (string, error) {
	rest, err := hierarchical(rest)
	if err != nil {
		return "", err
	}
	database, table, slash := strings.Cut(rest, "/")
	if strings.Contains(table, "/") {
		return "", errors.New("more than one slash after sql://: write sql://<database>/<table>")
	}
	if !slash && !strings.Contains(database, "**") {
		return "", fmt.Errorf("no table: the database itself is sql://%s/, all its tables are sql://%s/*", database, database)
	}
	b, err := appendText([]byte("//"), database, unreserved, pattern)
	if err != nil || !slash {
		return string(b), err
	}
	b, err = appendText(append(b, '/'), table, unreserved, pattern)
	return string(b), err
}

func canonicalFile(rest string, pattern bool) (string, error) {
	path, ok := strings.CutPrefix(rest, "///")
	if !ok {
		return "", errors.New("not of the form file:///path")
	}
	b := []byte("///")
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		last := i == len(segments)-1
		if segment == "" { // repeated slashes are one; the last one says that it is a directory
			continue
		}
		var err error
		from := len(b)
		if b, err = appendText(b, segment, unreserved, pattern); err != nil {
			return "", err
		}
		if err := checkFileSegment(string(b[from:])); err != nil {
			return "", err
		}
		if !last {
			b = append(b, '/')
		}
	}
	return string(b), nil
}

func checkFileSegment(s string) error {
	switch {
	case s == "." || s == "..":
		return errors.New("dot segment in path")
	case strings.Contains(s, "%2F"):
		return errors.New("encoded slash in path")
	case strings.Contains(s, "%00"):
		return errors.New("NUL byte in path")
	}
	return nil
}

func canonicalHTTP(rest, defaultPort string, pattern bool) (string, error) {
	rest, err := hierarchical(rest)
	if err != nil {
		return "", err
	}
	if strings.ContainsAny(rest, "?#") {
		return "", errors.New("a query or fragment is no part of a resource")
	}
	authority, path, _ := strings.Cut(rest, "/")
	host, err := canonicalAuthority(authority, defaultPort, pattern)
	if err != nil {
		return "", err
	}
	return appendPath([]byte("//"+host), path, pattern)
}

// appendPath appends the segments of a path to what is before its first slash.
func appendPath(b []byte, path string, pattern bool) (string, error) {
	for segment := range strings.SplitSeq(path, "/") {
		from := len(b) + 1
		var err error
		if b, err = appendText(append(b, '/'), segment, unreserved, pattern); err != nil {
			return "", err
		}
		if hidesDots(string(b[from:])) {
			return "", errors.New("dot segment in path")
		}
	}
	return string(b), nil
}

// hidesDots reports whether a server might find a dot segment in a segment in canonical form. Many take an encoded slash or a
// backslash for a slash, or leave out what follows a semicolon.
func hidesDots(segment string) bool {
	if !strings.Contains(segment, ".") {
		return false
	}
	for part := range strings.SplitSeq(slashes.Replace(segment), "/") {
		part, _, _ = strings.Cut(part, "%3B")
		if part == "." || part == ".." {
			return true
		}
	}
	return false
}

var slashes = strings.NewReplacer("%2F", "/", "%5C", "/")

func canonicalEndpoint(rest string, pattern bool) (string, error) {
	rest, err := hierarchical(rest)
	if err != nil {
		return "", err
	}
	host, err := canonicalAuthority(rest, "", pattern)
	return "//" + host, err
}

func canonicalDNS(rest string, pattern bool) (string, error) {
	rest, err := hierarchical(rest)
	if err != nil {
		return "", err
	}
	host, err := canonicalHost(rest, pattern)
	return "//" + host, err
}

func canonicalOpaque(name string, pattern bool) (string, error) {
	if name == "" || strings.ContainsAny(name, "/#") {
		return "", errors.New("not a name")
	}
	b, err := appendText(nil, name, unreserved, pattern)
	return string(b), err
}

func canonicalFunction(text string, pattern bool) (string, error) {
	iface, function, ok := strings.Cut(text, "#")
	if strings.Contains(iface, "://") {
		return "", errors.New("unknown scheme")
	}
	if !ok && strings.HasSuffix(iface, "**") {
		b, err := appendText(nil, iface, interfaceChars, pattern)
		return string(b), err
	}
	if !ok || iface == "" || function == "" || strings.Contains(function, "#") {
		return "", errors.New("neither a known scheme nor <interface>#<function>")
	}
	b, err := appendText(nil, iface, interfaceChars, pattern)
	if err != nil {
		return "", err
	}
	b, err = appendText(append(b, '#'), function, functionChars, pattern)
	return string(b), err
}

func hierarchical(rest string) (string, error) {
	s, ok := strings.CutPrefix(rest, "//")
	if !ok {
		return "", errors.New("no // after the scheme")
	}
	return s, nil
}
