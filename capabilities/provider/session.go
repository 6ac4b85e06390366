package provider

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	pb "github.com/writ-host/writ/proto/writ/provider/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// session is one life of a provider's process, with the connection to it.
type session struct {
	config  *Config
	plugin  *plugin.Client
	process *process
	info    Info
	conn    *grpc.ClientConn

	control pb.ProviderClient
	kv      *line[*pb.KVOperation, *pb.KVResult]
	sql     *line[*pb.SQLOperation, *pb.SQLResult]
	custom  *line[*pb.CustomOperation, *pb.CustomResult]

	data dataPlane
	http *httpLine

	life    uint64      // of all sessions in this process, from 1
	lost    atomic.Bool // the connection is gone; perhaps the process is, too
	suspect func()      // has the process looked at
}

// lives counts sessions.
var lives atomic.Uint64

// remote is the host's end as go-plugin wants it: the connection itself.
type remote struct {
	plugin.NetRPCUnsupportedPlugin
}

// GRPCServer implements plugin.GRPCPlugin.
func (remote) GRPCServer(*plugin.GRPCBroker, *grpc.Server) error {
	return errors.New("the host serves nothing")
}

// GRPCClient implements plugin.GRPCPlugin.
func (remote) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return conn, nil
}

// startSession starts the process and has it ready to serve. tmp is a private
// directory for its socket; suspect is called when it does not seem to work.
func startSession(ctx context.Context, config *Config, tmp string, suspect func()) (*session, error) {
	s := &session{config: config, suspect: suspect, life: lives.Add(1)}
	identity, certificate, err := hostIdentity()
	if err != nil {
		return nil, fmt.Errorf("start provider %s: %w", config.Name, err)
	}
	s.plugin = plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig:  handshake,
		Plugins:          plugin.PluginSet{pluginName: remote{}},
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		TLSConfig:        identity,
		SkipHostEnv:      true,
		StartTimeout:     config.StartTimeout,
		Logger:           pluginLogger(config.Log),
		UnixSocketConfig: &plugin.UnixSocketConfig{TempDir: tmp},
		GRPCDialOptions: []grpc.DialOption{
			grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage)),
			grpc.WithInitialWindowSize(flowWindow), grpc.WithInitialConnWindowSize(flowWindow),
			grpc.WithStreamInterceptor(withoutBroker),
		},
		RunnerFunc: func(l hclog.Logger, cmd *exec.Cmd, dir string) (_ runner.Runner, err error) {
			cmd.Env = append(cmd.Env, clientCertEnv+"="+string(certificate))
			s.process, err = config.newProcess(l, cmd, dir)
			return s.process, err
		},
	})
	if err := s.connect(ctx); err != nil {
		err = s.explain(err)
		s.kill()
		return nil, fmt.Errorf("start provider %s: %w", config.Name, err)
	}
	return s, nil
}

// withoutBroker keeps go-plugin from taking up connections that a provider
// announces: it has no use for any, and holds a goroutine for each for a while.
func withoutBroker(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	if strings.HasPrefix(method, "/plugin.GRPCBroker/") {
		return nil, status.Error(codes.Unimplemented, "the host has no broker")
	}
	return open(ctx, desc, conn, method, opts...)
}

// connect waits for the handshake, and has the process ready to serve. Until it
// is, the process lives on borrowed time: nothing else ends a dial that a provider
// takes and does not answer.
func (s *session) connect(ctx context.Context) error {
	if _, err := s.plugin.Start(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.config.StartTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = s.process.Kill(context.Background()) })
	err := s.introduce(ctx)
	if stop() {
		return err
	}
	if err == nil {
		err = ctx.Err()
	}
	return fmt.Errorf("%w: %w", errLate, err)
}

// errLate is a process that was ended because it did not serve in time.
var errLate = errors.New("it was not ready in time")

// introduce has both ends say who they are.
func (s *session) introduce(ctx context.Context) error {
	client, err := s.plugin.Client()
	if err != nil {
		return err
	}
	dispensed, err := client.Dispense(pluginName)
	if err != nil {
		return err
	}
	conn, ok := dispensed.(*grpc.ClientConn)
	if !ok {
		return errors.New("no connection")
	}
	s.conn = conn
	s.control = pb.NewProviderClient(conn)
	s.kv, s.sql = s.kvLine(pb.NewKeyValueClient(conn)), s.sqlLine(pb.NewSQLClient(conn))
	s.custom, s.http = s.customLine(pb.NewCustomClient(conn)), s.httpLine(pb.NewHTTPClient(conn))
	d, err := s.control.Describe(ctx, &pb.DescribeRequest{})
	if err != nil {
		return fmt.Errorf("describe: %w", err)
	}
	if s.info, err = readInfo(d); err != nil {
		return fmt.Errorf("describe: %w", err)
	}
	if err := s.config.allows(&s.info); err != nil {
		return err
	}
	if err := checkSettings(s.info.SettingsSchema, s.config.Settings); err != nil {
		return err
	}
	return s.configure(ctx)
}

// configure hands over the settings, and agrees on a data socket.
func (s *session) configure(ctx context.Context) error {
	var key []byte
	if !s.config.OverGRPC {
		key = newDataKey()
	}
	r, err := s.control.Configure(ctx, &pb.ConfigureRequest{SettingsJson: s.config.Settings, DataDir: s.config.DataDir, DataKey: key})
	if err == nil {
		err = s.useData(r.GetDataSocket(), key)
	}
	if err != nil {
		return fmt.Errorf("configure: %w", err)
	}
	return nil
}

// explain is why a start failed, in the words of a program that ended over it.
func (s *session) explain(err error) error {
	if s.process == nil || s.process.said == nil || errors.Is(err, errLate) || !s.ended(dyingWait) {
		return err
	}
	if said := s.process.said.said(dyingWait); said != "" {
		return fmt.Errorf("the program ended: %s", said)
	}
	return err
}

// ended waits a moment for a process that is just dying.
func (s *session) ended(wait time.Duration) bool {
	select {
	case <-s.process.exited:
		return true
	case <-time.After(wait):
		return false
	}
}

// kill ends the process at once, and cleans up after it.
func (s *session) kill() {
	if s.process != nil {
		_ = s.process.Kill(context.Background())
	}
	s.plugin.Kill()
}

// stop ends the process in order, or by force after a while.
func (s *session) stop(grace time.Duration) {
	t := time.AfterFunc(grace, func() { _ = s.process.Kill(context.Background()) })
	defer t.Stop()
	s.plugin.Kill()
}

// lose says that the connection is gone: calls wait until the process has been
// looked at.
func (s *session) lose() {
	s.lost.Store(true)
	s.suspect()
}
