package broker

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// canonicalAuthority brings host[:port] into the form host:port.
func canonicalAuthority(s, defaultPort string, pattern bool) (string, error) {
	host, port := s, ""
	if i := strings.LastIndexByte(s, ':'); i >= 0 && !strings.HasSuffix(s, "]") {
		host, port = s[:i], s[i+1:]
	} else if port = defaultPort; port == "" {
		return "", errors.New("no port")
	}
	h, err := canonicalHost(host, pattern)
	if err != nil {
		return "", err
	}
	if pattern && (port == "*" || port == "**") {
		return h + ":*", nil
	}
	if port == "" { // "host:" is the default port too (RFC 3986, section 6.2.3)
		port = defaultPort
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || port[0] == '+' {
		return "", fmt.Errorf("bad port %q", port)
	}
	return h + ":" + strconv.FormatUint(n, 10), nil
}

// canonicalHost brings a host name or address into one form. It refuses what resolvers read in more than one way.
func canonicalHost(s string, pattern bool) (string, error) {
	bare := s
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		bare = s[1 : len(s)-1]
	}
	if strings.Contains(bare, ":") {
		addr, err := netip.ParseAddr(bare)
		if err != nil || addr.Zone() != "" {
			return "", fmt.Errorf("bad IPv6 address %q", s)
		}
		if addr = addr.Unmap(); addr.Is4() {
			return addr.String(), nil
		}
		return "[" + addr.String() + "]", nil
	}
	name, err := hostName(s, pattern)
	if err != nil {
		return "", err
	}
	if last := name[strings.LastIndexByte(name, '.')+1:]; !strings.Contains(name, "*") && numeric(last) {
		if _, err := netip.ParseAddr(name); err != nil {
			return "", fmt.Errorf("bad IPv4 address %q", s)
		}
	}
	return name, nil
}

// numeric reports whether the last label makes some resolvers read the whole host as an IPv4 address.
func numeric(label string) bool {
	if strings.HasPrefix(label, "0x") {
		return true
	}
	return label != "" && strings.Trim(label, "0123456789") == ""
}

func hostName(s string, pattern bool) (string, error) {
	name := strings.TrimSuffix(s, ".")
	if strings.HasSuffix(name, ".") {
		return "", fmt.Errorf("empty label in host %q", s)
	}
	b := make([]byte, 0, len(name))
	for i := range len(name) {
		c := name[i]
		switch {
		case c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
		case c == '*' && pattern:
			if n := len(b); n >= 2 && b[n-1] == '*' && b[n-2] == '*' {
				continue
			}
		case c == '.' && (i == 0 || name[i-1] == '.'):
			return "", fmt.Errorf("empty label in host %q", s)
		case c >= 0x80:
			return "", fmt.Errorf("host %q is not ASCII: write its xn-- form", s)
		case (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.':
			return "", fmt.Errorf("bad character %q in host %q", c, s)
		}
		b = append(b, c)
	}
	if len(b) == 0 || len(b) > 253 {
		return "", fmt.Errorf("bad host %q", s)
	}
	return string(b), nil
}
