package provider

import (
	"context"

	"github.com/writ-host/writ/capabilities/kv/backend"
	pb "github.com/writ-host/writ/proto/writ/provider/v1"
)

// sqlLine is the line of the SQL service.
func (s *session) sqlLine(client pb.SQLClient) *line[*pb.SQLOperation, *pb.SQLResult] {
	open := opener(s, serviceSQL, client.Channel)
	return newLine(s, serviceSQL,
		func(ctx context.Context) (stream[*pb.SQLOperation, *pb.SQLResult], error) {
			c, err := open(ctx)
			return stream[*pb.SQLOperation, *pb.SQLResult]{
				setID: func(op *pb.SQLOperation, id uint64) { op.Id = id },
				send: func(ops []*pb.SQLOperation, cancelled []uint64) error {
					return c.Send(&pb.SQLRequest{Operations: ops, Cancelled: cancelled})
				},
				recv: func() ([]*pb.SQLResult, error) {
					m, err := c.Recv()
					return m.GetResults(), err
				},
			}, err
		},
		func(ctx context.Context, op *pb.SQLOperation) (*pb.SQLResult, error) { return callSQL(ctx, client, op) },
	)
}

func callSQL(ctx context.Context, sql pb.SQLClient, op *pb.SQLOperation) (r *pb.SQLResult, err error) {
	r = &pb.SQLResult{}
	switch o := op.GetOperation().(type) {
	case *pb.SQLOperation_Prepare:
		v, err := sql.Prepare(ctx, o.Prepare)
		r.Result = &pb.SQLResult_Prepare{Prepare: v}
		return r, err
	case *pb.SQLOperation_Execute:
		v, err := sql.Execute(ctx, o.Execute)
		r.Result = &pb.SQLResult_Execute{Execute: v}
		return r, err
	case *pb.SQLOperation_Fetch:
		v, err := sql.Fetch(ctx, o.Fetch)
		r.Result = &pb.SQLResult_Fetch{Fetch: v}
		return r, err
	case *pb.SQLOperation_CloseCursor:
		v, err := sql.CloseCursor(ctx, o.CloseCursor)
		r.Result = &pb.SQLResult_CloseCursor{CloseCursor: v}
		return r, err
	case *pb.SQLOperation_Begin:
		v, err := sql.Begin(ctx, o.Begin)
		r.Result = &pb.SQLResult_Begin{Begin: v}
		return r, err
	case *pb.SQLOperation_End:
		v, err := sql.End(ctx, o.End)
		r.Result = &pb.SQLResult_End{End: v}
		return r, err
	}
	return nil, backend.Errorf(backend.Internal, "unknown operation")
}
