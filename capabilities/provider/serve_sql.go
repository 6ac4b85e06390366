package provider

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"

	"github.com/writ-host/writ/capabilities/sql/backend"
	pb "github.com/writ-host/writ/proto/writ/provider/v1"
	"google.golang.org/protobuf/proto"
)

// sqlServer serves a backend.SQL, unary and on channels, once it is open.
type sqlServer struct {
	pb.UnimplementedSQLServer
	opened atomic.Pointer[backend.SQL]
	log    *slog.Logger
}

// backend is what serves, or nil.
func (s *sqlServer) backend() backend.SQL {
	if o := s.opened.Load(); o != nil {
		return *o
	}
	return nil
}

// Channel implements the service: it reads operations until the host is gone.
func (s *sqlServer) Channel(stream pb.SQL_ChannelServer) error {
	return s.channel(stream.Context(), stream)
}

func (s *sqlServer) channel(ctx context.Context, stream duplex[pb.SQLResponse, pb.SQLRequest]) error {
	return serveChannel(ctx, &trade[*pb.SQLOperation, *pb.SQLResult]{
		caller: sqlCallerOf,
		size:   func(r *pb.SQLResult) int { return proto.Size(r) },
		begin: func(op *pb.SQLOperation) func(context.Context) *pb.SQLResult {
			return func(ctx context.Context) *pb.SQLResult { return s.perform(ctx, op) }
		},
	}, stream.Recv, func(batch []*pb.SQLResult) error { return stream.Send(&pb.SQLResponse{Results: batch}) })
}

// perform does one operation.
func (s *sqlServer) perform(ctx context.Context, op *pb.SQLOperation) *pb.SQLResult {
	r := &pb.SQLResult{Id: op.GetId()}
	switch o := op.GetOperation().(type) {
	case *pb.SQLOperation_Prepare:
		v, _ := s.Prepare(ctx, o.Prepare)
		r.Result = &pb.SQLResult_Prepare{Prepare: v}
	case *pb.SQLOperation_Execute:
		v, _ := s.Execute(ctx, o.Execute)
		r.Result = &pb.SQLResult_Execute{Execute: v}
	case *pb.SQLOperation_Fetch:
		v, _ := s.Fetch(ctx, o.Fetch)
		r.Result = &pb.SQLResult_Fetch{Fetch: v}
	case *pb.SQLOperation_CloseCursor:
		v, _ := s.CloseCursor(ctx, o.CloseCursor)
		r.Result = &pb.SQLResult_CloseCursor{CloseCursor: v}
	case *pb.SQLOperation_Begin:
		v, _ := s.Begin(ctx, o.Begin)
		r.Result = &pb.SQLResult_Begin{Begin: v}
	case *pb.SQLOperation_End:
		v, _ := s.End(ctx, o.End)
		r.Result = &pb.SQLResult_End{End: v}
	}
	return r // without a result for an operation that is newer than this provider
}

// query has the backend do one thing. A panic is that operation's error, and
// not the end of the process.
func query[T any](s *sqlServer, f func(backend.SQL) (T, error)) (v T, err error) {
	db := s.backend()
	if db == nil {
		return v, backend.Errorf(backend.Unavailable, "the provider is not configured yet")
	}
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("database panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = backend.Errorf(backend.Internal, "the provider failed: %v", p)
		}
	}()
	return f(db)
}

// Prepare implements the service.
func (s *sqlServer) Prepare(ctx context.Context, r *pb.PrepareRequest) (*pb.PrepareResponse, error) {
	p, err := query(s, func(db backend.SQL) (backend.Plan, error) {
		return db.Prepare(ctx, readSQLCaller(r.GetCaller(), r.GetDatabase()), r.GetStatement())
	})
	if err != nil {
		return &pb.PrepareResponse{Error: wireSQLError(err)}, nil
	}
	return &pb.PrepareResponse{Accesses: wireAccesses(p.Accesses), Columns: wireColumns(p.Columns), Writes: p.Writes}, nil
}

// Execute implements the service.
func (s *sqlServer) Execute(ctx context.Context, r *pb.ExecuteRequest) (*pb.ExecuteResponse, error) {
	v, err := query(s, func(db backend.SQL) (backend.Result, error) {
		return db.Execute(ctx, readSQLCaller(r.GetCaller(), r.GetDatabase()), backend.Statement{
			Text: r.GetStatement(), Parameters: readValues(r.GetParameters()), Allowed: readAccesses(r.GetAllowed()),
			Transaction: r.GetTransaction(), MaxRows: int(r.GetMaxRows()),
		})
	})
	if err != nil {
		return &pb.ExecuteResponse{Error: wireSQLError(err)}, nil
	}
	return &pb.ExecuteResponse{Columns: wireColumns(v.Columns), Rows: wireRows(v.Rows.Rows), Cursor: v.Cursor, Affected: v.Affected}, nil
}

// Fetch implements the service.
func (s *sqlServer) Fetch(ctx context.Context, r *pb.FetchRequest) (*pb.FetchResponse, error) {
	v, err := query(s, func(db backend.SQL) (backend.Rows, error) {
		return db.Fetch(ctx, readSQLCaller(r.GetCaller(), r.GetDatabase()), r.GetCursor(), int(r.GetMaxRows()))
	})
	if err != nil {
		return &pb.FetchResponse{Error: wireSQLError(err)}, nil
	}
	return &pb.FetchResponse{Rows: wireRows(v.Rows), Cursor: v.Cursor}, nil
}

// CloseCursor implements the service.
func (s *sqlServer) CloseCursor(ctx context.Context, r *pb.CloseCursorRequest) (*pb.CloseCursorResponse, error) {
	_, err := query(s, func(db backend.SQL) (struct{}, error) {
		return struct{}{}, db.CloseCursor(ctx, readSQLCaller(r.GetCaller(), r.GetDatabase()), r.GetCursor())
	})
	return &pb.CloseCursorResponse{Error: wireSQLError(err)}, nil
}

// Begin implements the service.
func (s *sqlServer) Begin(ctx context.Context, r *pb.BeginRequest) (*pb.BeginResponse, error) {
	mode := backend.ReadWrite
	if r.GetReadOnly() {
		mode = backend.ReadOnly
	}
	id, err := query(s, func(db backend.SQL) (uint64, error) {
		return db.Begin(ctx, readSQLCaller(r.GetCaller(), r.GetDatabase()), mode)
	})
	return &pb.BeginResponse{Error: wireSQLError(err), Transaction: id}, nil
}

// End implements the service.
func (s *sqlServer) End(ctx context.Context, r *pb.EndRequest) (*pb.EndResponse, error) {
	_, err := query(s, func(db backend.SQL) (struct{}, error) {
		return struct{}{}, db.End(ctx, readSQLCaller(r.GetCaller(), r.GetDatabase()), r.GetTransaction(), r.GetCommit())
	})
	return &pb.EndResponse{Error: wireSQLError(err)}, nil
}
