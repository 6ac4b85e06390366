package codecache

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func TestStoreLoad(t *testing.T) {
	c, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Load("a"); !errors.Is(err, ErrMissing) {
		t.Fatalf("Load of nothing = %v, want ErrMissing", err)
	}
	if err := c.Store("a", []byte("code")); err != nil {
		t.Fatal(err)
	}
	again, err := Open(c.dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Load("a"); err != nil || string(got) != "code" {
		t.Fatalf("Load = %q, %v", got, err)
	}
}

func TestForgedEntries(t *testing.T) {
	c, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	other, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, cache := range []*Cache{c, other} {
		if err := cache.Store("a", []byte("code")); err != nil {
			t.Fatal(err)
		}
	}
	genuine, _ := os.ReadFile(c.path("a"))
	foreign, _ := os.ReadFile(other.path("a"))
	flipped := bytes.Clone(genuine)
	flipped[len(flipped)-1] ^= 1
	for name, entry := range map[string][]byte{
		"flipped bit": flipped, "cut": genuine[:len(genuine)-1], "empty": {},
		"another host's": foreign, "longer": append(bytes.Clone(genuine), 0),
	} {
		os.WriteFile(c.path("a"), entry, 0o600)
		if _, err := c.Load("a"); !errors.Is(err, ErrForged) {
			t.Errorf("%s: Load = %v, want ErrForged", name, err)
		}
	}
	os.WriteFile(c.path("b"), genuine, 0o600)
	if _, err := c.Load("b"); !errors.Is(err, ErrForged) {
		t.Errorf("entry moved to another id: Load = %v, want ErrForged", err)
	}
}

func TestKeyOthersCanRead(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, keyFile), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil {
		t.Fatal("a key that others can read was accepted")
	}
}

func TestOpenAtOnce(t *testing.T) {
	dir := t.TempDir()
	caches := make([]*Cache, 16)
	var wg sync.WaitGroup
	for i := range caches {
		wg.Go(func() { caches[i], _ = Open(dir) })
	}
	wg.Wait()
	for _, c := range caches {
		if c == nil || !bytes.Equal(c.key, caches[0].key) {
			t.Fatal("caches opened at once have different keys")
		}
	}
}
