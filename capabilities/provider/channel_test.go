package provider

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-host/writ/capabilities/kv/backend"
	pb "github.com/writ-host/writ/proto/writ/provider/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// memory is a backend of one value a key, enough for the wire.
type memory struct {
	backend.KeyValue
	mu     sync.Mutex
	values map[string][]byte
}

func (m *memory) Get(_ context.Context, _ backend.Caller, key string) (backend.Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.values[key]
	return backend.Entry{Found: ok, Value: v, Version: "v"}, nil
}

func (m *memory) Set(_ context.Context, at backend.Caller, key string, value []byte) error {
	if at != (backend.Caller{Store: "s", App: "a", Component: "c", Grant: "g"}) {
		return backend.Errorf(backend.AccessDenied, "caller %v", at)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.values[key] = value
	return nil
}

// oddServer is a provider whose channels are not as they should be.
type oddServer struct {
	kvServer
	channel func(*oddServer, pb.KeyValue_ChannelServer) error
	opened  atomic.Int32
}

func (s *oddServer) Channel(stream pb.KeyValue_ChannelServer) error {
	s.opened.Add(1)
	return s.channel(s, stream)
}

// serveOdd serves a memory with such channels, and connects to it.
func serveOdd(t *testing.T, channel func(*oddServer, pb.KeyValue_ChannelServer) error) (*oddServer, backend.KeyValue) {
	t.Helper()
	lis, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	s := &oddServer{channel: channel}
	s.log = slog.New(slog.DiscardHandler)
	s.open(&memory{values: map[string][]byte{}})
	server := grpc.NewServer()
	pb.RegisterKeyValueServer(server, s)
	go func() { _ = server.Serve(lis) }()
	conn, err := grpc.NewClient("unix:"+lis.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(); server.Stop() })
	config := (Config{Name: "odd", CallTimeout: time.Second}).withDefaults()
	p := &Provider{config: config, doubt: make(chan struct{}, 1), changed: make(chan struct{})}
	p.session = &session{config: config, info: Info{Services: []string{serviceKeyValue}}, suspect: p.suspect}
	p.session.kv = p.session.kvLine(pb.NewKeyValueClient(conn))
	return s, p.KeyValue()
}

var caller = backend.Caller{Store: "s", App: "a", Component: "c", Grant: "g"}

func roundTrip(kv backend.KeyValue, key string) error {
	if err := kv.Set(context.Background(), caller, key, []byte("v")); err != nil {
		return err
	}
	e, err := kv.Get(context.Background(), caller, key)
	if err == nil && string(e.Value) != "v" {
		err = errors.New("another value: " + string(e.Value))
	}
	return err
}

func TestProviderWithoutChannelsIsCalledUnary(t *testing.T) {
	s, kv := serveOdd(t, func(s *oddServer, stream pb.KeyValue_ChannelServer) error {
		return pb.UnimplementedKeyValueServer{}.Channel(stream)
	})
	for i := range 3 {
		if err := roundTrip(kv, strconv.Itoa(i)); err != nil {
			t.Error(err)
		}
	}
	if n := s.opened.Load(); n != 1 {
		t.Errorf("%d channels were tried", n)
	}
}

func TestChannelThatEndsIsOpenedAgain(t *testing.T) {
	_, kv := serveOdd(t, func(s *oddServer, stream pb.KeyValue_ChannelServer) error {
		if s.opened.Load() == 1 {
			_, _ = stream.Recv()
			return nil // without an answer
		}
		return s.kvServer.Channel(stream)
	})
	if err := roundTrip(kv, "a"); backend.AsError(err) == nil || backend.AsError(err).Code != backend.Unavailable {
		t.Errorf("the channel ended, yet: %v", err)
	}
	if err := roundTrip(kv, "a"); err != nil {
		t.Error(err)
	}
}

func TestProviderThatLiesInAnswers(t *testing.T) {
	answers := map[string]*pb.KVResult{
		"nothing":        {},
		"another kind":   {Result: &pb.KVResult_Exists{Exists: &pb.ExistsResponse{Found: true}}},
		"unknown code":   {Result: &pb.KVResult_Get{Get: &pb.GetResponse{Error: &pb.Error{Code: 77, Message: "m"}}}},
		"no code at all": {Result: &pb.KVResult_Get{Get: &pb.GetResponse{Error: &pb.Error{Message: "m"}}}},
	}
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			_, kv := serveOdd(t, func(s *oddServer, stream pb.KeyValue_ChannelServer) error {
				for {
					m, err := stream.Recv()
					if errors.Is(err, io.EOF) || err != nil {
						return err
					}
					answer.Id = m.GetOperations()[0].GetId()
					noise := []*pb.KVResult{{Id: 1 << 60}, {}, answer, answer}
					if err := stream.Send(&pb.KVResponse{Results: noise}); err != nil {
						return err
					}
				}
			})
			for range 2 {
				_, err := kv.Get(context.Background(), caller, "k")
				if e := backend.AsError(err); e == nil || e.Code != backend.Internal && e.Code != backend.Unimplemented {
					t.Errorf("taken: %v", err)
				}
			}
		})
	}
}

func TestOutboxBatchesWhatQueues(t *testing.T) {
	gate, entered := make(chan struct{}), make(chan struct{}, 100)
	var got [][]int
	o := &outbox[int]{size: func(int) int { return chunk / 4 }}
	done := make(chan struct{})
	o.send = func(batch []int) error {
		entered <- struct{}{}
		<-gate
		got = append(got, append([]int(nil), batch...))
		if batch[len(batch)-1] == 7 {
			close(done)
		}
		return nil
	}
	go func() { _ = o.put(true, false, 1) }()
	<-entered
	for i := 2; i <= 7; i++ {
		if err := o.put(true, false, i); err != nil { // returns, though sending is stuck
			t.Fatal(err)
		}
	}
	close(gate)
	<-done
	if len(got) != 3 || len(got[1]) != 4 || len(got[2]) != 2 {
		t.Errorf("messages: %v", got)
	}
}

func TestOutboxKeepsItsError(t *testing.T) {
	o := &outbox[int]{size: func(int) int { return 1 }, send: func([]int) error { return io.ErrClosedPipe }}
	if err := o.put(true, false, 1); err != nil {
		t.Errorf("the first to know is whoever waits for the answer: %v", err)
	}
	if err := o.put(true, false, 2); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("error: %v", err)
	}
}

func TestRefusal(t *testing.T) {
	var i Isolation
	i.note(PartLimits, nil)
	i.note(PartFiles, errors.New("the kernel has no Landlock"))
	if err := i.refuse(nil); err == nil {
		t.Error("started without a part that nobody accepted to miss")
	}
	if err := i.refuse([]string{PartFiles}); err != nil {
		t.Errorf("accepted, yet: %v", err)
	}
	if got := i.String(); got != "limits; without files (the kernel has no Landlock)" {
		t.Errorf("report: %s", got)
	}
}

func TestBackOff(t *testing.T) {
	if backOff(0) != 0 || backOff(1) != firstBackOff || backOff(3) != 4*firstBackOff || backOff(1000) != lastBackOff {
		t.Errorf("%v %v %v %v", backOff(0), backOff(1), backOff(3), backOff(1000))
	}
}
