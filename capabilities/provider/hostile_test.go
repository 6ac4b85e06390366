package provider_test

import (
	"context"
	"errors"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-plugin"
	"github.com/writ-host/writ/capabilities/custom/backend"
	"github.com/writ-host/writ/capabilities/provider"
	pb "github.com/writ-host/writ/proto/writ/provider/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// hostile is a provider on the bare protocol that misbehaves in one way.
type hostile struct {
	plugin.NetRPCUnsupportedPlugin
	pb.UnimplementedProviderServer
	pb.UnimplementedCustomServer
	how   string
	calls atomic.Int32

	computing sync.Mutex
}

func serveHostile(how string) {
	h := &hostile{how: how}
	if kind, ok := strings.CutPrefix(how, "floods "); ok {
		flood(kind)
	}
	switch how {
	case "says nothing":
		select {}
	case "dies before it speaks":
		os.Stderr.WriteString("out of luck\n")
		os.Exit(3)
	case "chatters":
		for {
			os.Stdout.WriteString(strings.Repeat("x", 1<<16))
		}
	case "serves on TCP":
		os.Stdout.WriteString("1|1|tcp|127.0.0.1:80|grpc|" + strings.Repeat("A", 60) + "\n")
		select {}
	case "names another's socket":
		os.Stdout.WriteString("1|1|unix|" + os.Getenv("PLUGIN_UNIX_SOCKET_DIR") + "/../../other.sock|grpc|\n")
		select {}
	case "accepts and says nothing":
		accept()
	case "shouts":
		go func() {
			for {
				os.Stderr.WriteString(`{"@level":"error","@message":"` + strings.Repeat("x", 1000) + "\"}\n")
			}
		}()
	case "forgoes TLS":
		_ = os.Unsetenv("PLUGIN_CLIENT_CERT")
	}
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: plugin.HandshakeConfig{ProtocolVersion: 1, MagicCookieKey: "WRIT_PROVIDER", MagicCookieValue: "writ.provider.v1"},
		Plugins:         plugin.PluginSet{"provider": h},
		GRPCServer: func(opts []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(opts, grpc.StreamInterceptor(h.stream))...)
		},
	})
}

// stream is asked before each stream; go-plugin opens some of its own.
func (h *hostile) stream(server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	if h.how != "announces connections" || info.FullMethod != "/plugin.GRPCBroker/StartStream" {
		return handler(server, stream)
	}
	for n := uint32(1); ; n++ {
		if err := stream.SendMsg(wrapperspb.UInt32(n)); err != nil { // a ConnInfo with that id
			return err
		}
	}
}

// GRPCServer implements plugin.GRPCPlugin.
func (h *hostile) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	pb.RegisterProviderServer(s, h)
	pb.RegisterCustomServer(s, h)
	return nil
}

// GRPCClient implements plugin.GRPCPlugin.
func (h *hostile) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.New("not here")
}

func (h *hostile) Describe(context.Context, *pb.DescribeRequest) (*pb.DescribeResponse, error) {
	r := &pb.DescribeResponse{Name: "hostile", Version: "1", Services: []string{"Custom"}, Interfaces: []string{"a:b/c@1.0.0"},
		Wit: []*pb.WITFile{{Name: "x.wit", Text: "package a:b@1.0.0; interface c { f: func(); }"}}}
	switch h.how {
	case "dies in describe":
		os.Exit(3)
	case "stalls in describe":
		select {}
	case "describes too much":
		r.Wit[0].Text = strings.Repeat("x", 5<<20)
	case "describes a list without end":
		r.Interfaces = make([]string, 5000)
	case "declares a host that is none":
		r.Hosts = []string{"everywhere"}
	case "wants files":
		r.Files = []string{"/etc/shadow"}
	case "wants the network":
		r.Hosts = []string{"*:443"}
	}
	return r, nil
}

func (h *hostile) Configure(context.Context, *pb.ConfigureRequest) (*pb.ConfigureResponse, error) {
	switch h.how {
	case "dies in configure":
		os.Exit(3)
	case "stalls in configure":
		select {}
	}
	return &pb.ConfigureResponse{}, nil
}

func (h *hostile) Health(context.Context, *pb.HealthRequest) (*pb.HealthResponse, error) {
	switch h.how {
	case "says nothing of its health", "does nothing any more":
		select {}
	case "computes":
		h.computing.Lock()
		defer h.computing.Unlock()
	}
	return &pb.HealthResponse{Status: pb.HealthResponse_STATUS_SERVING}, nil
}

func (h *hostile) Channel(stream pb.Custom_ChannelServer) error {
	if h.how == "floods" {
		go func() {
			junk := &pb.CustomResponse{Results: []*pb.CustomResult{{Id: 1 << 60, Result: &pb.CustomResult_Invoke{Invoke: &pb.InvokeResponse{Result: make([]byte, 1<<20)}}}}}
			for stream.Send(junk) == nil {
			}
		}()
	}
	for {
		m, err := stream.Recv()
		if err != nil {
			return err
		}
		for _, op := range m.GetOperations() {
			if err := h.answer(stream, op); err != nil {
				return err
			}
		}
	}
}

func (h *hostile) answer(stream pb.Custom_ChannelServer, op *pb.CustomOperation) error {
	if line, ok := strings.CutPrefix(h.how, "says "); ok {
		if line == "a very long line" {
			line = strings.Repeat("x", 200<<10) + "end"
		}
		_, _ = syscall.Write(2, []byte(line+"\n")) // os.Stderr is go-plugin's
	}
	switch {
	case h.how == "stalls", h.how == "does nothing any more":
		select {}
	case h.how == "computes":
		h.computing.Lock()
		for began := time.Now(); time.Since(began) < time.Second; {
		}
		h.computing.Unlock()
	case h.how == "dies in a call":
		os.Exit(3)
	case h.how == "is killed in a call":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case h.how == "ends the stream":
		return errors.New("no more")
	case h.how == "answers another kind":
		return stream.Send(&pb.CustomResponse{Results: []*pb.CustomResult{{Id: op.GetId(), Result: &pb.CustomResult_Drop{Drop: &pb.DropResponse{}}}}})
	case h.how == "answers too much":
		return stream.Send(&pb.CustomResponse{Results: []*pb.CustomResult{{Id: op.GetId(), Result: &pb.CustomResult_Invoke{Invoke: &pb.InvokeResponse{Result: make([]byte, 65<<20)}}}}})
	case h.how == "dies after half an answer" && h.calls.Add(1) > 1:
		_ = stream.Send(&pb.CustomResponse{Results: []*pb.CustomResult{{Id: op.GetId() + 100}}})
		os.Exit(3)
	}
	return stream.Send(&pb.CustomResponse{Results: []*pb.CustomResult{{Id: op.GetId(), Result: &pb.CustomResult_Invoke{Invoke: &pb.InvokeResponse{Result: []byte("ok")}}}}})
}

func hostileConfig(t *testing.T, how string) provider.Config {
	c := accepting(config(t, "serve-hostile"))
	c.Args = append(c.Args, how)
	// What stalls is waited for that long, and what does not must get there first on any machine.
	c.StartTimeout, c.CallTimeout = 15*time.Second, 30*time.Second
	switch how {
	case "says nothing", "chatters", "accepts and says nothing":
		c.StartTimeout = time.Second
	case "stalls", "floods":
		c.CallTimeout = time.Second
	}
	return c
}

func TestHostileProvidersDoNotStart(t *testing.T) {
	for how, want := range map[string]string{
		"says nothing":                 "timeout",
		"dies before it speaks":        "the program ended: out of luck",
		"chatters":                     "",
		"serves on TCP":                "only a unix socket",
		"names another's socket":       "only a unix socket",
		"forgoes TLS":                  "",
		"accepts and says nothing":     "",
		"dies in describe":             "",
		"stalls in describe":           "describe",
		"describes too much":           "describes itself in",
		"describes a list without end": "5000 interfaces",
		"declares a host that is none": "want host:port",
		"wants files":                  "has to read /etc/shadow",
		"wants the network":            "has to connect to *:443",
		"dies in configure":            "",
		"stalls in configure":          "configure",
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			p, err := provider.Launch(context.Background(), hostileConfig(t, how))
			if err == nil {
				t.Fatal("it started", p.Close())
			}
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %q", err, want)
			}
			if took := time.Since(began); took > time.Minute || how == "accepts and says nothing" && took > 15*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

func TestHostileProvidersCostACallAndNoMore(t *testing.T) {
	for how, codes := range map[string][]string{
		"stalls":                    {"deadline exceeded"},
		"dies in a call":            {"unavailable"},
		"is killed in a call":       {"unavailable"},
		"ends the stream":           {"unavailable"},
		"answers another kind":      {"not implemented"},
		"answers too much":          {"too large", "unavailable"},
		"dies after half an answer": {"", "unavailable"},
		"floods":                    {"", "deadline exceeded"},
		"shouts":                    {""},
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			c := hostileConfig(t, how)
			if how == "answers too much" {
				c.CallTimeout = time.Minute // 65 MiB have to arrive first
			}
			p := launch(t, c)
			for range 2 {
				began := time.Now()
				_, err := p.Custom().Invoke(context.Background(), backend.Caller{Scope: 1}, backend.Call{Interface: "a:b/c@1.0.0", Function: "f"})
				if took := time.Since(began); took > c.CallTimeout+30*time.Second {
					t.Errorf("a call took %v", took)
				}
				have := ""
				if err != nil {
					have = backend.AsError(err).Code.String()
				}
				if !slices.Contains(codes, have) {
					t.Errorf("%q: %v, want one of %q", have, err, codes)
				}
			}
		})
	}
}

// go-plugin can be told of connections, each of which it waits for in a goroutine.
func TestAProviderCannotMakeTheHostWait(t *testing.T) {
	p := launch(t, hostileConfig(t, "announces connections"))
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); {
		if _, err := p.Custom().Invoke(context.Background(), backend.Caller{Scope: 1}, backend.Call{Interface: "a:b/c@1.0.0", Function: "f"}); err != nil {
			t.Fatal(err)
		}
		if n := runtime.NumGoroutine(); n > 5000 {
			t.Fatalf("the host has %d goroutines", n)
		}
	}
}
