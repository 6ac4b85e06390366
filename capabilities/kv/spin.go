package kv

import (
	"context"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/capabilities/internal/wits"
	"github.com/writ-host/writ/capabilities/kv/backend"
	"github.com/writ-host/writ/wit"
)

// fermyon:spin/key-value is wasi:keyvalue/store by other names: the same stores,
// operations and resources.

// A listing of Spin's has no pages, so its size is bounded here.
const (
	maxListed      = 100_000 // keys that are shown
	maxListedBytes = 16 << 20
	maxSearched    = 1000 // pages that are gone through
)

func (c *Capability) spinFuncs() map[string]capabilities.Func {
	resource := wits.Interface("fermyon:spin/key-value").Resource("store")
	return map[string]capabilities.Func{
		"[static]store.open": inSpin(capabilities.Func{Run: c.open(resource), Access: reachStore, Deny: denied}),

		"[method]store.get":      inSpin(capabilities.Func{Run: get, Access: onKey(broker.Get), Deny: denied}),
		"[method]store.set":      inSpin(capabilities.Func{Run: set, Access: setAccess, Deny: denied}),
		"[method]store.delete":   inSpin(capabilities.Func{Run: remove, Access: onKey(broker.Delete), Deny: denied}),
		"[method]store.exists":   inSpin(capabilities.Func{Run: exists, Access: onKey(broker.Exists), Deny: denied}),
		"[method]store.get-keys": inSpin(capabilities.Func{Run: getKeys, Access: listAccess, Deny: denied}),
	}
}

// inSpin is a function with the errors of Spin's interface, which are those of
// wasi:keyvalue after one of its own.
func inSpin(f capabilities.Func) capabilities.Func {
	run, deny := f.Run, f.Deny
	f.Run = func(ctx context.Context, call *wit.Call) error {
		err := run(ctx, call)
		spinError(call)
		return err
	}
	f.Deny = func(call *wit.Call) {
		deny(call)
		spinError(call)
	}
	return f
}

func spinError(call *wit.Call) {
	e, ok := call.Result.Payload()
	if call.Result.Kind() != wit.KindResult || call.Result.Case() == 0 || !ok {
		return
	}
	if message, ok := e.Payload(); ok {
		call.Return(wit.Err(wit.Variant(e.Case()+1, &message)))
		return
	}
	call.Return(wit.Err(wit.Variant(e.Case()+1, nil)))
}

// getKeys answers every key that the component may list, or none of them when
// they are too many.
func getKeys(ctx context.Context, call *wit.Call) error {
	b, at := wit.Self[*bucket](call), wit.Self[*bucket](call).at(call)
	var keys []string
	bytes, from := 0, ""
	for range maxSearched {
		page, err := b.backend.ListKeys(ctx, at, from, pageSize)
		if err != nil {
			return give(call, wit.Value{}, err)
		}
		for _, k := range b.visible(ctx, call, page.Keys) {
			keys, bytes = append(keys, k), bytes+len(k)
		}
		if len(keys) > maxListed || bytes > maxListedBytes {
			break
		}
		if page.Cursor == "" {
			return give(call, keyList(keys), nil)
		}
		from = page.Cursor
	}
	return give(call, wit.Value{}, backend.Errorf(backend.TooLarge,
		"the store has too many keys for one list: wasi:keyvalue lists them by pages"))
}
