package provider_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/writ-host/writ/capabilities/kv/backend"
	"github.com/writ-host/writ/capabilities/provider"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sys/unix"
)

// probe is a provider whose gets are attempts to get out: the key says at what,
// the value is how it went.
type probe struct {
	backend.KeyValue // what is not attempted panics
	settings         provider.Settings
	cancelled        atomic.Int32 // calls that were not wanted any more
}

func serveProbe() error {
	return provider.Serve(provider.Service{Name: "probe", Version: "0", KeyValue: func(_ context.Context, s provider.Settings) (backend.KeyValue, error) {
		return &probe{settings: s}, nil
	}})
}

func (p *probe) Get(ctx context.Context, at backend.Caller, key string) (backend.Entry, error) {
	return backend.Entry{Found: true, Value: []byte(p.attempt(ctx, key))}, nil
}

// Exists waits as long as the key says.
func (p *probe) Exists(ctx context.Context, _ backend.Caller, key string) (bool, error) {
	d, err := time.ParseDuration(key)
	if err != nil {
		return false, backend.Errorf(backend.NotANumber, "%v", err)
	}
	select {
	case <-time.After(d):
		return true, nil
	case <-ctx.Done():
		p.cancelled.Add(1)
		return false, ctx.Err()
	}
}

func (p *probe) attempt(ctx context.Context, key string) string {
	what, arg, _ := strings.Cut(key, " ")
	var err error
	switch what {
	case "trace":
		c := trace.SpanContextFromContext(ctx)
		return c.TraceID().String() + " " + c.SpanID().String() + " " + strconv.FormatBool(c.IsRemote())
	case "read":
		_, err = os.ReadFile(arg)
	case "list":
		_, err = os.ReadDir(arg)
	case "write":
		err = os.WriteFile(arg, []byte("x"), 0o600)
	case "dial":
		_, err = (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", arg)
	case "udp":
		_, err = net.Dial("udp", arg)
	case "listen":
		_, err = net.Listen("tcp", arg)
	case "raw":
		_, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP)
	case "mptcp":
		_, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_MPTCP)
	case "netlink":
		_, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW, 0)
	case "run":
		err = exec.CommandContext(ctx, arg).Run()
	case "signal":
		pid, _ := strconv.Atoi(arg)
		err = syscall.Kill(pid, 0)
	case "mount":
		err = syscall.Mount("none", arg, "tmpfs", 0, "")
	case "env":
		return strings.Join(os.Environ(), "\n")
	case "status":
		none, e := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
		return strconv.Itoa(none) + " " + errText(e)
	case "limit":
		var l syscall.Rlimit
		n, _ := strconv.Atoi(arg)
		if err := syscall.Getrlimit(n, &l); err != nil {
			return err.Error()
		}
		return strconv.FormatUint(l.Max, 10)
	case "capabilities":
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var data [2]unix.CapUserData
		e := unix.Capget(&header, &data[0])
		return strconv.FormatUint(uint64(data[0].Effective|data[0].Permitted|data[1].Effective|data[1].Permitted), 16) + " " + errText(e)
	case "log":
		provider.Logger().Warn(arg, "by", "Logger")
		fmt.Fprintln(os.Stderr, arg+" by itself")
	case "cancelled":
		return strconv.Itoa(int(p.cancelled.Load()))
	case "settings":
		b, _ := json.Marshal(p.settings)
		return string(b)
	case "group":
		return strconv.Itoa(syscall.Getpgrp())
	default:
		name, arg := key, ""
		if at := strings.LastIndexByte(key, ' '); at > 0 && strings.ContainsAny(key[at+1:], "/@0123456789") {
			name, arg = key[:at], key[at+1:]
		}
		said, e := escape(name, arg)
		if said != "" {
			return said
		}
		err = e
	}
	return errText(err)
}

func errText(err error) string {
	if err == nil {
		return "ok"
	}
	return err.Error()
}
