package writ

import (
	"cmp"
	"fmt"
	"time"
)

// ServerLimits bound what clients and calls between components may use of the
// host, before and beside any one instance. Zero is the default.
type ServerLimits struct {
	Concurrency int      `toml:"concurrency"`  // requests at once; default 1024
	Queue       int      `toml:"queue"`        // requests that wait for one of those to end; default 1024
	QueueTime   Duration `toml:"queue-time"`   // that one waits; default 1s
	HeaderSize  Size     `toml:"header-size"`  // of a request's head; default 64KiB
	HeaderTime  Duration `toml:"header-time"`  // for it to come; default 10s
	RequestBody Size     `toml:"request-body"` // of one request; default 1GiB
	IdleTime    Duration `toml:"idle-time"`    // of a connection without a request; default 2m
	DrainTime   Duration `toml:"drain-time"`   // for requests that run when the host ends; default 30s

	CallDepth    int `toml:"call-depth"`    // of calls from component to component; default 8
	Calls        int `toml:"calls"`         // of those at once; default 1024
	RequestCalls int `toml:"request-calls"` // of those at once for one request from outside; default 32
}

func (l ServerLimits) withDefaults() ServerLimits {
	return ServerLimits{
		Concurrency: cmp.Or(l.Concurrency, 1024), Queue: cmp.Or(l.Queue, 1024), QueueTime: cmp.Or(l.QueueTime, Duration(time.Second)),
		HeaderSize: cmp.Or(l.HeaderSize, 64<<10), HeaderTime: cmp.Or(l.HeaderTime, Duration(10*time.Second)),
		RequestBody: cmp.Or(l.RequestBody, 1<<30), IdleTime: cmp.Or(l.IdleTime, Duration(2*time.Minute)),
		DrainTime: cmp.Or(l.DrainTime, Duration(30*time.Second)),
		CallDepth: cmp.Or(l.CallDepth, 8), Calls: cmp.Or(l.Calls, 1024), RequestCalls: cmp.Or(l.RequestCalls, 32),
	}
}

func (l ServerLimits) validate() error {
	for _, n := range []struct {
		name  string
		value int
	}{{"concurrency", l.Concurrency}, {"queue", l.Queue}, {"call-depth", l.CallDepth}, {"calls", l.Calls}, {"request-calls", l.RequestCalls}} {
		if n.value < 1 || n.value > 1<<20 {
			return fmt.Errorf("limits.%s = %d: want between 1 and 1048576", n.name, n.value)
		}
	}
	if l.HeaderSize < 4<<10 || l.HeaderSize > 16<<20 {
		return fmt.Errorf("limits.header-size = %s: want between 4KiB and 16MiB", l.HeaderSize)
	}
	if l.RequestBody > 1<<62 {
		return fmt.Errorf("limits.request-body = %s is more than any", l.RequestBody)
	}
	return nil
}
