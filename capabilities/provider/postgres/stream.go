package postgres

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/writ-host/writ/capabilities/provider/internal/held"
	"github.com/writ-host/writ/capabilities/sql/backend"
)

// stream is the rows of a statement that runs. It outlives the call that began
// it, and each call's context ends it.
type stream struct {
	conn     *conn
	run      context.Context
	cancel   context.CancelFunc
	reader   *pgconn.ResultReader
	prepared *pgconn.StatementDescription
	done     bool
	affected int64
}

func newStream(c *conn) *stream {
	s := &stream{conn: c}
	s.run, s.cancel = context.WithCancel(context.Background())
	return s
}

// open begins a statement, and reads its first rows.
func (s *stream) open(ctx context.Context, o backend.Statement) (r backend.Result, err error) {
	defer context.AfterFunc(ctx, s.cancel)()
	if s.reader, s.prepared, err = s.conn.start(s.run, o); err != nil {
		s.stop()
		return r, late(ctx, err)
	}
	r.Columns = columns(s.prepared)
	r.Rows.Rows, err = s.page(ctx, o.MaxRows)
	r.Affected = s.affected
	return r, err
}

// page reads the next rows; done is set at the end, and with an error.
func (s *stream) page(ctx context.Context, most int) (rows [][]backend.Value, err error) {
	defer context.AfterFunc(ctx, s.cancel)()
	if most <= 0 || most > pageRows {
		most = pageRows
	}
	for size := 0; len(rows) < most && size < pageBytes; {
		if !s.reader.NextRow() {
			return s.close(ctx, rows)
		}
		row := make([]backend.Value, len(s.prepared.Fields))
		for i, raw := range s.reader.Values() {
			row[i] = decode(raw, s.prepared.Fields[i].DataTypeOID)
		}
		rows = append(rows, row)
		size += backend.RowSize(row)
	}
	return rows, nil
}

func (s *stream) close(ctx context.Context, rows [][]backend.Value) ([][]backend.Value, error) {
	tag, err := s.reader.Close()
	s.done = true
	s.cancel()
	if err != nil {
		return nil, late(ctx, err)
	}
	if !strings.HasPrefix(tag.String(), "SELECT") {
		s.affected = tag.RowsAffected()
	}
	return rows, nil
}

// late is the error of a call: its own end is its reason when it has ended.
func late(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// stop gives up the rows that are left.
func (s *stream) stop() {
	s.cancel()
	if s.reader != nil && !s.done {
		_, _ = s.reader.Close()
	}
	s.done = true
}

// cursor is a stream between two of its pages, or rows that came already.
type cursor struct {
	stream *stream
	give   func() // the connection back
	ready  [][]backend.Value
}

// End implements held.Thing.
func (c *cursor) End() {
	if c.stream != nil {
		c.stream.stop()
		c.give()
	}
}

func (c *cursor) next(ctx context.Context, most int) (rows [][]backend.Value, done bool, err error) {
	if c.stream != nil {
		rows, err = c.stream.page(ctx, most)
		return rows, err != nil || c.stream.done, failure(err)
	}
	rows, c.ready = split(c.ready, most)
	return rows, len(c.ready) == 0, nil
}

// split cuts off a page.
func split(all [][]backend.Value, most int) (page, rest [][]backend.Value) {
	if most <= 0 || most > pageRows {
		most = pageRows
	}
	n := 0
	for size := 0; n < len(all) && n < most && size < pageBytes; n++ {
		size += backend.RowSize(all[n])
	}
	return all[:n], all[n:]
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
