package embedded

import (
	"path/filepath"
	"testing"

	"github.com/writ-host/writ/capabilities/kv/backend"
)

func TestIncrement(t *testing.T) {
	s, err := Open(filepath.Join(t.TempDir(), "kv.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	at := backend.Caller{Store: "default"}
	for _, c := range []struct{ delta, want int64 }{{0, 0}, {5, 5}, {0, 5}, {-7, -2}, {0, -2}} {
		if got, err := s.Increment(t.Context(), at, "n", c.delta); err != nil || got != c.want {
			t.Errorf("increment by %d = %d, %v; want %d", c.delta, got, err, c.want)
		}
	}
	if found, err := s.Exists(t.Context(), at, "n"); err != nil || !found {
		t.Errorf("increment by 0 did not make the key: %v, %v", found, err)
	}
	if err := s.Set(t.Context(), at, "text", []byte("abc")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Increment(t.Context(), at, "text", 0); err == nil {
		t.Error("increment by 0 of what is no number was accepted")
	}
}
