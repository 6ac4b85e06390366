package sqlite

import (
	"context"

	"github.com/writ-host/writ/capabilities/provider/internal/held"
	"github.com/writ-host/writ/capabilities/sql/backend"
)

// cursor is a statement between two of its rows.
type cursor struct {
	conn      *conn
	statement *statement
	end       func() // gives the connection back; nil within a transaction
	within    *transaction
}

// End implements held.Thing.
func (c *cursor) End() {
	if c.within != nil {
		c.within.give(c)
		return
	}
	c.conn.release(c.statement)
	c.end()
}

// Fetch implements backend.SQL.
func (d *Database) Fetch(ctx context.Context, at backend.Caller, id uint64, most int) (backend.Rows, error) {
	e, err := d.held.Use(at, id)
	if err != nil {
		return backend.Rows{}, err
	}
	defer e.Done()
	c, ok := e.Thing.(*cursor)
	if !ok {
		return backend.Rows{}, held.Ended()
	}
	rows, done, err := c.next(ctx, most)
	if !done {
		e.Renew()
		return backend.Rows{Rows: rows, Cursor: id}, nil
	}
	e.Release()
	c.End()
	return backend.Rows{Rows: rows}, err
}

func (c *cursor) next(ctx context.Context, most int) (rows [][]backend.Value, done bool, err error) {
	if c.within == nil {
		return c.conn.page(ctx, c.statement, most, pageBytes)
	}
	c.within.mu.Lock()
	defer c.within.mu.Unlock()
	if c.within.over {
		return nil, true, held.Ended()
	}
	return c.conn.page(ctx, c.statement, most, pageBytes)
}

// CloseCursor implements backend.SQL.
func (d *Database) CloseCursor(_ context.Context, at backend.Caller, id uint64) error {
	e, err := d.held.Use(at, id)
	if err != nil {
		return nil // it has ended, which is what is wanted
	}
	defer e.Done()
	if c, ok := e.Thing.(*cursor); ok {
		e.Release()
		c.End()
	}
	return nil
}
