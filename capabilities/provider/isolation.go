package provider

import (
	"fmt"
	"slices"
	"strings"
)

// The parts of a provider's isolation, as operators and reports name them.
const (
	PartPrivileges = "no-new-privileges" // no program it runs can gain privileges
	PartLimits     = "limits"            // rlimits
	PartCaps       = "capabilities"      // none are left, even for root
	PartFiles      = "files"             // Landlock: only the files it was given
	PartNetwork    = "network"           // Landlock: no TCP but what it was given
	PartScope      = "scope"             // Landlock: no signals to, or abstract sockets of, other processes
	PartSyscalls   = "syscalls"          // seccomp: a deny-list, and no sockets but unix ones and what its network takes
	PartProcesses  = "processes"         // seccomp: it starts no process, and becomes no other program
	PartParent     = "dies-with-host"    // the kernel kills it when the host dies
	PartPinned     = "pinned"            // the program has the configured SHA-256, or is the host's own
	PartMutualTLS  = "mutual-tls"        // both ends of the connection are authenticated
)

// allParts is the order of reports.
var allParts = []string{PartPinned, PartMutualTLS, PartParent, PartPrivileges, PartCaps, PartLimits, PartFiles, PartNetwork, PartScope, PartSyscalls, PartProcesses}

// Parts are the names of all parts, in the order of reports.
func Parts() []string { return slices.Clone(allParts) }

// Isolation reports what holds a provider's process in.
type Isolation struct {
	Active  []string          `json:"active"`
	Missing map[string]string `json:"missing,omitempty"` // part to reason
	// LandlockABI is the kernel's version of Landlock, 0 for none.
	LandlockABI int `json:"landlock_abi"`
}

// Has reports whether a part is active.
func (i *Isolation) Has(part string) bool { return slices.Contains(i.Active, part) }

func (i *Isolation) note(part string, err error) {
	if err == nil {
		i.Active = append(i.Active, part)
		return
	}
	if i.Missing == nil {
		i.Missing = map[string]string{}
	}
	i.Missing[part] = err.Error()
}

// String is one line for the operator.
func (i *Isolation) String() string {
	var b strings.Builder
	b.WriteString(strings.Join(i.Active, ", "))
	for _, p := range allParts {
		if why, ok := i.Missing[p]; ok {
			fmt.Fprintf(&b, "; without %s (%s)", p, why)
		}
	}
	return b.String()
}

// refuse is an error when a part is missing that the operator did not accept to miss.
func (i *Isolation) refuse(accept []string) error {
	for _, p := range allParts {
		if why, ok := i.Missing[p]; ok && !slices.Contains(accept, p) {
			return fmt.Errorf("isolation %q is not to be had here (%s); it can be accepted by name in the host's configuration", p, why)
		}
	}
	return nil
}

// Limits bounds a provider's process. A zero field is the default.
type Limits struct {
	OpenFiles   uint64 `json:"open_files"`   // file descriptors; 1024
	Memory      uint64 `json:"memory"`       // bytes of private writable memory; 1 GiB
	FileSize    uint64 `json:"file_size"`    // bytes a file may grow to; no bound
	AddressRoom uint64 `json:"address_room"` // bytes of address space; no bound, since maps of files count
}

func (l Limits) withDefaults() Limits {
	if l.OpenFiles == 0 {
		l.OpenFiles = 1024
	}
	if l.Memory == 0 {
		l.Memory = 1 << 30
	}
	return l
}

// Network is how far a provider may reach over IP. It never takes connections.
type Network struct {
	// Connect lets it connect over TCP, and ask name servers.
	Connect bool `json:"connect"`
	// Ports are those that it may connect to over TCP; none means all.
	Ports []uint16 `json:"ports"`
}

// stage is what the host tells the launcher stage, as one argument in JSON.
type stage struct {
	Args     []string `json:"args"` // of the provider, its name first
	Writable []string `json:"writable"`
	Readable []string `json:"readable"`
	Network  Network  `json:"network"`
	Limits   Limits   `json:"limits"`
	Accept   []string `json:"accept"`
	Parent   int      `json:"parent"` // process that must still be the parent
	Script   bool     `json:"script"` // the program is run by an interpreter, which opens it again
}

// The descriptors that the launcher stage gets from the host.
const (
	programFD = 3 // the provider's program, open for reading
	reportFD  = 4 // where the stage writes its report; closes when the program starts
)

// stageReport is what the launcher stage answers.
type stageReport struct {
	Isolation Isolation `json:"isolation"`
	Error     string    `json:"error,omitempty"`
}
