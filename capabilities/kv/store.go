package kv

import (
	"context"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/capabilities/internal/wits"
	"github.com/writ-host/writ/capabilities/kv/backend"
	"github.com/writ-host/writ/wit"
)

func (c *Capability) storeFuncs() map[string]capabilities.Func {
	resource := wits.Interface("wasi:keyvalue/store").Resource("bucket")
	return map[string]capabilities.Func{
		"open": {Run: c.open(resource), Access: reachStore, Deny: denied},

		"[method]bucket.get":       {Run: get, Access: onKey(broker.Get), Deny: denied},
		"[method]bucket.set":       {Run: set, Access: setAccess, Deny: denied},
		"[method]bucket.delete":    {Run: remove, Access: onKey(broker.Delete), Deny: denied},
		"[method]bucket.exists":    {Run: exists, Access: onKey(broker.Exists), Deny: denied},
		"[method]bucket.list-keys": {Run: c.listKeys, Access: listAccess, Deny: denied},
	}
}

func reachStore(c *wit.Call) capabilities.Access {
	return capabilities.Access{Resource: broker.KVStore(cut(c.Args[0].Text(), MaxStore)), Reach: true}
}

func (c *Capability) open(resource *wit.Resource) wit.HostFunc {
	return func(_ context.Context, call *wit.Call) error {
		s := c.stores[call.Args[0].Text()]
		if s == nil {
			call.Return(wit.Err(noSuchStore))
			return nil
		}
		call.Return(wit.OK(wit.NewOwn(resource, &bucket{s})))
		return nil
	}
}

func get(ctx context.Context, c *wit.Call) error {
	b, key := wit.Self[*bucket](c), c.Args[1].Text()
	if err := checkKey(key); err != nil {
		return give(c, wit.Value{}, err)
	}
	e, err := b.backend.Get(ctx, b.at(c), key)
	return give(c, optionalBytes(e), err)
}

// optionalBytes is an entry as option<list<u8>>.
func optionalBytes(e backend.Entry) wit.Value {
	if !e.Found {
		return wit.None()
	}
	return wit.Some(wit.Bytes(e.Value))
}

func setAccess(c *wit.Call) capabilities.Access {
	return wit.Self[*bucket](c).access(broker.Set, c.Args[1].Text(), c.Args[2].Len())
}

func set(ctx context.Context, c *wit.Call) error {
	b, key := wit.Self[*bucket](c), c.Args[1].Text()
	if err := checkKey(key); err != nil {
		return finish(c, err)
	}
	if err := checkValue(c.Args[2].Len()); err != nil {
		return finish(c, err)
	}
	return finish(c, b.backend.Set(ctx, b.at(c), key, c.Args[2].Bytes()))
}

func remove(ctx context.Context, c *wit.Call) error {
	b, key := wit.Self[*bucket](c), c.Args[1].Text()
	if err := checkKey(key); err != nil {
		return finish(c, err)
	}
	return finish(c, b.backend.Delete(ctx, b.at(c), key))
}

func exists(ctx context.Context, c *wit.Call) error {
	b, key := wit.Self[*bucket](c), c.Args[1].Text()
	if err := checkKey(key); err != nil {
		return give(c, wit.Value{}, err)
	}
	found, err := b.backend.Exists(ctx, b.at(c), key)
	return give(c, wit.Bool(found), err)
}
