package sql

import (
	"context"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/capabilities/internal/wits"
	"github.com/writ-host/writ/wit"
)

func (c *Capability) funcs() map[string]capabilities.Func {
	i := wits.Interface("writ:sql/sql")
	databases, transactions, results := i.Resource("database"), i.Resource("transaction"), i.Resource("rows")
	return map[string]capabilities.Func{
		"open": {Run: c.open(databases), Access: reachNamed, Deny: denied},

		"[method]database.query":   {Run: onDatabase((*database).query, results), Access: reach, Deny: denied},
		"[method]database.execute": {Run: executeAlone, Access: reach, Deny: denied},
		"[method]database.begin":   {Run: beginOn(transactions), Access: reach, Deny: denied},

		"[method]transaction.query":    {Run: onTransaction((*database).query, results), Access: reachWithin, Deny: denied},
		"[method]transaction.execute":  {Run: executeWithin, Access: reachWithin, Deny: denied},
		"[method]transaction.commit":   {Run: end(true), Each: commitAccess, Deny: denied},
		"[method]transaction.rollback": {Run: end(false)},

		"[method]rows.columns": {Run: columns},
		"[method]rows.next":    {Run: next, Each: rowsAccess, Deny: denied},
	}
}

// A database is reached by whoever is granted anything in it.

func reachNamed(c *wit.Call) capabilities.Access {
	name := c.Args[0].Text()
	return capabilities.Access{Resource: broker.SQLResource(name[:min(len(name), MaxName)], ""), Reach: true}
}

func reach(c *wit.Call) capabilities.Access {
	return capabilities.Access{Resource: wit.Self[*database](c).prefix, Reach: true}
}

func reachWithin(c *wit.Call) capabilities.Access {
	return capabilities.Access{Resource: wit.Self[*transaction](c).database.prefix, Reach: true}
}

func denied(c *wit.Call) { c.Return(wit.Err(accessDenied)) }

func (c *Capability) open(resource *wit.Resource) wit.HostFunc {
	return func(_ context.Context, call *wit.Call) error {
		d := c.databases[call.Args[0].Text()]
		if d == nil {
			call.Return(wit.Err(noSuchDatabase))
			return nil
		}
		call.Return(wit.OK(wit.NewOwn(resource, d)))
		return nil
	}
}

// run is a statement on a database, in a transaction if there is one.
type run func(*database, context.Context, *wit.Call, *wit.Resource, *transaction) error

func onDatabase(f run, resource *wit.Resource) wit.HostFunc {
	return func(ctx context.Context, call *wit.Call) error {
		return f(wit.Self[*database](call), ctx, call, resource, nil)
	}
}

func onTransaction(f run, resource *wit.Resource) wit.HostFunc {
	return func(ctx context.Context, call *wit.Call) error {
		t := wit.Self[*transaction](call)
		if t.over {
			return finish(call, errOver)
		}
		return f(t.database, ctx, call, resource, t)
	}
}

func executeAlone(ctx context.Context, call *wit.Call) error {
	return wit.Self[*database](call).change(ctx, call, nil)
}

func executeWithin(ctx context.Context, call *wit.Call) error {
	t := wit.Self[*transaction](call)
	if t.over {
		return finish(call, errOver)
	}
	return t.database.change(ctx, call, t)
}

func beginOn(resource *wit.Resource) wit.HostFunc {
	return func(ctx context.Context, call *wit.Call) error {
		return wit.Self[*database](call).begin(ctx, call, resource)
	}
}
