package broker

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Redactor hides in records what names of resources tell about users: keys, paths and host-private names. Someone who has
// the key and guesses a resource can find it again. The zero Redactor shows everything.
type Redactor struct{ key []byte }

// NewRedactor returns a Redactor with a key of the caller's, or with a nil key one with a random key.
func NewRedactor(key []byte) *Redactor {
	if key == nil {
		key = make([]byte, 32)
		rand.Read(key) // never fails (Go 1.24)
	}
	return &Redactor{key: key}
}

// Resource keeps of a canonical resource what is configuration (the scheme, the store, the database and table, the host and
// port, the interface and function, the name of a variable) and puts for a key or path "~" and 16 hexadecimal digits, the
// beginning of the HMAC-SHA256 of the whole resource.
func (r *Redactor) Resource(resource string) string {
	keep := visible(resource)
	if len(r.key) == 0 || keep == len(resource) {
		return resource
	}
	mac := hmac.New(sha256.New, r.key)
	mac.Write([]byte(resource))
	return resource[:keep] + "~" + hex.EncodeToString(mac.Sum(nil)[:8])
}

// visible is the number of bytes of a resource to show.
func visible(resource string) int {
	scheme, rest, ok := strings.Cut(resource, "://")
	if !ok || scheme == "sql" || scheme == "tcp" || scheme == "udp" || scheme == "dns" {
		return len(resource)
	}
	start := len(scheme) + len("://")
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		return start + i + 1
	}
	return start
}
