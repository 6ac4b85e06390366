package kit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/writ-host/writ/capabilities/http/backend"
)

// request is one to the kit's own server, which a grant names.
func (b *bench) request(ctx context.Context, method, url string, body io.Reader) *backend.Request {
	r, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		panic(err) // the kit's own URLs
	}
	return &backend.Request{Request: r, App: "kit", Component: "kit", Grant: "kit", Named: true}
}

// ask sends a request and reads all of its answer.
func (b *bench) ask(r *backend.Request) (*http.Response, []byte, error) {
	resp, err := b.p.HTTP().Send(r)
	if err != nil {
		return nil, nil, fmt.Errorf("%s %s: %w", r.Method, r.URL, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, nil, fmt.Errorf("%s %s: read the response: %w", r.Method, r.URL, err)
	}
	return resp, body, nil
}

// failsWith checks that a request fails in one of some ways.
func (b *bench) failsWith(r *backend.Request, codes ...backend.Code) error {
	_, _, err := b.ask(r)
	if e, ok := backend.AsError(err); ok && slices.Contains(codes, e.Code) {
		return nil
	}
	return fmt.Errorf("%s %s: %v; want %v", r.Method, r.URL, err, codes)
}

func httpRequest(b *bench) error {
	for _, method := range []string{"GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND"} {
		for _, path := range []string{"/echo", "/echo?", "/echo?a=%20&b=%2F&a=+", "/echo?%f0%9f"} {
			r := b.request(b.ctx, method, b.upstream.plain.URL+path, nil)
			r.Header["X-Sent"] = []string{"one", "two, three", ""}
			sent := ""
			if method != "GET" && method != "OPTIONS" {
				sent = "a body"
				r.Body, r.ContentLength = io.NopCloser(strings.NewReader(sent)), int64(len(sent))
			}
			resp, body, err := b.ask(r)
			if err != nil {
				return err
			}
			h := resp.Header
			if h.Get("X-Method") != method || h.Get("X-URI") != path || string(body) != sent || !slices.Equal(h["X-Saw"], r.Header["X-Sent"]) {
				return fmt.Errorf("%s %s arrived as %s %s, with fields %q and body %q", method, path, h.Get("X-Method"), h.Get("X-URI"), h["X-Saw"], body)
			}
			if sent != "" && h.Get("X-Length") != "known" {
				return fmt.Errorf("%s %s: a known length was not sent", method, path)
			}
		}
	}
	return nil
}

func httpResponse(b *bench) error {
	resp, body, err := b.ask(b.request(b.ctx, "GET", b.upstream.plain.URL+"/answer", nil))
	switch {
	case err != nil:
		return err
	case resp.StatusCode != http.StatusTeapot:
		return fmt.Errorf("status %d, want 418", resp.StatusCode)
	case !slices.Equal(resp.Header["X-Twice"], []string{"one", "two"}):
		return fmt.Errorf("a field that came twice arrived as %q", resp.Header["X-Twice"])
	case resp.Header.Get("Content-Encoding") != "gzip" || !bytes.Equal(body, everyByte()):
		return errors.New("the body is not the bytes that were sent: nothing is to be decoded")
	case resp.Trailer.Get("X-After") != "done":
		return fmt.Errorf("the trailers are %v", resp.Trailer)
	}
	return nil
}

func httpHost(b *bench) error {
	r := b.request(b.ctx, "GET", b.upstream.plain.URL+"/echo", nil)
	r.Host = "" // of the URL, then
	r.Header["Host"] = []string{"evil.example"}
	for _, hop := range []string{"Connection", "Keep-Alive", "Proxy-Authorization", "Te", "Transfer-Encoding", "Upgrade"} {
		r.Header[hop] = []string{"chunked"}
	}
	resp, _, err := b.ask(r)
	if err != nil {
		return err
	}
	if got, want := resp.Header.Get("X-Host"), r.URL.Host; got != want {
		return fmt.Errorf("the server saw the host %q, want %q", got, want)
	}
	if got := resp.Header.Get("X-Hop"); got != "" {
		return fmt.Errorf("fields of one connection were passed on: %q", got)
	}
	return nil
}

func httpRedirect(b *bench) error {
	resp, _, err := b.ask(b.request(b.ctx, "GET", b.upstream.plain.URL+"/away", nil))
	if err == nil && (resp.StatusCode != http.StatusFound || resp.Header.Get("Location") == "") {
		err = fmt.Errorf("status %d with location %q, want the redirect itself", resp.StatusCode, resp.Header.Get("Location"))
	}
	return err
}

func httpPrivate(b *bench) error {
	_, port, err := net.SplitHostPort(b.upstream.plain.Listener.Addr().String())
	if err != nil {
		return err
	}
	before := b.upstream.reached.Load()
	for _, host := range []string{"127.0.0.1", "127.1.2.3", "[::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "0.0.0.0", "[::]",
		"10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "[fe80::1]", "[fd00::1]", "224.0.0.1", "localhost"} {
		r := b.request(b.ctx, "GET", "http://"+host+":"+port+"/echo", nil)
		r.Named = false
		codes := []backend.Code{backend.DestinationIPProhibited}
		if host == "localhost" { // which a resolver may not know
			codes = append(codes, backend.DNSError)
		}
		if err := b.failsWith(r, codes...); err != nil {
			return err
		}
	}
	if b.upstream.reached.Load() != before {
		return errors.New("a request arrived that was refused")
	}
	return nil
}

func httpCertificate(b *bench) error {
	before := b.upstream.reached.Load()
	if err := b.failsWith(b.request(b.ctx, "GET", b.upstream.secure.URL+"/echo", nil), backend.TLSCertificateError); err != nil {
		return err
	}
	if b.upstream.reached.Load() != before {
		return errors.New("a request was sent to a server with a certificate that nobody vouches for")
	}
	return b.unverified()
}

// unverified sends a request whose grant does not ask for verification, which a
// provider may do all the same, and then one whose grant does.
func (b *bench) unverified() error {
	r := b.request(b.ctx, "GET", b.upstream.secure.URL+"/echo", nil)
	r.Unverified = true
	if _, _, err := b.ask(r); err != nil {
		if err := b.failsWith(r, backend.TLSCertificateError); err != nil {
			return fmt.Errorf("unverified: %w", err)
		}
	}
	if err := b.failsWith(b.request(b.ctx, "GET", b.upstream.secure.URL+"/echo", nil), backend.TLSCertificateError); err != nil {
		return fmt.Errorf("after a request that is not to be verified: %w", err)
	}
	return nil
}

func httpUnreachable(b *bench) error {
	url := "http://" + b.upstream.closed()
	if err := b.failsWith(b.request(b.ctx, "GET", url, nil), backend.ConnectionRefused); err != nil {
		return err
	}
	return b.failsWith(b.request(b.ctx, "GET", "http://no-such-host.invalid:80/", nil), backend.DNSError, backend.DNSTimeout, backend.DestinationNotFound)
}

func httpIncomplete(b *bench) error {
	url := "http://" + b.upstream.raw.Addr().String()
	return b.failsWith(b.request(b.ctx, "GET", url, nil), backend.HTTPResponseIncomplete, backend.ConnectionTerminated)
}

func httpTimeouts(b *bench) error {
	r := b.request(b.ctx, "GET", b.upstream.plain.URL+"/stall", nil)
	r.FirstByte = 100 * time.Millisecond
	if err := b.failsWith(r, backend.HTTPResponseTimeout, backend.ConnectionReadTimeout); err != nil {
		return fmt.Errorf("until the first byte: %w", err)
	}
	r = b.request(b.ctx, "GET", b.upstream.plain.URL+"/wait", nil)
	r.BetweenBytes = 100 * time.Millisecond
	if err := b.failsWith(r, backend.ConnectionReadTimeout, backend.HTTPResponseTimeout); err != nil {
		return fmt.Errorf("between bytes: %w", err)
	}
	return nil
}
