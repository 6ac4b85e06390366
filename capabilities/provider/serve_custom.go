package provider

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"

	"github.com/writ-host/writ/capabilities/custom/backend"
	"github.com/writ-host/writ/capabilities/provider/internal/bind"
	"github.com/writ-host/writ/capabilities/provider/value"
	pb "github.com/writ-host/writ/proto/writ/provider/v1"
	"github.com/writ-host/writ/wit"
	"google.golang.org/protobuf/proto"
)

// customServer serves a Custom, unary and on channels, once it is open.
type customServer struct {
	pb.UnimplementedCustomServer
	custom *Custom
	opened atomic.Pointer[any]
	scopes scopes
	log    *slog.Logger
}

// backend is what serves, or nil.
func (s *customServer) backend() any {
	if o := s.opened.Load(); o != nil {
		return *o
	}
	return nil
}

// Channel implements the service: it reads operations until the host is gone.
func (s *customServer) Channel(stream pb.Custom_ChannelServer) error {
	return s.channel(stream.Context(), stream)
}

func (s *customServer) channel(ctx context.Context, stream duplex[pb.CustomResponse, pb.CustomRequest]) error {
	return serveChannel(ctx, &trade[*pb.CustomOperation, *pb.CustomResult]{
		caller: customCallerOf,
		size:   func(r *pb.CustomResult) int { return proto.Size(r) },
		begin:  s.begin,
	}, stream.Recv, func(batch []*pb.CustomResult) error { return stream.Send(&pb.CustomResponse{Results: batch}) })
}

func customCallerOf(op *pb.CustomOperation) *pb.Caller {
	if i := op.GetInvoke(); i != nil {
		return i.GetCaller()
	}
	return op.GetDrop().GetCaller()
}

// begin does what has to be in order; the function that it returns does the rest.
func (s *customServer) begin(op *pb.CustomOperation) func(context.Context) *pb.CustomResult {
	r := &pb.CustomResult{Id: op.GetId()}
	switch o := op.GetOperation().(type) {
	case *pb.CustomOperation_Invoke:
		of := s.scopeFor(o.Invoke)
		return func(ctx context.Context) *pb.CustomResult {
			r.Result = &pb.CustomResult_Invoke{Invoke: s.invoke(ctx, o.Invoke, of)}
			return r
		}
	case *pb.CustomOperation_Drop:
		gone := s.scopes.drop(o.Drop)
		return func(context.Context) *pb.CustomResult {
			s.end(gone)
			r.Result = &pb.CustomResult_Drop{Drop: &pb.DropResponse{}}
			return r
		}
	}
	return func(context.Context) *pb.CustomResult { return r } // an operation that is newer than this provider
}

// Invoke implements the service.
func (s *customServer) Invoke(ctx context.Context, r *pb.InvokeRequest) (*pb.InvokeResponse, error) {
	return s.invoke(ctx, r, s.scopeFor(r)), nil
}

// Drop implements the service.
func (s *customServer) Drop(_ context.Context, r *pb.DropRequest) (*pb.DropResponse, error) {
	s.end(s.scopes.drop(r))
	return &pb.DropResponse{}, nil
}

// scopeFor is the scope of a call whose function has to do with resources, nil
// for another.
func (s *customServer) scopeFor(r *pb.InvokeRequest) *scope {
	if f := s.custom.bound.Func(r.GetInterface(), r.GetFunction()); f != nil && hasHandles(f.Type) {
		return s.scopes.get(r.GetScope())
	}
	return nil
}

func hasHandles(f *wit.Func) bool {
	for _, p := range f.Params {
		if p.Type.HasHandle {
			return true
		}
	}
	return f.Result != nil && f.Result.HasHandle
}

func (s *customServer) invoke(ctx context.Context, r *pb.InvokeRequest, of *scope) *pb.InvokeResponse {
	f := s.custom.bound.Func(r.GetInterface(), r.GetFunction())
	receiver := s.backend()
	switch {
	case receiver == nil:
		return failed(backend.Errorf(backend.Unavailable, "the provider is not configured yet"))
	case f == nil:
		return failed(backend.Errorf(backend.Unimplemented, "there is no function %q in %q here", r.GetFunction(), r.GetInterface()))
	}
	c := r.GetCaller()
	ctx = context.WithValue(ctx, callerKey{}, Caller{App: c.GetApp(), Component: c.GetComponent(), Grant: c.GetGrantId(), Scope: r.GetScope(), Traceparent: c.GetTraceparent()})
	result, err := s.perform(ctx, f, receiver, r.GetArguments(), of)
	if err == nil {
		err = fits(len(result))
	}
	if err != nil {
		return failed(err)
	}
	return &pb.InvokeResponse{Result: result}
}

func failed(err error) *pb.InvokeResponse { return &pb.InvokeResponse{Error: wireError(err)} }

// perform reads the arguments, calls the method and writes the result. A panic
// is that call's error, and not the end of the process.
func (s *customServer) perform(ctx context.Context, f *bind.Func, receiver any, bytes []byte, of *scope) (result []byte, err error) {
	use := &use{scope: of}
	defer func() { s.end(use.done()) }()
	args, err := value.DecodeArgs(bytes, f.Type, use)
	if err != nil {
		s.end(use.taken)
		return nil, backend.Errorf(backend.Invalid, "%v", err)
	}
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("provider panicked", "function", f.Type.Name, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = backend.Errorf(backend.Internal, "the provider failed: %v", p)
		}
	}()
	v, err := f.Call(ctx, receiver, args)
	if err != nil || f.Type.Result == nil {
		return nil, err
	}
	if result, err = value.Append(nil, f.Type.Result, v, use); err != nil {
		s.end(use.giveUp(v))
		return nil, backend.Errorf(backend.Internal, "result of %s: %v", f.Type.Name, err)
	}
	return result, nil
}

// end tells resources that they are dropped.
func (s *customServer) end(gone []any) {
	for _, object := range gone {
		if d, ok := object.(wit.Dropper); ok {
			s.dropOne(d)
		}
	}
}

func (s *customServer) dropOne(d wit.Dropper) {
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("provider panicked in Drop", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	d.Drop()
}
