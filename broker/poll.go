package broker

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"
)

// Fetcher brings bundles from elsewhere.
type Fetcher interface {
	// Fetch returns the archive and its tag, or nil when there still is the one with the tag that is given. A tag may be "".
	Fetch(ctx context.Context, tag string) (archive []byte, newTag string, err error)
}

const (
	tagSuffix   = ".etag"
	maxUnpacked = 1 << 30 // bytes of an archive
)

// fetched is one answer of a Fetcher.
type fetched struct {
	archive []byte
	tag     string
	err     error
}

// polling asks for a bundle again and again.
type polling struct {
	bundle  Bundle
	arrived chan fetched // nil without anything to fetch
	tag     atomic.Pointer[string]
	refused [32]byte // digest of what was fetched last and refused
	failed  string   // error of the last fetch, "" when it succeeded
}

// newPolling begins with the tag of what was kept.
func newPolling(b Bundle) *polling {
	p := &polling{bundle: b}
	tag := ""
	if b.From != nil {
		p.arrived = make(chan fetched)
		tag = b.keptTag()
	}
	p.tag.Store(&tag)
	return p
}

// keptTag is the tag of the bundle that is kept, "" when none is.
func (b Bundle) keptTag() string {
	if _, err := os.Stat(b.Path); err != nil {
		return ""
	}
	text, _ := readLimited(b.Path+tagSuffix, 4<<10) // without one it is fetched again
	return strings.TrimSpace(string(text))
}

// fetch asks once.
func (p *polling) fetch(ctx context.Context) fetched {
	var f fetched
	f.archive, f.tag, f.err = p.bundle.From.Fetch(ctx, *p.tag.Load())
	return f
}

// serve asks until the context ends, at times that differ from host to host.
func (p *polling) serve(ctx context.Context) {
	for {
		delay := p.bundle.MinDelay
		if spread := p.bundle.MaxDelay - p.bundle.MinDelay; spread > 0 {
			delay += rand.N(spread)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(max(delay, time.Millisecond)):
		}
		f := p.fetch(ctx)
		select {
		case <-ctx.Done():
			return
		case p.arrived <- f:
		}
	}
}

// take puts what was fetched in force. An error is told of once until something else happens.
func (w *watch) take(ctx context.Context, f fetched) (changed bool, err error) {
	p := w.polling
	if f.err != nil {
		repeated := f.err.Error() == p.failed
		p.failed = f.err.Error()
		return !repeated, f.err
	}
	p.failed = ""
	if f.archive == nil {
		return false, nil
	}
	files := w.files
	files.Bundle.archive = f.archive
	source, digest, err := files.read()
	if err == nil && digest != w.last {
		source.Apps = w.apps
		if err = w.broker.Load(ctx, source); err == nil {
			changed, w.last = true, digest
		}
	}
	if err != nil {
		repeated := digest == p.refused
		p.refused = digest
		return !repeated, err
	}
	p.refused = [32]byte{}
	return w.keep(f, changed)
}

// keep writes what came into force to the file that the next start begins with. While that fails it is kept in memory.
func (w *watch) keep(f fetched, changed bool) (bool, error) {
	if err := w.files.Bundle.write(f); err != nil {
		w.files.Bundle.archive = f.archive
		return true, fmt.Errorf("the bundle is in force, but the next start cannot begin with it: %w", err)
	}
	w.files.Bundle.archive = nil
	w.stamps = w.files.stamps()
	w.polling.tag.Store(&f.tag)
	return changed, nil
}

func (b Bundle) write(f fetched) error {
	if err := os.MkdirAll(filepath.Dir(b.Path), 0o700); err != nil {
		return err
	}
	// Without a tag, what lies there is never taken for what the tag names.
	if err := os.Remove(b.Path + tagSuffix); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := replaceFile(b.Path, f.archive); err != nil {
		return err
	}
	return replaceFile(b.Path+tagSuffix, []byte(f.tag+"\n"))
}

// archived is the content of a bundle that is an archive: the one at hand, the one that was kept, or, before any was, the one
// that the server has now.
func (b Bundle) archived() ([]byte, error) {
	data := b.archive
	if data == nil {
		var err error
		data, err = readLimited(b.Path, maxBundle)
		if b.From != nil && errors.Is(err, os.ErrNotExist) {
			data, _, err = b.From.Fetch(context.Background(), "")
		}
		if err != nil {
			return nil, err
		}
	}
	return data, unpackable(data, cmp.Or(b.unpacked, maxUnpacked))
}

// unpackable refuses an archive that would take up too much memory.
func unpackable(data []byte, limit int64) error {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return err
	}
	n, err := io.Copy(io.Discard, io.LimitReader(z, limit+1))
	if err == nil && n > limit {
		err = fmt.Errorf("it unpacks to more than %d bytes", limit)
	}
	return err
}
