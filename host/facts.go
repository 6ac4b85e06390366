package host

import (
	"github.com/writ-host/writ/host/internal/codecache"
	"github.com/writ-host/writ/host/internal/wasmtime"
)

// Facts are what the engine is, and what it finds on this machine. Reading
// them takes no engine.
type Facts struct {
	Wasmtime  string `json:"wasmtime"`  // version of the library
	SSE3      bool   `json:"sse3"`      // what compiled guests rely on; true on processors that are not amd64
	Instances int    `json:"instances"` // core instances that may be alive at once when [Config.Instances] does not say
	Mappings  int    `json:"mappings"`  // the kernel's vm.max_map_count; 0 when it is not known
	Memory    uint64 `json:"memory"`    // bytes that this process may have, as the machine and its control group say; 0 when it is not known
}

// ReadFacts looks at the machine.
func ReadFacts() Facts {
	f := wasmtime.ReadFacts()
	return Facts{Wasmtime: wasmtime.LibraryVersion, SSE3: f.SSE3, Instances: f.Instances, Mappings: f.Mappings, Memory: f.Memory}
}

// MappingsFor is the vm.max_map_count with which as many core instances can be
// alive at once.
func MappingsFor(instances int) int {
	f := wasmtime.ReadFacts()
	return instances*f.MappingsEach + f.MappingsReserved
}

// CheckMachine reports why [NewEngine] would refuse this machine.
func CheckMachine(c Config) error {
	return wasmtime.CheckHost(c.core())
}

// CheckCache reports whether others could forge the compiled code that is kept
// in a directory: know its key, or put another in its place. A directory or a
// key that is not there yet is well.
func CheckCache(dir string) error { return codecache.Check(dir) }
