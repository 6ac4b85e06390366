package ledger

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-host/writ/broker"
)

func openTest(t testing.TB, dir string) *Ledger {
	t.Helper()
	return openWith(t, dir, Config{})
}

func openWith(t testing.TB, dir string, c Config) *Ledger {
	t.Helper()
	keys, err := OpenKeys(filepath.Join(dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	c.Dir, c.Keys, c.Writer = filepath.Join(dir, "ledger"), keys, testWriter
	if c.Patience == 0 {
		c.Patience = time.Minute // a busy machine is no dead disk
	}
	l, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func denial(i int) broker.Record {
	return broker.Record{Time: time.Unix(1_800_000_000, int64(i)), App: "guestbook", Component: "web", Capability: "kv", Operation: "get",
		Resource: fmt.Sprintf("kv://default/~%016x", i), Reason: broker.NoGrant, Revision: 1, Count: 1}
}

// written is a ledger of one finished run with n denials.
func written(t *testing.T, dir string, n int) *Reader {
	t.Helper()
	l := openTest(t, dir)
	for i := range n {
		l.Observe(denial(i))
	}
	if err := l.Add(Entry{Kind: Host, Event: Stopped}); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return reader(t, dir)
}

func reader(t *testing.T, dir string) *Reader {
	t.Helper()
	r, err := OpenReader(filepath.Join(dir, "ledger"), "")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func verified(t *testing.T, r *Reader, pins ...Pin) *Report {
	t.Helper()
	report, err := r.Verify(context.Background(), pins...)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Problems) > 0 {
		t.Fatalf("problems: %q", report.Problems)
	}
	return report
}

func TestWhatIsWrittenIsReadInOrder(t *testing.T) {
	dir := t.TempDir()
	const n = 3000
	r := written(t, dir, n)
	if report := verified(t, r); report.Entries != n+1 || len(report.Unfinished) != 0 || !report.FromCopy {
		t.Errorf("report %+v", report)
	}
	c, err := r.Checkpoint()
	if err != nil {
		t.Fatal(err)
	}
	next := 0
	for e, err := range r.Entries(context.Background(), 0, c.Size) {
		if err != nil {
			t.Fatal(err)
		}
		if next < n && e.Resource != denial(next).Resource {
			t.Fatalf("entry %d is about %s", next, e.Resource)
		}
		next++
	}
	if next != n+1 {
		t.Errorf("read %d entries, want %d", next, n+1)
	}
}

func TestSecondRunGoesOn(t *testing.T) {
	dir := t.TempDir()
	written(t, dir, 300)
	if report := verified(t, written(t, dir, 300)); report.Runs != 2 || report.Entries != 602 {
		t.Errorf("report %+v", report)
	}
}

func TestSecretsAreForTheOwner(t *testing.T) {
	dir := t.TempDir()
	written(t, dir, 1)
	for _, name := range []string{signingKeyFile, RedactionKeyFile} {
		info, err := os.Stat(filepath.Join(dir, "keys", name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", name, info.Mode(), err)
		}
	}
}

func TestLedgerOfAnotherKeyIsRefused(t *testing.T) {
	dir := t.TempDir()
	written(t, dir, 1)
	other, err := OpenKeys(filepath.Join(dir, "other"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Config{Dir: filepath.Join(dir, "ledger"), Keys: other, Writer: testWriter}); err == nil || !strings.Contains(err.Error(), "another key") {
		t.Errorf("error %v", err)
	}
}

func TestAKilledHostLosesNothingThatWasWritten(t *testing.T) {
	dir := t.TempDir()
	for round := range 3 {
		promised := killed(t, dir, time.Duration(150+100*round)*time.Millisecond)
		r := written(t, dir, 10) // the next run opens it and has all of it signed
		report := verified(t, r)
		if report.Leaves < promised {
			t.Errorf("round %d: %d leaves were written, and %d are there", round, promised, report.Leaves)
		}
		if len(report.Unfinished) != round+1 {
			t.Errorf("round %d: unfinished runs %v", round, report.Unfinished)
		}
	}
}

// killed runs a writer, kills it after a while, and returns how many leaves it said were written.
func killed(t *testing.T, dir string, after time.Duration) (promised uint64) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "WRIT_LEDGER_VICTIM="+dir)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if promised, err = strconv.ParseUint(lines.Text(), 10, 64); err != nil {
			t.Fatal(err)
		}
		if promised > 0 {
			break
		}
	}
	time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
	for lines.Scan() {
		if n, err := strconv.ParseUint(lines.Text(), 10, 64); err == nil {
			promised = max(promised, n)
		}
	}
	if err := cmd.Wait(); err == nil || promised == 0 {
		t.Fatalf("the writer ended with %v after %d leaves", err, promised)
	}
	return promised
}

func TestALedgerThatCannotBeWrittenSaysSoAndRecovers(t *testing.T) {
	dir := t.TempDir()
	var failed, recovered atomic.Int32
	l := openWith(t, dir, Config{Retry: 20 * time.Millisecond,
		OnFail: func(error) { failed.Add(1) }, OnRecover: func() { recovered.Add(1) }})
	tiles := filepath.Join(dir, "ledger", "tile")
	if err := os.WriteFile(tiles, nil, 0o600); err != nil { // a file where a directory is needed, which stops root too
		t.Fatal(err)
	}
	l.Observe(denial(0))
	await(t, "failure", func() bool { return failed.Load() == 1 && l.Err() != nil })
	for i := 1; i < 100; i++ {
		l.Observe(denial(i)) // they wait
	}
	if err := os.Remove(tiles); err != nil {
		t.Fatal(err)
	}
	await(t, "recovery", func() bool { return recovered.Load() == 1 && l.Err() == nil })
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if report := verified(t, reader(t, dir)); report.Entries != 102 {
		t.Errorf("%d entries, want 100 denials, the suspension and its end", report.Entries)
	}
}

func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no %s within a minute", what)
		}
	}
}

func TestObserveWaitsForRoomAndAddDoesNot(t *testing.T) {
	dir := t.TempDir()
	l := openWith(t, dir, Config{Retry: 20 * time.Millisecond, Patience: time.Minute})
	tiles := filepath.Join(dir, "ledger", "tile")
	if err := os.WriteFile(tiles, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var observed atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range maxWaiting + 10 {
			l.Observe(denial(i))
			observed.Add(1)
		}
	}()
	await(t, "full queue", func() bool { return observed.Load() >= maxWaiting-1 })
	if err := l.Add(Entry{Kind: Policy, Event: Loaded}); err != nil {
		t.Error(err)
	}
	if n := observed.Load(); n > maxWaiting {
		t.Errorf("%d decisions wait, more than %d", n, maxWaiting)
	}
	if err := os.Remove(tiles); err != nil {
		t.Fatal(err)
	}
	<-done
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	verified(t, reader(t, dir))
}

func TestCloseGivesUpOnADeadDisk(t *testing.T) {
	dir := t.TempDir()
	l := openWith(t, dir, Config{Patience: 300 * time.Millisecond, Retry: 20 * time.Millisecond})
	if err := os.WriteFile(filepath.Join(dir, "ledger", "tile"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l.Observe(denial(0))
	start := time.Now()
	if err := l.Close(); err == nil {
		t.Error("closed without an error")
	}
	if took := time.Since(start); took > 30*time.Second { // it would take for ever
		t.Errorf("it took %s", took)
	}
	if err := l.Add(Entry{Kind: Host}); !errors.Is(err, ErrClosed) {
		t.Errorf("add after close: %v", err)
	}
}

func TestALedgerIsOpenOnceInAProcess(t *testing.T) {
	dir := t.TempDir()
	l := openTest(t, dir)
	if _, err := Open(l.config); err == nil || !strings.Contains(err.Error(), "open already") {
		t.Errorf("opened twice: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	written(t, dir, 1)
}

func TestProcessesShareALedger(t *testing.T) {
	dir := t.TempDir()
	l := openTest(t, dir)
	stop := make(chan struct{})
	var n int
	var group sync.WaitGroup
	group.Go(func() {
		for ; ; n++ {
			select {
			case <-stop:
				return
			default:
				l.Observe(denial(n))
			}
		}
	})
	killed(t, dir, 300*time.Millisecond)
	close(stop)
	group.Wait()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if report := verified(t, reader(t, dir)); report.Runs != 2 || report.Entries <= uint64(n) {
		t.Errorf("%d entries in %d runs, of which %d are this one's", report.Entries, report.Runs, n)
	}
}

func TestASetBackClockDelaysNoCheckpoint(t *testing.T) {
	dir := t.TempDir()
	l := openWith(t, dir, Config{Retry: 20 * time.Millisecond})
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(filepath.Join(dir, "ledger", "checkpoint"), later, later); err != nil {
		t.Fatal(err)
	}
	l.Observe(denial(0))
	await(t, "checkpoint", func() bool { return signedSize(dir) > 0 })
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkDenials enters denials one by one, the worst case: all of them are written, synced and signed at the end.
func BenchmarkDenials(b *testing.B) {
	l := openTest(b, b.TempDir())
	b.ReportAllocs()
	for i := range b.N {
		l.Observe(denial(i))
	}
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "decisions/s")
}

// BenchmarkDecisions goes all the way from a guest's question to the signed ledger, one denial for each nine allows.
func BenchmarkDecisions(b *testing.B) {
	l := openTest(b, b.TempDir())
	k := broker.New(broker.Config{Observer: l})
	file, err := broker.ParseGrants("grants.json", []byte(`{"grants": [{"id": "g", "app": "guestbook", "component": "web",
		"capability": "kv", "resource": "kv://default/**", "operations": ["get"]}]}`))
	if err != nil {
		b.Fatal(err)
	}
	apps := []broker.App{{Name: "guestbook", Components: []broker.Component{{Name: "web"}}}}
	if err := k.Load(context.Background(), broker.Source{Grants: file, Apps: apps}); err != nil {
		b.Fatal(err)
	}
	s := k.Subject("guestbook", "web")
	calls := [2]broker.Call{{Capability: broker.KV, Operation: broker.Get, Resource: "kv://default/x"}, {Capability: broker.KV, Operation: broker.Set, Resource: "kv://default/x"}}
	b.ResetTimer()
	for i := range b.N {
		call := calls[0]
		if i%10 == 0 {
			call = calls[1]
		}
		s.Decide(context.Background(), call)
	}
	if err := errors.Join(k.Close(), l.Close()); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "decisions/s")
}
