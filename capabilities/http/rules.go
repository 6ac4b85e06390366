package wasihttp

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// isToken says whether s may be a field's name or a method. RFC 9110, 5.6.2.
func isToken(s string) bool {
	for i := range len(s) {
		if !tokenChars[s[i]] {
			return false
		}
	}
	return s != ""
}

var tokenChars = func() (set [256]bool) {
	for c := range 256 {
		alnum := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		set[c] = alnum || c < 0x80 && strings.IndexByte("!#$%&'*+-.^_`|~", byte(c)) >= 0
	}
	return set
}()

// isFieldValue says whether b may be a field's value: no control characters
// but the tab. RFC 9110, 5.5.
func isFieldValue(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// forbidden are the fields, in lower case, that belong to a connection and not
// to a message, and host, which is a request's authority.
var forbidden = []string{
	"connection", "host", "http2-settings", "keep-alive", "proxy-authenticate",
	"proxy-authorization", "proxy-connection", "transfer-encoding", "upgrade",
}

func isForbidden(lower string) bool { return slices.Contains(forbidden, lower) }

// contentLength is what a message declares, -1 when nothing; ok is false when
// it is not one clear number.
func contentLength(f *fields) (n int64, ok bool) {
	n = -1
	for _, e := range f.entries {
		if !strings.EqualFold(e.name, "content-length") {
			continue
		}
		v, err := strconv.ParseUint(string(e.value), 10, 63)
		if err != nil || n >= 0 && n != int64(v) {
			return -1, false
		}
		n = int64(v)
	}
	return n, true
}

// bodyAllowed says whether a response of this status has a body. RFC 9110, 6.4.1.
func bodyAllowed(status int) bool {
	return status != http.StatusNoContent && status != http.StatusNotModified
}

// isPathWithQuery says whether s can be a request's target: bytes that neither
// end it nor need escaping.
func isPathWithQuery(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("#\"<>\\^`{|}", c) >= 0 {
			return false
		}
	}
	return s == "*" || strings.HasPrefix(s, "/") || strings.HasPrefix(s, "?") || s == ""
}

// isScheme follows RFC 3986, 3.1.
func isScheme(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		letter := c >= 'a' && c <= 'z'
		if !letter && (i == 0 || !(s[i] >= '0' && s[i] <= '9') && strings.IndexByte("+-.", s[i]) < 0) {
			return false
		}
	}
	return s != ""
}

// isAuthority is a first check of host[:port] without user information; what
// the request may reach is decided about its canonical form.
func isAuthority(s string) bool {
	if i := strings.LastIndexByte(s, ':'); i >= 0 && !strings.HasSuffix(s, "]") {
		if _, err := strconv.ParseUint(s[i+1:], 10, 16); err != nil {
			return false
		}
		s = s[:i]
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("/?#@\\\"<>^`{|}", c) >= 0 {
			return false
		}
	}
	return s != ""
}
