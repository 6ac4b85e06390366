package provider

import (
	"context"
	"time"

	"github.com/writ-host/writ/capabilities/kv/backend"
	pb "github.com/writ-host/writ/proto/writ/provider/v1"
)

// KeyValue is the provider's store, as the host uses it. It stays valid when
// the process is started again. store is the store's name at the provider.
func (p *Provider) KeyValue() backend.KeyValue { return kvClient{p} }

// kvClient turns calls into operations on the wire.
type kvClient struct{ p *Provider }

// do performs one operation within the time that the caller has. fill makes it.
func (c kvClient) do(ctx context.Context, at backend.Caller, fill func(*pb.Caller) *pb.KVOperation) (r *pb.KVResult, err error) {
	call := c.p.begin(ctx)
	s, timeout, err := c.p.sessionFor(ctx)
	if err == nil {
		r, err = s.kv.do(ctx, fill(call.of(wireCaller(at, timeout))), timeout)
		c.p.judge(ctx, err)
	}
	call.end(err)
	return r, err
}

// sessionFor is the session to use, and the time that one call on it has.
func (p *Provider) sessionFor(ctx context.Context) (*session, time.Duration, error) {
	timeout := p.config.CallTimeout
	if end, ok := ctx.Deadline(); ok {
		timeout = min(timeout, time.Until(end))
	}
	if timeout <= 0 {
		return nil, 0, backend.Errorf(backend.Deadline, "the call to provider %s came after its deadline", p.config.Name)
	}
	s, err := p.ready(ctx, timeout)
	return s, timeout, err
}

// judge has a provider looked at that did not answer in time.
func (p *Provider) judge(ctx context.Context, err error) {
	if err != nil && backend.AsError(err).Code == backend.Deadline && ctx.Err() == nil {
		p.suspect()
	}
}

// unfit is the error for an answer that is not of the operation's kind.
func (c kvClient) unfit(what string) error {
	return backend.Errorf(backend.Unimplemented, "provider %s does not answer %s", c.p.config.Name, what)
}

// Get implements backend.KeyValue.
func (c kvClient) Get(ctx context.Context, at backend.Caller, key string) (backend.Entry, error) {
	r, err := c.do(ctx, at, func(caller *pb.Caller) *pb.KVOperation {
		return &pb.KVOperation{Operation: &pb.KVOperation_Get{Get: &pb.GetRequest{Caller: caller, Store: at.Store, Key: key}}}
	})
	if err != nil {
		return backend.Entry{}, err
	}
	v := r.GetGet()
	if v == nil {
		return backend.Entry{}, c.unfit("get")
	}
	return readEntry(v.GetEntry()), readError(v.GetError())
}

// Set implements backend.KeyValue.
func (c kvClient) Set(ctx context.Context, at backend.Caller, key string, value []byte) error {
	r, err := c.do(ctx, at, func(caller *pb.Caller) *pb.KVOperation {
		return &pb.KVOperation{Operation: &pb.KVOperation_Set{Set: &pb.SetRequest{Caller: caller, Store: at.Store, Key: key, Value: value}}}
	})
	if err != nil {
		return err
	}
	v := r.GetSet()
	if v == nil {
		return c.unfit("set")
	}
	return readError(v.GetError())
}

// Delete implements backend.KeyValue.
func (c kvClient) Delete(ctx context.Context, at backend.Caller, key string) error {
	r, err := c.do(ctx, at, func(caller *pb.Caller) *pb.KVOperation {
		return &pb.KVOperation{Operation: &pb.KVOperation_Delete{Delete: &pb.DeleteRequest{Caller: caller, Store: at.Store, Key: key}}}
	})
	if err != nil {
		return err
	}
	v := r.GetDelete()
	if v == nil {
		return c.unfit("delete")
	}
	return readError(v.GetError())
}

// Exists implements backend.KeyValue.
func (c kvClient) Exists(ctx context.Context, at backend.Caller, key string) (bool, error) {
	r, err := c.do(ctx, at, func(caller *pb.Caller) *pb.KVOperation {
		return &pb.KVOperation{Operation: &pb.KVOperation_Exists{Exists: &pb.ExistsRequest{Caller: caller, Store: at.Store, Key: key}}}
	})
	if err != nil {
		return false, err
	}
	v := r.GetExists()
	if v == nil {
		return false, c.unfit("exists")
	}
	return v.GetFound(), readError(v.GetError())
}

// ListKeys implements backend.KeyValue.
func (c kvClient) ListKeys(ctx context.Context, at backend.Caller, cursor string, limit int) (backend.Page, error) {
	r, err := c.do(ctx, at, func(caller *pb.Caller) *pb.KVOperation {
		return &pb.KVOperation{Operation: &pb.KVOperation_ListKeys{ListKeys: &pb.ListKeysRequest{
			Caller: caller, Store: at.Store, Cursor: cursor, Limit: uint32(max(0, limit))}}}
	})
	if err != nil {
		return backend.Page{}, err
	}
	v := r.GetListKeys()
	if v == nil {
		return backend.Page{}, c.unfit("list-keys")
	}
	return backend.Page{Keys: v.GetKeys(), Cursor: v.GetCursor()}, readError(v.GetError())
}

// Increment implements backend.KeyValue.
func (c kvClient) Increment(ctx context.Context, at backend.Caller, key string, delta int64) (int64, error) {
	r, err := c.do(ctx, at, func(caller *pb.Caller) *pb.KVOperation {
		return &pb.KVOperation{Operation: &pb.KVOperation_Increment{Increment: &pb.IncrementRequest{
			Caller: caller, Store: at.Store, Key: key, Delta: delta}}}
	})
	if err != nil {
		return 0, err
	}
	v := r.GetIncrement()
	if v == nil {
		return 0, c.unfit("increment")
	}
	return v.GetValue(), readError(v.GetError())
}

// CompareAndSwap implements backend.KeyValue.
func (c kvClient) CompareAndSwap(ctx context.Context, at backend.Caller, key, version string, value []byte) (bool, backend.Entry, error) {
	r, err := c.do(ctx, at, func(caller *pb.Caller) *pb.KVOperation {
		return &pb.KVOperation{Operation: &pb.KVOperation_CompareAndSwap{CompareAndSwap: &pb.CompareAndSwapRequest{
			Caller: caller, Store: at.Store, Key: key, Version: version, Value: value}}}
	})
	if err != nil {
		return false, backend.Entry{}, err
	}
	v := r.GetCompareAndSwap()
	if v == nil {
		return false, backend.Entry{}, c.unfit("compare-and-swap")
	}
	return v.GetSwapped(), readEntry(v.GetCurrent()), readError(v.GetError())
}

// GetMany implements backend.KeyValue.
func (c kvClient) GetMany(ctx context.Context, at backend.Caller, keys []string) ([]backend.Entry, error) {
	r, err := c.do(ctx, at, func(caller *pb.Caller) *pb.KVOperation {
		return &pb.KVOperation{Operation: &pb.KVOperation_GetMany{GetMany: &pb.GetManyRequest{Caller: caller, Store: at.Store, Keys: keys}}}
	})
	if err != nil {
		return nil, err
	}
	v := r.GetGetMany()
	switch {
	case v == nil:
		return nil, c.unfit("get-many")
	case v.GetError() != nil:
		return nil, readError(v.GetError())
	case len(v.GetEntries()) != len(keys):
		return nil, backend.Errorf(backend.Internal, "provider %s answered %d entries for %d keys", c.p.config.Name, len(v.GetEntries()), len(keys))
	}
	entries := make([]backend.Entry, len(keys))
	for i, e := range v.GetEntries() {
		entries[i] = readEntry(e)
	}
	return entries, nil
}

// SetMany implements backend.KeyValue.
func (c kvClient) SetMany(ctx context.Context, at backend.Caller, pairs []backend.Pair) error {
	r, err := c.do(ctx, at, func(caller *pb.Caller) *pb.KVOperation {
		return &pb.KVOperation{Operation: &pb.KVOperation_SetMany{SetMany: &pb.SetManyRequest{Caller: caller, Store: at.Store, Pairs: wirePairs(pairs)}}}
	})
	if err != nil {
		return err
	}
	v := r.GetSetMany()
	if v == nil {
		return c.unfit("set-many")
	}
	return readError(v.GetError())
}

// DeleteMany implements backend.KeyValue.
func (c kvClient) DeleteMany(ctx context.Context, at backend.Caller, keys []string) error {
	r, err := c.do(ctx, at, func(caller *pb.Caller) *pb.KVOperation {
		return &pb.KVOperation{Operation: &pb.KVOperation_DeleteMany{DeleteMany: &pb.DeleteManyRequest{Caller: caller, Store: at.Store, Keys: keys}}}
	})
	if err != nil {
		return err
	}
	v := r.GetDeleteMany()
	if v == nil {
		return c.unfit("delete-many")
	}
	return readError(v.GetError())
}
