package provider

import (
	"context"

	"github.com/writ-host/writ/capabilities/kv/backend"
	pb "github.com/writ-host/writ/proto/writ/provider/v1"
)

// kvLine is the line of the KeyValue service.
func (s *session) kvLine(client pb.KeyValueClient) *line[*pb.KVOperation, *pb.KVResult] {
	open := opener(s, serviceKeyValue, client.Channel)
	return newLine(s, serviceKeyValue,
		func(ctx context.Context) (stream[*pb.KVOperation, *pb.KVResult], error) {
			c, err := open(ctx)
			return stream[*pb.KVOperation, *pb.KVResult]{
				setID: func(op *pb.KVOperation, id uint64) { op.Id = id },
				send: func(ops []*pb.KVOperation, cancelled []uint64) error {
					return c.Send(&pb.KVRequest{Operations: ops, Cancelled: cancelled})
				},
				recv: func() ([]*pb.KVResult, error) {
					m, err := c.Recv()
					return m.GetResults(), err
				},
			}, err
		},
		func(ctx context.Context, op *pb.KVOperation) (*pb.KVResult, error) { return callKV(ctx, client, op) },
	)
}

func callKV(ctx context.Context, kv pb.KeyValueClient, op *pb.KVOperation) (r *pb.KVResult, err error) {
	r = &pb.KVResult{}
	switch o := op.GetOperation().(type) {
	case *pb.KVOperation_Get:
		v, err := kv.Get(ctx, o.Get)
		r.Result = &pb.KVResult_Get{Get: v}
		return r, err
	case *pb.KVOperation_Set:
		v, err := kv.Set(ctx, o.Set)
		r.Result = &pb.KVResult_Set{Set: v}
		return r, err
	case *pb.KVOperation_Delete:
		v, err := kv.Delete(ctx, o.Delete)
		r.Result = &pb.KVResult_Delete{Delete: v}
		return r, err
	case *pb.KVOperation_Exists:
		v, err := kv.Exists(ctx, o.Exists)
		r.Result = &pb.KVResult_Exists{Exists: v}
		return r, err
	case *pb.KVOperation_ListKeys:
		v, err := kv.ListKeys(ctx, o.ListKeys)
		r.Result = &pb.KVResult_ListKeys{ListKeys: v}
		return r, err
	case *pb.KVOperation_Increment:
		v, err := kv.Increment(ctx, o.Increment)
		r.Result = &pb.KVResult_Increment{Increment: v}
		return r, err
	case *pb.KVOperation_CompareAndSwap:
		v, err := kv.CompareAndSwap(ctx, o.CompareAndSwap)
		r.Result = &pb.KVResult_CompareAndSwap{CompareAndSwap: v}
		return r, err
	case *pb.KVOperation_GetMany:
		v, err := kv.GetMany(ctx, o.GetMany)
		r.Result = &pb.KVResult_GetMany{GetMany: v}
		return r, err
	case *pb.KVOperation_SetMany:
		v, err := kv.SetMany(ctx, o.SetMany)
		r.Result = &pb.KVResult_SetMany{SetMany: v}
		return r, err
	case *pb.KVOperation_DeleteMany:
		v, err := kv.DeleteMany(ctx, o.DeleteMany)
		r.Result = &pb.KVResult_DeleteMany{DeleteMany: v}
		return r, err
	}
	return nil, backend.Errorf(backend.Internal, "unknown operation")
}
