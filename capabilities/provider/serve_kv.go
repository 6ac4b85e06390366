package provider

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/writ-host/writ/capabilities/kv/backend"
	pb "github.com/writ-host/writ/proto/writ/provider/v1"
)

// kvServer serves a backend.KeyValue, unary and on channels, once it is open.
type kvServer struct {
	pb.UnimplementedKeyValueServer
	opened atomic.Pointer[opened]
	log    *slog.Logger
}

type opened struct {
	kv    backend.KeyValue
	local bool // reads never wait
}

func (s *kvServer) open(kv backend.KeyValue) {
	_, local := kv.(backend.LocalReads)
	s.opened.Store(&opened{kv, local})
}

// backend is what serves, or nil.
func (s *kvServer) backend() backend.KeyValue {
	if o := s.opened.Load(); o != nil {
		return o.kv
	}
	return nil
}

func (s *kvServer) localReads() bool {
	o := s.opened.Load()
	return o != nil && o.local
}

// Channel implements the service: it reads operations until the host is gone.
func (s *kvServer) Channel(stream pb.KeyValue_ChannelServer) error {
	return s.channel(stream.Context(), stream)
}

func (s *kvServer) channel(ctx context.Context, stream duplex[pb.KVResponse, pb.KVRequest]) error {
	return serveChannel(ctx, &trade[*pb.KVOperation, *pb.KVResult]{
		caller: callerOf,
		size:   resultSize,
		begin: func(op *pb.KVOperation) func(context.Context) *pb.KVResult {
			return func(ctx context.Context) *pb.KVResult { return s.perform(ctx, op) }
		},
		local: func(ctx context.Context, op *pb.KVOperation) (*pb.KVResult, bool) {
			if !isRead(op) || !s.localReads() {
				return nil, false
			}
			return s.perform(inTrace(ctx, callerOf(op)), op), true
		},
	}, stream.Recv, func(batch []*pb.KVResult) error { return stream.Send(&pb.KVResponse{Results: batch}) })
}

// withTimeout is the context of an operation: its time, and the trace that it is part of.
func withTimeout(ctx context.Context, c *pb.Caller) (context.Context, context.CancelFunc) {
	ctx = inTrace(ctx, c)
	us := c.GetTimeoutUs()
	if us == 0 || us > uint64(24*time.Hour/time.Microsecond) {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Duration(us)*time.Microsecond)
}

func isRead(op *pb.KVOperation) bool {
	switch op.GetOperation().(type) {
	case *pb.KVOperation_Get, *pb.KVOperation_Exists, *pb.KVOperation_ListKeys, *pb.KVOperation_GetMany:
		return true
	}
	return false
}

func callerOf(op *pb.KVOperation) *pb.Caller {
	switch o := op.GetOperation().(type) {
	case *pb.KVOperation_Get:
		return o.Get.GetCaller()
	case *pb.KVOperation_Set:
		return o.Set.GetCaller()
	case *pb.KVOperation_Delete:
		return o.Delete.GetCaller()
	case *pb.KVOperation_Exists:
		return o.Exists.GetCaller()
	case *pb.KVOperation_ListKeys:
		return o.ListKeys.GetCaller()
	case *pb.KVOperation_Increment:
		return o.Increment.GetCaller()
	case *pb.KVOperation_CompareAndSwap:
		return o.CompareAndSwap.GetCaller()
	case *pb.KVOperation_GetMany:
		return o.GetMany.GetCaller()
	case *pb.KVOperation_SetMany:
		return o.SetMany.GetCaller()
	case *pb.KVOperation_DeleteMany:
		return o.DeleteMany.GetCaller()
	}
	return nil
}

// perform does one operation.
func (s *kvServer) perform(ctx context.Context, op *pb.KVOperation) (r *pb.KVResult) {
	r = &pb.KVResult{Id: op.GetId()}
	switch o := op.GetOperation().(type) {
	case *pb.KVOperation_Get:
		v, _ := s.Get(ctx, o.Get)
		r.Result = &pb.KVResult_Get{Get: v}
	case *pb.KVOperation_Set:
		v, _ := s.Set(ctx, o.Set)
		r.Result = &pb.KVResult_Set{Set: v}
	case *pb.KVOperation_Delete:
		v, _ := s.Delete(ctx, o.Delete)
		r.Result = &pb.KVResult_Delete{Delete: v}
	case *pb.KVOperation_Exists:
		v, _ := s.Exists(ctx, o.Exists)
		r.Result = &pb.KVResult_Exists{Exists: v}
	case *pb.KVOperation_ListKeys:
		v, _ := s.ListKeys(ctx, o.ListKeys)
		r.Result = &pb.KVResult_ListKeys{ListKeys: v}
	case *pb.KVOperation_Increment:
		v, _ := s.Increment(ctx, o.Increment)
		r.Result = &pb.KVResult_Increment{Increment: v}
	case *pb.KVOperation_CompareAndSwap:
		v, _ := s.CompareAndSwap(ctx, o.CompareAndSwap)
		r.Result = &pb.KVResult_CompareAndSwap{CompareAndSwap: v}
	case *pb.KVOperation_GetMany:
		v, _ := s.GetMany(ctx, o.GetMany)
		r.Result = &pb.KVResult_GetMany{GetMany: v}
	case *pb.KVOperation_SetMany:
		v, _ := s.SetMany(ctx, o.SetMany)
		r.Result = &pb.KVResult_SetMany{SetMany: v}
	case *pb.KVOperation_DeleteMany:
		v, _ := s.DeleteMany(ctx, o.DeleteMany)
		r.Result = &pb.KVResult_DeleteMany{DeleteMany: v}
	}
	return r // without a result for an operation that is newer than this provider
}

// call has the backend do one thing. A panic is that operation's error, and not
// the end of the process.
func call[T any](s *kvServer, f func(backend.KeyValue) (T, error)) (v T, err error) {
	kv := s.backend()
	if kv == nil {
		return v, backend.Errorf(backend.Unavailable, "the provider is not configured yet")
	}
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("key-value backend panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = backend.Errorf(backend.Internal, "the provider failed: %v", p)
		}
	}()
	return f(kv)
}

// act is call for what has no result.
func act(s *kvServer, f func(backend.KeyValue) error) *pb.Error {
	_, err := call(s, func(kv backend.KeyValue) (struct{}, error) { return struct{}{}, f(kv) })
	return wireError(err)
}

// Get implements the service.
func (s *kvServer) Get(ctx context.Context, r *pb.GetRequest) (*pb.GetResponse, error) {
	e, err := call(s, func(kv backend.KeyValue) (backend.Entry, error) {
		return kv.Get(ctx, readCaller(r.GetCaller(), r.GetStore()), r.GetKey())
	})
	if err == nil {
		err = fits(len(e.Value))
	}
	if err != nil {
		return &pb.GetResponse{Error: wireError(err)}, nil
	}
	return &pb.GetResponse{Entry: wireEntry(e)}, nil
}

func fits(n int) error {
	if n > maxAnswer {
		return backend.Errorf(backend.TooLarge, "the answer has %d bytes, and %d are the most", n, maxAnswer)
	}
	return nil
}

// Set implements the service.
func (s *kvServer) Set(ctx context.Context, r *pb.SetRequest) (*pb.SetResponse, error) {
	return &pb.SetResponse{Error: act(s, func(kv backend.KeyValue) error {
		return kv.Set(ctx, readCaller(r.GetCaller(), r.GetStore()), r.GetKey(), r.GetValue())
	})}, nil
}

// Delete implements the service.
func (s *kvServer) Delete(ctx context.Context, r *pb.DeleteRequest) (*pb.DeleteResponse, error) {
	return &pb.DeleteResponse{Error: act(s, func(kv backend.KeyValue) error {
		return kv.Delete(ctx, readCaller(r.GetCaller(), r.GetStore()), r.GetKey())
	})}, nil
}

// Exists implements the service.
func (s *kvServer) Exists(ctx context.Context, r *pb.ExistsRequest) (*pb.ExistsResponse, error) {
	found, err := call(s, func(kv backend.KeyValue) (bool, error) {
		return kv.Exists(ctx, readCaller(r.GetCaller(), r.GetStore()), r.GetKey())
	})
	return &pb.ExistsResponse{Error: wireError(err), Found: found}, nil
}

// ListKeys implements the service.
func (s *kvServer) ListKeys(ctx context.Context, r *pb.ListKeysRequest) (*pb.ListKeysResponse, error) {
	page, err := call(s, func(kv backend.KeyValue) (backend.Page, error) {
		return kv.ListKeys(ctx, readCaller(r.GetCaller(), r.GetStore()), r.GetCursor(), int(r.GetLimit()))
	})
	return &pb.ListKeysResponse{Error: wireError(err), Keys: page.Keys, Cursor: page.Cursor}, nil
}

// Increment implements the service.
func (s *kvServer) Increment(ctx context.Context, r *pb.IncrementRequest) (*pb.IncrementResponse, error) {
	sum, err := call(s, func(kv backend.KeyValue) (int64, error) {
		return kv.Increment(ctx, readCaller(r.GetCaller(), r.GetStore()), r.GetKey(), r.GetDelta())
	})
	return &pb.IncrementResponse{Error: wireError(err), Value: sum}, nil
}

// CompareAndSwap implements the service.
func (s *kvServer) CompareAndSwap(ctx context.Context, r *pb.CompareAndSwapRequest) (*pb.CompareAndSwapResponse, error) {
	swapped := false
	current, err := call(s, func(kv backend.KeyValue) (e backend.Entry, err error) {
		swapped, e, err = kv.CompareAndSwap(ctx, readCaller(r.GetCaller(), r.GetStore()), r.GetKey(), r.GetVersion(), r.GetValue())
		return e, err
	})
	if err != nil {
		return &pb.CompareAndSwapResponse{Error: wireError(err)}, nil
	}
	if swapped {
		return &pb.CompareAndSwapResponse{Swapped: true}, nil
	}
	return &pb.CompareAndSwapResponse{Current: wireEntry(current)}, nil
}

// GetMany implements the service.
func (s *kvServer) GetMany(ctx context.Context, r *pb.GetManyRequest) (*pb.GetManyResponse, error) {
	entries, err := call(s, func(kv backend.KeyValue) ([]backend.Entry, error) {
		return kv.GetMany(ctx, readCaller(r.GetCaller(), r.GetStore()), r.GetKeys())
	})
	total := 0
	for _, e := range entries {
		total += len(e.Value) + len(e.Version) + 16
	}
	if err == nil {
		err = fits(total)
	}
	if err != nil {
		return &pb.GetManyResponse{Error: wireError(err)}, nil
	}
	return &pb.GetManyResponse{Entries: wireEntries(entries)}, nil
}

// SetMany implements the service.
func (s *kvServer) SetMany(ctx context.Context, r *pb.SetManyRequest) (*pb.SetManyResponse, error) {
	return &pb.SetManyResponse{Error: act(s, func(kv backend.KeyValue) error {
		return kv.SetMany(ctx, readCaller(r.GetCaller(), r.GetStore()), readPairs(r.GetPairs()))
	})}, nil
}

// DeleteMany implements the service.
func (s *kvServer) DeleteMany(ctx context.Context, r *pb.DeleteManyRequest) (*pb.DeleteManyResponse, error) {
	return &pb.DeleteManyResponse{Error: act(s, func(kv backend.KeyValue) error {
		return kv.DeleteMany(ctx, readCaller(r.GetCaller(), r.GetStore()), r.GetKeys())
	})}, nil
}
