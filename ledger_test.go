package writ_test

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/writ-host/writ"
	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/broker/ledger"
)

// post writes one message to a guestbook and returns the status.
func post(t *testing.T, s *served, message string) int {
	t.Helper()
	client := *s.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.PostForm(s.URL+"/", url.Values{"message": {message}})
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// ledgerOf verifies an app's ledger and reads it.
func ledgerOf(t *testing.T, dir string) (entries []ledger.Entry) {
	t.Helper()
	place, err := writ.FindLedger(dir)
	if err != nil {
		t.Fatal(err)
	}
	r, err := ledger.OpenReader(place.Dir, "")
	if err != nil {
		t.Fatal(err)
	}
	report, err := r.Verify(context.Background())
	if err != nil || len(report.Problems) > 0 {
		t.Fatalf("verify: %v, %q", err, report.Problems)
	}
	for e, err := range r.Entries(context.Background(), 0, report.Leaves) {
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, e.Entry)
	}
	return entries
}

// sum adds up the decisions that entries stand for.
func sum(entries []ledger.Entry, verdict, operation string) (n uint64) {
	for _, e := range entries {
		if e.Kind == ledger.Decision && e.Verdict == verdict && e.Operation == operation {
			n += e.Count
		}
	}
	return n
}

func TestLedgerTellsWhatHappened(t *testing.T) {
	dir := guestbookDir(t)
	grants := filepath.Join(dir, "grants.json")
	var written uint64
	t.Run("served", func(t *testing.T) {
		s := serve(t, dir)
		for range 5 {
			if status := post(t, s, "hello"); status != http.StatusSeeOther {
				t.Fatalf("status %d", status)
			}
			written++
		}
		writeFile(t, grants, strings.Replace(readFile(t, grants), `"get", "set", "increment"`, `"get", "set"`, 1))
		eventually(t, "counting is denied", func() bool {
			granted := post(t, s, "hello") == http.StatusSeeOther
			if granted {
				written++
			}
			return !granted
		})
		writeFile(t, grants, "{")
		eventually(t, "a bad file is refused", func() bool { return strings.Contains(s.log.String(), "not taken up") })
		killProvider(t)
		eventually(t, "the provider is back", func() bool { return strings.Contains(s.log.String(), "provider serves again") })
	})
	entries := ledgerOf(t, dir)
	if n := sum(entries, ledger.Allow, "set"); n != written {
		t.Errorf("%d sets were allowed, and %d messages written", n, written)
	}
	found := map[string]ledger.Entry{}
	for _, e := range entries {
		found[string(e.Kind)+" "+e.Event+e.Verdict] = e
		if strings.Contains(e.Resource, "message/") {
			t.Errorf("a key is shown: %s", e.Resource)
		}
	}
	for what, has := range map[string]func(ledger.Entry) bool{
		"host started":       func(e ledger.Entry) bool { return e.Seq == 0 && strings.HasPrefix(e.Digest, "sha256:") },
		"host stopped":       func(e ledger.Entry) bool { return e.Seq == uint64(len(entries)-1) },
		"component loaded":   func(e ledger.Entry) bool { return e.Component == "web" && strings.HasPrefix(e.Digest, "sha256:") },
		"policy loaded":      func(e ledger.Entry) bool { return e.Revision > 0 && e.Digest != "" && e.Digests[grants] != "" },
		"policy refused":     func(e ledger.Entry) bool { return e.Detail != "" },
		"grant added":        func(e ledger.Entry) bool { return e.Text != "" && e.Origin != "" },
		"grant removed":      func(e ledger.Entry) bool { return e.Grant == "guestbook-kv" && strings.Contains(e.Text, `"set"`) },
		"provider started":   func(e ledger.Entry) bool { return e.Name == "kv.default" && e.Detail != "" && e.Digest != "" },
		"provider ended":     func(e ledger.Entry) bool { return e.Name == "kv.default" },
		"provider restarted": func(e ledger.Entry) bool { return e.Detail != "" },
		"provider stopped":   func(e ledger.Entry) bool { return e.Name == "kv.default" },
		"decision allow": func(e ledger.Entry) bool {
			return e.Grant == "guestbook-kv" && e.Resource == "kv://default/guestbook/**"
		},
		"decision deny": func(e ledger.Entry) bool { return e.Reason == "no grant" && e.Count == 1 },
	} {
		if e, ok := found[what]; !ok || !has(e) {
			t.Errorf("%s: %+v", what, e)
		}
	}
	findByName(t, dir, entries)
}

// findByName finds the denials of a key by its name, which the ledger does not show.
func findByName(t *testing.T, dir string, entries []ledger.Entry) {
	place, err := writ.FindLedger(dir)
	if err != nil {
		t.Fatal(err)
	}
	redactor, err := ledger.ReadRedactor(place.RedactionKey)
	if err != nil {
		t.Fatal(err)
	}
	count := func(resource string) (n int) {
		f := ledger.Filter{Resource: resource, Redactor: redactor, Denied: true}
		for _, e := range entries {
			if how, ok := f.Matches(&e); ok && how == ledger.Exact {
				n++
			}
		}
		return n
	}
	if count("kv://default/guestbook/count") == 0 {
		t.Error("the denial is not found by its key")
	}
	if n := count("kv://default/guestbook/other"); n != 0 {
		t.Errorf("%d denials are found by a key that nobody asked for", n)
	}
}

// broken makes the ledger of an app unwritable, for root too: a file is where
// its directory has to be.
func broken(t *testing.T, dir string) (mend func()) {
	t.Helper()
	tiles, away := filepath.Join(dir, ".writ/ledger/tile"), filepath.Join(dir, "away")
	if err := os.Rename(tiles, away); err != nil {
		t.Fatal(err)
	}
	writeFile(t, tiles, "")
	return func() {
		if err := os.Remove(tiles); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(away, tiles); err != nil {
			t.Fatal(err)
		}
	}
}

// ledgerEvents counts events and reasons. A suspension because the machine was
// busy for too long is no event here, and neither is its end.
func ledgerEvents(entries []ledger.Entry) map[string]int {
	events := map[string]int{}
	for _, e := range entries {
		events[e.Event]++
		if e.Reason != "" {
			events[e.Reason]++
		}
		if e.Event == ledger.Suspended && (strings.Contains(e.Detail, "takes longer than") || strings.Contains(e.Detail, "no checkpoint was written")) {
			events[ledger.Suspended]--
			events[ledger.Resumed]--
		}
	}
	return events
}

func TestNothingIsGrantedWhileTheLedgerCannotBeWritten(t *testing.T) {
	dir := guestbookDir(t)
	t.Run("served", func(t *testing.T) {
		s := serve(t, dir)
		if status := post(t, s, "before"); status != http.StatusSeeOther {
			t.Fatalf("status %d", status)
		}
		eventually(t, "something is in the ledger", func() bool { return isThere(filepath.Join(dir, ".writ/ledger/tile")) })
		mend := broken(t, dir)
		eventually(t, "nothing is granted", func() bool { return post(t, s, "without") != http.StatusSeeOther })
		if !strings.Contains(s.log.String(), "nothing is granted until it can be") {
			t.Error("the log does not say why")
		}
		mend()
		eventually(t, "it is granted again", func() bool { return post(t, s, "after") == http.StatusSeeOther })
	})
	entries := ledgerOf(t, dir)
	events := ledgerEvents(entries)
	if events[ledger.Suspended] != 1 || events[ledger.Resumed] != 1 || events[broker.Suspended.String()] == 0 {
		t.Errorf("events %v", events)
	}
	if messages := storedMessages(t, filepath.Join(dir, ".writ/kv/default/kv.db"), "guestbook"); uint64(len(messages)) != sum(entries, ledger.Allow, "set") {
		t.Errorf("%d messages are stored, and the ledger has %d sets", len(messages), sum(entries, ledger.Allow, "set"))
	}
}

// The process that writes the ledger is killed: the host goes on, grants nothing
// until another one writes, and nothing of what it decided is missing.
func TestTheLedgersWriterIsKilled(t *testing.T) {
	dir := guestbookDir(t)
	const kills = 3
	t.Run("served", func(t *testing.T) {
		s := serve(t, dir)
		for n := range kills {
			eventually(t, "it is granted", func() bool { return post(t, s, "before") == http.StatusSeeOther })
			killChildren(t, "writ-ledger")
			eventually(t, "the end of the writer is noticed", func() bool {
				return strings.Count(s.log.String(), "nothing is granted until it can be") > n
			})
			eventually(t, "another one writes", func() bool { return strings.Count(s.log.String(), "the ledger can be written again") > n })
		}
		eventually(t, "it is granted again", func() bool { return post(t, s, "after") == http.StatusSeeOther })
	})
	entries := ledgerOf(t, dir)
	events := ledgerEvents(entries)
	if events[ledger.Suspended] != kills || events[ledger.Resumed] != kills {
		t.Errorf("events %v", events)
	}
	if messages := storedMessages(t, filepath.Join(dir, ".writ/kv/default/kv.db"), "guestbook"); uint64(len(messages)) != sum(entries, ledger.Allow, "set") {
		t.Errorf("%d messages are stored, and the ledger has %d sets", len(messages), sum(entries, ledger.Allow, "set"))
	}
}

func TestTheLedgerCanBeLeftOptional(t *testing.T) {
	dir := guestbookDir(t)
	writeFile(t, filepath.Join(dir, "host.toml"), "[ledger]\nrequired = false\n")
	s := serve(t, dir)
	eventually(t, "something is in the ledger", func() bool { return isThere(filepath.Join(dir, ".writ/ledger/tile")) })
	mend := broken(t, dir)
	defer mend()
	eventually(t, "the log tells of it", func() bool {
		return post(t, s, "hello") == http.StatusSeeOther && strings.Contains(s.log.String(), "may be missing there")
	})
	if status := post(t, s, "hello"); status != http.StatusSeeOther {
		t.Errorf("status %d", status)
	}
}

func TestNoStartWithoutALedger(t *testing.T) {
	dir := guestbookDir(t)
	if err := os.MkdirAll(filepath.Join(dir, ".writ"), 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, ".writ/ledger"), "not a directory")
	app, err := writ.LoadApp(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	app.Config.Cache = sharedCache()
	if _, err := writ.Start(t.Context(), app, writ.Options{}); err == nil || !strings.Contains(err.Error(), "ledger.required = false") {
		t.Errorf("started: %v", err)
	}
	writeFile(t, filepath.Join(dir, "host.toml"), "[ledger]\nrequired = false\n")
	serve(t, dir)
}

func isThere(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
