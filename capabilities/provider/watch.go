package provider

import (
	"context"
	"errors"
	"io"

	"github.com/writ-host/writ/capabilities/kv/backend"
	pb "github.com/writ-host/writ/proto/writ/provider/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// changesBytes is about how much goes into one message of a watch.
const changesBytes = 256 << 10

var _ backend.Watcher = kvClient{}

// Watch implements backend.Watcher. It ends with the provider's process.
func (c kvClient) Watch(ctx context.Context, at backend.Caller, prefix string, ready func() error, each func([]backend.Change) error) error {
	s, err := c.p.ready(ctx, c.p.config.CallTimeout)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := pb.NewKeyValueClient(s.conn).Watch(ctx, &pb.WatchRequest{Caller: wireCaller(at, 0), Store: at.Store, Prefix: prefix})
	if err != nil {
		return c.watchError(ctx, err)
	}
	for first := true; ; first = false {
		m, err := stream.Recv()
		switch {
		case err != nil:
			return c.watchError(ctx, err)
		case m.GetError() != nil:
			return readError(m.GetError())
		case first:
			err = ready()
		}
		if changes := readChanges(m.GetChanges()); err == nil && len(changes) > 0 {
			err = each(changes)
		}
		if err != nil {
			return err
		}
	}
}

func (c kvClient) watchError(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case status.Code(err) == codes.Unimplemented:
		return backend.Errorf(backend.Unimplemented, "provider %s cannot tell of changes", c.p.config.Name)
	case errors.Is(err, io.EOF):
		return backend.Errorf(backend.Unavailable, "provider %s has ended the watch", c.p.config.Name)
	}
	return backend.Errorf(backend.Unavailable, "provider %s: watch: %v", c.p.config.Name, err)
}

func readChanges(wire []*pb.Change) []backend.Change {
	changes := make([]backend.Change, 0, len(wire))
	for _, c := range wire {
		changes = append(changes, backend.Change{Key: c.GetKey(), Deleted: c.GetDeleted(), Value: c.GetValue()})
	}
	return changes
}

// Watch implements the service.
func (s *kvServer) Watch(r *pb.WatchRequest, stream grpc.ServerStreamingServer[pb.WatchResponse]) error {
	w, ok := s.backend().(backend.Watcher)
	if !ok {
		return status.Error(codes.Unimplemented, "the store cannot tell of changes")
	}
	ready := func() error { return stream.Send(&pb.WatchResponse{}) }
	err := w.Watch(stream.Context(), readCaller(r.GetCaller(), r.GetStore()), r.GetPrefix(), ready,
		func(changes []backend.Change) error { return sendChanges(stream, changes) })
	if err == nil || stream.Context().Err() != nil {
		return nil
	}
	return stream.Send(&pb.WatchResponse{Error: wireError(err)})
}

// sendChanges spreads changes over messages that are not too large.
func sendChanges(stream grpc.ServerStreamingServer[pb.WatchResponse], changes []backend.Change) error {
	m := &pb.WatchResponse{}
	size := 0
	for i, c := range changes {
		wire := &pb.Change{Key: c.Key, Deleted: c.Deleted, Value: c.Value}
		m.Changes = append(m.Changes, wire)
		if size += proto.Size(wire); size < changesBytes && i < len(changes)-1 {
			continue
		}
		if err := stream.Send(m); err != nil {
			return err
		}
		m, size = &pb.WatchResponse{}, 0
	}
	return nil
}
