package provider

import (
	"time"

	"github.com/hashicorp/go-plugin"
	"github.com/writ-host/writ/capabilities/kv/backend"
	pb "github.com/writ-host/writ/proto/writ/provider/v1"
)

// handshake keeps programs apart that are not for each other.
var handshake = plugin.HandshakeConfig{
	ProtocolVersion:  1,
	MagicCookieKey:   "WRIT_PROVIDER",
	MagicCookieValue: "writ.provider.v1",
}

const (
	// pluginName is the one thing that go-plugin dispenses here.
	pluginName = "provider"
	// serviceKeyValue and the like are how a provider declares the service of that name.
	serviceKeyValue = "KeyValue"
	serviceSQL      = "SQL"
	serviceCustom   = "Custom"
	serviceHTTP     = "HTTP"
	// maxMessage bounds one gRPC message in either direction, in bytes.
	maxMessage = 64 << 20
	// maxAnswer is what an answer may hold, so that the message around it fits.
	maxAnswer = maxMessage - 1<<20
)

func wireCaller(at backend.Caller, timeout time.Duration) *pb.Caller {
	return &pb.Caller{App: at.App, Component: at.Component, GrantId: at.Grant, TimeoutUs: uint64(timeout.Microseconds())}
}

func readCaller(c *pb.Caller, store string) backend.Caller {
	return backend.Caller{Store: store, App: c.GetApp(), Component: c.GetComponent(), Grant: c.GetGrantId()}
}

// wireError is an operation's error as it travels; nil for nil.
func wireError(err error) *pb.Error {
	e := backend.AsError(err)
	if e == nil {
		return nil
	}
	return &pb.Error{Code: pb.Error_Code(e.Code), Message: e.Message}
}

// readError is an operation's error as it came; a code that this host does not
// know counts as internal.
func readError(e *pb.Error) error {
	if e == nil {
		return nil
	}
	code := backend.Internal
	if c := e.GetCode(); c > 0 && c < pb.Error_Code(backend.Internal) {
		code = backend.Code(c)
	}
	return &backend.Error{Code: code, Message: e.GetMessage()}
}

func wireEntry(e backend.Entry) *pb.Entry {
	return &pb.Entry{Found: e.Found, Value: e.Value, Version: e.Version}
}

func readEntry(e *pb.Entry) backend.Entry {
	return backend.Entry{Found: e.GetFound(), Value: e.GetValue(), Version: e.GetVersion()}
}

func wireEntries(entries []backend.Entry) []*pb.Entry {
	out := make([]*pb.Entry, len(entries))
	for i, e := range entries {
		out[i] = wireEntry(e)
	}
	return out
}

func wirePairs(pairs []backend.Pair) []*pb.Pair {
	out := make([]*pb.Pair, len(pairs))
	for i, p := range pairs {
		out[i] = &pb.Pair{Key: p.Key, Value: p.Value}
	}
	return out
}

func readPairs(pairs []*pb.Pair) []backend.Pair {
	out := make([]backend.Pair, len(pairs))
	for i, p := range pairs {
		out[i] = backend.Pair{Key: p.GetKey(), Value: p.GetValue()}
	}
	return out
}
