package kv

import (
	"context"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/capabilities/internal/wits"
	"github.com/writ-host/writ/capabilities/kv/backend"
	"github.com/writ-host/writ/wit"
)

func batchFuncs(found func(key string, e backend.Entry) wit.Value) map[string]capabilities.Func {
	return map[string]capabilities.Func{
		"get-many":    {Run: getMany(found), Each: onKeys(broker.Get), Deny: denied},
		"set-many":    {Run: setMany, Each: onPairs, Deny: denied},
		"delete-many": {Run: deleteMany, Each: onKeys(broker.Delete), Deny: denied},
	}
}

// spinBatch is the interface as Spin has it, which has the same name.
func spinBatch() *wit.Interface {
	i := *wits.Interface("writ:spin/batch")
	i.Name = wits.Interface("wasi:keyvalue/batch").Name
	return &i
}

func keyOnly(v wit.Value) string { return v.Text() }
func noSize(wit.Value) int       { return 0 }

func pairKey(v wit.Value) string { return v.Items()[0].Text() }
func pairSize(v wit.Value) int   { return v.Items()[1].Len() }

// onKeys is the access of a batch of keys. Of one that is too large nothing is
// asked, since nothing will be done.
func onKeys(operation string) func(*wit.Call, func(capabilities.Access) bool) {
	return func(c *wit.Call, yield func(capabilities.Access) bool) {
		b, items := wit.Self[*bucket](c), c.Args[1].Items()
		if checkBatch(items, keyOnly, noSize) != nil {
			return
		}
		for _, item := range items {
			if !yield(b.access(operation, item.Text(), 0)) {
				return
			}
		}
	}
}

func onPairs(c *wit.Call, yield func(capabilities.Access) bool) {
	b, items := wit.Self[*bucket](c), c.Args[1].Items()
	if checkBatch(items, pairKey, pairSize) != nil {
		return
	}
	for _, item := range items {
		if !yield(b.access(broker.Set, pairKey(item), pairSize(item))) {
			return
		}
	}
}

// keysOf is a batch's keys, checked.
func keysOf(c *wit.Call) ([]string, error) {
	items := c.Args[1].Items()
	if err := checkBatch(items, keyOnly, noSize); err != nil {
		return nil, err
	}
	keys := make([]string, len(items))
	for i, item := range items {
		keys[i] = item.Text()
	}
	return keys, nil
}

// getMany answers with what found makes of each entry.
func getMany(found func(key string, e backend.Entry) wit.Value) wit.HostFunc {
	return func(ctx context.Context, c *wit.Call) error {
		keys, err := keysOf(c)
		if err != nil {
			return give(c, wit.Value{}, err)
		}
		if len(keys) == 0 {
			return give(c, wit.List(), nil)
		}
		b := wit.Self[*bucket](c)
		entries, err := b.backend.GetMany(ctx, b.at(c), keys)
		if err != nil {
			return give(c, wit.Value{}, err)
		}
		items := make([]wit.Value, len(keys))
		for i, e := range entries {
			items[i] = found(keys[i], e)
		}
		return give(c, wit.List(items...), nil)
	}
}

// optionalPair is an entry as option<tuple<string, list<u8>>>.
func optionalPair(key string, e backend.Entry) wit.Value {
	if !e.Found {
		return wit.None()
	}
	return wit.Some(wit.Tuple(wit.String(key), wit.Bytes(e.Value)))
}

// pairOfOptional is one as tuple<string, option<list<u8>>>.
func pairOfOptional(key string, e backend.Entry) wit.Value {
	return wit.Tuple(wit.String(key), optionalBytes(e))
}

func setMany(ctx context.Context, c *wit.Call) error {
	items := c.Args[1].Items()
	if err := checkBatch(items, pairKey, pairSize); err != nil || len(items) == 0 {
		return finish(c, err)
	}
	pairs := make([]backend.Pair, len(items))
	for i, item := range items {
		pairs[i] = backend.Pair{Key: pairKey(item), Value: item.Items()[1].Bytes()}
	}
	b := wit.Self[*bucket](c)
	return finish(c, b.backend.SetMany(ctx, b.at(c), pairs))
}

func deleteMany(ctx context.Context, c *wit.Call) error {
	keys, err := keysOf(c)
	if err != nil || len(keys) == 0 {
		return finish(c, err)
	}
	b := wit.Self[*bucket](c)
	return finish(c, b.backend.DeleteMany(ctx, b.at(c), keys))
}
