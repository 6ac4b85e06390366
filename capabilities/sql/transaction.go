package sql

import (
	"context"
	"slices"

	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/capabilities/sql/backend"
	"github.com/writ-host/writ/wit"
)

// transaction is what is behind a guest's transaction handle. A nil one is that
// of a statement on its own.
type transaction struct {
	database *database
	at       backend.Caller
	id       uint64
	over     bool
	writes   []*plan // what it has changed, which a commit asks for again
}

func (t *transaction) identity() uint64 {
	if t == nil {
		return 0
	}
	return t.id
}

// note remembers a statement that changes something.
func (t *transaction) note(p *plan) {
	if t != nil && p.Writes && !slices.Contains(t.writes, p) {
		t.writes = append(t.writes, p)
	}
}

// Drop implements wit.Dropper: what was not committed is undone.
func (t *transaction) Drop() {
	if t.over {
		return
	}
	t.over = true
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), tidyWait)
		defer cancel()
		_ = t.database.backend.End(ctx, t.at, t.id, false) // else the provider undoes it when its time is up
	}()
}

var errOver = backend.Errorf(backend.Closed, "the transaction has ended")

func (d *database) begin(ctx context.Context, call *wit.Call, resource *wit.Resource) error {
	mode := backend.ReadOnly
	if call.Args[1].Case() == 1 {
		mode = backend.ReadWrite
	}
	at := d.at(call)
	id, err := d.backend.Begin(ctx, at, mode)
	if err != nil {
		return give(call, wit.Value{}, err)
	}
	return give(call, wit.NewOwn(resource, &transaction{database: d, at: at, id: id}), nil)
}

// commitAccess asks again for all that was changed.
func commitAccess(call *wit.Call, yield func(capabilities.Access) bool) {
	each(wit.Self[*transaction](call).writes)(yield)
}

// end ends a transaction. One whose end is uncertain is over for the guest.
func end(commit bool) wit.HostFunc {
	return func(ctx context.Context, call *wit.Call) error {
		t := wit.Self[*transaction](call)
		if t.over {
			return finish(call, errOver)
		}
		t.over = true
		return finish(call, t.database.backend.End(ctx, t.at, t.id, commit))
	}
}
