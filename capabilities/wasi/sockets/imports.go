package sockets

import (
	"context"

	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/capabilities/internal/wits"
	wasiio "github.com/writ-host/writ/capabilities/wasi/io"
	"github.com/writ-host/writ/wit"
)

// Imports are the interfaces of wasi:sockets. None of their functions is
// guarded from outside: what is asked about depends on what was looked up.
func Imports() []capabilities.Import {
	var list []capabilities.Import
	for _, part := range []struct {
		name  string
		funcs map[string]wit.HostFunc
	}{
		{"network", networkFuncs()},
		{"instance-network", map[string]wit.HostFunc{"instance-network": instanceNetwork}},
		{"tcp-create-socket", map[string]wit.HostFunc{"create-tcp-socket": give(createTCP)}},
		{"tcp", tcpFuncs()},
		{"udp-create-socket", map[string]wit.HostFunc{"create-udp-socket": give(createUDP)}},
		{"udp", udpFuncs()},
		{"ip-name-lookup", map[string]wit.HostFunc{
			"resolve-addresses": give(resolveAddresses),
			"[method]resolve-address-stream.resolve-next-address": give(resolveNext),
			"[method]resolve-address-stream.subscribe": subscribe(func(c *wit.Call) wasiio.Pollable {
				return &wit.Self[*lookup](c).done
			}),
		}},
	} {
		funcs := make(map[string]capabilities.Func, len(part.funcs))
		for name, run := range part.funcs {
			funcs[name] = capabilities.Func{Run: run}
		}
		list = append(list, capabilities.Import{Interface: wits.Interface("wasi:sockets/" + part.name), Funcs: funcs})
	}
	return list
}

var networkResource = networkTypes.Resource("network")

func instanceNetwork(_ context.Context, c *wit.Call) error {
	c.Return(wit.NewOwn(networkResource, struct{}{}))
	return nil
}

// networkFuncs has the function that later versions of the text have.
func networkFuncs() map[string]wit.HostFunc {
	m := map[string]wit.HostFunc{}
	if networkTypes.Func("network-error-code") != nil {
		m["network-error-code"] = networkErrorCode
	}
	return m
}

func networkErrorCode(_ context.Context, c *wit.Call) error {
	if code := codeFor(wasiio.ErrorOf(c.Args[0])); code != errUnknown {
		c.Return(wit.Some(wit.Enum(uint32(code))))
		return nil
	}
	c.Return(wit.None())
	return nil
}

func subscribe(of func(*wit.Call) wasiio.Pollable) wit.HostFunc {
	return func(_ context.Context, c *wit.Call) error {
		c.Return(wasiio.NewPollable(of(c)))
		return nil
	}
}

func tcpFuncs() map[string]wit.HostFunc {
	const t = "[method]tcp-socket."
	s := of(func(c *wit.Call) *socket { return tcpSelf(c).socket })
	act := func(run func(*tcpSocket, context.Context, *wit.Call) error) wit.HostFunc {
		return do(func(ctx context.Context, c *wit.Call) error { return run(tcpSelf(c), ctx, c) })
	}
	ask := func(run func(*tcpSocket, context.Context, *wit.Call) (wit.Value, error)) wit.HostFunc {
		return give(func(ctx context.Context, c *wit.Call) (wit.Value, error) { return run(tcpSelf(c), ctx, c) })
	}
	return map[string]wit.HostFunc{
		t + "start-bind": act((*tcpSocket).startBind), t + "finish-bind": act((*tcpSocket).finishBind),
		t + "start-connect": act((*tcpSocket).startConnect), t + "finish-connect": ask((*tcpSocket).finishConnect),
		t + "start-listen": act((*tcpSocket).startListen), t + "finish-listen": act((*tcpSocket).finishListen),
		t + "accept": ask((*tcpSocket).accept), t + "shutdown": act((*tcpSocket).shutdown),
		t + "local-address": ask((*tcpSocket).localAddress), t + "remote-address": ask((*tcpSocket).remoteAddress),
		t + "subscribe":      subscribe(func(c *wit.Call) wasiio.Pollable { return tcpSelf(c).pollable() }),
		t + "is-listening":   tells(func(c *wit.Call) wit.Value { return wit.Bool(tcpSelf(c).phase == listening) }),
		t + "address-family": tells(func(c *wit.Call) wit.Value { return wit.Enum(uint32(tcpSelf(c).family)) }),

		t + "set-listen-backlog-size": do(setBacklog),
		t + "keep-alive-enabled":      s.getFlag(keepAlive), t + "set-keep-alive-enabled": s.setFlag(keepAlive),
		t + "keep-alive-idle-time": s.getTime(keepIdle), t + "set-keep-alive-idle-time": s.setTime(keepIdle),
		t + "keep-alive-interval": s.getTime(keepEvery), t + "set-keep-alive-interval": s.setTime(keepEvery),
		t + "keep-alive-count": s.getCount(keepCount), t + "set-keep-alive-count": s.setCount(keepCount),
		t + "hop-limit": give(s.getHops), t + "set-hop-limit": do(s.setHops),
		t + "receive-buffer-size": s.getBuffer(receiving), t + "set-receive-buffer-size": s.setBuffer(receiving),
		t + "send-buffer-size": s.getBuffer(sending), t + "set-send-buffer-size": s.setBuffer(sending),
	}
}

func udpFuncs() map[string]wit.HostFunc {
	const u, in, out = "[method]udp-socket.", "[method]incoming-datagram-stream.", "[method]outgoing-datagram-stream."
	s := of(func(c *wit.Call) *socket { return udpSelf(c).socket })
	act := func(run func(*udpSocket, context.Context, *wit.Call) error) wit.HostFunc {
		return do(func(ctx context.Context, c *wit.Call) error { return run(udpSelf(c), ctx, c) })
	}
	ask := func(run func(*udpSocket, context.Context, *wit.Call) (wit.Value, error)) wit.HostFunc {
		return give(func(ctx context.Context, c *wit.Call) (wit.Value, error) { return run(udpSelf(c), ctx, c) })
	}
	return map[string]wit.HostFunc{
		u + "start-bind": act((*udpSocket).startBind), u + "finish-bind": act((*udpSocket).finishBind),
		u + "stream":        ask((*udpSocket).stream),
		u + "local-address": ask((*udpSocket).localAddress), u + "remote-address": ask((*udpSocket).remoteAddress),
		u + "subscribe":         subscribe(func(*wit.Call) wasiio.Pollable { return wasiio.Always{} }),
		u + "address-family":    tells(func(c *wit.Call) wit.Value { return wit.Enum(uint32(udpSelf(c).family)) }),
		u + "unicast-hop-limit": give(s.getHops), u + "set-unicast-hop-limit": do(s.setHops),
		u + "receive-buffer-size": s.getBuffer(receiving), u + "set-receive-buffer-size": s.setBuffer(receiving),
		u + "send-buffer-size": s.getBuffer(sending), u + "set-send-buffer-size": s.setBuffer(sending),

		in + "receive":     give(receive),
		in + "subscribe":   subscribe(func(c *wit.Call) wasiio.Pollable { return wit.Self[*incoming](c).readable() }),
		out + "check-send": give(checkSend),
		out + "send":       send,
		out + "subscribe":  subscribe(func(c *wit.Call) wasiio.Pollable { return wit.Self[*outgoing](c).writable() }),
	}
}

// tells is a function that cannot fail.
func tells(what func(*wit.Call) wit.Value) wit.HostFunc {
	return func(_ context.Context, c *wit.Call) error {
		c.Return(what(c))
		return nil
	}
}
