package writ

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"
)

// blobs is a directory of content by its digest. Nothing in it is taken on
// trust: it may be deleted, and written to, at any time.
type blobs struct{ dir string }

func (b blobs) path(d digest.Digest) string {
	return filepath.Join(b.dir, string(d.Algorithm())+"-"+d.Encoded())
}

// get is what has the digest, of at most max bytes; nil when it is not there, or
// is not what it should be.
func (b blobs) get(d digest.Digest, max int64) []byte {
	if d.Validate() != nil {
		return nil
	}
	content, err := readAtMost(b.path(d), max)
	if err != nil || d.Algorithm().FromBytes(content) != d {
		return nil
	}
	return content
}

// put keeps content whose digest was checked. What is read is all of it or nothing.
func (b blobs) put(d digest.Digest, content []byte) error {
	if err := os.MkdirAll(b.dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(b.dir, "new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), b.path(d))
	}
	if err != nil {
		_ = os.Remove(f.Name()) // the error before is what counts
	}
	return err
}
