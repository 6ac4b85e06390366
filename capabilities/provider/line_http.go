package provider

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/writ-host/writ/capabilities/http/backend"
	kv "github.com/writ-host/writ/capabilities/kv/backend"
	pb "github.com/writ-host/writ/proto/writ/provider/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// httpLine is how exchanges reach a provider: many on a channel, or each on a
// stream of its own where the provider has no channels.
type httpLine struct {
	session *session
	client  pb.HTTPClient
	channel renewed[*httpChannel]
	streams atomic.Bool // the provider has no channels
}

func (s *session) httpLine(client pb.HTTPClient) *httpLine {
	open := opener(s, serviceHTTP, client.Channel)
	return &httpLine{session: s, client: client, channel: renewed[*httpChannel]{name: s.config.Name,
		open: func() (*httpChannel, error) { return openHTTPChannel(s.config.Name, open, s.lose) }}}
}

// open gives an exchange its wire. After an error the provider has seen nothing
// of the exchange.
func (l *httpLine) open(ctx context.Context, x *exchange, timeout time.Duration) error {
	if !slices.Contains(l.session.info.Services, serviceHTTP) {
		return status.Error(codes.Unimplemented, "it does not serve HTTP")
	}
	if l.streams.Load() {
		return l.openStream(ctx, x)
	}
	c, err := l.channel.get(ctx, timeout)
	if isCode(err, kv.Unimplemented) {
		l.streams.Store(true)
		return l.openStream(ctx, x)
	}
	if err != nil {
		return err
	}
	return c.add(x)
}

// isCode reports whether an error of the wire has a code.
func isCode(err error, code kv.Code) bool {
	var e *kv.Error
	return errors.As(err, &e) && e.Code == code
}

// httpStream is a stream for one exchange.
type httpStream struct {
	sending sync.Mutex
	stream  pb.HTTP_ExchangeClient
	cancel  context.CancelFunc
}

func (l *httpLine) openStream(ctx context.Context, x *exchange) error {
	ctx, cancel := context.WithCancel(ctx)
	stream, err := l.client.Exchange(ctx)
	if err != nil {
		cancel()
		return err
	}
	s := &httpStream{stream: stream, cancel: cancel}
	x.wire = s
	go s.receive(x, l.session.lose)
	return nil
}

func (s *httpStream) send(m *pb.ExchangeRequest, _ bool) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	return s.stream.Send(m)
}

func (s *httpStream) leave() { s.cancel() }

// receive takes what the provider sends until the exchange is over.
func (s *httpStream) receive(x *exchange, lose func()) {
	defer s.cancel()
	for {
		m, err := s.stream.Recv()
		if err == nil {
			if x.take(m) {
				return
			}
			continue
		}
		if status.Code(err) == codes.Unavailable {
			lose()
		}
		if errors.Is(err, io.EOF) {
			err = backend.Errorf(backend.InternalError, "provider %s ended an exchange without its end", x.name)
		} else {
			err = x.failure(err)
		}
		x.end(err)
		return
	}
}
