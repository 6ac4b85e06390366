package postgres

import (
	"context"
	"time"

	"github.com/writ-host/writ/capabilities/provider/internal/held"
	"github.com/writ-host/writ/capabilities/sql/backend"
)

// transaction is one that a component began. It has a connection of its own.
type transaction struct {
	conn *conn
	give func() // the connection back
}

// endWait bounds the end of a transaction that nobody waits for.
const endWait = 5 * time.Second

// End implements held.Thing: it undoes the transaction.
func (t *transaction) End() {
	ctx, cancel := context.WithTimeout(context.Background(), endWait)
	defer cancel()
	_ = t.end(ctx, "ROLLBACK") // else the connection is closed, which undoes it as well
}

func (t *transaction) end(ctx context.Context, how string) error {
	defer t.give()
	tag, err := t.conn.own(ctx, how)
	t.conn.role = "?" // a role that was set is undone, too
	if err == nil && tag != how {
		err = backend.Errorf(backend.Conflict, "a statement failed, so the transaction is undone")
	}
	return err
}

// Begin implements backend.SQL.
func (d *Database) Begin(ctx context.Context, at backend.Caller, mode backend.Mode) (uint64, error) {
	giveBack, err := d.shares.Take(ctx, at)
	if err != nil {
		return 0, err
	}
	c, err := d.pool.get(ctx)
	if err != nil {
		giveBack()
		return 0, err
	}
	how := "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY"
	if mode == backend.ReadWrite {
		how = "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE"
	}
	if _, err := c.own(ctx, how); err != nil {
		d.pool.put(c)
		giveBack()
		return 0, err
	}
	return d.held.Hold(at, &transaction{conn: c, give: func() { d.pool.put(c); giveBack() }})
}

// End implements backend.SQL.
func (d *Database) End(ctx context.Context, at backend.Caller, id uint64, commit bool) error {
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
		return t.end(ctx, "COMMIT")
	}
	return t.end(ctx, "ROLLBACK")
}

// executeWithin executes a statement in a transaction. Its rows come at once,
// since the connection has to be free for the next one.
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
	p, err := d.ready(ctx, at, t.conn, s)
	if err != nil {
		return backend.Result{}, err
	}
	r, err := t.conn.whole(ctx, s)
	if p.ddl {
		d.forget("")
	}
	if err != nil {
		return r, err
	}
	var rest [][]backend.Value
	if r.Rows.Rows, rest = split(r.Rows.Rows, s.MaxRows); len(rest) > 0 {
		r.Cursor, err = d.held.Hold(at, &cursor{ready: rest})
	}
	return r, err
}
