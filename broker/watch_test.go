package broker

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestWatch(t *testing.T) {
	dir := t.TempDir()
	files := Files{Grants: filepath.Join(dir, "grants.json"), Policies: filepath.Join(dir, "policies")}
	write(t, files.Grants, grantJSON(""))
	b := New(Config{})
	defer b.Close()
	reports := make(chan Reload, 100)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if err := b.Watch(ctx, files, guestbookApps(), func(r Reload) { reports <- r }); err != nil {
		t.Fatal(err)
	}
	await := func(what string, want Reason) {
		t.Helper()
		start := time.Now()
		for decide(b) != want {
			if time.Since(start) > 30*time.Second {
				t.Fatalf("%s: still %v", what, decide(b))
			}
			time.Sleep(time.Millisecond)
		}
		t.Logf("%s: in force after %v", what, time.Since(start))
	}
	failed := func(what string) {
		t.Helper()
		for {
			select {
			case r := <-reports:
				if r.Err != nil {
					return
				}
			case <-time.After(30 * time.Second):
				t.Fatalf("%s: no error was reported", what)
			}
		}
	}
	await("at first", Granted)
	if err := RevokeGrant(files.Grants, "g"); err != nil {
		t.Fatal(err)
	}
	await("revoked by an edit", NoGrant)
	write(t, files.Grants, grantJSON(""))
	await("granted in place", Granted)
	write(t, files.Grants, "{")
	failed("a broken file")
	if decide(b) != Granted {
		t.Error("a broken file changed what is in force")
	}
	write(t, files.Grants, grantJSON(`,"when":"yes"`))
	failed("a condition that is not there")
	if err := os.Mkdir(files.Policies, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(files.Policies, "broken_test.rego"), "tests are not policy")
	write(t, filepath.Join(files.Policies, "c.rego"), "package writ.conditions\nyes := false\n")
	await("a new policy directory", ConditionFalse)
	write(t, filepath.Join(files.Policies, "c.rego"), "package writ.conditions\nyes := true\n")
	await("a changed policy", Granted)
	if err := os.Remove(files.Grants); err != nil {
		t.Fatal(err)
	}
	await("the file removed", NoGrant)
	if err := AtomicSwap(files.Grants, grantJSON("")); err != nil {
		t.Fatal(err)
	}
	await("the file renamed into place", Granted)
	cancel()
}

// AtomicSwap replaces a file as editors and deployment tools do.
func AtomicSwap(path, text string) error {
	if err := os.WriteFile(path+"~", []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(path+"~", path)
}

func TestWatchRefusesAtFirst(t *testing.T) {
	dir := t.TempDir()
	files := Files{Grants: filepath.Join(dir, "grants.json")}
	write(t, files.Grants, "{")
	b := New(Config{})
	defer b.Close()
	if err := b.Watch(context.Background(), files, nil, func(Reload) {}); err == nil {
		t.Error("watching begins with a broken file")
	}
}
