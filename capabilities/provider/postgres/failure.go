package postgres

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/writ-host/writ/capabilities/sql/backend"
)

// states are SQLSTATEs, and classes of them, as the protocol has them.
var states = map[string]backend.Code{
	"42501": backend.AccessDenied, "3D000": backend.NoSuchDatabase, "28": backend.AccessDenied, "42": backend.Syntax, "22": backend.Invalid,
	"23": backend.Constraint, "44": backend.Constraint, "40": backend.Conflict, "55P03": backend.Conflict, "55006": backend.Conflict,
	"25P02": backend.Closed, "25006": backend.NotAllowed, "25": backend.Closed, "57014": backend.Deadline, "54": backend.TooLarge,
	"53": backend.Unavailable, "57": backend.Unavailable, "08": backend.Unavailable, "0A": backend.NotAllowed,
	"2BP01": backend.Constraint,
}

var violations = map[string]backend.Violated{
	"23505": backend.Unique, "23503": backend.ForeignKey, "23502": backend.NotNull, "23514": backend.Check,
}

// failure is an error of the client as the protocol has it; nil for nil.
func failure(err error) error {
	if err == nil {
		return nil
	}
	if e := (*backend.Error)(nil); errors.As(err, &e) {
		return e
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || pgconn.Timeout(err) {
		return backend.Errorf(backend.Deadline, "the database did not answer in time")
	}
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return backend.Errorf(backend.Unavailable, "the database cannot be reached") // the reason has addresses in it
	}
	code, ok := states[pg.Code]
	if !ok && len(pg.Code) > 1 {
		if code, ok = states[pg.Code[:2]]; !ok {
			code = backend.Internal
		}
	}
	return &backend.Error{Code: code, Message: valid(pg.Message), Violated: violations[pg.Code]}
}

// unreachable is why there is no connection. Components are not told who the
// host is to the server, nor what the server says to it; the log is.
func (p *pool) unreachable(err error) error {
	if e := failure(err); backend.Is(e, backend.Deadline) {
		return e
	}
	p.complaints.Tell("the database cannot be reached", err)
	var pg *pgconn.PgError
	switch {
	case !errors.As(err, &pg):
		return backend.Errorf(backend.Unavailable, "the database cannot be reached")
	case strings.HasPrefix(pg.Code, "28"), strings.HasPrefix(pg.Code, "3D"), pg.Code == "42501":
		return backend.Errorf(backend.Unavailable, "the database's server does not let this host in")
	}
	return backend.Errorf(backend.Unavailable, "the database is not ready")
}

// valid is text that can travel.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
