package codecache_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/writ-host/writ/host/internal/codecache"
)

func TestCheck(t *testing.T) {
	tests := map[string]struct {
		change func(t *testing.T, dir string) error
		want   string // of the error, empty for none
	}{
		"as it was made":     {func(*testing.T, string) error { return nil }, ""},
		"no key yet":         {func(_ *testing.T, dir string) error { return os.Remove(filepath.Join(dir, "key")) }, ""},
		"not there yet":      {func(_ *testing.T, dir string) error { return os.RemoveAll(dir) }, ""},
		"readable key":       {func(_ *testing.T, dir string) error { return os.Chmod(filepath.Join(dir, "key"), 0o640) }, "only its owner can read"},
		"writable directory": {func(_ *testing.T, dir string) error { return os.Chmod(dir, 0o770) }, "replace its key"},
		"another's key": {func(t *testing.T, dir string) error {
			if os.Geteuid() != 0 {
				t.Skip("only root can give files away")
			}
			return os.Chown(filepath.Join(dir, "key"), 1, 1)
		}, "belongs to user 1"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "cache")
			if _, err := codecache.Open(dir); err != nil {
				t.Fatal(err)
			}
			if err := test.change(t, dir); err != nil {
				t.Fatal(err)
			}
			err := codecache.Check(dir)
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}
