package writ

import (
	"context"
	"fmt"
	"io"

	"github.com/writ-host/writ/capabilities/provider"
	"github.com/writ-host/writ/host"
)

// Health is what a check says.
type Health string

// The healths of a check.
const (
	HealthOK   Health = "ok"
	HealthWarn Health = "warn" // it runs, but worse or less safely than it could
	HealthFail Health = "fail" // it does not run, or must not
)

// Check is one thing that was looked at.
type Check struct {
	Name   string `json:"name"`
	Health Health `json:"health"`
	Found  string `json:"found"`
	Do     string `json:"do,omitempty"` // what would make it ok
}

func well(name, format string, args ...any) Check {
	return Check{Name: name, Health: HealthOK, Found: fmt.Sprintf(format, args...)}
}

// needs is the check with something to do.
func (c Check) needs(h Health, format string, args ...any) Check {
	c.Health, c.Do = h, fmt.Sprintf(format, args...)
	return c
}

// Diagnosis is how a machine and a configuration suit writ.
type Diagnosis struct {
	Checks     []Check             `json:"checks"`
	Engine     host.Facts          `json:"engine"`
	Isolation  *provider.Isolation `json:"isolation,omitempty"` // of a provider that was started to see
	Advisories []Advisory          `json:"advisories"`
}

// Diagnose looks at the machine, and at the directories of a configuration. It
// compiles an empty module and runs a provider for a moment, as serving would,
// and leaves nothing behind. The program's main must begin with [RunChild].
func Diagnose(ctx context.Context, c *HostConfig) *Diagnosis {
	d := &Diagnosis{Engine: host.ReadFacts(), Advisories: advisories}
	d.add(checkProcessor(d.Engine), checkEngine(c), checkMappings(d.Engine, c.Limits.Concurrency),
		checkMemory(d.Engine.Memory, c.Limits), checkFiles(filesHere(), c.Limits.Concurrency), checkClock(clockHere()))
	d.add(checkState(c)...)
	d.add(checkCompiler(ctx, c.Limits))
	isolation, err := probeIsolation(ctx)
	d.Isolation = isolation
	d.add(checkIsolation(isolation, err, c.Accept)...)
	d.add(checkNamespaces(namespacesHere()), checkAdvisories(d.Engine))
	return d
}

func (d *Diagnosis) add(c ...Check) { d.Checks = append(d.Checks, c...) }

// Count is how many checks say that.
func (d *Diagnosis) Count(h Health) int {
	n := 0
	for _, c := range d.Checks {
		if c.Health == h {
			n++
		}
	}
	return n
}

// WriteText writes a line for each check, and a sum.
func (d *Diagnosis) WriteText(w io.Writer) error {
	for _, c := range d.Checks {
		line := c.Found
		if c.Do != "" {
			line += ": " + c.Do
		}
		if _, err := fmt.Fprintf(w, "%-4s  %-12s  %s\n", c.Health, c.Name, line); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "\n%d ok, %d to look at, %d failed\n", d.Count(HealthOK), d.Count(HealthWarn), d.Count(HealthFail))
	return err
}

// FindHostConfig is the configuration of an app's host without the app itself,
// which may be broken: path is its directory, its writ.toml or a component, and
// configPath as in [LoadApp].
func FindHostConfig(path, configPath string) (*HostConfig, error) {
	m, err := dirOf(path)
	if err != nil {
		return nil, err
	}
	return configFor(m, configPath)
}
