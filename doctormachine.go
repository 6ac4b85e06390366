package writ

import (
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/dustin/go-humanize"
	"golang.org/x/sys/unix"

	"github.com/writ-host/writ/host"
)

// instancesEach is how many core instances a request is taken to need: a
// toolchain's adapters are instances of their own.
const instancesEach = 4

// filesReserved are descriptors for all but the clients' connections.
const filesReserved = 512

const leastMemory = 256 << 20 // below which no real guest is compiled

func checkProcessor(f host.Facts) Check {
	switch {
	case runtime.GOARCH != "amd64":
		return well("processor", "%s", runtime.GOARCH)
	case !f.SSE3:
		return Check{Name: "processor", Found: "it has no SSE3, without which compiled guests read beyond their data (GHSA-qqfj-4vcm-26hv)"}.
			needs(HealthFail, "use a machine with SSE3, or pass the processor's features through to the virtual one")
	}
	return well("processor", "amd64 with SSE3")
}

func checkEngine(c *HostConfig) Check {
	if err := host.CheckMachine(host.Config{MaxMemory: uint64(c.Limits.Memory)}); err != nil {
		return Check{Name: "engine", Found: "it would not start"}.needs(HealthFail, "%v", err)
	}
	return well("engine", "address space for its pool can be had")
}

func checkMappings(f host.Facts, concurrency int) Check {
	c := well("mappings", "vm.max_map_count is %d, and %s core instances may be alive at once", f.Mappings, humanize.Comma(int64(f.Instances)))
	need := instancesEach * concurrency
	switch {
	case f.Mappings == 0:
		c.Found = fmt.Sprintf("vm.max_map_count cannot be read, and %d instances are taken to be safe", f.Instances)
		return c.needs(HealthWarn, "make /proc/sys/vm readable")
	case f.Instances >= need:
		return c
	case f.Mappings < host.MappingsFor(need):
		return c.needs(HealthWarn, "sysctl vm.max_map_count=%d makes room for limits.concurrency = %d requests of %d core instances", host.MappingsFor(need), concurrency, instancesEach)
	}
	return c.needs(HealthWarn, "set limits.concurrency to %d, or add memory", max(1, f.Instances/instancesEach))
}

func checkMemory(bytes uint64, l HostLimits) Check {
	c := well("memory", "%s", humanize.IBytes(bytes))
	switch {
	case bytes == 0:
		c.Found = "its size cannot be read"
		return c.needs(HealthWarn, "make /proc/meminfo readable")
	case bytes < leastMemory:
		return c.needs(HealthFail, "give it at least %s", humanize.IBytes(leastMemory))
	case uint64(l.Memory) > bytes/2:
		return c.needs(HealthWarn, "one component may take limits.memory = %s of it; lower that, or add memory", l.Memory)
	}
	return c
}

func checkFiles(limit uint64, concurrency int) Check {
	c := well("descriptors", "%s may be open", humanize.Comma(int64(min(limit, math.MaxInt64))))
	if need := uint64(concurrency) + filesReserved; limit < need {
		return c.needs(HealthWarn, "limits.concurrency = %d takes %d: raise the hard limit (ulimit -Hn, LimitNOFILE= in systemd)", concurrency, need)
	}
	return c
}

// filesHere is the hard limit, to which Go raises the soft one.
func filesHere() uint64 {
	var l unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &l) != nil {
		return 0
	}
	return l.Max
}

// clock is what the kernel says of the time.
type clock struct {
	now, built   time.Time // built is the latest moment that must be past
	unknown      error     // why the kernel does not say whether it is synchronised
	synchronised bool
}

// engineReleased is when the engine within was released.
var engineReleased = time.Date(2025, time.November, 24, 0, 0, 0, 0, time.UTC)

func clockHere() clock {
	c := clock{now: time.Now(), built: engineReleased}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if t, err := time.Parse(time.RFC3339, s.Value); s.Key == "vcs.time" && err == nil && t.After(c.built) {
				c.built = t
			}
		}
	}
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	c.unknown, c.synchronised = err, state != unix.TIME_ERROR
	return c
}

func checkClock(k clock) Check {
	c := well("clock", "%s", k.now.UTC().Format(time.RFC3339))
	switch {
	case k.now.Before(k.built):
		return c.needs(HealthFail, "set it: this program was built later, at %s; certificates, grants that expire and the ledger need the time", k.built.UTC().Format(time.RFC3339))
	case k.unknown != nil:
		c.Found += ", and the kernel does not say here whether it is synchronised"
	case !k.synchronised:
		c.Found += ", not synchronised"
		return c.needs(HealthWarn, "run an NTP client, such as chrony or systemd-timesyncd")
	}
	return c
}
