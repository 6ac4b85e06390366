package sqlite

import (
	"context"
	"fmt"

	"github.com/writ-host/writ/capabilities/provider/internal/held"
	"github.com/writ-host/writ/capabilities/sql/backend"
)

// Bounds of an answer.
const (
	pageRows  = 256
	pageBytes = 256 << 10
	// returnedBytes bounds the rows that a write returns: they come at once.
	returnedBytes = 8 << 20
)

// Database is one SQLite database. It implements backend.SQL.
type Database struct {
	writer  *pool // of one: SQLite writes one at a time
	readers *pool
	held    held.Table
	shares  *held.Shares // of the readers
}

var _ backend.SQL = (*Database)(nil)

// Open opens the database in a file, which is made when it is not there.
func Open(path string) (*Database, error) {
	d := &Database{writer: newPool(path, 1), readers: newPool(path, maxReaders), shares: held.NewShares(maxReaders)}
	c, err := d.writer.get(context.Background())
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	d.writer.put(c)
	return d, nil
}

// Close ends what is open and closes the database.
func (d *Database) Close() error {
	d.held.EndAll()
	d.readers.close()
	d.writer.close()
	return nil
}

// Prepare implements backend.SQL.
func (d *Database) Prepare(ctx context.Context, _ backend.Caller, text string) (backend.Plan, error) {
	c, err := d.readers.get(ctx)
	if err != nil {
		return backend.Plan{}, err
	}
	defer d.readers.put(c)
	s, err := c.statement(text)
	if err != nil {
		return backend.Plan{}, err
	}
	p := backend.Plan{Accesses: s.found.accesses, Columns: s.columns, Writes: s.writes}
	c.forget(s) // the next execution compiles it for the schema of then
	return p, nil
}

// Execute implements backend.SQL.
func (d *Database) Execute(ctx context.Context, at backend.Caller, s backend.Statement) (backend.Result, error) {
	if s.Transaction != 0 {
		return d.executeWithin(ctx, at, s)
	}
	r, retry, err := d.read(ctx, at, s)
	if !retry {
		return r, err
	}
	c, err := d.writer.get(ctx)
	if err != nil {
		return backend.Result{}, err
	}
	defer d.writer.put(c)
	compiled, err := c.ready(s)
	if err != nil {
		return backend.Result{}, err
	}
	return c.write(ctx, compiled, s.Parameters)
}

// read executes a statement on a connection that reads. retry says that it
// writes, and nothing was done.
func (d *Database) read(ctx context.Context, at backend.Caller, s backend.Statement) (r backend.Result, retry bool, err error) {
	c, err := d.readers.get(ctx)
	if err != nil {
		return r, false, err
	}
	compiled, err := c.ready(s)
	if err != nil || compiled.writes {
		d.readers.put(c)
		return r, err == nil, err
	}
	r, done, err := c.query(ctx, compiled, s)
	if done {
		d.readers.put(c)
		return r, false, err
	}
	giveBack, err := d.shares.TryTake(at)
	if err != nil {
		c.release(compiled)
		d.readers.put(c)
		return backend.Result{}, false, err
	}
	r.Cursor, err = d.held.Hold(at, &cursor{conn: c, statement: compiled, end: func() { d.readers.put(c); giveBack() }})
	return r, false, err
}

// ready is a compiled statement that does no more than is allowed.
func (c *conn) ready(s backend.Statement) (*statement, error) {
	compiled, err := c.statement(s.Text)
	if err != nil {
		return nil, err
	}
	if !compiled.within(s.Allowed) {
		c.forget(compiled)
		return nil, backend.Errorf(backend.Stale, "the statement touches more than is allowed")
	}
	return compiled, nil
}

// query runs a statement that reads, up to the first rows. When it is not done,
// the statement stays in use.
func (c *conn) query(ctx context.Context, s *statement, o backend.Statement) (r backend.Result, done bool, err error) {
	if err := s.bind(o.Parameters); err != nil {
		c.release(s)
		return r, true, err
	}
	s.busy = true
	r.Rows.Rows, done, err = c.page(ctx, s, o.MaxRows, pageBytes)
	r.Columns = s.columns // which the first step may have changed
	if done {
		c.finish(s, err)
	}
	return r, done, err
}

// finish makes a statement free after its last step.
func (c *conn) finish(s *statement, err error) {
	if backend.Is(err, backend.Stale) {
		c.forget(s)
		return
	}
	c.release(s)
}

// page steps through the next rows. done is true at their end, and with an error.
func (c *conn) page(ctx context.Context, s *statement, most, bytes int) (rows [][]backend.Value, done bool, err error) {
	if most <= 0 || most > pageRows {
		most = pageRows
	}
	for size := 0; len(rows) < most && size < bytes; {
		more, err := c.step(ctx, s)
		if err != nil {
			return nil, true, err
		}
		if !more {
			return rows, true, nil
		}
		row := make([]backend.Value, len(s.columns))
		for i := range row {
			row[i] = s.column(i)
		}
		rows = append(rows, row)
		size += backend.RowSize(row)
	}
	return rows, false, nil
}

// write runs a statement that changes something, to its end. What it returns
// comes at once: when that is too much, nothing of it happens.
func (c *conn) write(ctx context.Context, s *statement, parameters []backend.Value) (r backend.Result, err error) {
	if err := s.bind(parameters); err != nil {
		c.release(s)
		return r, err
	}
	before := c.db.TotalChanges()
	if len(s.columns) == 0 {
		_, err = c.step(ctx, s)
		c.finish(s, err)
	} else {
		r.Rows.Rows, err = c.returning(ctx, s)
		r.Columns = s.columns
	}
	if err != nil {
		return backend.Result{}, err
	}
	if c.db.TotalChanges() != before {
		r.Affected = c.db.Changes()
	}
	return r, nil
}

// returning runs a write that has rows, as a whole or not at all.
func (c *conn) returning(ctx context.Context, s *statement) (rows [][]backend.Value, err error) {
	if err := c.own("SAVEPOINT writ"); err != nil {
		c.release(s)
		return nil, failure(err)
	}
	for size, done := 0, false; !done && err == nil; {
		var page [][]backend.Value
		page, done, err = c.page(ctx, s, 0, returnedBytes)
		rows = append(rows, page...)
		for _, row := range page {
			size += backend.RowSize(row)
		}
		if size > returnedBytes && err == nil {
			err = backend.Errorf(backend.TooLarge, "the write returns more than %d bytes", returnedBytes)
		}
	}
	c.finish(s, err)
	if err != nil {
		_ = c.own("ROLLBACK TO writ") // fails only when the transaction is undone already
		rows = nil
	}
	if release := c.own("RELEASE writ"); err == nil {
		err = failure(release)
	}
	return rows, err
}
