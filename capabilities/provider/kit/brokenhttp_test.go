package kit_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/writ-host/writ/capabilities/http/backend"
	"github.com/writ-host/writ/capabilities/provider"
	"github.com/writ-host/writ/capabilities/provider/egress"
)

// httpFaults are of providers that send requests, with the rule that must catch each.
var httpFaults = map[string]string{
	"sends every method as GET":  "a request arrives as it was sent",
	"joins fields":               "a request arrives as it was sent",
	"normalises the path":        "a request arrives as it was sent",
	"does not say the length":    "a request arrives as it was sent",
	"decodes the body":           "a response arrives as it was sent",
	"drops trailers":             "a response arrives as it was sent",
	"believes the host field":    "the host is that of the authority, whatever the fields say",
	"passes on connection's own": "the host is that of the authority, whatever the fields say",
	"follows redirects":          "a redirect is an answer",
	"goes anywhere":              "an address that is not public takes a grant that names it",
	"trusts any certificate":     "certificates are verified",
	"forgets what was verified":  "certificates are verified",
	"says nothing of why":        "what cannot be reached says why",
	"takes half for all":         "an incomplete response is an error",
	"waits for ever":             "timeouts are those of the request",
	"collects the request":       "bodies stream, both at once",
	"collects the response":      "a body that nobody reads waits",
	"swaps bytes":                "a body of any size passes, and is not held",
	"one at a time, mixed up":    "concurrent exchanges stay apart",
	"one pool for all":           "grants share no connection",
	"never gives up":             "an exchange that is given up ends at the server",
}

// courier is egress, but for one fault.
type courier struct {
	egress backend.Egress
	forgot bool
	plain  backend.Egress // without any checks
	fault  string
}

func (c *courier) Send(r *backend.Request) (*http.Response, error) {
	if err := c.before(r); err != nil {
		return nil, err
	}
	send := c.egress
	switch c.fault {
	case "believes the host field", "passes on connection's own", "trusts any certificate", "says nothing of why":
		send = c.plain
	}
	resp, err := send.Send(r)
	if err != nil {
		return nil, err
	}
	return c.after(r, resp), nil
}

func (c *courier) before(r *backend.Request) error {
	switch c.fault {
	case "sends every method as GET":
		r.Method = http.MethodGet
	case "joins fields":
		for name, values := range r.Header {
			r.Header[name] = []string{strings.Join(values, ", ")}
		}
	case "normalises the path":
		r.URL.RawQuery = r.URL.Query().Encode()
	case "does not say the length":
		if r.Body != nil && r.Body != http.NoBody {
			r.ContentLength = -1
		}
	case "believes the host field":
		r.Host = r.Header.Get("Host")
	case "goes anywhere":
		r.Named = true
	case "forgets what was verified":
		c.forgot = c.forgot || r.Unverified
		r.Unverified = c.forgot
	case "waits for ever":
		r.FirstByte, r.BetweenBytes = 0, 0
	case "one pool for all":
		r.Component, r.App, r.Grant = "", "", ""
	case "never gives up":
		r.Request = r.WithContext(context.WithoutCancel(r.Context()))
	case "collects the request":
		return c.collect(r)
	}
	return nil
}

func (c *courier) collect(r *backend.Request) error {
	if r.Body == nil {
		return nil
	}
	b, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(b))
	return err
}

func (c *courier) after(r *backend.Request, resp *http.Response) *http.Response {
	switch c.fault {
	case "decodes the body":
		resp.Header.Del("Content-Encoding")
	case "drops trailers":
		resp.Body = &closing{ReadCloser: resp.Body, end: func() { resp.Trailer = nil }}
	case "follows redirects":
		if resp.StatusCode == http.StatusFound {
			resp.StatusCode = http.StatusOK
		}
	case "takes half for all":
		b, _ := io.ReadAll(resp.Body)
		resp.ContentLength, resp.Body = int64(len(b)), io.NopCloser(bytes.NewReader(b))
		resp.Header.Del("Content-Length")
	case "collects the response":
		b, _ := io.ReadAll(io.LimitReader(resp.Body, 256<<20))
		resp.Body = io.NopCloser(bytes.NewReader(b))
	case "swaps bytes":
		resp.Body = &swapping{ReadCloser: resp.Body}
	case "one at a time, mixed up":
		resp.Body = &swapping{ReadCloser: resp.Body, at: 10_000}
	}
	return resp
}

// swapping gets one byte wrong.
type swapping struct {
	io.ReadCloser
	n, at int
}

func (s *swapping) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)
	if at := s.at - s.n; 0 <= at && at < n {
		p[at]++
	}
	s.n += n
	return n, err
}

// closing calls end when the last byte is read.
type closing struct {
	io.ReadCloser
	end func()
}

func (c *closing) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	if err == io.EOF {
		c.end()
	}
	return n, err
}

func serveBrokenCourier(fault string) error {
	return provider.Serve(provider.Service{Name: "broken", Version: "1",
		HTTP: func(context.Context, provider.Settings) (backend.Egress, error) {
			e, err := egress.New(egress.Settings{})
			t := &http.Transport{DisableCompression: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
			return &courier{egress: e, plain: backend.Plain(t), fault: fault}, err
		}})
}

func TestBrokenCouriersAreCaught(t *testing.T) {
	for fault, rule := range httpFaults {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			catches(t, rule, "broken-courier", fault)
		})
	}
}
