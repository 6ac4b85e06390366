package postgres

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/writ-host/writ/capabilities/provider/upstream"
	"github.com/writ-host/writ/capabilities/sql/backend"
)

// maxStatements is how many prepared statements a connection keeps.
const maxStatements = 256

// conn is one connection, used by one goroutine at a time.
type conn struct {
	pg       *pgconn.PgConn
	prepared map[string]*pgconn.StatementDescription
	last     int
	role     string // that is set now; "?" when that is not known
	since    time.Time
}

// restAge is how long a connection may rest before it is tried out.
const restAge = time.Second

// alive reports whether a connection that has rested can be used.
func (c *conn) alive(ctx context.Context) bool {
	if c.pg.IsClosed() {
		return false
	}
	return time.Since(c.since) < restAge || c.pg.Ping(ctx) == nil
}

// connect makes a connection on which names mean what the analysis takes them for.
func (p *pool) connect(ctx context.Context) (*conn, error) {
	pg, err := pgconn.ConnectConfig(ctx, p.config)
	if err != nil {
		return nil, p.unreachable(err)
	}
	return &conn{pg: pg, prepared: map[string]*pgconn.StatementDescription{}}, nil
}

// watch ends a statement whose context ends by asking the server, and the
// connection when that does not help.
func watch(pg *pgconn.PgConn) ctxwatch.Handler {
	return &pgconn.CancelRequestContextWatcherHandler{Conn: pg, DeadlineDelay: 2 * time.Second}
}

// own runs a statement of this package.
func (c *conn) own(ctx context.Context, sql string) (string, error) {
	results, err := c.pg.Exec(ctx, sql).ReadAll()
	if err != nil {
		return "", failure(err)
	}
	return results[len(results)-1].CommandTag.String(), nil
}

// statement is a prepared one.
func (c *conn) statement(ctx context.Context, text string) (*pgconn.StatementDescription, error) {
	if s := c.prepared[text]; s != nil {
		return s, nil
	}
	if len(c.prepared) >= maxStatements {
		if _, err := c.own(ctx, "DEALLOCATE ALL"); err != nil {
			return nil, err
		}
		clear(c.prepared)
	}
	c.last++
	s, err := c.pg.Prepare(ctx, "w"+strconv.Itoa(c.last), text, nil)
	if err != nil {
		return nil, failure(err)
	}
	c.prepared[text] = s
	return s, nil
}

// as has the statements that follow run under a role, or under the user's own for "".
func (c *conn) as(ctx context.Context, role string) error {
	if c.role == role {
		return nil
	}
	sql := "RESET ROLE"
	if role != "" {
		sql = "SET ROLE " + quoteName(name{relation: role})
	}
	c.role = "?"
	if _, err := c.own(ctx, sql); err != nil {
		return err
	}
	c.role = role
	return nil
}

// start runs a statement. A statement that was prepared for another schema is
// prepared anew, where no transaction is spoilt by that.
func (c *conn) start(ctx context.Context, s backend.Statement) (*pgconn.ResultReader, *pgconn.StatementDescription, error) {
	prepared, err := c.statement(ctx, s.Text)
	if err != nil {
		return nil, nil, err
	}
	if n := len(prepared.ParamOIDs); n != len(s.Parameters) {
		return nil, nil, backend.Errorf(backend.Invalid, "the statement takes %d parameters and has %d", n, len(s.Parameters))
	}
	values := make([][]byte, len(s.Parameters))
	for i, v := range s.Parameters {
		if values[i], err = encode(v, prepared.ParamOIDs[i]); err != nil {
			return nil, nil, err
		}
	}
	return c.pg.ExecPrepared(ctx, prepared.Name, values, nil, nil), prepared, nil
}

// outdated reports whether a prepared statement is of an earlier schema.
func outdated(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "26000" || pg.Code == "0A000" && strings.Contains(pg.Message, "cached plan"))
}

// pool keeps connections that are not in use, the latest used on top.
type pool struct {
	complaints upstream.Complaints
	config     *pgconn.Config
	slots      chan struct{}

	mu   sync.Mutex
	idle []*conn
}

func newPool(config *pgconn.Config, size int, log *slog.Logger) *pool {
	return &pool{config: config, complaints: upstream.Complaints{Log: log}, slots: make(chan struct{}, size)}
}

// get is a connection for the caller alone, as soon as there is one.
func (p *pool) get(ctx context.Context) (*conn, error) {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, backend.Errorf(backend.Deadline, "no connection was free in time")
	}
	p.mu.Lock()
	for n := len(p.idle); n > 0; n = len(p.idle) {
		c := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		if c.alive(ctx) {
			return c, nil
		}
		p.discard(c)
		p.mu.Lock()
	}
	p.mu.Unlock()
	c, err := p.connect(ctx)
	if err != nil {
		<-p.slots
		return nil, err
	}
	return c, nil
}

// put gives a connection back. One that is in a transaction still is closed.
func (p *pool) put(c *conn) {
	if c.pg.IsClosed() || c.pg.IsBusy() || c.pg.TxStatus() != 'I' {
		p.discard(c)
	} else {
		c.since = time.Now()
		p.mu.Lock()
		p.idle = append(p.idle, c)
		p.mu.Unlock()
	}
	<-p.slots
}

func (p *pool) discard(c *conn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = c.pg.Close(ctx)
}

func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.idle {
		p.discard(c)
	}
	p.idle = nil
}
