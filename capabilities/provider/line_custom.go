package provider

import (
	"context"

	"github.com/writ-host/writ/capabilities/kv/backend"
	pb "github.com/writ-host/writ/proto/writ/provider/v1"
)

// customLine is the line of the Custom service.
func (s *session) customLine(client pb.CustomClient) *line[*pb.CustomOperation, *pb.CustomResult] {
	open := opener(s, serviceCustom, client.Channel)
	return newLine(s, serviceCustom,
		func(ctx context.Context) (stream[*pb.CustomOperation, *pb.CustomResult], error) {
			c, err := open(ctx)
			return stream[*pb.CustomOperation, *pb.CustomResult]{
				setID: func(op *pb.CustomOperation, id uint64) { op.Id = id },
				send: func(ops []*pb.CustomOperation, cancelled []uint64) error {
					return c.Send(&pb.CustomRequest{Operations: ops, Cancelled: cancelled})
				},
				recv: func() ([]*pb.CustomResult, error) {
					m, err := c.Recv()
					return m.GetResults(), err
				},
			}, err
		},
		func(ctx context.Context, op *pb.CustomOperation) (*pb.CustomResult, error) {
			return callCustom(ctx, client, op)
		},
	)
}

func callCustom(ctx context.Context, client pb.CustomClient, op *pb.CustomOperation) (r *pb.CustomResult, err error) {
	r = &pb.CustomResult{}
	switch o := op.GetOperation().(type) {
	case *pb.CustomOperation_Invoke:
		v, err := client.Invoke(ctx, o.Invoke)
		r.Result = &pb.CustomResult_Invoke{Invoke: v}
		return r, err
	case *pb.CustomOperation_Drop:
		v, err := client.Drop(ctx, o.Drop)
		r.Result = &pb.CustomResult_Drop{Drop: v}
		return r, err
	}
	return nil, backend.Errorf(backend.Internal, "unknown operation")
}
