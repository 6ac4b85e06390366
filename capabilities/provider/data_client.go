package provider

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"

	"github.com/writ-host/writ/capabilities/provider/internal/frame"
	"google.golang.org/grpc"
)

// dataPlane is a provider's data socket, as the host uses it. The zero value is
// none.
type dataPlane struct {
	key  []byte
	path string
}

// newDataKey is a key for one life of a provider.
func newDataKey() []byte {
	key := make([]byte, frame.KeyBytes)
	_, _ = rand.Read(key) // it never fails
	return key
}

// useData takes up the data socket that a provider offers.
func (s *session) useData(path string, key []byte) error {
	if path == "" {
		return nil
	}
	if key == nil {
		return errors.New("a data socket, though there is no key")
	}
	if _, _, err := s.process.PluginToHost("unix", path); err != nil {
		return fmt.Errorf("data socket: %w", err)
	}
	s.data = dataPlane{key: key, path: path}
	return nil
}

// dial opens a channel on the data socket. It ends with ctx.
func (d *dataPlane) dial(ctx context.Context, service string) (*frame.Conn, error) {
	socket, err := new(net.Dialer).DialContext(ctx, "unix", d.path)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { _ = socket.Close() })
	return frame.Greet(socket, d.key, service, maxMessage)
}

// opener opens channels of a service: on the data socket where there is one that
// has the service, else over gRPC.
func opener[Out, In any](s *session, service string, overGRPC func(context.Context, ...grpc.CallOption) (grpc.BidiStreamingClient[Out, In], error)) func(context.Context) (duplex[Out, In], error) {
	return func(ctx context.Context) (duplex[Out, In], error) {
		if s.data.path != "" {
			conn, err := s.data.dial(ctx, service)
			if err == nil {
				return framed[Out, In]{conn, errSocketClosed}, nil
			}
			if ctx.Err() != nil {
				return nil, err
			}
			s.config.Log.Debug("the data socket is not used", "service", service, "error", err)
		}
		return overGRPC(ctx)
	}
}
