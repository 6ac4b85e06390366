package provider

import (
	"context"

	"github.com/writ-host/writ/capabilities/custom/backend"
	pb "github.com/writ-host/writ/proto/writ/provider/v1"
)

// Custom is the interfaces that the provider describes, as the host calls them.
// It stays valid when the process is started again; resources do not.
func (p *Provider) Custom() backend.Custom { return customClient{p} }

// customClient turns calls into operations on the wire.
type customClient struct{ p *Provider }

// do performs one operation within the time that the caller has, in the life
// that is asked for, if one is. fill makes it.
func (c customClient) do(ctx context.Context, at backend.Caller, life uint64, fill func(*pb.Caller) *pb.CustomOperation) (_ *pb.CustomResult, _ uint64, err error) {
	call := c.p.begin(ctx)
	defer func() { call.end(err) }()
	s, timeout, err := c.p.sessionFor(ctx)
	if err != nil {
		return nil, 0, err
	}
	if life != 0 && life != s.life {
		return nil, 0, backend.Errorf(backend.Unavailable, "a resource ended with provider %s's process", c.p.config.Name)
	}
	caller := &pb.Caller{App: at.App, Component: at.Component, GrantId: at.Grant, TimeoutUs: uint64(timeout.Microseconds())}
	r, err := s.custom.do(ctx, fill(call.of(caller)), timeout)
	c.p.judge(ctx, err)
	return r, s.life, err
}

// Invoke implements backend.Custom.
func (c customClient) Invoke(ctx context.Context, at backend.Caller, call backend.Call) (backend.Answer, error) {
	r, life, err := c.do(ctx, at, call.Life, func(caller *pb.Caller) *pb.CustomOperation {
		return &pb.CustomOperation{Operation: &pb.CustomOperation_Invoke{Invoke: &pb.InvokeRequest{
			Caller: caller, Scope: at.Scope, Interface: call.Interface, Function: call.Function, Arguments: call.Args}}}
	})
	if err != nil {
		return backend.Answer{}, err
	}
	v := r.GetInvoke()
	if v == nil {
		return backend.Answer{}, backend.Errorf(backend.Unimplemented, "provider %s does not answer invoke", c.p.config.Name)
	}
	if v.GetError() != nil {
		return backend.Answer{}, readError(v.GetError())
	}
	return backend.Answer{Result: v.GetResult(), Life: life}, nil
}

// Drop implements backend.Custom.
func (c customClient) Drop(ctx context.Context, at backend.Caller, life uint64, handles []uint64, ended bool) error {
	_, _, err := c.do(ctx, at, life, func(caller *pb.Caller) *pb.CustomOperation {
		return &pb.CustomOperation{Operation: &pb.CustomOperation_Drop{Drop: &pb.DropRequest{
			Caller: caller, Scope: at.Scope, Handles: handles, ScopeEnded: ended}}}
	})
	return err
}
