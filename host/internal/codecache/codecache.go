// Package codecache keeps compiled modules on disk between runs.
//
// A compiled module is native code that the engine trusts blindly, so each
// entry carries an HMAC-SHA256 under a key that only the owner can read. An
// entry that was changed, cut, or copied from elsewhere is [ErrForged], and the
// caller compiles again. Start with [Open]. The package never compiles.
package codecache

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Sentinels of [Cache.Load]. Either way, compile and [Cache.Store].
var (
	// ErrMissing means that there is no such entry.
	ErrMissing = errors.New("not in the code cache")
	// ErrForged means that this host did not write the entry: report it.
	ErrForged = errors.New("the code cache entry was not written by this host")
)

const (
	keyFile = "key"
	keySize = 32
	macSize = sha256.Size
	// maxEntry bounds what is read back, in bytes.
	maxEntry = 2 << 30
)

// Cache is a directory of entries. It may be used by several processes at once.
type Cache struct {
	dir string
	key []byte
}

// Open opens the cache in dir, which is made, with a fresh key, if need be.
func Open(dir string) (*Cache, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open code cache: %w", err)
	}
	if err := Check(dir); err != nil {
		return nil, fmt.Errorf("open code cache: %w", err)
	}
	key, err := readKey(filepath.Join(dir, keyFile))
	if err != nil {
		return nil, fmt.Errorf("open code cache: %w", err)
	}
	return &Cache{dir, key}, nil
}

// readKey reads the key, or makes one. Two processes that start at once agree:
// a hard link to a finished file either is the first or fails.
func readKey(path string) ([]byte, error) {
	if err := checkKey(path); !errors.Is(err, fs.ErrNotExist) {
		if err != nil {
			return nil, err
		}
		return os.ReadFile(path)
	}
	fresh := make([]byte, keySize)
	rand.Read(fresh)
	temp, err := writeTemp(filepath.Dir(path), fresh)
	if err != nil {
		return nil, err
	}
	defer os.Remove(temp)
	if err := os.Link(temp, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return os.ReadFile(path)
}

// checkKey refuses a key that others could know.
func checkKey(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o077 != 0 || info.Size() != keySize {
		return fmt.Errorf("%s: want a file of %d bytes that only its owner can read: delete it to start the cache anew", path, keySize)
	}
	return nil
}

// path of an entry: ids may hold anything, so files are named by their hash.
func (c *Cache) path(id string) string {
	return filepath.Join(c.dir, fmt.Sprintf("%x.cwasm", sha256.Sum256([]byte(id))))
}

// Load reads the entry stored under id.
func (c *Cache) Load(id string) ([]byte, error) {
	path := c.path(id)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, ErrMissing
	case err != nil:
		return nil, fmt.Errorf("load compiled code: %w", err)
	case info.Size() < macSize || info.Size() > maxEntry:
		return nil, fmt.Errorf("%s: %w", path, ErrForged)
	}
	entry, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("load compiled code: %w", err)
	}
	if len(entry) < macSize || !hmac.Equal(entry[:macSize], c.mac(id, entry[macSize:])) {
		return nil, fmt.Errorf("%s: %w", path, ErrForged)
	}
	return entry[macSize:], nil
}

// Store writes an entry, in place of an earlier one with that id.
func (c *Cache) Store(id string, code []byte) error {
	temp, err := writeTemp(c.dir, c.mac(id, code), code)
	if err != nil {
		return fmt.Errorf("store compiled code: %w", err)
	}
	if err := os.Rename(temp, c.path(id)); err != nil {
		os.Remove(temp)
		return fmt.Errorf("store compiled code: %w", err)
	}
	return nil
}

func (c *Cache) mac(id string, code []byte) []byte {
	h := hmac.New(sha256.New, c.key)
	name := sha256.Sum256([]byte(id))
	h.Write(name[:])
	h.Write(code)
	return h.Sum(nil)
}

// writeTemp writes a file beside its destination, readable by the owner only.
func writeTemp(dir string, parts ...[]byte) (path string, err error) {
	f, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return "", err
	}
	for _, part := range parts {
		if _, err = f.Write(part); err != nil {
			break
		}
	}
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}
