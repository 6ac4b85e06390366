package ledger

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// writerPIDs are the writers that this process started.
func writerPIDs(t *testing.T) (pids []int) {
	t.Helper()
	lists, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil || lists == nil {
		t.Skipf("this kernel does not tell of child processes (CONFIG_PROC_CHILDREN): %v", err)
	}
	for _, list := range lists {
		children, err := os.ReadFile(list)
		if err != nil {
			continue // the thread ended
		}
		for _, field := range strings.Fields(string(children)) {
			command, err := os.ReadFile(filepath.Join("/proc", field, "cmdline"))
			if pid, bad := strconv.Atoi(field); err == nil && bad == nil && strings.Contains(string(command), testWriter[1]) {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// A writer that ends, again and again and in the middle of its work, costs no entry and doubles none.
func TestAWriterThatEndsLosesAndDoublesNothing(t *testing.T) {
	dir := t.TempDir()
	var failed, recovered atomic.Int32
	l := openWith(t, dir, Config{Retry: 5 * time.Millisecond, OnFail: func(error) { failed.Add(1) }, OnRecover: func() { recovered.Add(1) }})
	const rounds, each = 8, 5000
	for round := range rounds {
		before := failed.Load()
		for i := range each {
			l.Observe(denial(round*each + i))
			if i == each/2 {
				for _, pid := range writerPIDs(t) {
					_ = syscall.Kill(pid, syscall.SIGKILL) // it may be between two lives
				}
			}
		}
		await(t, "notice", func() bool { return failed.Load() > before })
		await(t, "recovery", func() bool { return recovered.Load() == failed.Load() })
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	want := uint64(rounds*each) + 2*uint64(failed.Load())
	if report := verified(t, reader(t, dir)); report.Entries != want {
		t.Errorf("%d entries, want %d", report.Entries, want)
	}
}

// What ends a writer of itself is an error with its last words, and its next start waits longer each time.
func TestAWriterThatCannotStart(t *testing.T) {
	dir := t.TempDir()
	keys, err := OpenKeys(filepath.Join(dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	w := &scribe{config: Config{Dir: filepath.Join(dir, "ledger"), Keys: keys, Retry: time.Minute, Patience: time.Minute,
		Writer: []string{"/bin/sh", "-c", "echo 'panic: too many open files' >&2; exit 2"}}}
	const want = "the ledger's writer ended: panic: too many open files"
	for range 2 {
		if _, err := w.start(); err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	if w.failures != 1 || time.Until(w.notBefore) < 30*time.Second {
		t.Errorf("%d starts, the next in %s: the second was not put off", w.failures, time.Until(w.notBefore))
	}
	w.config.Writer = []string{filepath.Join(dir, "nothing")}
	w.notBefore = time.Time{}
	if _, err := w.start(); err == nil || time.Until(w.notBefore) < 90*time.Second {
		t.Errorf("error %v, the next start in %s", err, time.Until(w.notBefore))
	}
}

// What a writer says that ends well is no error: a library may warn of what it got over.
func TestAWriterThatWarnsEndsWell(t *testing.T) {
	for script, want := range map[string]string{
		"echo 'WARN a file is left' >&2; cat >/dev/null":         "",
		"echo 'WARN a file is left' >&2; cat >/dev/null; exit 1": "WARN a file is left",
	} {
		c, err := startChild([]string{"/bin/sh", "-c", script})
		if err != nil {
			t.Fatal(err)
		}
		w := &scribe{config: Config{Patience: time.Minute}, child: c}
		if err := w.end(); (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("%s: %v, want %q", script, err, want)
		}
	}
}
