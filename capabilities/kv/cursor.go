package kv

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"

	"github.com/writ-host/writ/capabilities/kv/backend"
)

// maxCursor bounds a cursor that a guest hands in, in bytes.
const maxCursor = 64 << 10

// cursors seals the backend's cursors for guests. A backend's cursor may well be
// a key, and one that the component must not learn; and it must not be able to
// make one up. They hold for one component, one store and as long as the host runs.
type cursors struct {
	aead cipher.AEAD
}

func newCursors() (*cursors, error) {
	var key [32]byte
	_, _ = rand.Read(key[:]) // it never fails
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return &cursors{aead}, nil
}

func (c *cursors) seal(scope, cursor string) string {
	return base64.RawURLEncoding.EncodeToString(c.aead.Seal(nil, nil, []byte(cursor), []byte(scope)))
}

func (c *cursors) open(scope, sealed string) (string, error) {
	bad := backend.Errorf(backend.Invalid, "the cursor is not one of this store, or of an earlier run of the host")
	if len(sealed) > maxCursor {
		return "", bad
	}
	text, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil || len(text) < c.aead.Overhead() {
		return "", bad
	}
	cursor, err := c.aead.Open(nil, nil, text, []byte(scope))
	if err != nil {
		return "", bad
	}
	return string(cursor), nil
}
