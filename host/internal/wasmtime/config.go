package wasmtime

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// Config sizes an engine. The zero value is usable.
type Config struct {
	// MaxMemory is the most bytes one linear memory may have; default 256 MiB.
	// It also bounds how long a bulk operation runs without a yield.
	MaxMemory uint64
	// MaxTable is the most elements one table may have; default 100,000.
	MaxTable uint64
	// Instances is how many core instances may be alive at once. The default
	// comes from the machine: kernel mappings (vm.max_map_count) and memory.
	Instances int
	// Tick is how long a busy guest runs before it gives way; default 10 ms.
	Tick time.Duration
	// Slots is how many guests run at the same moment; default GOMAXPROCS.
	Slots int
	// KeepResident is how many bytes of a table are cleared by writing rather
	// than given back to the kernel when an instance is dropped; default 64 KiB.
	KeepResident int
	// Stack is how many bytes of stack a guest has, from each entry on; default
	// 512 KiB.
	Stack int
}

// MemoriesPerModule is how many memories one core module may have. The pool
// holds one for each instance, so a module with more counts as several.
const MemoriesPerModule = 4

// MaxStack is the most stack that guests can be given: a fiber has twice as
// much, so that a guest's allocator and destructors can be entered below its
// calls of the host.
const (
	MaxStack = 1 << 20
	minStack = 64 << 10
)

const (
	maxMemoryLimit   = 4 << 30
	maxTableLimit    = 10_000_000
	maxInstances     = 16_000
	tablesPerModule  = 4
	memoryReserve    = 4<<30 + 32<<20 // address space of each pooled memory
	mappingsEach     = 8              // kernel mappings of a live instance: memory, image, stack, guards
	mappingsReserved = 4096           // for the Go runtime, libraries and modules
	memoryEach       = 256 << 10      // bytes that a live instance is taken to need
)

func (c Config) withDefaults() Config {
	if c.MaxMemory == 0 {
		c.MaxMemory = 256 << 20
	}
	if c.MaxTable == 0 {
		c.MaxTable = 100_000
	}
	if c.Instances == 0 {
		c.Instances = defaultInstances()
	}
	if c.Tick == 0 {
		c.Tick = 10 * time.Millisecond
	}
	if c.Slots == 0 {
		c.Slots = runtime.GOMAXPROCS(0)
	}
	if c.KeepResident == 0 {
		c.KeepResident = 64 << 10
	}
	if c.Stack == 0 {
		c.Stack = 512 << 10
	}
	return c
}

// Validate reports the first field that is out of range.
func (c Config) Validate() error {
	switch {
	case c.MaxMemory > maxMemoryLimit:
		return fmt.Errorf("max memory %d: more than 4 GiB", c.MaxMemory)
	case c.MaxTable > maxTableLimit:
		return fmt.Errorf("max table %d: more than %d elements", c.MaxTable, maxTableLimit)
	case c.Instances < 0 || c.Instances > maxInstances:
		return fmt.Errorf("instances %d: not between 1 and %d", c.Instances, maxInstances)
	case c.Tick < 0 || c.Tick != 0 && c.Tick < 100*time.Microsecond:
		return fmt.Errorf("tick %v: shorter than 100µs", c.Tick)
	case c.Slots < 0:
		return fmt.Errorf("slots %d: negative", c.Slots)
	case c.KeepResident < 0:
		return fmt.Errorf("keep resident %d: negative", c.KeepResident)
	case c.Stack != 0 && (c.Stack < minStack || c.Stack > MaxStack):
		return fmt.Errorf("stack %d: not between %d and %d bytes", c.Stack, minStack, MaxStack)
	}
	return nil
}

func defaultInstances() int {
	n := 1000
	if maps := procNumber("/proc/sys/vm/max_map_count", ""); maps > 0 {
		n = max(16, (maps-mappingsReserved)/mappingsEach)
	}
	if bytes := machineMemory(); bytes > 0 {
		n = min(n, max(16, int(bytes/memoryEach)))
	}
	return min(n, maxInstances)
}

// procNumber returns the first number of the line that begins with the label,
// or 0 where there is no such file or line.
func procNumber(path, label string) int {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		rest, ok := strings.CutPrefix(line, label)
		if f := strings.Fields(rest); ok && len(f) > 0 {
			n, _ := strconv.Atoi(f[0])
			return n
		}
	}
	return 0
}
