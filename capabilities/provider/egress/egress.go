package egress

import (
	"context"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"

	"github.com/writ-host/writ/capabilities/http/backend"
)

// Egress sends requests. It is a backend.Egress.
type Egress struct {
	settings Settings
	roots    *x509.CertPool
	resolver *net.Resolver
	slots    chan struct{} // one for each request that goes on

	mu    sync.Mutex
	pools map[poolKey]*pool
}

// New makes one.
func New(settings Settings) (*Egress, error) {
	if err := settings.Validate(); err != nil {
		return nil, err
	}
	settings = settings.withDefaults()
	roots, err := roots(settings.CAFile)
	if err != nil {
		return nil, err
	}
	return &Egress{settings: settings, roots: roots, resolver: newResolver(settings.Nameserver),
		slots: make(chan struct{}, settings.MaxRequests), pools: map[poolKey]*pool{}}, nil
}

// Close implements io.Closer.
func (e *Egress) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for key, p := range e.pools {
		e.drop(key, p)
	}
	return nil
}

// hopByHop are the fields that are about a connection, not a request.
var hopByHop = []string{"Connection", "Host", "Http2-Settings", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization",
	"Proxy-Connection", "Transfer-Encoding", "Upgrade", "Content-Length", "Trailer"}

// Send implements backend.Egress.
func (e *Egress) Send(r *backend.Request) (*http.Response, error) {
	if r.Method == http.MethodConnect {
		return nil, &backend.Error{Code: backend.HTTPRequestMethodInvalid}
	}
	select {
	case e.slots <- struct{}{}:
	default:
		return nil, &backend.Error{Code: backend.ConnectionLimitReached}
	}
	p := e.enter(poolKey{r.App, r.Component, r.Grant, r.Named, r.Unverified})
	done := sync.OnceFunc(func() {
		e.leave(p)
		<-e.slots
	})
	resp, err := e.send(r, p.transport, done)
	if err != nil {
		done()
	}
	return resp, err
}

func (e *Egress) send(r *backend.Request, transport *http.Transport, done func()) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(r.Context())
	watch := &stopwatch{cancel: cancel}
	req := e.prepare(ctx, r, watch)
	resp, err := transport.RoundTrip(req)
	watch.stop()
	if err == nil && resp.StatusCode == http.StatusSwitchingProtocols {
		_ = resp.Body.Close()
		err = &backend.Error{Code: backend.HTTPUpgradeFailed}
	}
	if err != nil {
		err = describe(ctx, err)
		cancel(err)
		return nil, err
	}
	end := func() {
		cancel(nil)
		done()
	}
	if resp.Body == http.NoBody {
		end()
		return resp, nil
	}
	resp.Body = &download{ReadCloser: resp.Body, ctx: ctx, cancel: cancel, end: end, timeout: limit(r.BetweenBytes, e.settings.BetweenBytes)}
	return resp, nil
}

// prepare makes the request that is sent, which is timed.
func (e *Egress) prepare(ctx context.Context, r *backend.Request, watch *stopwatch) *http.Request {
	connect, first := limit(r.Connect, e.settings.Connect), limit(r.FirstByte, e.settings.FirstByte)
	req := r.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { watch.phase(connect, backend.ConnectionTimeout) },
		GotConn: func(httptrace.GotConnInfo) { watch.phase(first, backend.HTTPResponseTimeout) },
	}))
	for _, name := range hopByHop {
		delete(req.Header, name)
	}
	if te := req.Header["Te"]; len(te) != 1 || te[0] != "trailers" { // RFC 9110, 10.1.4: what else it says is about this connection
		delete(req.Header, "Te")
	}
	if _, ok := req.Header["User-Agent"]; !ok {
		req.Header["User-Agent"] = []string{""} // and not Go's
	}
	if req.Body != nil && req.Body != http.NoBody {
		req.Body = &upload{req.Body, watch, first}
	}
	return req
}

// limit is what was asked for, if anything, and at most the operator's.
func limit(asked, most time.Duration) time.Duration {
	if asked <= 0 {
		return most
	}
	return min(asked, most)
}

// download is a response's body.
type download struct {
	io.ReadCloser
	ctx     context.Context
	cancel  func(error)
	end     func()
	timeout time.Duration
	timer   *time.Timer
}

// Read implements io.Reader.
func (d *download) Read(p []byte) (int, error) {
	if d.timer == nil {
		d.timer = time.AfterFunc(d.timeout, func() { d.cancel(&backend.Error{Code: backend.ConnectionReadTimeout}) })
	} else {
		d.timer.Reset(d.timeout)
	}
	n, err := d.ReadCloser.Read(p)
	d.timer.Stop()
	if err != nil {
		if err != io.EOF {
			err = describeBody(d.ctx, err)
		}
		d.end()
	}
	return n, err
}

// Close implements io.Closer.
func (d *download) Close() error {
	defer d.end()
	return d.ReadCloser.Close()
}
