package writ

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/writ-host/writ/capabilities/provider"
	"github.com/writ-host/writ/capabilities/provider/embedded"
)

// probeTimeout bounds each child that is started to see.
const probeTimeout = 20 * time.Second

// kernelParts are the parts of a provider's isolation that a kernel can lack,
// with what gives each.
var kernelParts = []struct{ part, by string }{
	{provider.PartFiles, "Landlock, Linux 5.13"},
	{provider.PartNetwork, "Landlock version 4, Linux 6.7"},
	{provider.PartScope, "Landlock version 6, Linux 6.12"},
	{provider.PartSyscalls, "seccomp with filters"},
	{provider.PartProcesses, "seccomp with notification, Linux 5.5"},
	{provider.PartPrivileges, "no_new_privs"},
	{provider.PartCaps, "capabilities"},
	{provider.PartLimits, "rlimits"},
	{provider.PartParent, "a signal at the parent's end"},
}

// checkCompiler compiles an empty module, and has an empty component validated, as a host does.
func checkCompiler(ctx context.Context, l HostLimits) Check {
	ctx, cancel := context.WithTimeoutCause(ctx, probeTimeout, fmt.Errorf("no answer within %s", probeTimeout))
	defer cancel()
	start := time.Now()
	compiler, err := newChildCompiler(l)
	if err == nil {
		_, err = compiler.Compile(ctx, []byte("\x00asm\x01\x00\x00\x00"))
	}
	if err == nil {
		_, err = compiler.Check(ctx, []byte("\x00asm\x0d\x00\x01\x00"))
	}
	if err != nil {
		return Check{Name: "compiler", Found: "a child process cannot compile"}.needs(HealthFail, "%v", err)
	}
	return well("compiler", "a child process compiles, in %s", time.Since(start).Round(time.Millisecond))
}

// probeIsolation starts a provider in a directory of its own, and ends it.
func probeIsolation(ctx context.Context) (_ *provider.Isolation, err error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	dir, err := os.MkdirTemp("", "writ-doctor-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	c := provider.Config{Name: "doctor", Args: []string{serveChild, embedded.Name}, Launcher: []string{launchChild}, DataDir: filepath.Join(dir, "data")}
	for _, p := range kernelParts {
		c.Accept = append(c.Accept, p.part)
	}
	p, err := provider.Launch(ctx, c)
	if err != nil {
		return nil, err
	}
	i := p.Isolation()
	if err := p.Close(); err != nil {
		return nil, err
	}
	if i == nil {
		return nil, errors.New("it ended at once")
	}
	return i, nil
}

// checkIsolation says what of it is there, and what the operator accepts to miss.
func checkIsolation(i *provider.Isolation, err error, accept []string) []Check {
	if err != nil {
		return []Check{Check{Name: "providers", Found: "one does not start"}.needs(HealthFail, "%v", err)}
	}
	checks := []Check{well("providers", "held in by %s", strings.Join(i.Active, ", ")), checkLandlock(i, accept)}
	for _, p := range kernelParts {
		if why, missing := i.Missing[p.part]; missing && !slices.Contains(landlockParts, p.part) {
			checks = append(checks, missingPart(well(p.part, "%s", why), accept, p.by, p.part))
		}
	}
	if i.Has(provider.PartSyscalls) {
		checks = append(checks, well("seccomp", "system calls of providers are filtered"))
	}
	return checks
}

var landlockParts = []string{provider.PartFiles, provider.PartNetwork, provider.PartScope}

func checkLandlock(i *provider.Isolation, accept []string) Check {
	c := well("landlock", "version %d", i.LandlockABI)
	if i.LandlockABI == 0 {
		c.Found = "the kernel has none"
	}
	var parts []string
	by := ""
	for _, p := range kernelParts {
		if why, missing := i.Missing[p.part]; missing && slices.Contains(landlockParts, p.part) {
			if parts = append(parts, p.part); by == "" && i.LandlockABI > 0 {
				c.Found += ", " + why
			}
			by = p.by
		}
	}
	if len(parts) == 0 {
		return c
	}
	return missingPart(c, accept, by, parts...)
}

// missingPart is a warning when all of the parts are accepted to be missing,
// and otherwise a failure: providers do not start.
func missingPart(c Check, accept []string, by string, parts ...string) Check {
	var rest []string
	for _, p := range parts {
		if !slices.Contains(accept, p) {
			rest = append(rest, fmt.Sprintf("%q", p))
		}
	}
	if len(rest) == 0 {
		return c.needs(HealthWarn, "accepted in %s; %s would hold providers in by %s", HostConfigName, by, strings.Join(parts, ", "))
	}
	return c.needs(HealthFail, "providers do not start: use a kernel with %s, or set accept-missing = [%s] in %s", by, strings.Join(rest, ", "), HostConfigName)
}

// namespacesHere are those that the kernel has.
func namespacesHere() ([]string, error) {
	entries, err := os.ReadDir("/proc/self/ns")
	var names []string
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), "_for_children") {
			names = append(names, e.Name())
		}
	}
	return names, err
}

// checkNamespaces only tells: what holds providers in works inside containers
// too, where new namespaces are mostly refused.
func checkNamespaces(names []string, err error) Check {
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return well("namespaces", "cannot be told (%v), and none is needed", err)
	}
	return well("namespaces", "the kernel has %s; providers need none of their own", strings.Join(names, ", "))
}
