package provider

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	pb "github.com/writ-host/writ/proto/writ/provider/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

const (
	// maxExchanges is how many exchanges one channel has at once.
	maxExchanges = 16 << 10
	// directExchanges is directCalls for exchanges, of which each may have a few
	// parts on the wire that the provider did not read.
	directExchanges = 32
)

// httpChannel is the host's end of a Channel of exchanges. It fails as a whole:
// then each exchange on it gets an error at once, and a new channel takes its place.
type httpChannel struct {
	stream duplex[pb.HTTPRequests, pb.HTTPResponses]
	cancel context.CancelFunc
	lost   func() // called when the connection is gone
	out    outbox[*pb.ExchangeRequest]
	unread atomic.Int64 // bytes that the provider may not have read, about

	messages atomic.Uint64 // that came

	mu   sync.Mutex
	open map[uint64]*channelWire // until their last part came
	last uint64
	err  error // why the channel is over
}

// channelWire is the wire of one exchange on a channel.
type channelWire struct {
	channel  *httpChannel
	exchange *exchange
	id       uint64
	unread   atomic.Int64 // of the channel's
	over     atomic.Bool
}

// openHTTPChannel opens a channel, and makes sure that there is one.
func openHTTPChannel(name string, open func(context.Context) (duplex[pb.HTTPRequests, pb.HTTPResponses], error), lost func()) (*httpChannel, error) {
	stream, cancel, err := openWithin(name, func(ctx context.Context) (duplex[pb.HTTPRequests, pb.HTTPResponses], error) {
		stream, err := open(ctx)
		if err == nil {
			err = stream.Send(askHTTP())
		}
		if err == nil || isOver(err) {
			_, err = stream.Recv()
		}
		return stream, err
	})
	if err != nil {
		return nil, err
	}
	c := &httpChannel{stream: stream, cancel: cancel, lost: lost, open: map[uint64]*channelWire{}}
	c.out.counted, c.out.release = true, releaseBody
	c.out.size = func(m *pb.ExchangeRequest) int { return proto.Size(m) }
	c.out.send = func(parts []*pb.ExchangeRequest) error { return stream.Send(&pb.HTTPRequests{Parts: parts}) }
	go c.receive()
	return c, nil
}

// askHTTP asks whether a channel works.
func askHTTP() *pb.HTTPRequests { return &pb.HTTPRequests{Parts: []*pb.ExchangeRequest{{}}} }

func (c *httpChannel) heard() uint64 { return c.messages.Load() }

// ask has the provider say that the channel works.
func (c *httpChannel) ask() {
	_ = c.out.put(false, false, &pb.ExchangeRequest{}) // where it cannot be sent, the channel ends
}

// wedged is for the provider's timeouts and the requests' own contexts to end.
func (c *httpChannel) wedged(time.Duration) bool { return false }

// add gives an exchange a wire on the channel.
func (c *httpChannel) add(x *exchange) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.err != nil:
		return c.err
	case len(c.open) >= maxExchanges:
		return status.Errorf(codes.ResourceExhausted, "%d requests go on", len(c.open))
	}
	c.last++
	w := &channelWire{channel: c, exchange: x, id: c.last}
	c.open[w.id], x.wire = w, w
	return nil
}

// receive hands out parts until the stream ends.
func (c *httpChannel) receive() {
	for {
		m, err := c.stream.Recv()
		if err != nil {
			if status.Code(err) == codes.Unavailable {
				c.lost()
			}
			c.fail(err)
			return
		}
		c.messages.Add(1)
		for _, part := range m.GetParts() {
			c.take(part)
		}
	}
}

// take hands out one part; one of no exchange is nobody's.
func (c *httpChannel) take(m *pb.ExchangeResponse) {
	c.mu.Lock()
	w := c.open[m.GetId()]
	c.mu.Unlock()
	if w == nil {
		return
	}
	w.read(m)
	if !w.exchange.take(m) {
		return
	}
	c.mu.Lock()
	delete(c.open, w.id)
	c.mu.Unlock()
	w.over.Store(true)
	w.settle()
}

// fail ends the channel: all exchanges hear of it, and no new one is let in.
func (c *httpChannel) fail(err error) {
	c.cancel()
	c.mu.Lock()
	if c.err == nil {
		c.err = err
	}
	open := c.open
	c.open = map[uint64]*channelWire{}
	c.mu.Unlock()
	for _, w := range open {
		w.exchange.end(w.exchange.failure(err))
	}
}

func (c *httpChannel) failed() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// direct reports whether a caller can write n bytes into the stream itself
// without ever waiting, whatever the provider does.
func (c *httpChannel) direct(n int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open) <= directExchanges && n <= directBytes
}

// send implements wire. A body's part is copied: its sender goes on with it.
func (w *channelWire) send(m *pb.ExchangeRequest, body bool) error {
	if body {
		if err := w.channel.out.wait(); err != nil {
			return err
		}
		holdBody(&m.Body)
	}
	m.Id = w.id
	n := int64(proto.Size(m))
	w.unread.Add(n)
	err := w.channel.out.put(w.channel.direct(w.channel.unread.Add(n)), false, m)
	if err != nil {
		w.channel.fail(err)
	}
	if w.over.Load() { // nobody will read it, or say so
		w.settle()
	}
	return err
}

// leave implements wire. The exchange stays with the channel until its last part.
func (w *channelWire) leave() { _ = w.send(&pb.ExchangeRequest{Cancel: true}, false) }

// read takes up that the provider has read what it answers.
func (w *channelWire) read(m *pb.ExchangeResponse) {
	if m.GetHead() != nil || m.GetCredit() > 0 {
		w.settle()
	}
}

func (w *channelWire) settle() { w.channel.unread.Add(-w.unread.Swap(0)) }

// holdBody has a part be the holder's, until releaseBody.
func holdBody(body *[]byte) {
	if len(*body) == 0 {
		*body = nil
	} else {
		*body = append(bodyParts.Get().(*[bodyPart]byte)[:0], *body...)
	}
}

// releaseBody is for a part that was sent.
func releaseBody(m *pb.ExchangeRequest) {
	if cap(m.GetBody()) == bodyPart {
		bodyParts.Put((*[bodyPart]byte)(m.Body[:bodyPart]))
	}
}
