package provider

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync/atomic"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	httpbackend "github.com/writ-host/writ/capabilities/http/backend"
	"github.com/writ-host/writ/capabilities/kv/backend"
	"github.com/writ-host/writ/capabilities/provider/internal/frame"
	sqlbackend "github.com/writ-host/writ/capabilities/sql/backend"
	pb "github.com/writ-host/writ/proto/writ/provider/v1"
	"google.golang.org/grpc"
)

// Service is a provider, as its author describes it to [Serve].
type Service struct {
	Name    string // short, for logs: kv-embedded
	Version string
	// Interfaces are the WIT interfaces that it implements.
	Interfaces []string
	// SettingsSchema is the JSON schema of the settings, or nil for no settings.
	SettingsSchema json.RawMessage

	// KeyValue opens the store when the provider is configured; nil when it serves
	// none. What it returns may also implement [Healthy] and io.Closer.
	KeyValue func(context.Context, Settings) (backend.KeyValue, error)
	// SQL opens the databases likewise.
	SQL func(context.Context, Settings) (sqlbackend.SQL, error)
	// HTTP opens what sends requests likewise.
	HTTP func(context.Context, Settings) (httpbackend.Egress, error)
	// Custom is interfaces of the provider's own; see [Implement].
	Custom *Custom

	// Files are what it has to read besides its program, and Hosts what it has to
	// connect to, as host:port with a host that may be *.
	Files, Hosts []string
}

// Healthy is implemented by what can tell, quickly, that it cannot go on.
type Healthy interface {
	Health() error
}

// Settings is what the operator configured for a provider.
type Settings struct {
	JSON    json.RawMessage // an object; nil when there are none
	DataDir string          // the one directory that may be written, or ""
}

// Decode reads the settings into a struct. A setting that it does not have is
// an error, as it should be: what is mistyped would be ignored otherwise.
func (s Settings) Decode(into any) error {
	if len(s.JSON) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(s.JSON))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("read settings: %w", err)
	}
	return nil
}

// Serve is a provider's whole main: it serves until the host is done with it,
// or gone. Started by anybody else, it returns an error that says what to do. What is written to standard error becomes the host's log; the
// logger given by [Logger] keeps levels and attributes.
func Serve(s Service) error {
	if s.Custom != nil && s.Custom.err != nil {
		return fmt.Errorf("provider %s: %w", s.Name, s.Custom.err)
	}
	if os.Getenv(handshake.MagicCookieKey) != handshake.MagicCookieValue {
		return fmt.Errorf("%s is a provider, which writ starts where host.toml names it; to check it, run: writ provider test %s", s.Name, os.Args[0])
	}
	go endWithHost(os.Stdin)
	p := &served{service: s, stderr: os.Stderr, kv: &kvServer{log: Logger()}, sql: &sqlServer{log: Logger()}, http: &httpServer{log: Logger()},
		custom: &customServer{custom: s.Custom, log: Logger()}}
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: handshake,
		Plugins:         plugin.PluginSet{pluginName: p},
		GRPCServer: func(opts []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(opts, serverOptions()...)...)
		},
		Logger: hclog.New(&hclog.LoggerOptions{Level: hclog.Warn, Output: os.Stderr, JSONFormat: true}),
	})
	return p.close()
}

func serverOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(maxMessage),
		grpc.UnaryInterceptor(inTime),
		grpc.InitialWindowSize(flowWindow), grpc.InitialConnWindowSize(flowWindow),
	}
}

// flowWindow is how many bytes may be under way before the other end reads.
const flowWindow = 4 << 20

// endWithHost ends the process when the host's end of standard input closes.
// The kernel already kills a provider with its host; this is for where it cannot.
func endWithHost(stdin io.Reader) {
	_, _ = io.Copy(io.Discard, stdin) // any end of it means the same
	os.Exit(1)
}

// Logger writes what the host's log takes up with level and attributes.
func Logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{ReplaceAttr: hclogNames}))
}

// hclogNames spells slog's own attributes as go-plugin's host reads them.
func hclogNames(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return a
	}
	switch a.Key {
	case slog.MessageKey:
		a.Key = "@message"
	case slog.LevelKey:
		a = slog.String("@level", levelName(a.Value))
	case slog.TimeKey:
		return slog.Attr{}
	}
	return a
}

func levelName(v slog.Value) string {
	level, ok := v.Any().(slog.Level)
	switch {
	case !ok || level < slog.LevelInfo:
		return "debug"
	case level < slog.LevelWarn:
		return "info"
	case level < slog.LevelError:
		return "warn"
	}
	return "error"
}

// served is a Service as go-plugin wants it.
type served struct {
	plugin.NetRPCUnsupportedPlugin
	service Service
	kv      *kvServer
	sql     *sqlServer
	http    *httpServer
	custom  *customServer
	data    *dataServer // nil without a data socket
	// stderr is the host's log. go-plugin puts another file into its place, whose
	// text the host does not want.
	stderr *os.File
}

// GRPCServer implements plugin.GRPCPlugin.
func (p *served) GRPCServer(_ *plugin.GRPCBroker, server *grpc.Server) error {
	pb.RegisterProviderServer(server, &control{served: p})
	if p.service.KeyValue != nil {
		pb.RegisterKeyValueServer(server, p.kv)
	}
	if p.service.SQL != nil {
		pb.RegisterSQLServer(server, p.sql)
	}
	if p.service.HTTP != nil {
		pb.RegisterHTTPServer(server, p.http)
	}
	if p.service.Custom != nil {
		pb.RegisterCustomServer(server, p.custom)
	}
	return nil
}

// GRPCClient implements plugin.GRPCPlugin; the host's end is [remote].
func (p *served) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.New("a provider has no client end")
}

// backends are what was opened.
func (p *served) backends() []any {
	return []any{p.kv.backend(), p.sql.backend(), p.http.backend(), p.custom.backend()}
}

func (p *served) close() error {
	if p.data != nil {
		p.data.close()
	}
	var errs []error
	for _, b := range p.backends() {
		if c, ok := b.(io.Closer); ok {
			errs = append(errs, c.Close())
		}
	}
	return errors.Join(errs...)
}

// open opens what the service has.
func (p *served) open(ctx context.Context, settings Settings) error {
	if open := p.service.KeyValue; open != nil {
		kv, err := open(ctx, settings)
		if err != nil {
			return err
		}
		p.kv.open(kv)
	}
	if open := p.service.SQL; open != nil {
		sql, err := open(ctx, settings)
		if err != nil {
			return err
		}
		p.sql.opened.Store(&sql)
	}
	if open := p.service.HTTP; open != nil {
		http, err := open(ctx, settings)
		if err != nil {
			return err
		}
		p.http.opened.Store(&http)
	}
	if c := p.service.Custom; c != nil {
		impl, err := c.open(ctx, settings)
		if err != nil {
			return err
		}
		p.custom.opened.Store(&impl)
	}
	return nil
}

// listenData makes the data socket that a host would use. Without one, channels
// go over gRPC.
func (p *served) listenData(key []byte) (path string) {
	if len(key) == 0 {
		return ""
	}
	data, err := listenData(key, p.channels(), Logger())
	if err != nil {
		Logger().Warn("there is no data socket", "error", err)
		return ""
	}
	p.data = data
	return data.path()
}

// channels are those that a data socket has.
func (p *served) channels() map[string]func(context.Context, *frame.Conn) error {
	all := map[string]func(context.Context, *frame.Conn) error{}
	if p.service.KeyValue != nil {
		all[serviceKeyValue] = func(ctx context.Context, c *frame.Conn) error {
			return p.kv.channel(ctx, framed[pb.KVResponse, pb.KVRequest]{c, io.EOF})
		}
	}
	if p.service.SQL != nil {
		all[serviceSQL] = func(ctx context.Context, c *frame.Conn) error {
			return p.sql.channel(ctx, framed[pb.SQLResponse, pb.SQLRequest]{c, io.EOF})
		}
	}
	if p.service.HTTP != nil {
		all[serviceHTTP] = func(ctx context.Context, c *frame.Conn) error {
			return p.http.channel(ctx, framed[pb.HTTPResponses, pb.HTTPRequests]{c, io.EOF})
		}
	}
	if p.service.Custom != nil {
		all[serviceCustom] = func(ctx context.Context, c *frame.Conn) error {
			return p.custom.channel(ctx, framed[pb.CustomResponse, pb.CustomRequest]{c, io.EOF})
		}
	}
	return all
}

// control serves what every provider has.
type control struct {
	pb.UnimplementedProviderServer
	served     *served
	configured atomic.Bool
}

// Describe implements the service.
func (c *control) Describe(context.Context, *pb.DescribeRequest) (*pb.DescribeResponse, error) {
	s := c.served.service
	r := &pb.DescribeResponse{Name: s.Name, Version: s.Version, Interfaces: s.Interfaces, SettingsSchemaJson: s.SettingsSchema,
		Files: s.Files, Hosts: s.Hosts}
	if s.KeyValue != nil {
		r.Services = append(r.Services, serviceKeyValue)
	}
	if s.SQL != nil {
		r.Services = append(r.Services, serviceSQL)
	}
	if s.HTTP != nil {
		r.Services = append(r.Services, serviceHTTP)
	}
	if s.Custom != nil {
		s.Custom.describe(r)
	}
	return r, nil
}

// Configure implements the service.
func (c *control) Configure(ctx context.Context, r *pb.ConfigureRequest) (*pb.ConfigureResponse, error) {
	if !c.configured.CompareAndSwap(false, true) {
		return nil, statusOf(errors.New("configured twice"))
	}
	os.Stderr = c.served.stderr
	if err := c.served.open(ctx, Settings{JSON: r.GetSettingsJson(), DataDir: r.GetDataDir()}); err != nil {
		return nil, statusOf(err)
	}
	return &pb.ConfigureResponse{DataSocket: c.served.listenData(r.GetDataKey())}, nil
}

// Health implements the service.
func (c *control) Health(context.Context, *pb.HealthRequest) (*pb.HealthResponse, error) {
	for _, b := range c.served.backends() {
		h, ok := b.(Healthy)
		if !ok {
			continue
		}
		if err := h.Health(); err != nil {
			return &pb.HealthResponse{Status: pb.HealthResponse_STATUS_NOT_SERVING, Message: err.Error()}, nil
		}
	}
	return &pb.HealthResponse{Status: pb.HealthResponse_STATUS_SERVING}, nil
}

// inTime ends a unary call's work when the host waits no longer for it.
func inTime(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	if r, ok := request.(interface{ GetCaller() *pb.Caller }); ok {
		var cancel context.CancelFunc
		ctx, cancel = withTimeout(ctx, r.GetCaller())
		defer cancel()
	}
	return handler(ctx, request)
}
