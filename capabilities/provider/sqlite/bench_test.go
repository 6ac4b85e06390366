package sqlite

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/writ-host/writ/capabilities/provider"
	"github.com/writ-host/writ/capabilities/sql/backend"
)

// TestMain also is the launcher stage and the provider's program.
func TestMain(m *testing.M) {
	var err error
	switch {
	case len(os.Args) > 2 && os.Args[1] == "exec":
		err = provider.Exec(os.Args[2:])
	case len(os.Args) > 1 && os.Args[1] == "serve":
		err = Serve()
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// processConfig is the provider as the host runs it.
func processConfig(t testing.TB) provider.Config {
	return provider.Config{Name: "sql", Args: []string{"serve"}, Launcher: []string{"exec"},
		StartTimeout: time.Minute, CallTimeout: time.Minute, // on any machine
		DataDir: filepath.Join(t.TempDir(), "data"), Accept: []string{provider.PartFiles, provider.PartNetwork, provider.PartScope, provider.PartSyscalls, provider.PartProcesses}}
}

func launch(t testing.TB, c provider.Config) *provider.Provider {
	t.Helper()
	p, err := provider.Launch(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func process(t testing.TB) *provider.Provider {
	t.Helper()
	return launch(t, processConfig(t))
}

// fill makes a table of 10,000 rows.
func fill(t testing.TB, db backend.SQL) {
	t.Helper()
	for _, s := range []backend.Statement{
		{Text: "CREATE TABLE points(id INTEGER PRIMARY KEY, name TEXT, n INT)", Allowed: allow("ddl points")},
		{Text: "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 10000) INSERT INTO points SELECT i, 'name' || i, i FROM s",
			Allowed: allow("insert points")},
	} {
		if _, err := db.Execute(context.Background(), at, s); err != nil {
			t.Fatal(err)
		}
	}
}

func point(db backend.SQL, id int64) error {
	r, err := db.Execute(context.Background(), at, backend.Statement{Text: "SELECT name, n FROM points WHERE id = ?",
		Parameters: []backend.Value{backend.Int(id)}, Allowed: allow("select points")})
	if err == nil && (len(r.Rows.Rows) != 1 || r.Rows.Rows[0][1].Int != id) {
		err = fmt.Errorf("point %d is %v", id, r.Rows.Rows)
	}
	return err
}

func TestAsAProcess(t *testing.T) {
	db := process(t).SQL()
	fill(t, db)
	if err := point(db, 77); err != nil {
		t.Error(err)
	}
	if _, err := db.Execute(context.Background(), at, backend.Statement{Text: "SELECT name FROM points"}); !backend.Is(err, backend.Stale) {
		t.Errorf("not allowed, and done: %v", err)
	}
	r, err := db.Execute(context.Background(), at, backend.Statement{Text: "SELECT id FROM points", Allowed: allow("select points")})
	n := len(r.Rows.Rows)
	for rows := r.Rows; err == nil && rows.Cursor != 0; n += len(rows.Rows) {
		rows, err = db.Fetch(context.Background(), at, r.Cursor, 0)
	}
	if err != nil || n != 10000 {
		t.Errorf("%d rows came: %v", n, err)
	}
}

// BenchmarkPoint is a hot select of one row by its key, through the provider
// and by the same library in this process.
func BenchmarkPoint(b *testing.B) {
	remote, local := process(b).SQL(), newDatabase(b)
	fill(b, remote)
	fill(b, local)
	for _, n := range []int{1, 64} {
		for name, db := range map[string]backend.SQL{"provider": remote, "in-process": local} {
			b.Run(name+"/"+strconv.Itoa(n), func(b *testing.B) { callers(b, n, db) })
		}
	}
}

// callers shares b.N selects among n callers.
func callers(b *testing.B, n int, db backend.SQL) {
	var wg sync.WaitGroup
	b.ReportAllocs()
	for c := range n {
		wg.Go(func() {
			for i := c; i < b.N; i += n {
				if err := point(db, int64(i%10000)+1); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}
