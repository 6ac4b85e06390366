package kv

import (
	"context"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/capabilities/kv/backend"
	"github.com/writ-host/writ/wit"
)

const (
	// pageSize is how many keys are asked for at a time.
	pageSize = 1000
	// maxPages is how many pages without a key to show are gone through for one
	// call; then the guest gets an empty page, with a cursor.
	maxPages = 32
)

func listAccess(c *wit.Call) capabilities.Access {
	return capabilities.Access{Operation: broker.List, Resource: broker.KVStore(wit.Self[*bucket](c).name), Reach: true}
}

// listKeys answers the next page that has keys which the component may list.
func (c *Capability) listKeys(ctx context.Context, call *wit.Call) error {
	b, at := wit.Self[*bucket](call), wit.Self[*bucket](call).at(call)
	scope := at.App + "\x00" + at.Component + "\x00" + b.name
	from := ""
	if v, ok := call.Args[1].Payload(); ok {
		var err error
		if from, err = c.cursors.open(scope, v.Text()); err != nil {
			return give(call, wit.Value{}, err)
		}
	}
	page, err := b.visiblePage(ctx, call, at, from)
	if err != nil {
		return give(call, wit.Value{}, err)
	}
	next := wit.None()
	if page.Cursor != "" {
		next = wit.Some(wit.String(c.cursors.seal(scope, page.Cursor)))
	}
	return give(call, wit.Record(keyList(page.Keys), next), nil)
}

func keyList(keys []string) wit.Value {
	items := make([]wit.Value, len(keys))
	for i, k := range keys {
		items[i] = wit.String(k)
	}
	return wit.List(items...)
}

// visiblePage goes on until it has a page with keys that may be listed.
func (b *bucket) visiblePage(ctx context.Context, call *wit.Call, at backend.Caller, from string) (backend.Page, error) {
	var page backend.Page
	for range maxPages {
		var err error
		if page, err = b.backend.ListKeys(ctx, at, from, pageSize); err != nil {
			return page, err
		}
		page.Keys = b.visible(ctx, call, page.Keys)
		if len(page.Keys) > 0 || page.Cursor == "" {
			break
		}
		from = page.Cursor
	}
	return page, nil
}

// visible keeps the keys that the component may list.
func (b *bucket) visible(ctx context.Context, call *wit.Call, keys []string) []string {
	i := capabilities.From(call)
	shown := keys[:0]
	for _, k := range keys {
		if len(k) <= MaxKey && i.Allowed(ctx, broker.KV, b.access(broker.List, k, 0)) {
			shown = append(shown, k)
		}
	}
	return shown
}
