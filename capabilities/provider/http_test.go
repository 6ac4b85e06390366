package provider

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-host/writ/capabilities/http/backend"
	pb "github.com/writ-host/writ/proto/writ/provider/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// overWire connects to a server of HTTP over gRPC.
func overWire(t *testing.T, s pb.HTTPServer) backend.Egress {
	t.Helper()
	lis, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(serverOptions()...)
	pb.RegisterHTTPServer(server, s)
	go func() { _ = server.Serve(lis) }()
	conn, err := grpc.NewClient("unix:"+lis.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(); server.Stop() })
	config := (Config{Name: "odd", CallTimeout: 30 * time.Second}).withDefaults()
	p := &Provider{config: config, doubt: make(chan struct{}, 1), changed: make(chan struct{})}
	p.session = &session{config: config, info: Info{Services: []string{serviceHTTP}}, suspect: p.suspect}
	p.session.http = p.session.httpLine(pb.NewHTTPClient(conn))
	return p.HTTP()
}

// plainServer sends requests without more ado.
func plainServer() *httpServer {
	s := &httpServer{log: slog.New(slog.DiscardHandler)}
	plain := backend.Plain(&http.Transport{DisableCompression: true})
	s.opened.Store(&plain)
	return s
}

// streamsOnly has a stream for each exchange and no channels.
type streamsOnly struct{ *httpServer }

func (streamsOnly) Channel(stream pb.HTTP_ChannelServer) error {
	return pb.UnimplementedHTTPServer{}.Channel(stream)
}

// request is one as the capability makes it.
func request(ctx context.Context, method, address string, body io.Reader) *backend.Request {
	u, err := url.Parse(address)
	if err != nil {
		panic(err)
	}
	if u.Path == "" {
		u.Path = "/"
	}
	r := &http.Request{Method: method, URL: u, Host: u.Host, Header: http.Header{}, Body: http.NoBody, ContentLength: -1}
	if body != nil {
		r.Body = io.NopCloser(body)
	}
	return &backend.Request{Request: r.WithContext(ctx)}
}

// fetch is a whole exchange.
func fetch(e backend.Egress, r *backend.Request) (string, error) {
	resp, err := e.Send(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return fmt.Sprint(resp.StatusCode, " ", len(body), " ", resp.Trailer.Get("X-Sum")), err
}

func TestExchangesOnEachWire(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		w.Header().Set("Trailer", "X-Sum")
		n, _ := io.Copy(w, r.Body)
		w.Header().Set("X-Sum", fmt.Sprint(n, ",", r.Trailer.Get("X-After")))
	}))
	defer upstream.Close()
	for name, s := range map[string]pb.HTTPServer{"channel": plainServer(), "streams": streamsOnly{plainServer()}} {
		t.Run(name, func(t *testing.T) {
			e := overWire(t, s)
			for _, size := range []int{1, 100, bodyPart, 5 * window} {
				r := request(t.Context(), "POST", upstream.URL, bytes.NewReader(make([]byte, size)))
				r.Trailer = http.Header{"X-After": {"done"}}
				if got, err := fetch(e, r); err != nil || got != fmt.Sprintf("200 %d %d,done", size, size) {
					t.Errorf("%d bytes: %s, %v", size, got, err)
				}
			}
			if got, err := fetch(e, request(t.Context(), "GET", upstream.URL, nil)); err != nil || got != "200 0 0," {
				t.Errorf("without a body: %s, %v", got, err)
			}
		})
	}
}

// counted counts the parts of a channel, each way.
type counted struct {
	*httpServer
	in, out atomic.Int64
}

type countedStream struct {
	pb.HTTP_ChannelServer
	c *counted
}

func (c *counted) Channel(stream pb.HTTP_ChannelServer) error {
	return c.httpServer.Channel(countedStream{stream, c})
}

func (s countedStream) Send(m *pb.HTTPResponses) error {
	s.c.out.Add(int64(len(m.GetParts())))
	return s.HTTP_ChannelServer.Send(m)
}

func (s countedStream) Recv() (*pb.HTTPRequests, error) {
	m, err := s.HTTP_ChannelServer.Recv()
	s.c.in.Add(int64(len(m.GetParts())))
	return m, err
}

func TestSmallExchangesAreOnePartEachWay(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = w.Write([]byte("hello"))
	}))
	defer upstream.Close()
	c := &counted{httpServer: plainServer()}
	e := overWire(t, c)
	const tries = 200 // on a busy machine a head may go before its body
	for range tries {
		in, out := c.in.Load(), c.out.Load()
		if got, err := fetch(e, request(t.Context(), "POST", upstream.URL, strings.NewReader("hello"))); err != nil || got != "200 5 " {
			t.Fatal(got, err)
		}
		if in > 0 && c.in.Load() == in+1 && c.out.Load() == out+1 {
			return
		}
	}
	t.Errorf("%d exchanges took %d and %d parts", tries, c.in.Load(), c.out.Load())
}

// TestReaderThatStallsBlocksNobody leaves a large body unread while others go on.
func TestReaderThatStallsBlocksNobody(t *testing.T) {
	const size = 8 << 20
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		if r.Method == "GET" {
			_, _ = w.Write(make([]byte, size))
		}
		w.(http.Flusher).Flush()
		_, _ = io.Copy(w, r.Body)
	}))
	defer upstream.Close()
	e := overWire(t, plainServer())
	var stalled []*http.Response
	for range 2 * directExchanges {
		resp, err := e.Send(request(t.Context(), "GET", upstream.URL, nil))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		stalled = append(stalled, resp)
	}
	writer, upload := io.Pipe() // and one that sends a little, and no more
	defer upload.Close()
	go func() { _, _ = upload.Write([]byte("a")) }()
	resp, err := e.Send(request(t.Context(), "POST", upstream.URL, writer))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	for range 3 {
		r := request(t.Context(), "POST", upstream.URL, bytes.NewReader(make([]byte, size)))
		if got, err := fetch(e, r); err != nil || got != fmt.Sprintf("200 %d ", size) {
			t.Errorf("beside bodies that nobody reads: %s, %v", got, err)
		}
	}
	if body, err := io.ReadAll(stalled[0].Body); len(body) != size || err != nil {
		t.Errorf("a body that was not read for a while: %d bytes, %v", len(body), err)
	}
}

// scripted answers the first part of an exchange with parts that are wrong.
type scripted struct {
	pb.UnimplementedHTTPServer
	parts     []*pb.ExchangeResponse
	cancelled chan struct{}
}

func (s *scripted) Channel(stream pb.HTTP_ChannelServer) error {
	for {
		m, err := stream.Recv()
		if err != nil {
			return err
		}
		for _, part := range m.GetParts() {
			if part.GetCancel() {
				close(s.cancelled)
			}
			answer := &pb.HTTPResponses{Parts: []*pb.ExchangeResponse{{}}}
			for _, p := range s.parts {
				if part.GetHead() != nil {
					p.Id += part.GetId()
					answer.Parts = append(answer.Parts, p)
				}
			}
			if err := stream.Send(answer); err != nil {
				return err
			}
		}
	}
}

func TestProvidersThatLieAboutExchanges(t *testing.T) {
	head := &pb.HTTPResponse{Status: 200}
	long := &pb.HTTPField{Name: "x", Value: make([]byte, maxHeadFields)}
	for name, test := range map[string]struct {
		parts []*pb.ExchangeResponse
		want  string
		last  bool
	}{
		"a body without a head": {[]*pb.ExchangeResponse{{Body: []byte("x")}}, "without a head", false},
		"an end without a head": {[]*pb.ExchangeResponse{{End: true}}, "without a head", true},
		"two heads":             {[]*pb.ExchangeResponse{{Head: head}, {Head: head}}, "second head", false},
		"no status":             {[]*pb.ExchangeResponse{{Head: &pb.HTTPResponse{}}}, "status 0", false},
		"a long head":           {[]*pb.ExchangeResponse{{Head: &pb.HTTPResponse{Status: 200, Headers: []*pb.HTTPField{long}}}}, "HTTP-response-header-section-size", false},
		"long trailers":         {[]*pb.ExchangeResponse{{Head: head}, {Trailers: []*pb.HTTPField{long}, End: true}}, "HTTP-response-trailer-section-size", true},
		"more than the credit":  {[]*pb.ExchangeResponse{{Head: head}, {Body: make([]byte, window)}, {Body: []byte("x")}}, "credit", false},
		"an unknown error":      {[]*pb.ExchangeResponse{{Error: &pb.HTTPError{Code: 99, Message: "m"}}}, "internal-error: m", true},
		"another's parts":       {[]*pb.ExchangeResponse{{Id: 7, Head: head, End: true}, {Head: head, Body: []byte("x"), End: true}, {Head: head}}, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			s := &scripted{parts: test.parts, cancelled: make(chan struct{})}
			got, err := fetch(overWire(t, s), request(t.Context(), "GET", "http://127.0.0.1:1", nil))
			if test.want == "" && (err != nil || got != "200 1 ") || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("%s, %v; want %q", got, err, test.want)
			}
			if !test.last {
				select {
				case <-s.cancelled:
				case <-time.After(30 * time.Second):
					t.Error("the provider was not told")
				}
			}
		})
	}
}

// TestAStreamThatEndsEndsItsExchanges has a provider hang up in the middle.
func TestAStreamThatEndsEndsItsExchanges(t *testing.T) {
	var opened atomic.Int32
	s := &hangsUp{httpServer: plainServer(), opened: &opened}
	upstream := httptest.NewServer(http.NotFoundHandler())
	defer upstream.Close()
	e := overWire(t, s)
	_, err := fetch(e, request(t.Context(), "GET", upstream.URL, nil))
	var known *backend.Error
	if !errors.As(err, &known) {
		t.Errorf("hung up: %v", err)
	}
	if got, err := fetch(e, request(t.Context(), "GET", upstream.URL, nil)); err != nil || !strings.HasPrefix(got, "404") {
		t.Errorf("on the next channel: %s, %v", got, err)
	}
}

type hangsUp struct {
	*httpServer
	opened *atomic.Int32
}

func (h *hangsUp) Channel(stream pb.HTTP_ChannelServer) error {
	if h.opened.Add(1) > 1 {
		return h.httpServer.Channel(stream)
	}
	_, _ = stream.Recv()
	_ = stream.Send(&pb.HTTPResponses{Parts: []*pb.ExchangeResponse{{}}})
	_, _ = stream.Recv()
	return errors.New("enough")
}

// The trace goes on to hosts that a grant names, unless the component sends its own.
func TestTracesLeaveForNamedHosts(t *testing.T) {
	for _, test := range []struct {
		named, own bool
		want       string
	}{{true, false, "ours"}, {true, true, "own"}, {false, false, ""}, {false, true, "own"}} {
		r := request(t.Context(), "GET", "http://127.0.0.1:80/", nil)
		r.Named = test.named
		if test.own {
			r.Header.Set("Traceparent", "own")
		}
		read, err := readRequest(wireRequest(r, "ours"))
		if err != nil || strings.Join(read.Header["Traceparent"], ",") != test.want {
			t.Errorf("%+v: %v, %v", test, read.Header, err)
		}
	}
}
