package writ

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/writ-host/writ/capabilities/provider"
	"github.com/writ-host/writ/host"
)

// The table that people read is the one that the doctor has.
func TestAdvisoriesAreThoseOfTheDocument(t *testing.T) {
	text, err := os.ReadFile("docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "| advisory | part | writ |\n| --- | --- | --- |\n")
	if !found {
		t.Fatal("docs/security.md has no table of advisories")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	var documented, known [][]string
	for line := range strings.Lines(table) {
		documented = append(documented, strings.Split(strings.Trim(strings.TrimSpace(line), "| "), " | "))
	}
	for _, a := range advisories {
		known = append(known, []string{a.name(), a.Part, a.Writ})
	}
	for i := range max(len(documented), len(known)) {
		if i >= len(documented) || i >= len(known) || !reflect.DeepEqual(documented[i], known[i]) {
			t.Fatalf("row %d: docs/security.md and doctoradvisories.go are not the same:\n%v\n%v",
				i+1, documented[min(i, len(documented)-1)], known[min(i, len(known)-1)])
		}
	}
}

func TestAdvisoriesAreForThisVersion(t *testing.T) {
	if c := checkAdvisories(host.ReadFacts()); c.Health != HealthOK {
		t.Errorf("%+v", c)
	}
	if c := checkAdvisories(host.Facts{Wasmtime: "40.0.0"}); c.Health != HealthWarn {
		t.Errorf("another version: %+v", c)
	}
}

func TestChecks(t *testing.T) {
	limits := HostLimits{InstanceLimits: InstanceLimits{Memory: 256 << 20}}
	after, before := engineReleased.Add(time.Hour), engineReleased.Add(-time.Hour)
	abi3 := &provider.Isolation{LandlockABI: 3, Active: []string{provider.PartFiles, provider.PartSyscalls},
		Missing: map[string]string{provider.PartNetwork: "version 3", provider.PartScope: "version 3"}}
	tests := map[string]struct {
		check Check
		want  Health
		do    string
	}{
		"mappings":            {checkMappings(host.Facts{Mappings: 65530, Instances: 7679}, 1024), HealthOK, ""},
		"few mappings":        {checkMappings(host.Facts{Mappings: 8192, Instances: 512}, 1024), HealthWarn, "sysctl vm.max_map_count=36864 "},
		"unknown mappings":    {checkMappings(host.Facts{Instances: 1000}, 1024), HealthWarn, "readable"},
		"instances by memory": {checkMappings(host.Facts{Mappings: 65530, Instances: 400}, 1024), HealthWarn, "limits.concurrency to 100"},
		"memory":              {checkMemory(8<<30, limits), HealthOK, ""},
		"memory of one guest": {checkMemory(400<<20, limits), HealthWarn, "limits.memory = 256MiB"},
		"little memory":       {checkMemory(64<<20, limits), HealthFail, "at least 256 MiB"},
		"descriptors":         {checkFiles(math.MaxUint64, 1024), HealthOK, ""},
		"few descriptors":     {checkFiles(1024, 1024), HealthWarn, "takes 1536"},
		"clock":               {checkClock(clock{now: after, built: engineReleased, synchronised: true}), HealthOK, ""},
		"clock not told":      {checkClock(clock{now: after, built: engineReleased, unknown: errors.New("no")}), HealthOK, ""},
		"clock alone":         {checkClock(clock{now: after, built: engineReleased}), HealthWarn, "NTP"},
		"clock behind":        {checkClock(clock{now: before, built: engineReleased, synchronised: true}), HealthFail, "set it"},
		"space":               {judgeSpace(well("data", "x"), 5<<30, false), HealthOK, ""},
		"little space":        {judgeSpace(well("data", "x"), 500<<20, false), HealthWarn, "free some"},
		"no space":            {judgeSpace(well("data", "x"), 1<<20, false), HealthFail, "at least 1.0 GiB"},
		"fleeting":            {judgeSpace(well("data", "x"), 5<<30, true), HealthWarn, "volume"},
		"old landlock":        {checkLandlock(abi3, nil), HealthFail, `accept-missing = ["network", "scope"]`},
		"half accepted":       {checkLandlock(abi3, []string{"network"}), HealthFail, `accept-missing = ["scope"]`},
		"accepted":            {checkLandlock(abi3, []string{"network", "scope"}), HealthWarn, "Linux 6.12"},
		"new landlock":        {checkLandlock(&provider.Isolation{LandlockABI: 6}, nil), HealthOK, ""},
		"no provider":         {checkIsolation(nil, errors.New("no"), nil)[0], HealthFail, "no"},
	}
	for name, test := range tests {
		if c := test.check; c.Health != test.want || !strings.Contains(c.Do, test.do) || (c.Do == "") != (test.want == HealthOK) {
			t.Errorf("%s: %+v, want %s to %q", name, c, test.want, test.do)
		}
	}
}

func TestMissingSeccompFails(t *testing.T) {
	i := &provider.Isolation{LandlockABI: 6, Missing: map[string]string{provider.PartSyscalls: "function not implemented"}}
	checks := checkIsolation(i, nil, nil)
	if last := checks[len(checks)-1]; last.Health != HealthFail || last.Name != provider.PartSyscalls {
		t.Errorf("%+v", checks)
	}
}

func TestContainerThatWatchesSystemCalls(t *testing.T) {
	i := &provider.Isolation{LandlockABI: 6, Active: []string{provider.PartSyscalls}, Missing: map[string]string{provider.PartProcesses: "only one can"}}
	for _, test := range []struct {
		accept []string
		want   Health
	}{{nil, HealthFail}, {[]string{provider.PartSyscalls}, HealthFail}, {[]string{provider.PartProcesses}, HealthWarn}} {
		checks := checkIsolation(i, nil, test.accept)
		at := slices.IndexFunc(checks, func(c Check) bool { return c.Name == provider.PartProcesses })
		if at < 0 || checks[at].Health != test.want {
			t.Errorf("accepting %v: %v, want %v", test.accept, checks, test.want)
		}
	}
}

func TestDirectoryThatCannotBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]Health{file: HealthFail, file + "/below": HealthFail, "/proc/writ": HealthFail} {
		if c := checkDir("cache", path); c.Health != want {
			t.Errorf("%s: %+v", path, c)
		}
	}
	path := filepath.Join(t.TempDir(), "not", "there")
	if c := checkDir("cache", path); c.Health == HealthFail && !strings.Contains(c.Do, "space") {
		t.Errorf("%+v", c)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("looking made the directory: %v", err)
	}
}

// What the doctor finds in children is what the children do.
func TestDiagnoseRunsChildren(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	c, err := DefaultHostConfig(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	c.Cache = t.TempDir()
	d := Diagnose(context.Background(), c)
	if d.Isolation == nil || !d.Isolation.Has(provider.PartPrivileges) || !d.Isolation.Has(provider.PartMutualTLS) {
		t.Errorf("isolation %+v", d.Isolation)
	}
	for _, check := range d.Checks {
		if check.Name == "compiler" && check.Health != HealthOK {
			t.Errorf("%+v", check)
		}
	}
	if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) > 0 {
		t.Errorf("it left %v, %v", left, err)
	}
}
