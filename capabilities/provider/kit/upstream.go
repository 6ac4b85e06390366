package kit

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"time"
)

// upstream are the servers that providers of http are asked to reach.
type upstream struct {
	plain, secure *httptest.Server
	raw           net.Listener  // answers with half a response, and hangs up
	reached       atomic.Int64  // requests and connections
	ended         chan struct{} // gets one for each request to /wait that ended
}

func startUpstream() (*upstream, error) {
	u := &upstream{ended: make(chan struct{}, 64)}
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", u.echo)
	mux.HandleFunc("/answer", u.answer)
	mux.HandleFunc("/endless", u.endless)
	mux.HandleFunc("/wait", u.wait)
	mux.HandleFunc("/stall", u.stall)
	mux.HandleFunc("/from", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.RemoteAddr) })
	mux.Handle("/away", http.RedirectHandler("http://169.254.169.254/latest/meta-data/", http.StatusFound))
	counted := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u.reached.Add(1)
		mux.ServeHTTP(w, r)
	})
	var err error
	if u.raw, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	go u.hangUp()
	u.plain, u.secure = httptest.NewServer(counted), httptest.NewUnstartedServer(counted)
	u.secure.Config.ErrorLog = log.New(io.Discard, "", 0) // clients that do not trust it
	u.secure.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	u.secure.StartTLS()
	return u, nil
}

// ports are what a provider has to be let connect to.
func (u *upstream) ports() []uint16 {
	var out []uint16
	for _, l := range []net.Listener{u.plain.Listener, u.secure.Listener, u.raw} {
		out = append(out, uint16(l.Addr().(*net.TCPAddr).Port))
	}
	return out
}

func (u *upstream) close() {
	_ = u.raw.Close()
	for _, s := range []*httptest.Server{u.plain, u.secure} {
		s.CloseClientConnections()
		s.Close()
	}
}

// hangUp promises ten bytes of body to each client, and sends four.
func (u *upstream) hangUp() {
	for {
		c, err := u.raw.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(ruleTime))
			_, _ = c.Read(make([]byte, 4096))
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
		}()
	}
}

// echo answers with what comes, as it comes, and says what the request was.
func (u *upstream) echo(w http.ResponseWriter, r *http.Request) {
	c := http.NewResponseController(w)
	_ = c.EnableFullDuplex()
	h := w.Header()
	h.Set("X-Method", r.Method)
	h.Set("X-Host", r.Host)
	h.Set("X-URI", r.RequestURI)
	h["X-Saw"] = r.Header["X-Sent"]
	if r.ContentLength >= 0 {
		h.Set("X-Length", "known")
	}
	h.Set("X-Hop", r.Header.Get("Proxy-Authorization")+r.Header.Get("Keep-Alive")+r.Header.Get("Te"))
	_ = c.Flush()
	b := make([]byte, 64<<10)
	for {
		n, err := r.Body.Read(b)
		if _, werr := w.Write(b[:n]); werr != nil || err != nil {
			return
		}
		if c.Flush() != nil {
			return
		}
	}
}

// answer has everything that a response can have.
func (u *upstream) answer(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h["X-Twice"] = []string{"one", "two"}
	h.Set("Content-Encoding", "gzip") // which it is not: nobody may look
	h.Set("Trailer", "X-After")
	w.WriteHeader(http.StatusTeapot)
	_, _ = w.Write(everyByte())
	h.Set("X-After", "done")
}

// endless sends until it cannot, and counts in reached, by MiB.
func (u *upstream) endless(w http.ResponseWriter, _ *http.Request) {
	b := make([]byte, 1<<20)
	for {
		if _, err := w.Write(b); err != nil {
			return
		}
		u.reached.Add(1)
	}
}

// wait sends the beginning of a response, and no more until the client goes.
func (u *upstream) wait(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(http.StatusOK)
	_, _ = io.WriteString(w, "begun")
	_ = http.NewResponseController(w).Flush()
	u.until(r.Context())
	u.ended <- struct{}{}
}

// stall sends nothing.
func (u *upstream) stall(_ http.ResponseWriter, r *http.Request) { u.until(r.Context()) }

func (u *upstream) until(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(ruleTime):
	}
}

// forget drops the ends of requests before.
func (u *upstream) forget() {
	for {
		select {
		case <-u.ended:
		default:
			return
		}
	}
}

// closed is an address where nobody listens, on a port that a provider may
// connect to: another address of this machine.
func (u *upstream) closed() string {
	_, port, _ := net.SplitHostPort(u.plain.Listener.Addr().String()) // it is an address
	return net.JoinHostPort("127.0.0.2", port)
}
