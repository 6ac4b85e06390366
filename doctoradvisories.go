package writ

import (
	"fmt"
	"strings"

	"github.com/writ-host/writ/host"
)

// Standing is why an advisory about the engine does not concern writ, or how
// it is held off.
type Standing string

// The standings, from the furthest.
const (
	StandingAbsent    Standing = "absent"    // this version does not have what it is about
	StandingReplaced  Standing = "replaced"  // writ's own code does that work
	StandingAvoided   Standing = "avoided"   // settings do not reach it
	StandingMitigated Standing = "mitigated" // it can be reached, and does no harm
)

// Advisory is how writ stands to a known fault of the engine.
type Advisory struct {
	IDs      []string `json:"ids,omitempty"` // empty for one that has none
	Title    string   `json:"title,omitempty"`
	Part     string   `json:"part"` // of the engine
	Standing Standing `json:"standing"`
	Writ     string   `json:"writ"` // what writ does about it
}

// advisoriesFor is the version of the library that the advisories were set against.
const advisoriesFor = "39.0.0"

// advisories is the table in docs/security.md.
var advisories = []Advisory{
	{[]string{"#12333 (fixed in 39.0.2)"}, "compiler recursion on x64", "Cranelift", StandingAvoided,
		"optimisation level `speed`, which does not reach it; compiler in a child; function bodies capped"},
	{nil, "`f32`/`f64` copysign loads 16 bytes (36.0.5, 40.0.3, 41.0.1)", "Cranelift x64", StandingMitigated,
		"signals-based traps and guard pages on: at worst a false trap at the end of memory"},
	{[]string{"GHSA-6wgr-89rj-399p"}, "page permissions of a reused slot", "pooling", StandingAvoided,
		"only without guard pages; 32 MiB asserted at start"},
	{[]string{"GHSA-qqfj-4vcm-26hv"}, "`f64x2.splat` loads 16 bytes without SSE3", "Cranelift x64", StandingAvoided,
		"SSE3 required at start, target never set"},
	{[]string{"GHSA-jhxm-h53p-jm7w"}, "address folding on aarch64", "Cranelift a64", StandingAvoided,
		"memory64 off, Spectre flags and signals on"},
	{[]string{"GHSA-p8xm-42r7-89xg"}, "table size overflow", "tables", StandingAvoided,
		"memory64 off, pool, store limits"},
	{[]string{"GHSA-hgjw-h833-99q9"}, "modules of another engine", "store, linker", StandingMitigated,
		"one engine a process, engine checked in every handle, stores dropped after a failed instantiation"},
	{[]string{"GHSA-2hw9-mc66-jc2q"}, "raw pointers held over yields", "bulk operations", StandingAbsent,
		"not in this version; bulk operations are uninterruptible, so memories are bounded"},
	{[]string{"GHSA-hfr4-7c6c-48w2"}, "cloned linker's keys", "linker", StandingAbsent, "not in this version"},
	{[]string{"GHSA-xjhv-v822-pf94"}, "dropping `call_async`", "component async", StandingAbsent, "not in this library"},
	{[]string{"GHSA-394w-hwhg-8vgm", "GHSA-jxhv-7h78-9775", "GHSA-hx6p-xpx3-jvvv"}, "", "component string adapters", StandingReplaced,
		"not used: own canonical ABI"},
	{[]string{"GHSA-m758-wjhj-p3jq"}, "extra flag bits", "component values", StandingReplaced, "not used"},
	{[]string{"GHSA-xx5w-cvp6-jv83", "GHSA-q49f-xg75-m9xw", "GHSA-f984-pcp8-v2p7", "GHSA-m9w2-8782-2946"}, "", "Winch", StandingAvoided,
		"cannot be selected"},
	{[]string{"GHSA-852m-cvvp-9p4w"}, "guest-sized host allocations", "component calls, wasi", StandingReplaced,
		"own code: lengths checked against memory and a cap on what one call may allocate (128 MiB)"},
	{[]string{"GHSA-243v-98vx-264h"}, "too many header fields", "wasi-http", StandingReplaced,
		"own code: header bytes capped for each fields resource and each instance"},
	{[]string{"GHSA-x84v-gj2h-g759"}, "unbounded stream buffers", "wasi p3", StandingReplaced,
		"own code: streams hold at most 64 KiB"},
	{[]string{"GHSA-2r75-cxrj-cmph", "GHSA-4ch3-9j33-3pmj", "GHSA-vqjp-4c8c-hfgg", "GHSA-3p27-qvp9-27qf"}, "", "wasi filesystem", StandingReplaced,
		"own code, on `os.Root`"},
	{[]string{"CVE-2025-64345"}, "", "shared memory", StandingAvoided, "threads off"},
}

// name is how the table of docs/security.md names it.
func (a Advisory) name() string {
	ids := strings.Join(a.IDs, ", ")
	if ids != "" && a.Title != "" {
		return ids + ": " + a.Title
	}
	return ids + a.Title
}

// checkAdvisories sets the library against the table.
func checkAdvisories(f host.Facts) Check {
	count, total := map[Standing]int{}, 0
	for _, a := range advisories {
		n := max(1, len(a.IDs))
		count[a.Standing] += n
		total += n
	}
	c := well("advisories", "wasmtime %s, %d advisories: %d absent, %d replaced, %d avoided, %d mitigated; --json lists them", f.Wasmtime, total,
		count[StandingAbsent], count[StandingReplaced], count[StandingAvoided], count[StandingMitigated])
	if f.Wasmtime != advisoriesFor {
		c.Found = fmt.Sprintf("wasmtime %s", f.Wasmtime)
		return c.needs(HealthWarn, "advisories were set against %s: read docs/security.md again for this version", advisoriesFor)
	}
	return c
}
