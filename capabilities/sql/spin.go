package sql

import (
	"context"
	"errors"

	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/capabilities/internal/wits"
	"github.com/writ-host/writ/capabilities/sql/backend"
	"github.com/writ-host/writ/wit"
)

// fermyon:spin/sqlite is the same databases by another interface, whatever
// keeps them: statements are decided as writ:sql's are.

// The cases of its error that happen here.
const (
	spinNoSuchDatabase uint32 = 0
	spinAccessDenied   uint32 = 1
	spinIO             uint32 = 4
)

// maxSpinRows bounds all rows of a statement, in bytes: they come at once.
const maxSpinRows = 16 << 20

// connection is what is behind a guest's connection handle.
type connection struct {
	*database
	changed int64 // rows, by the last statement that changed any
}

func (c *Capability) spinFuncs() map[string]capabilities.Func {
	return c.connectionFuncs(wits.Interface("fermyon:spin/sqlite").Resource("connection"))
}

// spin3Funcs are those of Spin 3, which has two more.
func (c *Capability) spin3Funcs() map[string]capabilities.Func {
	funcs := c.connectionFuncs(wits.Interface("spin:sqlite/sqlite").Resource("connection"))
	funcs["[method]connection.last-insert-rowid"] = capabilities.Func{Run: func(context.Context, *wit.Call) error { return errNoRowID }}
	funcs["[method]connection.changes"] = capabilities.Func{Run: func(_ context.Context, call *wit.Call) error {
		call.Return(wit.U64(uint64(wit.Self[*connection](call).changed)))
		return nil
	}}
	return funcs
}

// errNoRowID is a trap: the function has no error of its own. Components share the
// database's connections, and so would see each other's.
var errNoRowID = errors.New("last-insert-rowid is not offered: INSERT … RETURNING has the ids of rows that were inserted")

func (c *Capability) connectionFuncs(resource *wit.Resource) map[string]capabilities.Func {
	return map[string]capabilities.Func{
		"[static]connection.open":    {Run: c.openSpin(resource), Access: reachNamed, Deny: deniedInSpin},
		"[method]connection.execute": {Run: executeSpin, Access: reachConnected, Deny: deniedInSpin},
	}
}

func reachConnected(c *wit.Call) capabilities.Access {
	return capabilities.Access{Resource: wit.Self[*connection](c).prefix, Reach: true}
}

func deniedInSpin(c *wit.Call) { c.Return(wit.Err(wit.Variant(spinAccessDenied, nil))) }

func (c *Capability) openSpin(resource *wit.Resource) wit.HostFunc {
	return func(_ context.Context, call *wit.Call) error {
		d := c.databases[call.Args[0].Text()]
		if d == nil {
			call.Return(wit.Err(wit.Variant(spinNoSuchDatabase, nil)))
			return nil
		}
		call.Return(wit.OK(wit.NewOwn(resource, &connection{database: d})))
		return nil
	}
}

func executeSpin(ctx context.Context, call *wit.Call) error {
	v, err := wit.Self[*connection](call).execute(ctx, call)
	if err != nil {
		call.Return(wit.Err(spinFailure(err)))
		return nil
	}
	call.Return(wit.OK(v))
	return nil
}

// execute runs a statement and answers with all of its rows.
func (c *connection) execute(ctx context.Context, call *wit.Call) (wit.Value, error) {
	text, err := readText(call)
	if err != nil {
		return wit.Value{}, err
	}
	parameters, bytes, err := spinParameters(call.Args[2])
	if err != nil {
		return wit.Value{}, err
	}
	r, p, err := c.decided(ctx, call, backend.Statement{Text: text, Parameters: parameters}, bytes)
	if err != nil {
		return wit.Value{}, err
	}
	rows, err := c.allRows(ctx, call, p, r.Rows)
	if err != nil {
		return wit.Value{}, err
	}
	if p.Writes {
		c.changed = max(0, r.Affected)
	}
	columns := make([]wit.Value, len(r.Columns))
	for i, column := range r.Columns {
		columns[i] = wit.String(valid(column.Name))
	}
	return wit.Record(wit.List(columns...), wit.List(rows...)), nil
}

// allRows fetches what follows the first rows, and asks again for each part.
func (d *database) allRows(ctx context.Context, call *wit.Call, p *plan, part backend.Rows) (rows []wit.Value, err error) {
	at, cursor, bytes := d.at(call), part.Cursor, 0
	defer func() {
		if err != nil && cursor != 0 {
			d.abandon(at, cursor)
		}
	}()
	for {
		for _, row := range part.Rows {
			if bytes += backend.RowSize(row); bytes > maxSpinRows {
				return nil, backend.Errorf(backend.TooLarge, "the rows have more than %d bytes: ask for fewer at a time", maxSpinRows)
			}
			v, err := spinRow(row)
			if err != nil {
				return nil, err
			}
			rows = append(rows, v)
		}
		if cursor == 0 {
			return rows, nil
		}
		if _, err = p.permit(ctx, call, 0); err != nil {
			return nil, err
		}
		if part, err = d.backend.Fetch(ctx, at, cursor, 0); err != nil {
			return nil, err
		}
		cursor = part.Cursor
	}
}

// spinFailure is a backend's error as the interface has it.
func spinFailure(err error) wit.Value {
	e := backend.AsError(err)
	switch e.Code {
	case backend.AccessDenied:
		return wit.Variant(spinAccessDenied, nil)
	case backend.NoSuchDatabase:
		return wit.Variant(spinNoSuchDatabase, nil)
	}
	text := wit.String(valid(e.Error()))
	return wit.Variant(spinIO, &text)
}
