package embedded

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/writ-host/writ/capabilities/kv/backend"
	"github.com/writ-host/writ/capabilities/provider"
	bolt "go.etcd.io/bbolt"
)

var at = backend.Caller{Store: "s"}

func open1(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestStoreKeepsWhatWasWritten(t *testing.T) {
	path, ctx := filepath.Join(t.TempDir(), "kv.db"), context.Background()
	s := open1(t, path)
	if err := s.Set(ctx, at, "k", []byte("v")); err != nil {
		t.Fatal(err)
	}
	before, _ := s.Get(ctx, at, "k")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Set(ctx, at, "k", nil); backend.AsError(err) == nil || backend.AsError(err).Code != backend.Unavailable {
		t.Errorf("set when closed: %v", err)
	}
	again := open1(t, path)
	after, err := again.Get(ctx, at, "k")
	if err != nil || string(after.Value) != "v" || after.Version != before.Version {
		t.Errorf("%v, was %v: %v", after, before, err)
	}
}

func TestVersionsAreNeverUsedTwice(t *testing.T) {
	s, ctx := open1(t, filepath.Join(t.TempDir(), "kv.db")), context.Background()
	seen := map[string]bool{}
	for i := range 10 {
		if err := s.Set(ctx, at, "k", []byte("same")); err != nil {
			t.Fatal(err)
		}
		e, err := s.Get(ctx, at, "k")
		if err != nil || seen[e.Version] || e.Version == absent {
			t.Fatalf("version %q, after %v: %v", e.Version, seen, err)
		}
		seen[e.Version] = true
		if i%2 == 0 {
			if err := s.Delete(ctx, at, "k"); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestPagesSurviveDeletions(t *testing.T) {
	s, ctx := open1(t, filepath.Join(t.TempDir(), "kv.db")), context.Background()
	var pairs []backend.Pair
	for i := range 10 {
		pairs = append(pairs, backend.Pair{Key: fmt.Sprint(i)})
	}
	if err := s.SetMany(ctx, at, pairs); err != nil {
		t.Fatal(err)
	}
	first, err := s.ListKeys(ctx, at, "", 4)
	if err != nil || fmt.Sprint(first.Keys) != "[0 1 2 3]" {
		t.Fatal(first, err)
	}
	if err := s.DeleteMany(ctx, at, []string{"3", "4"}); err != nil { // the cursor's own key among them
		t.Fatal(err)
	}
	second, err := s.ListKeys(ctx, at, first.Cursor, 5)
	if err != nil || fmt.Sprint(second.Keys) != "[5 6 7 8 9]" || second.Cursor != "" {
		t.Error(second, err)
	}
}

func TestConcurrentWritesShareCommits(t *testing.T) {
	s, ctx := open1(t, filepath.Join(t.TempDir(), "kv.db")), context.Background()
	before := transactions(t, s)
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			for range 4 {
				if err := s.Set(ctx, at, fmt.Sprint(i), nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := transactions(t, s) - before; n > 128 {
		t.Errorf("%d commits for 256 writes", n)
	}
}

func transactions(t *testing.T, s *Store) (id int) {
	t.Helper()
	if err := s.db.View(func(tx *bolt.Tx) error { id = tx.ID(); return nil }); err != nil {
		t.Fatal(err)
	}
	return id
}

func TestFailedCommitStopsTheStore(t *testing.T) {
	s, ctx := open1(t, filepath.Join(t.TempDir(), "kv.db")), context.Background()
	if err := s.writes.failed(errors.New("input/output error")); err == nil {
		t.Fatal("no error")
	}
	_, err := s.Get(ctx, at, "k")
	for what, err := range map[string]error{"get": err, "set": s.Set(ctx, at, "k", nil), "health": s.Health()} {
		if err == nil || !strings.Contains(err.Error(), "commit: input/output error") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestWriteThatComesTooLate(t *testing.T) {
	s := open1(t, filepath.Join(t.TempDir(), "kv.db"))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for range 100 {
		if err := s.Set(ctx, at, "k", nil); err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	if err := s.Set(context.Background(), at, "k", []byte("v")); err != nil {
		t.Error(err)
	}
}

func TestOpenSettings(t *testing.T) {
	ctx := context.Background()
	for _, s := range []provider.Settings{{}, {DataDir: "relative"}, {DataDir: "/nowhere/at/all"},
		{DataDir: t.TempDir(), JSON: []byte(`{"a":1}`)}, {DataDir: t.TempDir(), JSON: []byte(`[]`)}} {
		if _, err := open(ctx, s); err == nil {
			t.Errorf("%v was taken", s)
		}
	}
}
