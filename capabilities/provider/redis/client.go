package redis

import (
	"context"
	"errors"
	"io"
	"net"
	"regexp"
	"strings"
	"time"

	redis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"
	"github.com/writ-host/writ/capabilities/kv/backend"
)

const (
	// connections are how many there are to each server at most: what values of
	// the largest size fit into the process's memory at once.
	connections = 32
	dialTime    = 2 * time.Second
	// callTime bounds an operation whose caller sets no deadline.
	callTime = 10 * time.Second

	// Where the server cannot be reached or is not ready, an operation is tried
	// again for a moment, such as a cluster takes to agree.
	firstRetry = 10 * time.Millisecond
	lastRetry  = 200 * time.Millisecond
	retryTime  = time.Second
)

// connect makes the client. It dials when the first operation comes: a server
// that is down does not keep the host from starting.
func (s *Settings) connect() (redis.UniversalClient, error) {
	password, err := s.Secret()
	if err != nil {
		return nil, err
	}
	config, err := s.Config(s.TLSName)
	if err != nil {
		return nil, err
	}
	redis.SetLogger(&logging.VoidLogger{}) // complaints are told what matters
	quiet := &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	o := redis.UniversalOptions{
		Addrs: s.addresses(), IsClusterMode: s.Address == "", DB: s.Database, Username: s.User, Password: password, TLSConfig: config,
		Protocol: 2, DisableIdentity: true, MaintNotificationsConfig: quiet,
		MaxRetries: -1, DialerRetries: 1, DialTimeout: dialTime, ReadTimeout: callTime, WriteTimeout: callTime, ContextTimeoutEnabled: true,
		PoolSize: connections, PoolTimeout: callTime, ConnMaxIdleTime: 5 * time.Minute,
	}
	if !o.IsClusterMode {
		return redis.NewClient(o.Simple()), nil
	}
	cluster := o.Cluster()
	cluster.DisableRoutingPolicies = true // a command goes where its key is
	return redis.NewClusterClient(cluster), nil
}

// do runs an operation, and again when it cannot have been done. What only
// reads is also tried again when nobody knows.
func do[T any](ctx context.Context, s *Store, reads bool, operation func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	end := time.Now().Add(retryTime)
	for wait := firstRetry; ; wait = min(2*wait, lastRetry) {
		v, err := await(ctx, operation)
		if err == nil || !undone(err) && !(reads && lost(err)) || time.Now().Add(wait).After(end) {
			return v, s.failure(err)
		}
		s.refresh(ctx, err)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

// await returns when the operation does, or ctx ends: the client knows only of
// deadlines, and a call that is given up has none that is near.
func await[T any](ctx context.Context, operation func(context.Context) (T, error)) (v T, err error) {
	type answer struct {
		v   T
		err error
	}
	done := make(chan answer, 1)
	go func() {
		v, err := operation(ctx)
		done <- answer{v, err}
	}()
	select {
	case a := <-done:
		return a.v, a.err
	case <-ctx.Done():
		return v, ctx.Err()
	}
}

// refresh has a cluster's shape looked at again when a node is not there.
func (s *Store) refresh(ctx context.Context, err error) {
	if c, ok := s.client.(*redis.ClusterClient); ok && lost(err) {
		c.ReloadState(ctx)
	}
}

// notReady are what servers answer that have done nothing.
var notReady = []string{"LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "READONLY", "ERR max number of clients reached"}

// undone reports whether an operation that failed has certainly not been done.
func undone(err error) bool {
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Op == "dial" {
		return true
	}
	for _, prefix := range notReady {
		if strings.HasPrefix(err.Error(), prefix) {
			return true
		}
	}
	return false
}

// lost reports whether the connection ended.
func lost(err error) bool {
	var network net.Error
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &network) && !late(err)
}

func late(err error) bool {
	var network net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || errors.As(err, &network) && network.Timeout()
}

// inScript is how a server says NOPERM of a command in a script, which has
// changed from version to version.
var inScript = regexp.MustCompile(`ACL failure in script|executing the script can't (run|access)`)

// failure is an error as the interface has it. Components are not told
// addresses, nor what the server says; the log is.
func (s *Store) failure(err error) error {
	if ours := (*backend.Error)(nil); err == nil || errors.As(err, &ours) {
		return err
	}
	if late(err) {
		return backend.Errorf(backend.Deadline, "the store did not answer in time")
	}
	s.complaints.Tell("operation failed", err)
	var said redis.Error
	if !errors.As(err, &said) {
		return backend.Errorf(backend.Unavailable, "the store cannot be reached")
	}
	if inScript.MatchString(said.Error()) {
		return backend.Errorf(backend.AccessDenied, "the store's server refuses")
	}
	kind, _, _ := strings.Cut(said.Error(), " ")
	switch kind {
	case "NOPERM":
		return backend.Errorf(backend.AccessDenied, "the store's server refuses")
	case "NOAUTH", "WRONGPASS":
		return backend.Errorf(backend.Unavailable, "the store's server does not know this host")
	case "OOM":
		return backend.Errorf(backend.Unavailable, "the store is full")
	case "WRONGTYPE":
		return backend.Errorf(backend.Internal, "the store's server has something else under this name")
	case "LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "READONLY", "MISCONF", "NOREPLICAS", "MOVED", "ASK":
		return backend.Errorf(backend.Unavailable, "the store is not ready")
	}
	return backend.Errorf(backend.Internal, "the store's server answered with an error")
}
