package writ

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	wasihttp "github.com/writ-host/writ/capabilities/http"
	"github.com/writ-host/writ/host/metrics"
	"go.opentelemetry.io/otel/trace"
)

const (
	answerTimeout = 10 * time.Second // for taking an answer that is the host's own
	retryAfter    = "1"              // seconds
)

// Request tells of one request that was served.
type Request struct {
	ID        string // unique, also in the log
	Time      time.Time
	Method    string
	Path      string
	Component string // "" when no route matched
	Caller    string // the component that asked; "" for a client
	Client    string // its address and port, as a trusted proxy has it if there is one
	Status    int    // 0 when the client got none
	Bytes     int64  // of the response's body
	Duration  time.Duration
	Err       error // why the component failed, when it did

	counters *metrics.Component
	span     trace.Span // nil unless it is traced
}

// ServeHTTP sends a request to the component that its path is routed to.
func (h *Host) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	done := Request{ID: h.ids.next(), Time: time.Now(), Method: r.Method, Path: r.URL.Path, counters: h.unrouted}
	defer h.tell(&done)
	setDeadlines(w, done.Time.Add(answerTimeout)) // instead of those of the request before
	e := h.use()
	defer e.leave()
	trusted := h.meet(r)
	done.Client = r.RemoteAddr
	runner, ok := e.route(r)
	r = h.traceRequest(r, runner, &done, trusted)
	if !ok {
		done.Status = http.StatusNotFound
		http.Error(w, "no component is routed here", http.StatusNotFound)
		return
	}
	done.Component, done.counters = runner.name, runner.metrics
	if declared, most := r.ContentLength, h.app.Config.Limits.RequestBody; declared > int64(most) {
		done.Status, done.Err = http.StatusRequestEntityTooLarge, fmt.Errorf("a body of %d bytes is more than limits.request-body = %s", declared, most)
		http.Error(w, "the request is too large", done.Status)
		return
	}
	if err := h.enter(r.Context()); err != nil {
		shed(w, &done, err)
		return
	}
	defer func() { <-h.slots }()
	runner.serve(w, r.WithContext(e.outside().context(r.Context())), &done)
}

// meet settles for whom a request from outside is, and says whether the peer is
// one who may tell.
func (h *Host) meet(r *http.Request) (trusted bool) {
	r.URL.Scheme = "http" // it is the client's in a request for a proxy
	if r.TLS != nil {
		r.URL.Scheme = "https"
	}
	trusted = h.proxies.trust(r.RemoteAddr)
	switch proxied := strip(r.Header); {
	case proxied && trusted:
		h.proxies.settle(r)
	case proxied:
		distrust(r.Header)
	}
	return trusted
}

// tell reports a request when it is done.
func (h *Host) tell(done *Request) {
	done.Duration = time.Since(done.Time)
	done.counters.Request(done.Status, done.Duration)
	done.endSpan()
	if h.options.OnRequest != nil {
		h.options.OnRequest(*done)
	}
}

// setDeadlines ends reads and writes of the client's connection.
func setDeadlines(w http.ResponseWriter, end time.Time) {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(end) // not every connection has deadlines
	_ = control.SetWriteDeadline(end)
}

var (
	errBusy = errors.New("as many requests run as limits.concurrency allows, and none ended within limits.queue-time")
	errFull = errors.New("as many requests run as limits.concurrency allows, and limits.queue wait")
	errLeft = errors.New("the client went away before its turn came")
)

// enter takes a slot, and waits a little for one.
func (h *Host) enter(ctx context.Context) error {
	select {
	case h.slots <- struct{}{}:
		return nil
	default:
	}
	limits := h.app.Config.Limits
	defer h.queued.Add(-1)
	if h.queued.Add(1) > int64(limits.Queue) {
		return errFull
	}
	timer := time.NewTimer(time.Duration(limits.QueueTime))
	defer timer.Stop()
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-timer.C:
		return errBusy
	case <-ctx.Done():
		return errLeft
	}
}

// shed answers a request that the host has no room for now.
func shed(w http.ResponseWriter, done *Request, why error) {
	done.Status, done.Err = http.StatusServiceUnavailable, why
	w.Header().Set("Retry-After", retryAfter)
	http.Error(w, "the host is busy", http.StatusServiceUnavailable)
}

// serve answers a request with a fresh instance, within the component's time.
func (r *runner) serve(w http.ResponseWriter, req *http.Request, done *Request) {
	ctx, cancel := context.WithTimeoutCause(req.Context(), r.wall, r.late)
	defer cancel()
	// The context ends the guest; a client that neither sends nor takes is held
	// to these. Both come later, since a read that fails under the server has it
	// give up the connection, and with it the requests that follow.
	setDeadlines(w, time.Now().Add(r.wall+time.Second))
	began := time.Now()
	visit, err := r.visit(ctx, done.ID)
	if err != nil {
		shed(w, done, err)
		return
	}
	defer visit.end()
	ctx, end := r.traceInstance(ctx, visit.data, began)
	defer func() { end(done.Err) }()
	wasihttp.Serve(w, req.WithContext(ctx), wasihttp.Options{
		Log: r.log, RequestID: done.ID, RequestBody: int64(r.host.app.Config.Limits.RequestBody),
		Done: func(o wasihttp.Outcome) { done.Status, done.Bytes, done.Err = o.Status, o.Bytes, o.Err },
	}, visit)
	visit.well = done.Err == nil && ctx.Err() == nil
}

// serveHTTP answers requests on a listener, if there is one.
func (h *Host) serveHTTP(ctx context.Context, l net.Listener) error {
	if l == nil {
		return nil
	}
	return h.serveHandler(ctx, l, h)
}

// serveHandler answers requests until ctx ends, and then lets those that run
// finish. With a certificate in the configuration it speaks TLS.
func (h *Host) serveHandler(ctx context.Context, l net.Listener, handler http.Handler) error {
	limits := h.app.Config.Limits
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: time.Duration(limits.HeaderTime), IdleTimeout: time.Duration(limits.IdleTime),
		MaxHeaderBytes: int(limits.HeaderSize), Protocols: new(http.Protocols),
	}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetHTTP2(true)
	server.Protocols.SetUnencryptedHTTP2(true) // for proxies that know beforehand (RFC 9113, section 3.3)
	serve := server.Serve
	if h.app.Config.TLS.enabled() {
		key, err := openCertificate(h.app.Config.TLS, h.log)
		if err != nil {
			return err
		}
		server.TLSConfig = &tls.Config{GetCertificate: key.get, MinVersion: tls.VersionTLS12}
		serve = func(l net.Listener) error { return server.ServeTLS(l, "", "") }
	}
	failed := make(chan error, 1)
	go func() { failed <- serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Duration(limits.DrainTime))
	defer cancel()
	if err := server.Shutdown(drain); err != nil {
		return errors.Join(err, server.Close())
	}
	return nil
}

// unixAddress is how an address begins that is the path of a socket.
const unixAddress = "unix:"

// Listen opens the address that the configuration names.
func (a *App) Listen() (net.Listener, error) {
	network, address := "tcp", a.Config.Listen
	if path, ok := strings.CutPrefix(address, unixAddress); ok {
		network, address = "unix", path
		c, err := net.Dial(network, path)
		if err == nil {
			_ = c.Close() // which another host serves: listening fails
		}
		if errors.Is(err, syscall.ECONNREFUSED) {
			_ = os.Remove(path) // of a process that was killed
		}
	}
	l, err := net.Listen(network, address)
	if err != nil {
		return nil, fmt.Errorf("listen (another address: --listen, or listen in %s): %w", HostConfigName, err)
	}
	return l, nil
}

// URL is the address of a listener as a client names it.
func (a *App) URL(l net.Listener) string {
	if l.Addr().Network() == "unix" {
		return unixAddress + l.Addr().String()
	}
	if a.Config.TLS.enabled() {
		return "https://" + l.Addr().String() + "/"
	}
	return "http://" + l.Addr().String() + "/"
}
