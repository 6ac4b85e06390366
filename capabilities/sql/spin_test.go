package sql_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/capabilities/provider/sqlite"
	"github.com/writ-host/writ/capabilities/sql"
	"github.com/writ-host/writ/wit"
)

// spinGuest is newGuest for what Spin calls the same databases.
func spinGuest(t *testing.T, lines ...string) *guest {
	t.Helper()
	g := newGuest(t, lines...)
	g.binding = g.spin
	return g
}

// sqlite is a statement's outcome as text.
func (g *guest) sqlite(on wit.Value, statement string, parameters ...wit.Value) string {
	g.t.Helper()
	ok, v := g.call("[method]connection.execute", on, wit.String(statement), wit.List(parameters...))
	if !ok {
		return spinProblem(v)
	}
	var lines []string
	for _, row := range v.Items()[1].Items() {
		var values []string
		for _, value := range row.Items()[0].Items() {
			p, _ := value.Payload()
			values = append(values, []string{fmt.Sprint(p.Int()), fmt.Sprint(p.F64()), p.Text(), fmt.Sprintf("%x", p.Bytes()), "null"}[value.Case()])
		}
		lines = append(lines, strings.Join(values, " "))
	}
	return "ok " + strings.Join(lines, ",")
}

func spinProblem(v wit.Value) string {
	p, _ := v.Payload()
	return strings.TrimSpace([]string{"no-such-database", "access-denied", "invalid-connection", "database-full", "io"}[v.Case()] + " " + p.Text())
}

func TestSpinSQLiteIsDecidedAlike(t *testing.T) {
	g := spinGuest(t, "select orders", "insert orders")
	if ok, v := g.call("[static]connection.open", wit.String("other")); ok || spinProblem(v) != "access-denied" {
		t.Errorf("open other: %v", ok)
	}
	_, db := g.call("[static]connection.open", wit.String("main"))
	integer, real, text, blob := wit.S64(-7), wit.Float64(2.5), wit.String("cup"), wit.Bytes([]byte{1, 255})
	tests := []struct {
		statement  string
		parameters []wit.Value
		want       string
	}{
		{"SELECT * FROM orders", nil, "ok 1 tea,2 pot"},
		{"SELECT ?, ?, ?, ?, ?", []wit.Value{wit.Variant(0, &integer), wit.Variant(1, &real), wit.Variant(2, &text), wit.Variant(3, &blob), wit.Variant(4, nil)}, "ok -7 2.5 cup 01ff null"},
		{"INSERT INTO orders(item) VALUES (?)", []wit.Value{wit.Variant(2, &text)}, "ok "},
		{"SELECT count(*) FROM orders", nil, "ok 3"},
		{"DELETE FROM orders", nil, "access-denied"},
		{"SELECT word FROM secrets", nil, "access-denied"},
		{"INSERT INTO orders(item) SELECT word FROM secrets", nil, "access-denied"},
		{"CREATE TABLE mine(x)", nil, "access-denied"},
	}
	for _, test := range tests {
		if got := g.sqlite(db, test.statement, test.parameters...); got != test.want {
			t.Errorf("%s: %s, and not %s", test.statement, got, test.want)
		}
	}
	for _, statement := range []string{"SELEC", "BEGIN", "PRAGMA user_version", "INSERT INTO orders VALUES (1, 'x')", "SELECT ?",
		"SELECT '" + strings.Repeat("x", sql.MaxStatement) + "'"} {
		if got := g.sqlite(db, statement); !strings.HasPrefix(got, "io ") {
			t.Errorf("%.40s: %s", statement, got)
		}
	}
	delete(g.grants, "select orders")
	if got := g.sqlite(db, "SELECT * FROM orders"); got != "access-denied" {
		t.Errorf("after the revocation: %s", got)
	}
}

// Rows come at once, also those that the database gives in parts, up to a limit.
func TestSpinSQLiteCollectsRows(t *testing.T) {
	g := spinGuest(t, "*")
	_, db := g.call("[static]connection.open", wit.String("main"))
	many := "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) SELECT i, %s FROM n"
	ok, v := g.call("[method]connection.execute", db, wit.String(fmt.Sprintf(many, 20_000, "'x'")), wit.List())
	if !ok || v.Items()[1].Len() != 20_000 {
		t.Fatalf("%v, %d rows", ok, v.Items()[1].Len())
	}
	if got := g.sqlite(db, fmt.Sprintf(many, 40, "hex(zeroblob(300000))")); !strings.HasPrefix(got, "io the rows have more than") {
		t.Errorf("%.100s", got)
	}
	if got := g.sqlite(db, "SELECT 1"); got != "ok 1" {
		t.Errorf("after it: %s", got)
	}
}

// Spin 3 asks what the last insertion did.
func TestSpinSQLiteOfVersion3(t *testing.T) {
	g := newGuest(t, "select orders", "insert orders", "update orders")
	g.binding = g.spin3
	_, db := g.call("[static]connection.open", wit.String("main"))
	_, other := g.call("[static]connection.open", wit.String("main"))
	ask := func(on wit.Value, name string) (int64, error) {
		c := &wit.Call{Func: g.binding.Interface.Func(name), Args: []wit.Value{on}, Data: g.instance}
		err := g.binding.Funcs[name](t.Context(), c)
		return c.Result.Int(), err
	}
	for _, test := range []struct {
		on              wit.Value
		statement, want string
		changes         int64
	}{
		{db, "SELECT 1", "ok 1", 0},
		{db, "INSERT INTO orders(item) VALUES ('cup')", "ok ", 1},
		{other, "INSERT INTO orders(item) VALUES ('a'), ('b') RETURNING id", "ok 4,5", 2},
		{db, "SELECT count(*) FROM orders", "ok 5", 1},
		{db, "UPDATE orders SET item = 'x' WHERE id > 2", "ok ", 3},
		{db, "INSERT INTO secrets VALUES ('x')", "access-denied", 3},
	} {
		if got := g.sqlite(test.on, test.statement); got != test.want {
			t.Errorf("%s: %s, and not %s", test.statement, got, test.want)
		}
		if n, err := ask(test.on, "[method]connection.changes"); n != test.changes || err != nil {
			t.Errorf("%s: %d changes, %v; want %d", test.statement, n, err, test.changes)
		}
	}
	if _, err := ask(db, "[method]connection.last-insert-rowid"); err == nil || !strings.Contains(err.Error(), "RETURNING") {
		t.Errorf("last-insert-rowid: %v", err)
	}
}

// A database that is not there is told from one that is not granted.
func TestSpinSQLiteWithoutDatabase(t *testing.T) {
	d, err := sqlite.Open(t.TempDir() + "/data.db")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	c, err := sql.New(sql.Config{Databases: map[string]sql.Database{"elsewhere": {Backend: d}}})
	if err != nil {
		t.Fatal(err)
	}
	g := &guest{t: t, binding: capabilities.Guard(c)[1], grants: grants{"*": true}}
	g.instance = &capabilities.Instance{App: "app", Component: "c", Subject: g.grants}
	if ok, v := g.call("[static]connection.open", wit.String("main")); ok || spinProblem(v) != "no-such-database" {
		t.Errorf("open: %v", ok)
	}
}
