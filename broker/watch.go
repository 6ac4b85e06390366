package broker

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Files says where policy and grants are on disk.
type Files struct {
	Grants   string // grants.json; one that does not exist grants nothing
	Policies string // directory of .rego files; "" or one that does not exist is the default policy alone
	// More are grants beside those of the file, such as those of a command line, which Origin names. The policy sees them as
	// if they were in the file.
	More   []Grant
	Origin string
	// Bundle takes the place of Policies when it has a path.
	Bundle Bundle
}

// Reload tells of one attempt to take up changed files. With an error, what was in force stays in force.
type Reload struct {
	Revision uint64
	Err      error
}

const (
	settle     = 5 * time.Millisecond // editors change a file in several steps
	poll       = time.Second          // for file systems that tell of no changes
	maxPolicy  = 16 << 20             // bytes of one .rego file
	maxModules = 10_000
)

// Read reads the files. The apps of the source are left to the caller.
func (f Files) Read() (Source, error) {
	source, _, err := f.read()
	return source, err
}

// read also returns a digest of what it read, which tells whether anything changed. It does so even on an error.
func (f Files) read() (Source, [32]byte, error) {
	h := sha256.New()
	grants, err := readLimited(f.Grants, maxGrantFile)
	if errors.Is(err, os.ErrNotExist) {
		grants, err = []byte(EmptyGrants), nil
	}
	if err != nil {
		fmt.Fprintf(h, "%v", err)
		return Source{}, [32]byte(h.Sum(nil)), fmt.Errorf("read grants: %w", err)
	}
	fmt.Fprintf(h, "%d %s", len(grants), grants)
	modules, err := f.modules()
	for _, name := range slices.Sorted(maps.Keys(modules)) {
		fmt.Fprintf(h, "%d %s %d %s", len(name), name, len(modules[name]), modules[name])
	}
	if err != nil {
		fmt.Fprintf(h, "%v", err)
		return Source{}, [32]byte(h.Sum(nil)), err
	}
	file, err := ParseGrants(f.Grants, grants)
	if err == nil {
		file, err = file.Extend(f.Origin, f.More...)
	}
	source := Source{Modules: modules, Grants: file}
	if err == nil && f.Bundle.Path != "" {
		source, err = f.withBundle(file, h)
	}
	return source, [32]byte(h.Sum(nil)), err
}

// modules reads the .rego files under the directory, tests excepted.
func (f Files) modules() (map[string]string, error) { return f.regoFiles(false) }

// Tests reads the _test.rego files under the directory.
func (f Files) Tests() (map[string]string, error) { return f.regoFiles(true) }

// regoFiles reads the .rego files that are tests, or those that are not. Hidden files are editors' own.
func (f Files) regoFiles(tests bool) (map[string]string, error) {
	modules := map[string]string{}
	if f.Policies == "" || f.Bundle.Path != "" {
		return modules, nil
	}
	err := filepath.WalkDir(f.Policies, func(path string, d os.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) { // the directory itself, or a file that went while we looked
			return nil
		}
		if err != nil {
			return err
		}
		hidden := strings.HasPrefix(d.Name(), ".") && path != f.Policies
		if hidden && d.IsDir() {
			return filepath.SkipDir
		}
		if d.IsDir() || hidden || !strings.HasSuffix(path, ".rego") || strings.HasSuffix(path, "_test.rego") != tests {
			return nil
		}
		if len(modules) >= maxModules {
			return fmt.Errorf("more than %d policy files", maxModules)
		}
		text, err := readLimited(path, maxPolicy)
		if err != nil {
			return err
		}
		modules[path] = string(text)
		return nil
	})
	if err != nil {
		return modules, fmt.Errorf("read policies: %w", err)
	}
	return modules, nil
}

// Watch loads the files for the apps, and takes up every later change of them until the context ends, usually within 50 ms.
// It returns the error of the first load, and then watches nothing. It calls report on a goroutine of its own after each
// later change, whether taken up or refused.
func (b *Broker) Watch(ctx context.Context, files Files, apps []App, report func(Reload)) error {
	events, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch grants: %w", err)
	}
	w := &watch{broker: b, files: files, apps: apps, report: report, events: events, polling: newPolling(files.Bundle)}
	w.follow() // before the first look, so that no change falls between
	missed, err := w.first(ctx)
	if err != nil {
		return errors.Join(err, events.Close())
	}
	if w.polling.arrived != nil {
		go w.polling.serve(ctx)
	}
	go w.serve(ctx, missed)
	return nil
}

// first loads what there is. Where a bundle could not be fetched, or not be taken up, and an earlier one was kept, missed says
// why.
func (w *watch) first(ctx context.Context) (missed, err error) {
	if w.polling.arrived != nil {
		if _, missed = w.take(ctx, w.polling.fetch(ctx)); missed == nil && w.last != [32]byte{} {
			return nil, nil
		}
		if _, err := os.Stat(w.files.Bundle.Path); err != nil && missed != nil {
			return nil, missed
		}
	}
	_, err = w.check(ctx)
	return missed, err
}

type watch struct {
	broker *Broker
	files  Files
	apps   []App
	report func(Reload)
	events *fsnotify.Watcher
	last   [32]byte // digest of what was last read
	stamps [32]byte // digest of its sizes and times

	polling *polling
}

// follow asks for the events of the directories. Directories rather than files: a file that is replaced by a rename is
// another file. What cannot be watched is left to polling.
func (w *watch) follow() {
	_ = w.events.Add(filepath.Dir(w.files.Grants))
	if w.files.Bundle.Path != "" {
		_ = w.events.Add(filepath.Dir(w.files.Bundle.Path))
	}
	for _, dir := range w.files.directories() {
		_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				_ = w.events.Add(path)
			}
			return nil
		})
	}
}

// directories are those that policies are below. A bundle may be a file, which is a directory of itself here.
func (f Files) directories() []string {
	if f.Bundle.Path != "" {
		return []string{f.Bundle.Path}
	}
	if f.Policies != "" {
		return []string{f.Policies}
	}
	return nil
}

func (w *watch) serve(ctx context.Context, missed error) {
	defer w.events.Close()
	w.tell(ctx, missed != nil, missed)
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			w.follow()
			if w.files.stamps() == w.stamps {
				continue
			}
		case _, ok := <-w.events.Events:
			if !ok || !w.calm(ctx) {
				return
			}
			w.follow() // a directory may be new
		case <-w.events.Errors: // an overflow among others: read again
		case f := <-w.polling.arrived:
			changed, err := w.take(ctx, f)
			w.tell(ctx, changed, err)
			continue
		}
		changed, err := w.check(ctx)
		w.tell(ctx, changed, err)
	}
}

func (w *watch) tell(ctx context.Context, changed bool, err error) {
	if changed && ctx.Err() == nil {
		w.report(Reload{Revision: w.broker.Revision(), Err: err})
	}
}

// calm waits until the first step of a change is likely to have been followed by the others.
func (w *watch) calm(ctx context.Context) bool {
	timer := time.NewTimer(settle)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case _, ok := <-w.events.Events:
			if !ok {
				return false
			}
		case <-timer.C:
			return true
		}
	}
}

// check takes up the files when they changed since the last look.
func (w *watch) check(ctx context.Context) (changed bool, err error) {
	w.stamps = w.files.stamps()
	source, digest, err := w.files.read()
	if digest == w.last {
		return false, nil
	}
	w.last = digest
	if err != nil {
		return true, err
	}
	source.Apps = w.apps
	return true, w.broker.Load(ctx, source)
}

// stamps is a digest of the files' sizes and times, far cheaper than one of their contents.
func (f Files) stamps() [32]byte {
	h := sha256.New()
	note := func(path string, d os.FileInfo, err error) {
		if err == nil {
			fmt.Fprintf(h, "%q %d %d %v\n", path, d.Size(), d.ModTime().UnixNano(), d.Mode())
		}
	}
	info, err := os.Stat(f.Grants)
	note(f.Grants, info, err)
	for _, dir := range f.directories() {
		_ = filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
			if err == nil {
				info, err = os.Stat(path)
				note(path, info, err)
			}
			return nil
		})
	}
	return [32]byte(h.Sum(nil))
}
