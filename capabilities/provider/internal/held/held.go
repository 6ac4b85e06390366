// Package held keeps what outlives a call to a database provider: transactions
// and cursors, each for the component that began it, and for a while.
//
// Start with [Table]. It knows nothing of databases.
package held

import (
	"crypto/rand"
	"encoding/binary"
	"sync"
	"time"

	"github.com/writ-host/writ/capabilities/sql/backend"
)

const (
	// MaxAge is how long a thing may be held since it was last renewed.
	MaxAge = 30 * time.Second
	// maxHeld bounds what is held at once.
	maxHeld = 256
)

// Thing is a transaction or a cursor.
type Thing interface {
	// End undoes or closes it; it is called at most once.
	End()
}

// Table is what is held. The zero Table is empty.
type Table struct {
	mu      sync.Mutex
	entries map[uint64]*Entry
}

// Entry is one thing, locked for its user.
type Entry struct {
	Thing Thing

	table *Table
	id    uint64
	at    backend.Caller
	mu    sync.Mutex
	over  bool
	timer *time.Timer
}

// Hold keeps a thing under a new id, which nobody can guess. A thing too many
// is ended.
func (t *Table) Hold(at backend.Caller, thing Thing) (uint64, error) {
	var b [8]byte
	_, _ = rand.Read(b[:]) // it never fails
	e := &Entry{Thing: thing, table: t, id: binary.LittleEndian.Uint64(b[:]) | 1, at: at}
	if !t.put(e) {
		thing.End()
		return 0, backend.Errorf(backend.Unavailable, "%d transactions and results are open, the most there can be", maxHeld)
	}
	return e.id, nil
}

func (t *Table) put(e *Entry) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.entries) >= maxHeld {
		return false
	}
	if t.entries == nil {
		t.entries = map[uint64]*Entry{}
	}
	t.entries[e.id] = e
	e.timer = time.AfterFunc(MaxAge, e.expire)
	return true
}

// Use is what is held under an id, for its owner alone. The caller calls Done.
func (t *Table) Use(at backend.Caller, id uint64) (*Entry, error) {
	t.mu.Lock()
	e := t.entries[id]
	t.mu.Unlock()
	if e == nil || e.at.App != at.App || e.at.Component != at.Component {
		return nil, Ended()
	}
	e.mu.Lock()
	if e.over {
		e.mu.Unlock()
		return nil, Ended()
	}
	return e, nil
}

// Ended is the error for what is held no longer.
func Ended() error {
	return backend.Errorf(backend.Closed, "the transaction or result has ended, or took more than %v", MaxAge)
}

// Done lets others use an entry.
func (e *Entry) Done() { e.mu.Unlock() }

// Renew starts an entry's time anew.
func (e *Entry) Renew() { e.timer.Reset(MaxAge) }

// Release forgets an entry that is in use; the thing is its user's to end.
func (e *Entry) Release() {
	e.over = true
	e.table.mu.Lock()
	delete(e.table.entries, e.id)
	e.table.mu.Unlock()
	e.timer.Stop()
}

// expire ends the thing unless somebody did.
func (e *Entry) expire() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.over {
		e.Release()
		e.Thing.End()
	}
}

// EndAll ends everything.
func (t *Table) EndAll() {
	t.mu.Lock()
	var all []*Entry
	for _, e := range t.entries {
		all = append(all, e)
	}
	t.mu.Unlock()
	for _, e := range all {
		e.expire()
	}
}
