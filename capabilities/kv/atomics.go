package kv

import (
	"context"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/capabilities/internal/wits"
	"github.com/writ-host/writ/capabilities/kv/backend"
	"github.com/writ-host/writ/wit"
)

// cas is what is behind a guest's cas handle: a key as it was at one moment.
type cas struct {
	store *store
	key   string
	seen  backend.Entry
}

func atomicFuncs() map[string]capabilities.Func {
	resource := wits.Interface("wasi:keyvalue/atomics").Resource("cas")
	return map[string]capabilities.Func{
		"increment":           {Run: increment, Access: onKey(broker.Increment), Deny: denied},
		"[static]cas.new":     {Run: newCAS(resource), Access: onKey(broker.CAS), Deny: denied},
		"[method]cas.current": {Run: current, Access: casAccess, Deny: denied},
		"swap":                {Run: swap(resource), Access: swapAccess, Deny: swapDenied},
	}
}

func increment(ctx context.Context, c *wit.Call) error {
	b, key := wit.Self[*bucket](c), c.Args[1].Text()
	if err := checkKey(key); err != nil {
		return give(c, wit.Value{}, err)
	}
	n, err := b.backend.Increment(ctx, b.at(c), key, c.Args[2].Int())
	return give(c, wit.S64(n), err)
}

func newCAS(resource *wit.Resource) wit.HostFunc {
	return func(ctx context.Context, c *wit.Call) error {
		b, key := wit.Self[*bucket](c), c.Args[1].Text()
		if err := checkKey(key); err != nil {
			return give(c, wit.Value{}, err)
		}
		e, err := b.backend.Get(ctx, b.at(c), key)
		if err != nil {
			return give(c, wit.Value{}, err)
		}
		return give(c, wit.NewOwn(resource, &cas{b.store, key, e}), nil)
	}
}

func casAccess(c *wit.Call) capabilities.Access {
	h := wit.Self[*cas](c)
	return h.store.access(broker.CAS, h.key, 0)
}

func current(_ context.Context, c *wit.Call) error {
	return give(c, optionalBytes(wit.Self[*cas](c).seen), nil)
}

func swapAccess(c *wit.Call) capabilities.Access {
	h := wit.Self[*cas](c)
	return h.store.access(broker.CAS, h.key, c.Args[1].Len())
}

func swapDenied(c *wit.Call) { swapFailed(c, accessDenied) }

// swapFailed answers store-error, the first of swap's two errors.
func swapFailed(c *wit.Call, err wit.Value) { c.Return(wit.Err(wit.Variant(0, &err))) }

// swap answers cas-failed with a handle of what is there now when that has changed.
func swap(resource *wit.Resource) wit.HostFunc {
	return func(ctx context.Context, c *wit.Call) error {
		h := wit.Self[*cas](c)
		if err := checkValue(c.Args[1].Len()); err != nil {
			swapFailed(c, storeError(err))
			return nil
		}
		swapped, now, err := h.store.backend.CompareAndSwap(ctx, h.store.at(c), h.key, h.seen.Version, c.Args[1].Bytes())
		switch {
		case err != nil:
			swapFailed(c, storeError(err))
		case swapped:
			c.Return(wit.Done())
		default:
			fresh := wit.NewOwn(resource, &cas{h.store, h.key, now})
			c.Return(wit.Err(wit.Variant(1, &fresh)))
		}
		return nil
	}
}
