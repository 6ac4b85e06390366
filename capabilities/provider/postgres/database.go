package postgres

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/writ-host/writ/capabilities/provider/internal/held"
	"github.com/writ-host/writ/capabilities/sql/backend"
)

const (
	// planAge is how long is remembered what the names of a statement mean.
	planAge = 2 * time.Second
	// maxPlans is how many statements are remembered.
	maxPlans = 1024
	// maxConnections is how many connections there are; a cursor that is open and
	// a transaction hold one each.
	maxConnections = 32

	pageRows  = 256
	pageBytes = 256 << 10
	// wholeBytes bounds the rows that come at once: of writes, and in transactions.
	wholeBytes = 8 << 20
)

// Database is one PostgreSQL database. It implements backend.SQL.
type Database struct {
	pool   *pool
	schema string
	roles  map[string]string // by grant
	held   held.Table
	shares *held.Shares // of the connections
	parses *held.Shares // of the one parser: a component waits for its own statements first

	mu    sync.Mutex
	plans map[string]*plan
}

var _ backend.SQL = (*Database)(nil)

// plan is what a statement touches.
type plan struct {
	accesses []backend.Access
	writes   bool
	ddl      bool
	until    time.Time
}

// Close ends what is open.
func (d *Database) Close() error {
	d.held.EndAll()
	d.pool.close()
	return nil
}

// plan is what a statement touches, as the names mean it now or did a moment ago.
func (d *Database) plan(ctx context.Context, at backend.Caller, c *conn, text string) (*plan, error) {
	d.mu.Lock()
	p := d.plans[text]
	d.mu.Unlock()
	if p != nil && time.Now().Before(p.until) {
		return p, nil
	}
	giveBack, err := d.parses.Take(ctx, at)
	if err != nil {
		return nil, backend.Errorf(backend.Deadline, "the component's other statements were not read in time")
	}
	a, err := analyse(text)
	giveBack()
	if err != nil {
		return nil, err
	}
	p = &plan{writes: a.writes, ddl: a.ddl, until: time.Now().Add(planAge)}
	if p.accesses, err = c.resolve(ctx, a, d.schema); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.plans == nil || len(d.plans) >= maxPlans {
		d.plans = map[string]*plan{}
	}
	d.plans[text] = p
	return p, nil
}

// forget drops what names meant, as after a change of the schema.
func (d *Database) forget(text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if text == "" {
		d.plans = nil
	}
	delete(d.plans, text)
}

// Prepare implements backend.SQL.
func (d *Database) Prepare(ctx context.Context, at backend.Caller, text string) (backend.Plan, error) {
	c, err := d.pool.get(ctx)
	if err != nil {
		return backend.Plan{}, err
	}
	defer d.pool.put(c)
	d.forget(text)
	p, err := d.plan(ctx, at, c, text)
	if err != nil {
		return backend.Plan{}, err
	}
	out := backend.Plan{Accesses: p.accesses, Writes: p.writes}
	if p.ddl {
		return out, nil
	}
	s, err := c.statement(ctx, text)
	if err != nil {
		return backend.Plan{}, err
	}
	out.Columns = columns(s)
	return out, nil
}

func columns(s *pgconn.StatementDescription) []backend.Column {
	var out []backend.Column
	for _, f := range s.Fields {
		out = append(out, backend.Column{Name: valid(f.Name), Type: typeNames[f.DataTypeOID]})
	}
	return out
}

// ready reports how a statement runs: as what it was found to be, and under
// which role.
func (d *Database) ready(ctx context.Context, at backend.Caller, c *conn, s backend.Statement) (*plan, error) {
	p, err := d.plan(ctx, at, c, s.Text)
	if err != nil {
		return nil, err
	}
	for _, a := range p.accesses {
		if !slices.Contains(s.Allowed, a) {
			d.forget(s.Text)
			return nil, backend.Errorf(backend.Stale, "the statement touches more than is allowed")
		}
	}
	if len(d.roles) == 0 || len(p.accesses) == 0 {
		return p, c.as(ctx, "")
	}
	role, ok := d.roles[at.Grant]
	if !ok {
		return nil, backend.Errorf(backend.NotAllowed, "the database has no role for what the statement needs: one grant with a role is to cover it")
	}
	return p, c.as(ctx, role)
}

// Execute implements backend.SQL.
func (d *Database) Execute(ctx context.Context, at backend.Caller, s backend.Statement) (backend.Result, error) {
	if s.Transaction != 0 {
		return d.executeWithin(ctx, at, s)
	}
	c, err := d.pool.get(ctx)
	if err != nil {
		return backend.Result{}, err
	}
	p, err := d.ready(ctx, at, c, s)
	if err != nil {
		d.pool.put(c)
		return backend.Result{}, err
	}
	if !p.writes {
		return d.read(ctx, at, c, s)
	}
	defer d.pool.put(c)
	r, err := c.write(ctx, s)
	if p.ddl {
		d.forget("")
	}
	return r, err
}

// read runs a query, and keeps the connection while there are more rows.
func (d *Database) read(ctx context.Context, at backend.Caller, c *conn, s backend.Statement) (r backend.Result, err error) {
	stream := newStream(c)
	for try := 0; ; try++ {
		r, err = stream.open(ctx, s)
		if try == 0 && outdated(err) {
			delete(c.prepared, s.Text)
			stream = newStream(c)
			continue
		}
		break
	}
	if err != nil || stream.done {
		d.pool.put(c)
		return r, failure(err)
	}
	giveBack, err := d.shares.TryTake(at)
	if err != nil {
		stream.stop()
		d.pool.put(c)
		return backend.Result{}, err
	}
	r.Cursor, err = d.held.Hold(at, &cursor{stream: stream, give: func() { d.pool.put(c); giveBack() }})
	return r, err
}

// write runs a statement that changes something. What it returns comes at
// once: when that is too much, nothing of it happens.
func (c *conn) write(ctx context.Context, s backend.Statement) (backend.Result, error) {
	prepared, err := c.statement(ctx, s.Text)
	if err != nil {
		return backend.Result{}, err
	}
	if len(prepared.Fields) == 0 {
		return c.whole(ctx, s)
	}
	if _, err := c.own(ctx, "BEGIN"); err != nil {
		return backend.Result{}, err
	}
	r, err := c.whole(ctx, s)
	if err != nil {
		_, _ = c.own(ctx, "ROLLBACK") // else the connection is closed, which undoes it as well
		return backend.Result{}, err
	}
	_, err = c.own(ctx, "COMMIT")
	return r, err
}

// whole runs a statement to its end.
func (c *conn) whole(ctx context.Context, s backend.Statement) (r backend.Result, err error) {
	stream := newStream(c)
	if r, err = stream.open(ctx, s); err != nil {
		return backend.Result{}, failure(err)
	}
	size := 0
	for !stream.done {
		var page [][]backend.Value
		if page, err = stream.page(ctx, pageRows); err != nil {
			return backend.Result{}, failure(err)
		}
		for _, row := range page {
			size += backend.RowSize(row)
		}
		if r.Rows.Rows = append(r.Rows.Rows, page...); size > wholeBytes {
			stream.stop()
			return backend.Result{}, backend.Errorf(backend.TooLarge, "the rows have more than %d bytes, which is the most for a write or within a transaction", wholeBytes)
		}
	}
	r.Affected = stream.affected
	return r, nil
}
