package embedded

import (
	"context"
	"strings"
	"sync"

	"github.com/writ-host/writ/capabilities/kv/backend"
	bolt "go.etcd.io/bbolt"
)

// What waits for one watcher at most: who has more to take has fallen behind.
const (
	maxWaiting      = 4096     // changes
	maxWaitingBytes = 64 << 20 // of their keys and values
	maxWatchers     = 256
)

// hub tells watchers of the writes that are on disk.
type hub struct {
	mu       sync.Mutex
	watchers map[*watcher]bool
}

// watcher is one Watch. What waits for it is guarded by the hub.
type watcher struct {
	store, prefix string
	waiting       []backend.Change
	bytes         int
	behind        bool
	more          chan struct{} // has room for one
}

// note is a write's changes.
type note struct {
	store   string
	changes []backend.Change
}

// txn is the part of a transaction that one write is.
type txn struct {
	*bolt.Bucket
	note *note
}

func (t txn) changed(c backend.Change) { t.note.changes = append(t.note.changes, c) }

// Watch implements backend.Watcher.
func (s *Store) Watch(ctx context.Context, at backend.Caller, prefix string, ready func() error, each func([]backend.Change) error) error {
	w := &watcher{store: at.Store, prefix: prefix, more: make(chan struct{}, 1)}
	if !s.hub.add(w) {
		return backend.Errorf(backend.Unavailable, "%d watches stand, the most there can be", maxWatchers)
	}
	defer s.hub.remove(w)
	if err := ready(); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-w.more:
		}
		changes, behind := s.hub.take(w)
		if len(changes) > 0 {
			if err := each(changes); err != nil {
				return err
			}
		}
		if behind {
			return backend.Errorf(backend.Unavailable, "the watch has fallen behind the writes")
		}
	}
}

func (h *hub) add(w *watcher) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.watchers) >= maxWatchers {
		return false
	}
	if h.watchers == nil {
		h.watchers = map[*watcher]bool{}
	}
	h.watchers[w] = true
	return true
}

func (h *hub) remove(w *watcher) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.watchers, w)
}

func (h *hub) take(w *watcher) (changes []backend.Change, behind bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	changes, w.waiting, w.bytes = w.waiting, nil, 0
	return changes, w.behind
}

// tell hands out what a write changed. It never waits.
func (h *hub) tell(n *note) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for w := range h.watchers {
		if w.store == n.store && !w.behind {
			w.put(n.changes)
		}
	}
}

func (w *watcher) put(changes []backend.Change) {
	for _, c := range changes {
		if !strings.HasPrefix(c.Key, w.prefix) {
			continue
		}
		if w.bytes += len(c.Key) + len(c.Value); len(w.waiting) == maxWaiting || w.bytes > maxWaitingBytes && len(w.waiting) > 0 {
			w.behind = true
			break
		}
		w.waiting = append(w.waiting, c)
	}
	select {
	case w.more <- struct{}{}:
	default:
	}
}
