package wasmtime

import (
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// machineMemory is the bytes that the machine has, or that its control groups
// leave to this process; 0 when that is not known.
func machineMemory() uint64 {
	least := groupMemory("/sys/fs/cgroup", "/proc/self/cgroup")
	if kb := procNumber("/proc/meminfo", "MemTotal:"); kb > 0 {
		least = min(least, uint64(kb)<<10)
	}
	if least == math.MaxUint64 {
		return 0
	}
	return least
}

// groupMemory is the least limit of the control group (version 2) that a file
// like /proc/self/cgroup names, and those above it.
func groupMemory(root, file string) uint64 {
	least := uint64(math.MaxUint64)
	text, err := os.ReadFile(file)
	if err != nil {
		return least
	}
	for line := range strings.Lines(string(text)) {
		group, ok := strings.CutPrefix(strings.TrimSpace(line), "0::/")
		for dir := filepath.Clean("/" + group); ok; dir = filepath.Dir(dir) {
			if b, err := os.ReadFile(filepath.Join(root, dir, "memory.max")); err == nil {
				if n, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64); err == nil {
					least = min(least, n)
				}
			}
			ok = dir != "/"
		}
	}
	return least
}
