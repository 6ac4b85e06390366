package sql

import (
	"context"

	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/capabilities/sql/backend"
	"github.com/writ-host/writ/wit"
)

// at says to the backend for whom an operation is done.
func (d *database) at(call *wit.Call) backend.Caller {
	at := backend.Caller{Database: d.remote}
	if i := capabilities.From(call); i != nil {
		at.App, at.Component, at.Grant = i.App, i.Component, i.Grant()
	}
	return at
}

// retries is how often a statement is looked at anew when the schema keeps
// changing under it.
const retries = 3

// execute finds out what a statement touches, asks for it, and runs it.
func (d *database) execute(ctx context.Context, call *wit.Call, transaction uint64) (backend.Result, *plan, error) {
	s, bytes, err := readStatement(call)
	if err != nil {
		return backend.Result{}, nil, err
	}
	s.Transaction = transaction
	return d.decided(ctx, call, s, bytes)
}

// decided runs a statement whose parameters have some bytes, if it is granted.
func (d *database) decided(ctx context.Context, call *wit.Call, s backend.Statement, bytes int) (backend.Result, *plan, error) {
	at := d.at(call)
	var err error
	for i := range retries {
		p, e := d.plan(ctx, at, s.Text, i > 0)
		if e != nil {
			return backend.Result{}, nil, e
		}
		if at.Grant, e = p.permit(ctx, call, bytes); e != nil {
			return backend.Result{}, nil, e
		}
		s.Allowed = p.Accesses
		var r backend.Result
		if r, err = d.backend.Execute(ctx, at, s); !backend.Is(err, backend.Stale) {
			return r, p, err
		}
	}
	return backend.Result{}, nil, backend.Errorf(backend.Conflict, "the schema changes too often: %v", err)
}

// readStatement reads the arguments of query and execute.
func readStatement(call *wit.Call) (s backend.Statement, bytes int, err error) {
	if s.Text, err = readText(call); err != nil {
		return s, 0, err
	}
	s.Parameters, bytes, err = readParameters(call.Args[2])
	return s, bytes, err
}

func readText(call *wit.Call) (string, error) {
	text := call.Args[1].Text()
	if len(text) > MaxStatement {
		return "", backend.Errorf(backend.TooLarge, "the statement has %d bytes, and %d are the most", len(text), MaxStatement)
	}
	return text, nil
}

func (d *database) query(ctx context.Context, call *wit.Call, resource *wit.Resource, t *transaction) error {
	r, p, err := d.execute(ctx, call, t.identity())
	if err != nil {
		return give(call, wit.Value{}, err)
	}
	t.note(p)
	rows := &rows{database: d, at: d.at(call), plan: p, columns: r.Columns, ready: r.Rows.Rows, cursor: r.Cursor}
	return give(call, wit.NewOwn(resource, rows), nil)
}

func (d *database) change(ctx context.Context, call *wit.Call, t *transaction) error {
	r, p, err := d.execute(ctx, call, t.identity())
	if err != nil {
		return give(call, wit.Value{}, err)
	}
	t.note(p)
	if r.Cursor != 0 { // a query, of which only the number of rows was wanted
		d.abandon(d.at(call), r.Cursor)
	}
	return give(call, wit.U64(uint64(max(0, r.Affected))), nil)
}
