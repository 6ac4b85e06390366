package redis

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"unsafe"

	redis "github.com/redis/go-redis/v9"
	"github.com/writ-host/writ/capabilities/kv/backend"
	"github.com/writ-host/writ/capabilities/provider/upstream"
)

// Limits of the store.
const (
	maxKey   = 16 << 10 // bytes
	maxValue = 16 << 20 // bytes
	maxBatch = 48 << 20 // bytes of a batch that is read: it has to fit into a message
	maxPage  = 1000     // keys in a page
)

// absent is the version of a key that is not there.
const absent = "0"

// Store is the stores of one server, or of a cluster. It implements backend.KeyValue.
type Store struct {
	settings   Settings
	client     redis.UniversalClient
	complaints upstream.Complaints

	writer  string // of this process, and of no other
	written atomic.Uint64
	settled sync.Map // names.count of stores whose partitions are as the settings say
}

var _ backend.KeyValue = (*Store)(nil)

// Open checks the settings, and reads the files that they name.
func Open(settings Settings, log *slog.Logger) (*Store, error) {
	if err := settings.Validate(); err != nil {
		return nil, err
	}
	s := &Store{settings: settings.withDefaults(), writer: rand.Text()[:16] + ".", complaints: upstream.Complaints{Log: log}}
	var err error
	s.client, err = s.settings.connect()
	return s, err
}

// Close ends the connections.
func (s *Store) Close() error { return s.client.Close() }

// version is a new one. Hosts never have to agree on them: none is made twice.
func (s *Store) version() string { return s.writer + strconv.FormatUint(s.written.Add(1), 36) }

// settle checks that a store has as many partitions as the settings say, when
// it is used first: with another number its keys would be looked for elsewhere.
func (s *Store) settle(ctx context.Context, n names) error {
	at := n.count()
	if _, ok := s.settled.Load(at); ok {
		return nil
	}
	v, err := do(ctx, s, true, func(ctx context.Context) (any, error) {
		return s.run(ctx, settleScript, []string{at}, n.partitions)
	})
	if err != nil {
		return err
	}
	if text := fmt.Sprint(v); text != strconv.Itoa(n.partitions) {
		err := backend.Errorf(backend.Unavailable, "the store was made with %s partitions, and is configured with %d", text, n.partitions)
		s.complaints.Tell("store not used", err)
		return err
	}
	s.settled.Store(at, nil)
	return nil
}

// on runs an operation on a store. reads says that doing it twice does no harm.
func on[T any](ctx context.Context, s *Store, at backend.Caller, reads bool, operation func(context.Context, names) (T, error)) (v T, err error) {
	n := s.names(at)
	if err := s.settle(ctx, n); err != nil {
		return v, err
	}
	return do(ctx, s, reads, func(ctx context.Context) (T, error) { return operation(ctx, n) })
}

// Get implements backend.KeyValue.
func (s *Store) Get(ctx context.Context, at backend.Caller, key string) (backend.Entry, error) {
	return on(ctx, s, at, true, func(ctx context.Context, n names) (backend.Entry, error) {
		fields, err := s.client.HMGet(ctx, n.key(n.partition(key), key), "v", "n").Result()
		return entry(fields), err
	})
}

// Exists implements backend.KeyValue.
func (s *Store) Exists(ctx context.Context, at backend.Caller, key string) (bool, error) {
	return on(ctx, s, at, true, func(ctx context.Context, n names) (bool, error) {
		count, err := s.client.Exists(ctx, n.key(n.partition(key), key)).Result()
		return count > 0, err
	})
}

// Set implements backend.KeyValue.
func (s *Store) Set(ctx context.Context, at backend.Caller, key string, value []byte) error {
	return s.SetMany(ctx, at, []backend.Pair{{Key: key, Value: value}})
}

// Delete implements backend.KeyValue.
func (s *Store) Delete(ctx context.Context, at backend.Caller, key string) error {
	return s.DeleteMany(ctx, at, []string{key})
}

// Increment implements backend.KeyValue.
func (s *Store) Increment(ctx context.Context, at backend.Caller, key string, delta int64) (int64, error) {
	if err := check(key, nil); err != nil {
		return 0, err
	}
	sum, err := on(ctx, s, at, false, func(ctx context.Context, n names) (any, error) {
		p := n.partition(key)
		v, err := s.run(ctx, incrementScript, []string{n.index(p), n.key(p, key)}, s.version(), delta, key)
		if err == redis.Nil {
			return nil, nil
		}
		return v, err
	})
	switch {
	case err != nil:
		return 0, err
	case sum == nil:
		return s.incrementSlowly(ctx, at, key, delta)
	}
	return strconv.ParseInt(fmt.Sprint(sum), 10, 64)
}

// incrementSlowly is for numbers that Redis does not take for some, such as 007.
func (s *Store) incrementSlowly(ctx context.Context, at backend.Caller, key string, delta int64) (int64, error) {
	for {
		e, err := s.Get(ctx, at, key)
		if err != nil {
			return 0, err
		}
		sum, err := e.Plus(delta)
		if err != nil {
			return 0, err
		}
		swapped, _, err := s.CompareAndSwap(ctx, at, key, e.Version, strconv.AppendInt(nil, sum, 10))
		if err != nil || swapped {
			return sum, err
		}
	}
}

// CompareAndSwap implements backend.KeyValue.
func (s *Store) CompareAndSwap(ctx context.Context, at backend.Caller, key, version string, value []byte) (bool, backend.Entry, error) {
	if err := check(key, value); err != nil {
		return false, backend.Entry{}, err
	}
	v, err := on(ctx, s, at, false, func(ctx context.Context, n names) (any, error) {
		p := n.partition(key)
		return s.run(ctx, swapScript, []string{n.index(p), n.key(p, key)}, version, s.version(), value, key)
	})
	if current, ok := v.([]any); ok || err != nil {
		return false, entry(current), err
	}
	return true, backend.Entry{}, nil
}

// entry is the fields v and n of a key's hash.
func entry(fields []any) backend.Entry {
	if len(fields) != 2 {
		return backend.Entry{Version: absent}
	}
	value, found := fields[0].(string)
	version, ok := fields[1].(string)
	if !found || !ok {
		return backend.Entry{Version: absent}
	}
	// Nobody else has the text, and nobody changes what is handed on: no copy is needed.
	return backend.Entry{Found: true, Value: unsafe.Slice(unsafe.StringData(value), len(value)), Version: version}
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
