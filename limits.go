package writ

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/host"
	"github.com/writ-host/writ/wit"
)

// InstanceLimits is what one instance of a component may use. In writ.toml they
// are what the component makes do with; in host.toml the most that it gets, and
// what it gets when it does not say. Zero is the default.
type InstanceLimits struct {
	Memory        Size     `toml:"memory"`         // each linear memory; default 256MiB
	TableElements int      `toml:"table-elements"` // each table; default 100,000
	CoreInstances int      `toml:"core-instances"` // that the component is made of; default 250
	Stack         Size     `toml:"stack"`          // of its calls; default 512KiB
	WallTime      Duration `toml:"wall-time"`      // one request; default 30s
	CPUTime       Duration `toml:"cpu-time"`       // what it runs meanwhile; default 10s
	Handles       int      `toml:"handles"`        // of resources, of all components within together; default 65,536
	Streams       int      `toml:"streams"`        // open streams, files and sockets; default 1,024
	Buffers       Size     `toml:"buffers"`        // what the host holds for it; default 128MiB
	// ReuseRequests and ReuseAge are how many requests it serves, and how long it
	// lasts, where the component has its instances reused; default 1000 and 10m.
	ReuseRequests int      `toml:"reuse-requests"`
	ReuseAge      Duration `toml:"reuse-age"`
}

var defaultInstanceLimits = InstanceLimits{
	Memory: 256 << 20, TableElements: 100_000, CoreInstances: 250, Stack: 512 << 10,
	WallTime: Duration(30 * time.Second), CPUTime: Duration(10 * time.Second),
	Handles: 1 << 16, Streams: capabilities.DefaultStreams, Buffers: capabilities.DefaultBuffers,
	ReuseRequests: 1000, ReuseAge: Duration(10 * time.Minute),
}

// or fills in from others what does not say.
func (l InstanceLimits) or(o InstanceLimits) InstanceLimits {
	return InstanceLimits{
		Memory: cmp.Or(l.Memory, o.Memory), TableElements: cmp.Or(l.TableElements, o.TableElements),
		CoreInstances: cmp.Or(l.CoreInstances, o.CoreInstances), Stack: cmp.Or(l.Stack, o.Stack),
		WallTime: cmp.Or(l.WallTime, o.WallTime), CPUTime: cmp.Or(l.CPUTime, o.CPUTime),
		Handles: cmp.Or(l.Handles, o.Handles), Streams: cmp.Or(l.Streams, o.Streams), Buffers: cmp.Or(l.Buffers, o.Buffers),
		ReuseRequests: cmp.Or(l.ReuseRequests, o.ReuseRequests), ReuseAge: cmp.Or(l.ReuseAge, o.ReuseAge),
	}
}

// namedLimit is one limit as configuration spells and shows it.
type namedLimit struct {
	name  string
	value int64
	text  string
}

func (l InstanceLimits) list() []namedLimit {
	size := func(name string, s Size) namedLimit { return namedLimit{name, int64(min(s, 1<<62)), s.String()} }
	span := func(name string, d Duration) namedLimit { return namedLimit{name, int64(d), d.String()} }
	count := func(name string, n int) namedLimit { return namedLimit{name, int64(n), strconv.Itoa(n)} }
	return []namedLimit{
		size("memory", l.Memory), count("table-elements", l.TableElements), count("core-instances", l.CoreInstances),
		size("stack", l.Stack), span("wall-time", l.WallTime), span("cpu-time", l.CPUTime),
		count("handles", l.Handles), count("streams", l.Streams), size("buffers", l.Buffers),
		count("reuse-requests", l.ReuseRequests), span("reuse-age", l.ReuseAge),
	}
}

// Show is the value of each limit by its name, as configuration spells both.
func (l InstanceLimits) Show() map[string]string {
	all := map[string]string{}
	for _, n := range l.list() {
		all[n.name] = n.text
	}
	return all
}

// within says which of a component's limits is more than the host allows.
func (l InstanceLimits) within(caps InstanceLimits) error {
	most := caps.list()
	for i, n := range l.list() {
		switch {
		case n.value < 0:
			return fmt.Errorf("limits.%s = %s: want more than 0", n.name, n.text)
		case n.value > most[i].value:
			return fmt.Errorf("limits.%s = %s is more than the host allows (%s, limits.%s in %s)", n.name, n.text, most[i].text, n.name, HostConfigName)
		}
	}
	return nil
}

// Bounds of the caps themselves.
const (
	minStack = 64 << 10
	maxStack = 1 << 20
	maxTable = 10_000_000
)

// validate looks at the caps of a host.
func (l InstanceLimits) validate() error {
	for _, n := range l.list() {
		if n.value < 0 {
			return fmt.Errorf("limits.%s = %s: want more than 0", n.name, n.text)
		}
	}
	switch {
	case l.Memory > 4<<30:
		return fmt.Errorf("limits.memory: a 32-bit memory has at most 4GiB")
	case l.Stack < minStack || l.Stack > maxStack:
		return fmt.Errorf("limits.stack = %s: want between %s and %s", l.Stack, Size(minStack), Size(maxStack))
	case l.TableElements > maxTable:
		return fmt.Errorf("limits.table-elements = %d: want at most %d", l.TableElements, maxTable)
	}
	return nil
}

// stack is what the components agree on: an engine has one size of stack.
func (a *App) stack() (Size, error) {
	var agreed Size
	var by string
	for _, c := range a.Components {
		switch own := c.manifest.Limits.Stack; {
		case own == 0 || own == agreed:
			continue
		case own < minStack:
			return 0, fmt.Errorf("component %s: limits.stack = %s: want at least %s", c.Name, own, Size(minStack))
		case agreed != 0:
			return 0, fmt.Errorf("component %s: limits.stack = %s, but component %s has %s: all components of an app have the same stack",
				c.Name, own, by, agreed)
		default:
			agreed, by = own, c.Name
		}
	}
	return cmp.Or(agreed, a.Config.Limits.Stack), nil
}

// setLimits says what the instances of a component get.
func (r *runner) setLimits(caps InstanceLimits) error {
	l := r.manifest.Limits.or(caps)
	l.Stack = r.host.stack
	if n := r.prepared.CoreInstances(); n > l.CoreInstances {
		return fmt.Errorf("it is made of %d core instances: %s", n, r.limitKey("core-instances", l.Show()["core-instances"]))
	}
	r.effective, r.wall = l, time.Duration(l.WallTime)
	r.limits = host.Limits{Memory: uint64(l.Memory), Tables: uint64(l.TableElements), Handles: uint32(min(l.Handles, 1<<28)),
		Transfer: uint64(l.Buffers), CPU: time.Duration(l.CPUTime)}
	if r.manifest.Instances == Reuse {
		r.reuse = reuse{l.ReuseRequests, time.Duration(l.ReuseAge)}
	}
	r.late = fmt.Errorf("the request took too long: %s", r.limitKey("wall-time", l.WallTime.String()))
	return nil
}

// limitKey says what a limit is and where it is set.
func (r *runner) limitKey(name, value string) string {
	return fmt.Sprintf("limits.%s = %s ([component.%s.limits] in %s, at most limits.%s in %s)", name, value, r.name, ManifestName, name, HostConfigName)
}

// explain names the limit that ended a guest, when one did. A memory that may
// not grow ends nothing by itself, so of it only the size is known.
func (r *runner) explain(err error, memory uint64) error {
	if err == nil {
		return nil
	}
	var limit *wit.LimitError
	var trap *host.Trap
	switch {
	case errors.As(err, &limit):
		return fmt.Errorf("%s: %w", r.limitKey(limit.Limit, r.effective.Show()[limit.Limit]), err)
	case errors.As(err, &trap) && trap.Cause == nil && memory > r.limits.Memory/2:
		return fmt.Errorf("%w; its memory had grown to %s of %s", err, humanize.IBytes(memory), r.limitKey("memory", r.effective.Memory.String()))
	}
	return err
}
