package provider

import (
	"context"

	"github.com/writ-host/writ/capabilities/sql/backend"
	pb "github.com/writ-host/writ/proto/writ/provider/v1"
)

// SQL is the provider's databases, as the host uses them. It stays valid when
// the process is started again; transactions and cursors do not.
func (p *Provider) SQL() backend.SQL { return sqlClient{p} }

// sqlClient turns calls into operations on the wire.
type sqlClient struct{ p *Provider }

// do performs one operation within the time that the caller has. fill makes it.
func (c sqlClient) do(ctx context.Context, at backend.Caller, fill func(*pb.Caller) *pb.SQLOperation) (r *pb.SQLResult, err error) {
	call := c.p.begin(ctx)
	s, timeout, err := c.p.sessionFor(ctx)
	if err == nil {
		r, err = s.sql.do(ctx, fill(call.of(wireSQLCaller(at, timeout))), timeout)
		c.p.judge(ctx, err)
	}
	call.end(err)
	return r, sqlWireError(err)
}

// unfit is the error for an answer that is not of the operation's kind.
func (c sqlClient) unfit(what string) error {
	return backend.Errorf(backend.Unimplemented, "provider %s does not answer %s", c.p.config.Name, what)
}

// Prepare implements backend.SQL.
func (c sqlClient) Prepare(ctx context.Context, at backend.Caller, text string) (backend.Plan, error) {
	r, err := c.do(ctx, at, func(caller *pb.Caller) *pb.SQLOperation {
		return &pb.SQLOperation{Operation: &pb.SQLOperation_Prepare{Prepare: &pb.PrepareRequest{
			Caller: caller, Database: at.Database, Statement: text}}}
	})
	if err != nil {
		return backend.Plan{}, err
	}
	v := r.GetPrepare()
	if v == nil {
		return backend.Plan{}, c.unfit("prepare")
	}
	return backend.Plan{Accesses: readAccesses(v.GetAccesses()), Columns: readColumns(v.GetColumns()), Writes: v.GetWrites()},
		readSQLError(v.GetError())
}

// Execute implements backend.SQL.
func (c sqlClient) Execute(ctx context.Context, at backend.Caller, s backend.Statement) (backend.Result, error) {
	r, err := c.do(ctx, at, func(caller *pb.Caller) *pb.SQLOperation {
		return &pb.SQLOperation{Operation: &pb.SQLOperation_Execute{Execute: &pb.ExecuteRequest{
			Caller: caller, Database: at.Database, Statement: s.Text, Parameters: wireValues(s.Parameters),
			Allowed: wireAccesses(s.Allowed), Transaction: s.Transaction, MaxRows: uint32(max(0, s.MaxRows))}}}
	})
	if err != nil {
		return backend.Result{}, err
	}
	v := r.GetExecute()
	switch {
	case v == nil:
		return backend.Result{}, c.unfit("execute")
	case v.GetError() != nil:
		return backend.Result{}, readSQLError(v.GetError())
	}
	rows, err := readRows(v.GetRows())
	if len(rows) > 0 && len(rows[0]) != len(v.GetColumns()) {
		err = backend.Errorf(backend.Internal, "provider %s answered rows of %d values for %d columns", c.p.config.Name, len(rows[0]), len(v.GetColumns()))
	}
	return backend.Result{Rows: backend.Rows{Rows: rows, Cursor: v.GetCursor()}, Columns: readColumns(v.GetColumns()), Affected: v.GetAffected()}, err
}

// Fetch implements backend.SQL.
func (c sqlClient) Fetch(ctx context.Context, at backend.Caller, cursor uint64, maxRows int) (backend.Rows, error) {
	r, err := c.do(ctx, at, func(caller *pb.Caller) *pb.SQLOperation {
		return &pb.SQLOperation{Operation: &pb.SQLOperation_Fetch{Fetch: &pb.FetchRequest{
			Caller: caller, Database: at.Database, Cursor: cursor, MaxRows: uint32(max(0, maxRows))}}}
	})
	if err != nil {
		return backend.Rows{}, err
	}
	v := r.GetFetch()
	switch {
	case v == nil:
		return backend.Rows{}, c.unfit("fetch")
	case v.GetError() != nil:
		return backend.Rows{}, readSQLError(v.GetError())
	}
	rows, err := readRows(v.GetRows())
	return backend.Rows{Rows: rows, Cursor: v.GetCursor()}, err
}

// CloseCursor implements backend.SQL.
func (c sqlClient) CloseCursor(ctx context.Context, at backend.Caller, cursor uint64) error {
	r, err := c.do(ctx, at, func(caller *pb.Caller) *pb.SQLOperation {
		return &pb.SQLOperation{Operation: &pb.SQLOperation_CloseCursor{CloseCursor: &pb.CloseCursorRequest{
			Caller: caller, Database: at.Database, Cursor: cursor}}}
	})
	if err != nil {
		return err
	}
	v := r.GetCloseCursor()
	if v == nil {
		return c.unfit("close-cursor")
	}
	return readSQLError(v.GetError())
}

// Begin implements backend.SQL.
func (c sqlClient) Begin(ctx context.Context, at backend.Caller, mode backend.Mode) (uint64, error) {
	r, err := c.do(ctx, at, func(caller *pb.Caller) *pb.SQLOperation {
		return &pb.SQLOperation{Operation: &pb.SQLOperation_Begin{Begin: &pb.BeginRequest{
			Caller: caller, Database: at.Database, ReadOnly: mode == backend.ReadOnly}}}
	})
	if err != nil {
		return 0, err
	}
	v := r.GetBegin()
	if v == nil {
		return 0, c.unfit("begin")
	}
	return v.GetTransaction(), readSQLError(v.GetError())
}

// End implements backend.SQL.
func (c sqlClient) End(ctx context.Context, at backend.Caller, transaction uint64, commit bool) error {
	r, err := c.do(ctx, at, func(caller *pb.Caller) *pb.SQLOperation {
		return &pb.SQLOperation{Operation: &pb.SQLOperation_End{End: &pb.EndRequest{
			Caller: caller, Database: at.Database, Transaction: transaction, Commit: commit}}}
	})
	if err != nil {
		return err
	}
	v := r.GetEnd()
	if v == nil {
		return c.unfit("end")
	}
	return readSQLError(v.GetError())
}
