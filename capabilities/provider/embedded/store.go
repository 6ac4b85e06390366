package embedded

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/writ-host/writ/capabilities/kv/backend"
	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// Limits of the engine.
const (
	maxKey   = 16 << 10 // bytes; bbolt itself takes 32 KiB
	maxValue = 16 << 20 // bytes
	maxPage  = 1000     // keys in a page

	// lockWait is how long opening waits for a predecessor that is just dying.
	lockWait = 5 * time.Second
	// initialMap is address space, not memory. Growing a map waits for readers.
	initialMap = 1 << 30
)

// Store is an open store file. It implements backend.KeyValue.
type Store struct {
	db     *bolt.DB
	writes *committer
	hub    hub
}

var (
	_ backend.LocalReads = (*Store)(nil)
	_ backend.Watcher    = (*Store)(nil)
)

// Open opens or makes a store file.
func Open(path string) (*Store, error) {
	db, err := bolt.Open(path, 0o600, &bolt.Options{
		Timeout: lockWait, FreelistType: bolt.FreelistMapType, InitialMmapSize: initialMap, NoStatistics: true,
	})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, fmt.Errorf("open store %s: another process has it open, such as another writ for the same app", path)
	case err != nil:
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	return &Store{db: db, writes: startCommitter(db)}, nil
}

// Close waits for the writes that run, then closes the file.
func (s *Store) Close() error {
	s.writes.stop()
	return s.db.Close()
}

// Health is an error when the store cannot go on.
func (s *Store) Health() error { return s.writes.broken() }

// LocalReads says that reads never wait.
func (s *Store) LocalReads() {}

// Get implements backend.KeyValue.
func (s *Store) Get(_ context.Context, at backend.Caller, key string) (backend.Entry, error) {
	var e backend.Entry
	err := s.read(at, func(b *bolt.Bucket) {
		e = entry(b, diskKey(key))
	})
	return e, err
}

// Exists implements backend.KeyValue.
func (s *Store) Exists(_ context.Context, at backend.Caller, key string) (found bool, err error) {
	err = s.read(at, func(b *bolt.Bucket) {
		found = b != nil && b.Get(diskKey(key)) != nil
	})
	return found, err
}

// GetMany implements backend.KeyValue. All entries are of one moment.
func (s *Store) GetMany(_ context.Context, at backend.Caller, keys []string) ([]backend.Entry, error) {
	entries := make([]backend.Entry, len(keys))
	err := s.read(at, func(b *bolt.Bucket) {
		for i, k := range keys {
			entries[i] = entry(b, diskKey(k))
		}
	})
	return entries, err
}

// ListKeys implements backend.KeyValue. Keys come in the order of their bytes;
// the cursor is the last key of the page.
func (s *Store) ListKeys(_ context.Context, at backend.Caller, cursor string, limit int) (backend.Page, error) {
	if limit <= 0 || limit > maxPage {
		limit = maxPage
	}
	var p backend.Page
	err := s.read(at, func(b *bolt.Bucket) {
		if b != nil {
			p = page(b.Cursor(), cursor, limit)
		}
	})
	return p, err
}

func page(c *bolt.Cursor, after string, limit int) backend.Page {
	var p backend.Page
	k, _ := c.First()
	if after != "" {
		from := []byte(after) // a cursor is a key as it is on disk
		if k, _ = c.Seek(from); string(k) == after {
			k, _ = c.Next()
		}
	}
	for ; k != nil; k, _ = c.Next() {
		if len(p.Keys) == limit {
			p.Cursor = string(diskKey(p.Keys[limit-1]))
			break
		}
		p.Keys = append(p.Keys, string(k[1:]))
	}
	return p
}

// Set implements backend.KeyValue.
func (s *Store) Set(ctx context.Context, at backend.Caller, key string, value []byte) error {
	if err := check(key, value); err != nil {
		return err
	}
	return s.write(ctx, at, func(t txn) error { return put(t, key, value) })
}

// Delete implements backend.KeyValue.
func (s *Store) Delete(ctx context.Context, at backend.Caller, key string) error {
	return s.DeleteMany(ctx, at, []string{key})
}

// SetMany implements backend.KeyValue; all of it is written, or nothing.
func (s *Store) SetMany(ctx context.Context, at backend.Caller, pairs []backend.Pair) error {
	for _, p := range pairs {
		if err := check(p.Key, p.Value); err != nil {
			return err
		}
	}
	return s.write(ctx, at, func(t txn) error {
		for _, p := range pairs {
			if err := put(t, p.Key, p.Value); err != nil {
				return err
			}
		}
		return nil
	})
}

// DeleteMany implements backend.KeyValue; all of it is deleted, or nothing.
func (s *Store) DeleteMany(ctx context.Context, at backend.Caller, keys []string) error {
	return s.write(ctx, at, func(t txn) error {
		for _, k := range keys {
			if t.Get(diskKey(k)) == nil {
				continue
			}
			if err := t.Delete(diskKey(k)); err != nil {
				return err
			}
			t.changed(backend.Change{Key: k, Deleted: true})
		}
		return nil
	})
}

// Increment implements backend.KeyValue.
func (s *Store) Increment(ctx context.Context, at backend.Caller, key string, delta int64) (int64, error) {
	if err := check(key, nil); err != nil {
		return 0, err
	}
	if delta == 0 { // nothing changes, so there is nothing to make durable
		if e, err := s.Get(ctx, at, key); err != nil || e.Found {
			if err != nil {
				return 0, err
			}
			return e.Plus(0)
		}
	}
	sum := new(int64) // read only after the write is done: it may be late
	err := s.write(ctx, at, func(t txn) (err error) {
		if *sum, err = entry(t.Bucket, diskKey(key)).Plus(delta); err != nil {
			return err
		}
		return put(t, key, strconv.AppendInt(nil, *sum, 10))
	})
	if err != nil {
		return 0, err
	}
	return *sum, nil
}

// CompareAndSwap implements backend.KeyValue.
func (s *Store) CompareAndSwap(ctx context.Context, at backend.Caller, key, version string, value []byte) (bool, backend.Entry, error) {
	if err := check(key, value); err != nil {
		return false, backend.Entry{}, err
	}
	out := new(struct { // read only after the write is done: it may be late
		swapped bool
		current backend.Entry
	})
	err := s.write(ctx, at, func(t txn) error {
		if out.current = entry(t.Bucket, diskKey(key)); out.current.Version != version {
			return nil
		}
		out.swapped, out.current = true, backend.Entry{}
		return put(t, key, value)
	})
	if err != nil {
		return false, backend.Entry{}, err
	}
	return out.swapped, out.current, nil
}

// read runs f on the store's bucket, nil when nothing was ever written there.
func (s *Store) read(at backend.Caller, f func(*bolt.Bucket)) error {
	if err := s.writes.broken(); err != nil {
		return err
	}
	err := s.db.View(func(tx *bolt.Tx) error {
		f(tx.Bucket(diskKey(at.Store)))
		return nil
	})
	if err != nil {
		return backend.Errorf(backend.Unavailable, "read store: %v", err)
	}
	return nil
}

// write has f change the store, and tells who watches when it is on disk.
func (s *Store) write(ctx context.Context, at backend.Caller, f func(txn) error) error {
	w := &write{note: &note{store: at.Store}, tell: s.hub.tell}
	w.apply = func(tx *bolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists(diskKey(at.Store))
		if err != nil {
			return err
		}
		return f(txn{b, w.note})
	}
	return s.writes.do(ctx, w)
}

// diskKey is a name as it is on disk: bbolt has no empty keys.
func diskKey(name string) []byte {
	k := make([]byte, 1+len(name))
	k[0] = 'k'
	copy(k[1:], name)
	return k
}

// absent is the version of a key that is not there.
const absent = "0"

// entry copies what is under a key: 8 bytes of version, then the value.
func entry(b *bolt.Bucket, key []byte) backend.Entry {
	if b == nil {
		return backend.Entry{Version: absent}
	}
	v := b.Get(key)
	if len(v) < 8 {
		return backend.Entry{Version: absent}
	}
	return backend.Entry{
		Found: true, Value: append([]byte{}, v[8:]...),
		Version: strconv.FormatUint(binary.BigEndian.Uint64(v), 36),
	}
}

// put writes a value under the store's next version.
func put(t txn, key string, value []byte) error {
	version, err := t.NextSequence()
	if err != nil {
		return err
	}
	v := make([]byte, 8+len(value))
	binary.BigEndian.PutUint64(v, version)
	copy(v[8:], value)
	t.changed(backend.Change{Key: key, Value: value})
	return t.Put(diskKey(key), v)
}

func check(key string, value []byte) error {
	switch {
	case len(key) > maxKey:
		return backend.Errorf(backend.TooLarge, "the key has %d bytes, and %d are the most", len(key), maxKey)
	case len(value) > maxValue:
		return backend.Errorf(backend.TooLarge, "the value has %d bytes, and %d are the most", len(value), maxValue)
	}
	return nil
}
