package provider

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"

	"github.com/writ-host/writ/capabilities/provider/internal/frame"
)

// socketDirEnv is where a provider finds the directory for its sockets.
const socketDirEnv = "PLUGIN_UNIX_SOCKET_DIR"

// maxUnproven is how many connections prove themselves at once.
const maxUnproven = 16

// dataServer is a provider's data socket.
type dataServer struct {
	key      []byte
	listener net.Listener
	// channels serve each service that has some.
	channels map[string]func(context.Context, *frame.Conn) error
	log      *slog.Logger
	ctx      context.Context
	cancel   context.CancelFunc
}

// listenData makes the socket, and serves on it until it is closed.
func listenData(key []byte, channels map[string]func(context.Context, *frame.Conn) error, log *slog.Logger) (*dataServer, error) {
	if len(key) != frame.KeyBytes {
		return nil, fmt.Errorf("the data key has %d bytes, want %d", len(key), frame.KeyBytes)
	}
	dir := os.Getenv(socketDirEnv)
	if dir == "" {
		return nil, errors.New("there is no directory for a data socket")
	}
	l, err := net.Listen("unix", filepath.Join(dir, "data"))
	if err != nil {
		return nil, fmt.Errorf("make data socket: %w", err)
	}
	s := &dataServer{key: key, listener: l, channels: channels, log: log}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	go s.accept()
	return s, nil
}

func (s *dataServer) path() string { return s.listener.Addr().String() }

// close ends the socket and all channels on it.
func (s *dataServer) close() {
	s.cancel()
	_ = s.listener.Close()
}

func (s *dataServer) accept() {
	unproven := make(chan struct{}, maxUnproven)
	for {
		socket, err := s.listener.Accept()
		if err != nil {
			if s.ctx.Err() == nil {
				s.log.Error("the data socket takes no more connections", "error", err)
			}
			return
		}
		unproven <- struct{}{}
		go s.serve(socket, func() { <-unproven })
	}
}

// serve is one connection: a channel, once the host has proven that it is the host.
func (s *dataServer) serve(socket net.Conn, proven func()) {
	conn, service, err := frame.Admit(socket, s.key, maxMessage, func(name string) bool { return s.channels[name] != nil })
	proven()
	if err != nil {
		s.log.Warn("a connection to the data socket was refused", "error", err)
		return
	}
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	defer conn.Close()
	if err := s.channels[service](ctx, conn); err != nil && ctx.Err() == nil {
		s.log.Debug("a channel on the data socket ended", "service", service, "error", err)
	}
}
