package sqlite

import (
	"context"
	"sync"

	"github.com/writ-host/writ/capabilities/provider/internal/held"
	"github.com/writ-host/writ/capabilities/sql/backend"
)

// transaction is one that a component began. It has a connection of its own.
type transaction struct {
	conn *conn
	pool *pool
	mode backend.Mode
	// giveBack is for its owner's share.
	giveBack func()

	mu   sync.Mutex // of the connection: cursors within use it, too
	over bool
	open map[*cursor]bool
}

// End implements held.Thing: it undoes the transaction.
func (t *transaction) End() { _ = t.end("ROLLBACK") }

// end ends the transaction, and its cursors before it.
func (t *transaction) end(how string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return held.Ended()
	}
	t.over = true
	for c := range t.open {
		t.conn.release(c.statement)
	}
	t.open = nil
	var err error
	if t.conn.db.GetAutocommit() {
		err = backend.Errorf(backend.Conflict, "the database has undone the transaction")
	} else {
		err = failure(t.conn.own(how))
	}
	t.pool.put(t.conn) // which undoes what could not be committed
	t.giveBack()
	return err
}

// give takes back one cursor.
func (t *transaction) give(c *cursor) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open[c] {
		delete(t.open, c)
		t.conn.release(c.statement)
	}
}

// Begin implements backend.SQL.
func (d *Database) Begin(ctx context.Context, at backend.Caller, mode backend.Mode) (uint64, error) {
	p, how := d.readers, "BEGIN"
	if mode == backend.ReadWrite {
		p, how = d.writer, "BEGIN IMMEDIATE"
	}
	giveBack, err := d.shares.Take(ctx, at)
	if err != nil {
		return 0, err
	}
	c, err := p.get(ctx)
	if err != nil {
		giveBack()
		return 0, err
	}
	if err := c.own(how); err != nil {
		p.put(c)
		giveBack()
		return 0, failure(err)
	}
	return d.held.Hold(at, &transaction{conn: c, pool: p, mode: mode, giveBack: giveBack, open: map[*cursor]bool{}})
}

// End implements backend.SQL.
func (d *Database) End(_ context.Context, at backend.Caller, id uint64, commit bool) error {
	e, err := d.held.Use(at, id)
	if err != nil {
		return err
	}
	defer e.Done()
	t, ok := e.Thing.(*transaction)
	if !ok {
		return held.Ended()
	}
	e.Release()
	if commit {
		return t.end("COMMIT")
	}
	return t.end("ROLLBACK")
}

// executeWithin executes a statement in a transaction.
func (d *Database) executeWithin(ctx context.Context, at backend.Caller, s backend.Statement) (backend.Result, error) {
	e, err := d.held.Use(at, s.Transaction)
	if err != nil {
		return backend.Result{}, err
	}
	defer e.Done()
	t, ok := e.Thing.(*transaction)
	if !ok {
		return backend.Result{}, held.Ended()
	}
	r, c, err := t.execute(ctx, s)
	if c != nil {
		r.Cursor, err = d.held.Hold(at, c)
	}
	return r, err
}

// execute runs a statement. When it has more rows than it returns, there is a
// cursor for them.
func (t *transaction) execute(ctx context.Context, s backend.Statement) (r backend.Result, rest *cursor, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	compiled, err := t.conn.ready(s)
	if err != nil {
		return r, nil, err
	}
	if compiled.writes {
		if t.mode == backend.ReadOnly {
			t.conn.release(compiled)
			return r, nil, backend.Errorf(backend.NotAllowed, "the transaction is read-only")
		}
		r, err = t.conn.write(ctx, compiled, s.Parameters)
		return r, nil, err
	}
	r, done, err := t.conn.query(ctx, compiled, s)
	if done {
		return r, nil, err
	}
	c := &cursor{conn: t.conn, statement: compiled, within: t}
	t.open[c] = true
	return r, c, nil
}
