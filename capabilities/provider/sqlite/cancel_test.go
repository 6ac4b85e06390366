package sqlite

import (
	"context"
	"testing"
	"time"

	"github.com/writ-host/writ/capabilities/sql/backend"
)

// TestCancelledStatementsEnd has a statement that would never end, and holds
// the database's only lock, cancelled by who asked for it.
func TestCancelledStatementsEnd(t *testing.T) {
	c := processConfig(t)
	c.CallTimeout = time.Hour
	db := launch(t, c).SQL()
	do := func(ctx context.Context, text string, may string) error {
		_, err := db.Execute(ctx, at, backend.Statement{Text: text, Allowed: allow(may)})
		return err
	}
	if err := do(t.Context(), "CREATE TABLE numbers(n INT)", "ddl numbers"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	endless := "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s) INSERT INTO numbers SELECT i FROM s WHERE i < 0"
	if err := do(ctx, endless, "insert numbers"); !backend.Is(err, backend.Deadline) {
		t.Errorf("cancelled: %v", err)
	}
	soon, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	for {
		err := do(soon, "INSERT INTO numbers VALUES (1)", "insert numbers")
		if err == nil {
			return
		}
		if soon.Err() != nil {
			t.Fatalf("the statement goes on, and holds the lock: %v", err)
		}
	}
}
