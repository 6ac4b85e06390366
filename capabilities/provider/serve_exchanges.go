package provider

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/writ-host/writ/capabilities/http/backend"
	pb "github.com/writ-host/writ/proto/writ/provider/v1"
	"google.golang.org/protobuf/proto"
)

// Exchange implements the service: a stream for one exchange.
func (s *httpServer) Exchange(stream pb.HTTP_ExchangeServer) error {
	var sending sync.Mutex
	ctx, x := newServedExchange(stream.Context(), func(m *pb.ExchangeResponse) error {
		sending.Lock()
		defer sending.Unlock()
		return stream.Send(m)
	})
	defer x.cancel(nil)
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	rest := s.begin(ctx, x, first)
	go func() { // when the host's end is there, so is the request's
		for {
			m, err := stream.Recv()
			if err == nil {
				err = x.take(m)
			}
			if err != nil {
				x.end(err)
				return
			}
		}
	}()
	return rest()
}

// Channel implements the service: many exchanges, until the host is gone.
func (s *httpServer) Channel(stream pb.HTTP_ChannelServer) error {
	return s.channel(stream.Context(), stream)
}

func (s *httpServer) channel(ctx context.Context, stream duplex[pb.HTTPResponses, pb.HTTPRequests]) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // which ends all exchanges
	c := &servedChannel{server: s, ctx: ctx, open: map[uint64]*servedExchange{}, out: &outbox[*pb.ExchangeResponse]{bounded: true,
		size: func(m *pb.ExchangeResponse) int { return proto.Size(m) }, release: releaseAnswer,
		send: func(parts []*pb.ExchangeResponse) error { return stream.Send(&pb.HTTPResponses{Parts: parts}) }}}
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, part := range m.GetParts() {
			c.take(part)
		}
	}
}

// servedChannel is the provider's end of a Channel of exchanges.
type servedChannel struct {
	server *httpServer
	ctx    context.Context
	out    *outbox[*pb.ExchangeResponse]

	mu   sync.Mutex
	open map[uint64]*servedExchange
}

// take hands a part to its exchange. A first one begins it; others are of one
// that is over.
func (c *servedChannel) take(m *pb.ExchangeRequest) {
	c.mu.Lock()
	x, n := c.open[m.GetId()], len(c.open)
	c.mu.Unlock()
	switch {
	case m.GetId() == 0:
		_ = c.out.put(true, false, &pb.ExchangeResponse{})
	case x != nil:
		if err := x.take(m); err != nil {
			x.end(err)
		}
	case m.GetHead() == nil:
	case n >= maxExchanges:
		_ = c.out.put(true, false, &pb.ExchangeResponse{Id: m.GetId(), Error: wireHTTPError(&backend.Error{Code: backend.ConnectionLimitReached})})
	default:
		c.begin(m)
	}
}

// begin begins an exchange, which goes on by itself.
func (c *servedChannel) begin(m *pb.ExchangeRequest) {
	id := m.GetId()
	ctx, x := newServedExchange(c.ctx, func(m *pb.ExchangeResponse) error {
		m.Id = id
		holdBody(&m.Body)
		return c.out.put(true, false, m)
	})
	c.mu.Lock()
	c.open[id] = x
	c.mu.Unlock()
	rest := c.server.begin(ctx, x, m)
	go func() {
		_ = rest() // an error ends the channel, which its reader sees
		x.end(nil)
		c.mu.Lock()
		delete(c.open, id)
		c.mu.Unlock()
	}()
}

// releaseAnswer is for a part that was sent.
func releaseAnswer(m *pb.ExchangeResponse) {
	if cap(m.GetBody()) == bodyPart {
		bodyParts.Put((*[bodyPart]byte)(m.Body[:bodyPart]))
	}
}
