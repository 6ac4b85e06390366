package provider

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/writ-host/writ/capabilities/kv/backend"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// line is how the operations of one service reach a provider: on a channel, or
// one by one where the provider has no channels.
type line[O operation, R outcome] struct {
	session *session
	service string // as providers declare it
	call    func(context.Context, O) (R, error)
	channel renewed[*channel[O, R]]
	unary   atomic.Bool // the provider has no channels
}

// newLine makes a line whose channels open opens, and whose unary calls call does.
func newLine[O operation, R outcome](s *session, service string, open func(context.Context) (stream[O, R], error), call func(context.Context, O) (R, error)) *line[O, R] {
	name := s.config.Name
	return &line[O, R]{session: s, service: service, call: call, channel: renewed[*channel[O, R]]{name: name,
		open: func() (*channel[O, R], error) { return openChannel(name, open, s.lose) }}}
}

// do performs one operation, on a channel if the provider has them.
func (l *line[O, R]) do(ctx context.Context, op O, timeout time.Duration) (R, error) {
	var none R
	if !slices.Contains(l.session.info.Services, l.service) {
		return none, backend.Errorf(backend.Unimplemented, "provider %s does not serve %s", l.session.config.Name, l.service)
	}
	if l.unary.Load() {
		return l.doUnary(ctx, op, timeout)
	}
	c, err := l.channel.get(ctx, timeout)
	if err != nil {
		return none, err
	}
	r, err := c.do(ctx, op, timeout)
	if err == nil || backend.AsError(err).Code != backend.Unimplemented {
		return r, err
	}
	l.unary.Store(true)
	return l.doUnary(ctx, op, timeout)
}

// doUnary performs one operation for a provider without channels.
func (l *line[O, R]) doUnary(ctx context.Context, op O, timeout time.Duration) (R, error) {
	var none R
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r, err := l.call(ctx, op)
	if err != nil {
		if status.Code(err) == codes.Unavailable {
			l.session.lose()
		}
		return none, fromStatus(l.session.config.Name, err)
	}
	return r, nil
}
