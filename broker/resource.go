package broker

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// MaxResource is the length in bytes of the longest canonical resource that can be granted. Matching costs time in
// proportion to the length, and guests choose it.
const MaxResource = 16 << 10

// maxPattern bounds the text of a pattern.
const maxPattern = 4 << 10

// KVResource names a key in a key-value store: any bytes may be in either. A "/" in the key separates segments.
func KVResource(store, key string) string {
	b := make([]byte, 0, len("kv:///")+len(store)+len(key)+16)
	b = appendEncoded(append(b, "kv://"...), store, unreserved)
	return string(appendEncoded(append(b, '/'), key, keyChars))
}

// KVStore is the prefix of all resources of a store, for Subject.Covers.
func KVStore(store string) string { return KVResource(store, "") }

// SQLResource names a table, or with an empty table the database itself.
func SQLResource(database, table string) string {
	b := appendEncoded([]byte("sql://"), database, unreserved)
	return string(appendEncoded(append(b, '/'), table, unreserved))
}

// EnvResource names an environment variable.
func EnvResource(name string) string { return opaqueResource("env:", name) }

// ClockResource names a clock, such as "wall" or "monotonic".
func ClockResource(name string) string { return opaqueResource("clock:", name) }

// RandomResource names a source of random numbers, such as "secure" or "insecure".
func RandomResource(name string) string { return opaqueResource("random:", name) }

func opaqueResource(scheme, name string) string {
	return string(appendEncoded([]byte(scheme), name, unreserved))
}

// InterfaceResource names a function of an interface, such as "acme:billing/api@1.0.0" and "[method]invoice.pay".
func InterfaceResource(iface, function string) (string, error) {
	if iface == "" || function == "" {
		return "", errors.New("name an interface function: interface or function is empty")
	}
	if ns, _, ok := strings.Cut(iface, ":"); ok && schemes[strings.ToLower(ns)] != nil {
		return "", fmt.Errorf("name a function of interface %q: its namespace is the scheme of a built-in capability", iface)
	}
	b := appendEncoded(nil, iface, interfaceChars)
	return string(appendEncoded(append(b, '#'), function, functionChars)), nil
}

// HTTPResource names what a request asks for. Authority is host[:port] without user information; the query and the
// fragment of the path are no part of the resource. It refuses dot segments, plain or encoded, rather than resolve them:
// servers do not agree about them.
func HTTPResource(scheme, authority, pathWithQuery string) (string, error) {
	scheme = strings.ToLower(scheme)
	if scheme != "http" && scheme != "https" {
		return "", fmt.Errorf("name an http resource: scheme %q is neither http nor https", scheme)
	}
	if strings.ContainsAny(authority, "/*") {
		return "", fmt.Errorf("name an http resource: bad authority %q", authority)
	}
	path := pathWithQuery
	if i := strings.IndexAny(path, "?#"); i >= 0 {
		path = path[:i]
	}
	if path != "" && path[0] != '/' {
		return "", fmt.Errorf("name an http resource: path %q does not begin with a slash", path)
	}
	// A star in a path is a plain character on the wire; only in patterns is it more.
	return Canonical(scheme + "://" + authority + strings.ReplaceAll(path, "*", "%2A"))
}

// FileResource names a file by its absolute path, or with a final slash a directory.
func FileResource(path string) (string, error) {
	if !strings.HasPrefix(path, "/") {
		return "", fmt.Errorf("name a file: path %q is not absolute", path)
	}
	var b strings.Builder
	b.WriteString("file://")
	for _, segment := range strings.SplitAfter(path, "/") {
		name, slash := strings.CutSuffix(segment, "/")
		b.Write(appendEncoded(nil, name, unreserved))
		if slash {
			b.WriteByte('/')
		}
	}
	return Canonical(b.String())
}

// TCPResource names a TCP endpoint by host name or address.
func TCPResource(host string, port uint16) (string, error) { return endpoint("tcp://", host, port) }

// UDPResource names a UDP endpoint by host name or address.
func UDPResource(host string, port uint16) (string, error) { return endpoint("udp://", host, port) }

func endpoint(scheme, host string, port uint16) (string, error) {
	h, err := canonicalHost(host, false)
	if err != nil {
		return "", fmt.Errorf("name an endpoint: %w", err)
	}
	return scheme + h + ":" + strconv.Itoa(int(port)), nil
}

// DNSResource names a domain name to resolve.
func DNSResource(name string) (string, error) { return Canonical("dns://" + name) }
