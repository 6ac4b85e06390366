package wasmtime

// LibraryVersion is that of the library, which is not that of the Go module
// that ships it.
const LibraryVersion = "39.0.0"

// Facts are what the library finds on this machine.
type Facts struct {
	SSE3             bool   // true where it does not matter
	Instances        int    // default of [Config.Instances] here
	Mappings         int    // vm.max_map_count; 0 when it is not known
	Memory           uint64 // bytes, of the machine or of the control group; 0 when it is not known
	MappingsEach     int    // that a live instance is taken to need
	MappingsReserved int    // for everything else
}

// ReadFacts looks at the machine.
func ReadFacts() Facts {
	return Facts{
		SSE3: hasSSE3(), Instances: defaultInstances(), Mappings: procNumber("/proc/sys/vm/max_map_count", ""),
		Memory: machineMemory(), MappingsEach: mappingsEach, MappingsReserved: mappingsReserved,
	}
}

// CheckHost reports why an engine cannot run here with that configuration.
func CheckHost(c Config) error {
	if err := c.Validate(); err != nil {
		return err
	}
	return checkHost(c.withDefaults())
}
