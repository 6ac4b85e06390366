package sql

import (
	"context"
	"time"

	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/capabilities/sql/backend"
	"github.com/writ-host/writ/wit"
)

// rows is what is behind a guest's rows handle.
type rows struct {
	database *database
	at       backend.Caller
	plan     *plan
	columns  []backend.Column
	ready    [][]backend.Value // came, and were not taken yet
	cursor   uint64            // where the others are, 0 for none
}

// tidyWait bounds the end of what a guest left open.
const tidyWait = 5 * time.Second

// abandon gives up a cursor, without the guest waiting for it.
func (d *database) abandon(at backend.Caller, cursor uint64) {
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), tidyWait)
		defer cancel()
		_ = d.backend.CloseCursor(ctx, at, cursor) // else the provider ends it when it has been left alone
	}()
}

// Drop implements wit.Dropper.
func (r *rows) Drop() {
	if r.cursor != 0 {
		r.database.abandon(r.at, r.cursor)
		r.cursor = 0
	}
	r.ready = nil
}

func columns(_ context.Context, call *wit.Call) error {
	r := wit.Self[*rows](call)
	list := make([]wit.Value, len(r.columns))
	for i, c := range r.columns {
		list[i] = wit.Record(wit.String(valid(c.Name)), wit.String(valid(c.Type)))
	}
	call.Return(wit.List(list...))
	return nil
}

// rowsAccess asks again for all that the rows come from.
func rowsAccess(call *wit.Call, yield func(capabilities.Access) bool) {
	each([]*plan{wit.Self[*rows](call).plan})(yield)
}

func next(ctx context.Context, call *wit.Call) error {
	r, most := wit.Self[*rows](call), int(min(call.Args[1].Uint(), 1<<20))
	if len(r.ready) == 0 && r.cursor != 0 {
		page, err := r.database.backend.Fetch(ctx, r.at, r.cursor, most)
		if err != nil {
			if !backend.Is(err, backend.Deadline) && !backend.Is(err, backend.Unavailable) {
				r.cursor = 0
			}
			return give(call, wit.Value{}, err)
		}
		r.ready, r.cursor = page.Rows, page.Cursor
	}
	n := len(r.ready)
	if most > 0 {
		n = min(n, most)
	}
	taken := r.ready[:n]
	r.ready = r.ready[n:]
	return give(call, rowList(taken), nil)
}

func rowList(list [][]backend.Value) wit.Value {
	out := make([]wit.Value, len(list))
	for i, row := range list {
		values := make([]wit.Value, len(row))
		for n, v := range row {
			values[n] = giveValue(v)
		}
		out[i] = wit.List(values...)
	}
	return wit.List(out...)
}
