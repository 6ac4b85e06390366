package sqlite

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// After a kill the first connections find a log to recover, all at once: the
// others wait for the one that does.
func TestConnectionsOpenAtOnceAfterAKill(t *testing.T) {
	d := newDatabase(t)
	from := d.writer.path
	for range 40 {
		path := filepath.Join(t.TempDir(), "data.db")
		for _, part := range []string{"", "-wal"} { // as a kill leaves it
			data, err := os.ReadFile(from + part)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path+part, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		killed := &Database{writer: newPool(path, 1), readers: newPool(path, maxReaders)}
		start := make(chan struct{})
		var all sync.WaitGroup
		for range maxReaders {
			all.Go(func() {
				<-start
				if _, err := killed.Prepare(context.Background(), at, "SELECT id FROM orders"); err != nil {
					t.Error(err)
				}
			})
		}
		close(start)
		all.Wait()
		_ = killed.Close()
	}
}
