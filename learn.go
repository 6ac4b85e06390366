package writ

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/writ-host/writ/broker"
)

// LearnedGrantsName is the file beside grants.json that a learning host writes.
const LearnedGrantsName = "grants.learned.json"

// Learning is what a host learns about an app that runs on a throw-away copy of
// its data: what it would have needed grants for. Make one with [App.Learn],
// give it to [Start], and end with Finish.
type Learning struct {
	app  *App
	copy string // the directory of the copy

	mu      sync.Mutex
	calls   map[learnedCall]uint64
	dropped uint64 // calls beyond maxLearned kinds
}

// learnedCall is one kind of call.
type learnedCall struct {
	component, capability, operation, resource string
	prefix, refused                            bool
	reason                                     broker.Reason
	grant                                      string // the nearest, which fell short
}

// maxLearned bounds the kinds of calls that are kept.
const maxLearned = 100_000

// notCopied are the parts of a host's state that are its own, and no data of the app.
var notCopied = []string{"ledger", "ledger-keys", denialsName}

// Learn prepares an app for learning: from then on its configuration is that
// of a copy of its data, which must not be in use, served on this machine only.
// Data that cannot be copied is an error.
func (a *App) Learn() (*Learning, error) {
	if err := errors.Join(a.learnable(), onThisMachine(a.Config.Listen)); err != nil {
		return nil, err
	}
	if _, err := os.Stat(a.learnedPath()); err == nil {
		return nil, fmt.Errorf("%s is there already: review it and move it away, it may have been edited", a.learnedPath())
	}
	dir, err := os.MkdirTemp("", "writ-learn-")
	if err != nil {
		return nil, fmt.Errorf("copy the data: %w", err)
	}
	l := &Learning{app: a, copy: dir, calls: map[learnedCall]uint64{}}
	if err := l.copyData(); err != nil {
		return nil, errors.Join(fmt.Errorf("copy the data: %w", err), os.RemoveAll(dir))
	}
	return l, nil
}

func (a *App) learnedPath() string {
	return filepath.Join(filepath.Dir(a.Config.Grants), LearnedGrantsName)
}

// learnable refuses data that is elsewhere, where a copy does not help.
func (a *App) learnable() error {
	for name, store := range a.Config.KV {
		if store.Provider != "embedded" {
			return fmt.Errorf("learn: the data of kv.%s (%s) cannot be copied: name a configuration with a store for trying (--host FILE)", name, store.Provider)
		}
	}
	for name, database := range a.Config.SQL {
		if database.Provider != "sqlite" && a.usesDatabases() {
			return fmt.Errorf("learn: the data of sql.%s (%s) cannot be copied: name a configuration with a database for trying (--host FILE)", name, database.Provider)
		}
	}
	return nil
}

// onThisMachine refuses an address that others could reach.
func onThisMachine(listen string) error {
	host, _, err := net.SplitHostPort(listen)
	if ip := net.ParseIP(host); err == nil && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("learn: %s is reached from elsewhere, and a host that learns allows what nobody granted: --listen 127.0.0.1:3000", listen)
	}
	return err
}

// copyData copies what the app could change, and points the configuration at the copy.
func (l *Learning) copyData() error {
	c := l.app.Config
	data := filepath.Join(l.copy, "data")
	if err := copyTree(c.Data, data, notCopied); err != nil {
		return err
	}
	c.Data = data
	for name, p := range c.Providers {
		if p.Data == "" {
			continue
		}
		to := filepath.Join(l.copy, "provider", name)
		if err := copyTree(p.Data, to, nil); err != nil {
			return err
		}
		p.Data = to
		c.Providers[name] = p
	}
	return nil
}

// copyTree copies a directory, which may be missing, without some of the names directly in it. Sockets and the like stay behind.
func copyTree(from, to string, without []string) error {
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		switch {
		case slices.Contains(without, name) && d.IsDir():
			return filepath.SkipDir
		case slices.Contains(without, name):
			return nil
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, name), 0o700)
		case !d.Type().IsRegular():
			return nil
		}
		return copyUnused(path, filepath.Join(to, name))
	})
}

// copyUnused copies a file that no store has locked: a copy made while it is written to may be no good.
func copyUnused(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := unix.Flock(int(in.Fd()), unix.LOCK_SH|unix.LOCK_NB); err != nil {
		return fmt.Errorf("%s is in use: stop the host that serves it first", from)
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = out.ReadFrom(in)
	return errors.Join(err, out.Close())
}

// tell takes one call.
func (l *Learning) tell(c broker.Learned) {
	key := learnedCall{component: c.Component, capability: c.Capability, operation: c.Operation, resource: strings.Clone(c.Resource),
		prefix: c.Prefix, refused: c.Refused, reason: c.Reason, grant: c.Grant}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.calls[key]; !ok && len(l.calls) >= maxLearned {
		l.dropped++
		return
	}
	l.calls[key]++
}

// LearnedGrants is what a learning host found.
type LearnedGrants struct {
	Path    string // of the file for a person to review; "" when nothing more is needed
	Grants  int    // in it
	Refused []string
	// Short are the grants that are there and fell short, and why.
	Short   []string
	Dropped uint64 // calls that were too many to keep
}

// Finish removes the copy of the data, and writes the grants that would have
// allowed what was asked for, for a person to review. The host must be closed.
func (l *Learning) Finish() (*LearnedGrants, error) {
	if err := os.RemoveAll(l.copy); err != nil {
		return nil, fmt.Errorf("remove the copy of the data: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	found := &LearnedGrants{Dropped: l.dropped, Refused: l.refused(), Short: l.short()}
	grants := l.grants()
	if len(grants) == 0 {
		return found, nil
	}
	found.Path, found.Grants = l.app.learnedPath(), len(grants)
	return found, writeLearned(found.Path, grants)
}

// refused lists what stayed denied while learning.
func (l *Learning) refused() (lines []string) {
	for c, n := range l.calls {
		if c.refused {
			lines = append(lines, fmt.Sprintf("%s  %s  %s  %s  ×%d: %s", c.component, c.capability, printableText(c.operation), printableText(c.resource), n, c.reason))
		}
	}
	slices.Sort(lines)
	return lines
}

// short lists the grants that would have allowed a call but for what bounds them. They are not granted anew.
func (l *Learning) short() (lines []string) {
	for c, n := range l.calls {
		if !c.refused && c.reason != broker.NoGrant {
			lines = append(lines, fmt.Sprintf("%s  %s  %s  %s  ×%d: %s", c.component, c.grant, c.capability, printableText(c.operation), n, c.reason))
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

// writeLearned writes grants in the form of grants.json. Only the owner can read them: names of resources may be secrets.
func writeLearned(path string, grants []broker.Grant) error {
	lines := make([]string, 0, len(grants))
	for _, g := range grants {
		lines = append(lines, g.JSON())
	}
	text := "{\n  \"grants\": [\n    " +
		strings.Join(lines, ",\n    ") + "\n  ]\n}\n"
	if _, err := broker.ParseGrants(path, []byte(text)); err != nil {
		return fmt.Errorf("write the learned grants: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write the learned grants: %w", err)
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// grants are the narrowest that would have allowed what was asked for, but where resources are so many that a pattern
// stands for them.
func (l *Learning) grants() []broker.Grant {
	operations := map[learnedCall][]string{} // by what is granted
	calls := map[learnedCall]uint64{}
	for asked, resources := range l.asked() {
		for pattern, n := range generalise(resources) {
			key := learnedCall{component: asked.component, capability: asked.capability, resource: pattern}
			operations[key] = append(operations[key], asked.operation)
			calls[key] += n
		}
	}
	var grants []broker.Grant
	for k, ops := range operations {
		slices.Sort(ops)
		grants = append(grants, broker.Grant{App: l.app.Manifest.Name, Component: k.component, Capability: k.capability, Resource: k.resource,
			Operations: ops, Reason: fmt.Sprintf("learned from %d calls", calls[k])})
	}
	slices.SortFunc(grants, func(a, b broker.Grant) int {
		return cmp.Or(cmp.Compare(a.Component, b.Component), cmp.Compare(a.Capability, b.Capability), cmp.Compare(a.Resource, b.Resource))
	})
	for i := range grants {
		grants[i].ID = fmt.Sprintf("learned-%s-%s-%d", grants[i].Component, grants[i].Capability, i+1)
	}
	return grants
}

// asked are the resources by component, capability and operation. Opening a store needs no grant of its own, and listing what
// has nothing in it is granted below the whole prefix.
func (l *Learning) asked() map[learnedCall]map[string]uint64 {
	asked := map[learnedCall]map[string]uint64{}
	prefixes := map[learnedCall]map[string]uint64{}
	for c, n := range l.calls {
		if c.refused || c.operation == "open" || c.reason != broker.NoGrant {
			continue
		}
		into, resource := asked, c.resource
		if c.prefix {
			into, resource = prefixes, c.resource+"**"
		}
		key := learnedCall{component: c.component, capability: c.capability, operation: c.operation}
		if into[key] == nil {
			into[key] = map[string]uint64{}
		}
		into[key][resource] += n
	}
	for key, all := range prefixes {
		if asked[key] == nil {
			asked[key] = all
		}
	}
	return asked
}
