package provider

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/hashicorp/go-plugin"
	pb "github.com/writ-host/writ/proto/writ/provider/v1"
	"google.golang.org/grpc"
)

// ServeEcho is a provider that does nothing but answer, with the same wire
// below: what benchmarks compare with.
func ServeEcho() {
	plugin.Serve(&plugin.ServeConfig{HandshakeConfig: handshake, Plugins: plugin.PluginSet{pluginName: &echo{}},
		GRPCServer: func(opts []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(opts, serverOptions()...)...)
		}})
}

type echo struct {
	plugin.NetRPCUnsupportedPlugin
	pb.UnimplementedKeyValueServer
}

func (e *echo) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	pb.RegisterProviderServer(s, &control{served: &served{stderr: os.Stderr, kv: &kvServer{}, sql: &sqlServer{}, http: &httpServer{}, custom: &customServer{}}})
	pb.RegisterKeyValueServer(s, e)
	return nil
}

func (e *echo) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.New("not here")
}

func (e *echo) Get(_ context.Context, r *pb.GetRequest) (*pb.GetResponse, error) {
	return &pb.GetResponse{Entry: &pb.Entry{Found: true, Value: []byte(r.GetKey()), Version: "1"}}, nil
}

func (e *echo) Channel(stream pb.KeyValue_ChannelServer) error {
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		r := &pb.KVResponse{}
		for _, op := range m.GetOperations() {
			v := &pb.GetResponse{Entry: &pb.Entry{Found: true, Value: []byte(op.GetGet().GetKey()), Version: "1"}}
			r.Results = append(r.Results, &pb.KVResult{Id: op.GetId(), Result: &pb.KVResult_Get{Get: v}})
		}
		if err := stream.Send(r); err != nil {
			return err
		}
	}
}

// Wire is the bare client of a provider's services.
func Wire(p *Provider) pb.KeyValueClient { return pb.NewKeyValueClient(p.now().conn) }

// SocketRoot is where the sockets' directories are made.
func SocketRoot(p *Provider) string { return p.tmp }
