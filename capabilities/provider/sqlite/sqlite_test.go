package sqlite

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/writ-host/writ/capabilities/sql/backend"
)

var at = backend.Caller{Database: "main", App: "app", Component: "c"}

// operator has the schema of the tests as an operator made it: with what
// components cannot make.
const operator = `
CREATE TABLE orders(id INTEGER PRIMARY KEY, item TEXT NOT NULL, price DECIMAL TEXT, customer INTEGER REFERENCES customers(id) ON DELETE CASCADE);
CREATE TABLE customers(id INTEGER PRIMARY KEY, name TEXT UNIQUE);
CREATE TABLE secrets(id INTEGER PRIMARY KEY, word TEXT);
CREATE TABLE audited(id INTEGER PRIMARY KEY, n INT CHECK (n > 0));
CREATE TABLE audit(what TEXT);
CREATE TRIGGER watch AFTER INSERT ON audited BEGIN INSERT INTO audit SELECT word FROM secrets; END;
CREATE TABLE latest(id INTEGER PRIMARY KEY ON CONFLICT REPLACE, a TEXT);
CREATE TABLE doubled(a INT, b INT AS (a * 2) STORED);
CREATE VIEW door AS SELECT id FROM orders;
CREATE TRIGGER door_in INSTEAD OF INSERT ON door BEGIN INSERT OR REPLACE INTO secrets VALUES (1, 'x'); END;
CREATE VIEW open_orders AS SELECT id, item FROM orders;
CREATE VIEW nested AS SELECT * FROM leak;
CREATE VIEW leak AS SELECT word AS item FROM secrets;
CREATE TABLE types(b BOOLEAN, i INTEGER, d DOUBLE, n DECIMAL TEXT, t TEXT, x BLOB, day DATE, tm TIME, dt DATETIME, ts TIMESTAMP, j JSON TEXT, u UUID TEXT, a TEXT[]);
INSERT INTO secrets VALUES (1, 'xyzzy'), (2, 'plugh');
INSERT INTO customers VALUES (1, 'Ann'), (2, 'Bob');
INSERT INTO orders VALUES (1, 'tea', '2.50', 1), (2, 'pot', '12.00', 2);`

func newDatabase(t testing.TB) *Database {
	t.Helper()
	d, err := Open(filepath.Join(t.TempDir(), "data.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	c, err := d.writer.get(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.own(operator); err != nil {
		t.Fatal(err)
	}
	d.writer.put(c)
	return d
}

// allow is accesses as "select orders, insert orders".
func allow(list string) []backend.Access {
	var out []backend.Access
	for part := range strings.SplitSeq(list, ",") {
		if verb, table, ok := strings.Cut(strings.TrimSpace(part), " "); ok {
			out = append(out, backend.Access{Verb: verb, Table: table})
		}
	}
	return out
}

func show(list []backend.Access) string {
	var out []string
	for _, a := range list {
		out = append(out, a.Verb+" "+a.Table)
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func TestWhatStatementsTouch(t *testing.T) {
	d := newDatabase(t)
	tests := []struct{ statement, accesses string }{
		{"SELECT 1", ""},
		{"VALUES (1, 'a')", ""},
		{"SELECT id FROM orders", "select orders"},
		{"select ID from ORDERS;", "select orders"},
		{"SELECT count(*) FROM Orders -- and no more", "select orders"},
		{`SELECT * FROM "orders" WHERE id = ?`, "select orders"},
		{"SELECT * FROM main.orders", "select orders"},
		{"INSERT INTO customers(name) VALUES (?)", "insert customers"},
		{"INSERT INTO customers(name) VALUES (?) RETURNING id", "insert customers, select customers, select orders"},
		{"INSERT INTO customers(id, name) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET name = excluded.name", "insert customers, select customers, update customers"},
		{"INSERT INTO customers(name) SELECT word FROM secrets", "insert customers, select orders, select secrets"},
		{"UPDATE customers SET name = 'x'", "update customers"},
		{"UPDATE customers SET name = 'x' WHERE id = 1", "select customers, update customers"},
		{"DELETE FROM secrets", "delete secrets"},
		{"UPDATE customers SET name = (SELECT word FROM secrets LIMIT 1)", "select secrets, update customers"},
		{"REPLACE INTO customers VALUES (9, 'z')", "delete customers, delete orders, insert customers, select customers, select orders"},
		// Rows that make room for others.
		{"REPLACE INTO secrets VALUES (1, 'x')", "delete secrets, insert secrets"},
		{"INSERT OR/**/REPLACE/**/INTO secrets VALUES (1, 'x')", "delete secrets, insert secrets"},
		{"WITH a(x) AS (SELECT 1) replace INTO secrets(id) SELECT x FROM a", "delete secrets, insert secrets"},
		{"UPDATE OR REPLACE secrets SET id = 1", "delete secrets, update secrets"},
		{"INSERT INTO latest VALUES (1, 'x')", "delete latest, insert latest"},
		{"INSERT INTO door VALUES (1)", "delete door, delete secrets, insert door, insert secrets"},
		{"UPDATE customers SET name = replace(name, 'OR REPLACE', '') -- REPLACE", "select customers, update customers"},
		{"INSERT OR IGNORE INTO secrets VALUES (1, 'x')", "insert secrets"},
		// What a change reads besides.
		{"UPDATE customers SET name = word FROM secrets WHERE secrets.id = customers.id", "select customers, select secrets, update customers"},
		{"DELETE FROM audit RETURNING (SELECT word FROM secrets)", "delete audit, select secrets"},
		{"UPDATE secrets SET word = 'x' RETURNING word", "select secrets, update secrets"},
		{"WITH a AS (SELECT word FROM secrets) INSERT INTO audit SELECT word FROM a", "insert audit, select secrets"},
		{"INSERT INTO audit SELECT sql FROM sqlite_master", "insert audit, select sqlite_schema"},
		{"INSERT INTO doubled VALUES (1)", "insert doubled"},
		{"DELETE FROM customers", "delete customers, delete orders, select customers, select orders"},
		// Names.
		{"SELECT * FROM [secrets]", "select secrets"},
		{"SELECT * FROM `SECRETS`", "select secrets"},
		{"SELECT 'main'.'secrets'.id FROM secrets", "select secrets"},
		{"SELECT secrets.id FROM orders AS secrets", "select orders"},
		{"SELECT rowid FROM secrets", "select secrets"},
		// Common table expressions and subqueries.
		{"SELECT 1 WHERE 'x' IN audit", "select audit"},
		{"SELECT * FROM orders WHERE (id, item) IN (SELECT id, word FROM secrets)", "select orders, select secrets"},
		{"SELECT id FROM orders LIMIT (SELECT id FROM secrets)", "select orders, select secrets"},
		{"SELECT sum(id) OVER (PARTITION BY (SELECT word FROM secrets)) FROM orders", "select orders, select secrets"},
		{"SELECT EXISTS (SELECT 1 FROM secrets)", "select secrets"},
		{"SELECT 1 FROM orders NATURAL JOIN secrets", "select orders, select secrets"},
		{"VALUES ((SELECT word FROM secrets))", "select secrets"},
		{"SELECT * FROM json_each((SELECT json_group_array(word) FROM secrets))", "select secrets"},
		{"EXPLAIN SELECT word FROM secrets", "select secrets"},
		{"EXPLAIN QUERY PLAN DELETE FROM secrets", "delete secrets"},
		{"WITH a AS (SELECT word FROM secrets) SELECT * FROM a", "select secrets"},
		{"WITH a AS (SELECT 1) SELECT count(*) FROM a", ""},
		{"WITH orders AS (SELECT word FROM secrets) SELECT * FROM orders", "select secrets"},
		{"WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT n FROM r", ""},
		{"SELECT (SELECT word FROM secrets LIMIT 1)", "select secrets"},
		{"SELECT * FROM orders WHERE EXISTS (SELECT 1 FROM secrets)", "select orders, select secrets"},
		{"SELECT id FROM orders UNION SELECT id FROM secrets", "select orders, select secrets"},
		{"SELECT 1 FROM orders, (SELECT word FROM secrets)", "select orders, select secrets"},
		{"SELECT id FROM orders ORDER BY (SELECT word FROM secrets)", "select orders, select secrets"},
		{"SELECT count(*) FILTER (WHERE EXISTS (SELECT 1 FROM secrets)) FROM orders", "select orders, select secrets"},
		// Views, triggers and foreign keys.
		{"SELECT * FROM open_orders", "select open_orders, select orders"},
		{"SELECT item FROM nested", "select leak, select nested, select secrets"},
		{"INSERT INTO audited VALUES (5, 1)", "insert audit, insert audited, select secrets"},
		{"INSERT INTO orders(item, customer) VALUES ('x', 1)", "insert orders, select customers"},
		// Changes of the schema.
		{"CREATE TABLE mine(id INTEGER PRIMARY KEY AUTOINCREMENT)", "ddl mine"},
		{"CREATE TABLE Mine(id INT UNIQUE)", "ddl mine"},
		{"CREATE INDEX i ON orders(item)", "ddl orders"},
		{"CREATE VIEW v AS SELECT * FROM secrets", "ddl v"},
		{"DROP VIEW leak", "ddl leak"},
		{"ALTER TABLE orders ADD COLUMN note TEXT NOT NULL DEFAULT ''", "ddl orders"},
		{"CREATE TABLE copy AS SELECT word FROM secrets", "ddl copy, select secrets"},
		{"CREATE TABLE mine(a, b AS (abs(a)), CHECK (a > 0))", "ddl mine"},
		{"CREATE UNIQUE INDEX i ON orders(lower(item)) WHERE id > 1", "ddl orders"},
		{"ALTER TABLE orders ADD COLUMN secret REFERENCES secrets(id)", "ddl orders"},
		{"ALTER TABLE orders RENAME COLUMN price TO cost", "ddl orders"},
		{"ALTER TABLE orders DROP COLUMN price", "ddl orders"},
		{"DROP TABLE customers", "ddl customers, delete orders, select orders"},
		{"SELECT sql FROM sqlite_master", "select sqlite_schema"},
		{"SELECT count(*) FROM sqlite_schema", "select sqlite_schema"},
		{"CREATE TABLE copy AS SELECT sql FROM sqlite_master", "ddl copy, select sqlite_schema"},
		{"SELECT j.value FROM orders, json_each('[1]') AS j", "select orders"},
	}
	for _, test := range tests {
		p, err := d.Prepare(context.Background(), at, test.statement)
		if err != nil || show(p.Accesses) != test.accesses {
			t.Errorf("%s\n touches %s (%v), and not %s", test.statement, show(p.Accesses), err, test.accesses)
			continue
		}
		// Each of them is needed.
		for i := range p.Accesses {
			less := slices.Delete(slices.Clone(p.Accesses), i, i+1)
			if _, err := d.Execute(context.Background(), at, backend.Statement{Text: test.statement, Allowed: less}); !backend.Is(err, backend.Stale) {
				t.Errorf("%s\n without %v: %v", test.statement, p.Accesses[i], err)
			}
		}
	}
}

func TestEvasionsAreRefused(t *testing.T) {
	d := newDatabase(t)
	tests := []struct {
		statement string
		code      backend.Code
	}{
		{"SELECT 1; SELECT word FROM secrets", backend.NotAllowed},
		{"SELECT 1; DROP TABLE secrets", backend.NotAllowed},
		{"SELECT 1;;/* */;DELETE FROM secrets", backend.NotAllowed},
		{"SELECT 1;\x00DROP TABLE secrets", backend.Syntax},
		{"SELECT 1; nonsense", backend.NotAllowed},
		{"", backend.Syntax},
		{"-- nothing", backend.Syntax},
		{"ATTACH DATABASE '/tmp/x.db' AS x", backend.NotAllowed},
		{"DETACH DATABASE main", backend.NotAllowed},
		{"PRAGMA table_info(secrets)", backend.NotAllowed},
		{"PRAGMA writable_schema = 1", backend.NotAllowed},
		{"PRAGMA journal_mode = delete", backend.NotAllowed},
		{"SELECT * FROM pragma_table_info('secrets')", backend.NotAllowed},
		{"SELECT * FROM pragma_database_list", backend.NotAllowed},
		{"BEGIN", backend.NotAllowed},
		{"COMMIT", backend.NotAllowed},
		{"SAVEPOINT a", backend.NotAllowed},
		{"RELEASE writ", backend.NotAllowed},
		{"ROLLBACK", backend.NotAllowed},
		{"VACUUM", backend.NotAllowed},
		{"VACUUM INTO '/tmp/stolen.db'", backend.NotAllowed},
		{"ANALYZE", backend.NotAllowed},
		{"REINDEX", backend.NotAllowed},
		{"REINDEX customers", backend.NotAllowed},
		{"CREATE TEMP TABLE orders(id)", backend.NotAllowed},
		{"CREATE TABLE temp.orders(id)", backend.NotAllowed},
		{"CREATE TEMP VIEW orders AS SELECT * FROM secrets", backend.NotAllowed},
		{"CREATE TEMP TRIGGER x AFTER INSERT ON orders BEGIN DELETE FROM secrets; END", backend.NotAllowed},
		{"CREATE TRIGGER x AFTER INSERT ON orders BEGIN DELETE FROM secrets; END", backend.NotAllowed},
		{"CREATE VIRTUAL TABLE v USING fts5(a)", backend.NotAllowed},
		{"ALTER TABLE orders RENAME TO secrets2", backend.NotAllowed},
		{"SELECT load_extension('/tmp/x.so')", backend.Syntax},
		{"CREATE TABLE v(a DEFAULT (changes()))", backend.NotAllowed},
		{"CREATE TABLE v(a, b AS (load_extension(a)))", backend.Syntax},
		{"CREATE TABLE v(a CHECK (a IN (SELECT word FROM secrets)))", backend.Syntax},
		{"CREATE TABLE sqlite_x(a)", backend.Syntax},
		{"CREATE INDEX i ON orders(item) WHERE id IN (SELECT id FROM secrets)", backend.Syntax},
		{"SELECT * FROM temp.orders", backend.Syntax},
		{"SELECT * FROM sqlite_temp_schema", backend.NotAllowed},
		{"SELECT * FROM sqlite_stat1", backend.Syntax},
		{"SELECT * FROM pragma_function_list", backend.NotAllowed},
		{"SELECT * FROM pragma_module_list()", backend.NotAllowed},
		{"SELECT * FROM bytecode('SELECT word FROM secrets')", backend.Syntax},
		{"SELECT * FROM tables_used('SELECT 1')", backend.Syntax},
		{"SELECT * FROM sqlite_stmt", backend.Syntax},
		{"SELECT * FROM fts5vocab", backend.Syntax},
		{"SELECT * FROM fsdir('/')", backend.Syntax},
		{"SELECT writefile('/tmp/x', 'x'), edit('x')", backend.Syntax},
		{"END", backend.NotAllowed},
		{"BEGIN IMMEDIATE", backend.NotAllowed},
		{"SELECT readfile('/etc/passwd')", backend.Syntax},
		{"SELECT changes()", backend.NotAllowed},
		{"SELECT last_insert_rowid()", backend.NotAllowed},
		{"SELECT sqlite_version()", backend.NotAllowed},
		{"SELECT sqlite_compileoption_get(0)", backend.NotAllowed},
		{"SELECT fts3_tokenizer('a')", backend.Syntax},
		{"SELECT * FROM dbstat", backend.Syntax},
		{"SELECT * FROM sqlite_dbpage", backend.Syntax},
		{"SELECT * FROM sqlite_temp_master", backend.NotAllowed},
		{"INSERT INTO sqlite_master VALUES ('table', 'x', 'x', 0, 'x')", backend.Syntax},
		{"UPDATE sqlite_schema SET sql = ''", backend.Syntax},
		{"DELETE FROM sqlite_master", backend.Syntax},
		{"DROP TABLE sqlite_master", backend.Syntax},
		{"SELECT * FROM information_schema.tables", backend.Syntax},
		{`SELECT "no such column"`, backend.Syntax},
		{"SELECT '" + strings.Repeat("x", maxStatement) + "'", backend.TooLarge},
		{"SELECT " + strings.Repeat("abs(", 300) + "1" + strings.Repeat(")", 300), backend.Syntax},
	}
	everything := allow("select secrets, select orders, select customers, delete secrets, insert orders, ddl orders, ddl secrets, ddl x, ddl v")
	for _, test := range tests {
		short := test.statement[:min(len(test.statement), 80)]
		if p, err := d.Prepare(context.Background(), at, test.statement); !backend.Is(err, test.code) {
			t.Errorf("prepare %q: %v, accesses %v", short, err, show(p.Accesses))
		}
		if _, err := d.Execute(context.Background(), at, backend.Statement{Text: test.statement, Allowed: everything}); !backend.Is(err, test.code) {
			t.Errorf("execute %q: %v", short, err)
		}
	}
}

// run executes with whatever the statement touches.
func run(t testing.TB, d *Database, text string, parameters ...backend.Value) (backend.Result, error) {
	t.Helper()
	p, err := d.Prepare(context.Background(), at, text)
	if err != nil {
		return backend.Result{}, err
	}
	return d.Execute(context.Background(), at, backend.Statement{Text: text, Parameters: parameters, Allowed: p.Accesses})
}

func must(t testing.TB, d *Database, text string, parameters ...backend.Value) backend.Result {
	t.Helper()
	r, err := run(t, d, text, parameters...)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return r
}

func TestSchemaChangesReachCompiledStatements(t *testing.T) {
	d := newDatabase(t)
	must(t, d, "CREATE VIEW mine AS SELECT id FROM orders")
	s := backend.Statement{Text: "SELECT * FROM mine", Allowed: allow("select mine, select orders")}
	if r, err := d.Execute(context.Background(), at, s); err != nil || len(r.Rows.Rows) != 2 {
		t.Fatal(r, err)
	}
	must(t, d, "DROP VIEW mine")
	must(t, d, "CREATE VIEW mine AS SELECT word AS id FROM secrets")
	for range 3 {
		if r, err := d.Execute(context.Background(), at, s); !backend.Is(err, backend.Stale) {
			t.Fatal("the new view was read:", r, err)
		}
	}
	p, err := d.Prepare(context.Background(), at, s.Text)
	if err != nil || show(p.Accesses) != "select mine, select secrets" {
		t.Fatal(show(p.Accesses), err)
	}
}

func TestColumnsChange(t *testing.T) {
	d := newDatabase(t)
	must(t, d, "SELECT * FROM orders WHERE id = 1") // on a connection that knows the table as it was
	must(t, d, "ALTER TABLE orders RENAME COLUMN price TO cost")
	must(t, d, "ALTER TABLE orders DROP COLUMN cost")
	must(t, d, "ALTER TABLE orders ADD COLUMN note TEXT NOT NULL DEFAULT 'none'")
	for range 2 {
		r := must(t, d, "SELECT * FROM orders WHERE id = 1")
		if names := fmt.Sprint(r.Columns); names != "[{id INTEGER} {item TEXT} {customer INTEGER} {note TEXT}]" || fmt.Sprint(r.Rows.Rows[0][3].Text) != "none" {
			t.Errorf("the columns are %s, and a row is %v", names, r.Rows.Rows[0])
		}
	}
}

func TestValuesSurvive(t *testing.T) {
	d := newDatabase(t)
	row := []backend.Value{
		backend.Bool(true), backend.Int(-1 << 63), backend.Float(-0.5), backend.String(backend.Decimal, "12345678901234567890.10"),
		backend.String(backend.Text, "žluťoučký\x00 kůň"), {Kind: backend.Blob, Bytes: []byte{0, 255}}, {Kind: backend.Date, Int: -1},
		{Kind: backend.Time, Int: 86399_999_999}, {Kind: backend.DateTime, Int: -1}, {Kind: backend.Timestamp, Int: 1_700_000_000_123_456},
		backend.String(backend.JSON, `{"a":[1]}`), backend.String(backend.UUID, "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"),
		{Kind: backend.Array, Items: []backend.Value{backend.String(backend.Text, "a"), {}, backend.Int(1), backend.Bool(false)}},
	}
	must(t, d, "INSERT INTO types VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13)", row...)
	must(t, d, "INSERT INTO types VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13)", make([]backend.Value, len(row))...)
	r := must(t, d, "SELECT * FROM types ORDER BY i DESC NULLS LAST")
	if got := r.Rows.Rows[0]; fmt.Sprint(got) != fmt.Sprint(row) {
		t.Errorf("came back as\n%v\nand not\n%v", got, row)
	}
	for i, v := range r.Rows.Rows[1] {
		if v.Kind != backend.Null {
			t.Errorf("column %d: null came back as %v", i, v)
		}
	}
}

func TestFailures(t *testing.T) {
	d := newDatabase(t)
	tests := []struct {
		statement string
		code      backend.Code
		violated  backend.Violated
	}{
		{"INSERT INTO customers VALUES (1, 'x')", backend.Constraint, backend.Unique},
		{"INSERT INTO customers VALUES (7, 'Ann')", backend.Constraint, backend.Unique},
		{"INSERT INTO orders(item) VALUES (NULL)", backend.Constraint, backend.NotNull},
		{"INSERT INTO orders(item, customer) VALUES ('x', 77)", backend.Constraint, backend.ForeignKey},
		{"INSERT INTO audited VALUES (1, -1)", backend.Constraint, backend.Check},
		{"SELEC 1", backend.Syntax, 0},
		{"SELECT nothing FROM orders", backend.Syntax, 0},
		{"SELECT * FROM nowhere", backend.Syntax, 0},
		{"SELECT ?", backend.Invalid, 0},
	}
	for _, test := range tests {
		_, err := run(t, d, test.statement)
		if e := backend.AsError(err); e == nil || e.Code != test.code || e.Violated != test.violated {
			t.Errorf("%s: %v", test.statement, err)
		}
	}
}

func TestHeldThingsAreTheirOwners(t *testing.T) {
	d := newDatabase(t)
	ctx, other := context.Background(), at
	other.Component = "other"
	id, err := d.Begin(ctx, at, backend.ReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	s := backend.Statement{Text: "DELETE FROM secrets", Allowed: allow("delete secrets"), Transaction: id}
	if _, err := d.Execute(ctx, other, s); !backend.Is(err, backend.Closed) {
		t.Errorf("another component's transaction: %v", err)
	}
	if err := d.End(ctx, other, id, true); !backend.Is(err, backend.Closed) {
		t.Errorf("another component's commit: %v", err)
	}
	if r, err := d.Execute(ctx, at, s); err != nil || r.Affected != 2 {
		t.Errorf("deleted %d: %v", r.Affected, err)
	}
	if err := d.End(ctx, at, id, false); err != nil {
		t.Error(err)
	}
	if r := must(t, d, "SELECT count(*) FROM secrets"); r.Rows.Rows[0][0].Int != 2 {
		t.Errorf("%d secrets are left", r.Rows.Rows[0][0].Int)
	}
}

func TestWritesThatReturnTooMuchAreUndone(t *testing.T) {
	d := newDatabase(t)
	much := "WITH RECURSIVE s(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM s WHERE i < 1100) INSERT INTO secrets SELECT i, printf('%.20000c', 'x') FROM s RETURNING word"
	if _, err := run(t, d, much); !backend.Is(err, backend.TooLarge) {
		t.Fatal(err)
	}
	if r := must(t, d, "SELECT count(*) FROM secrets"); r.Rows.Rows[0][0].Int != 2 {
		t.Errorf("%d secrets are left", r.Rows.Rows[0][0].Int)
	}
}

func TestLateStatementsEnd(t *testing.T) {
	d := newDatabase(t)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	endless := "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s) SELECT max(i) FROM s"
	if _, err := d.Execute(ctx, at, backend.Statement{Text: endless}); !backend.Is(err, backend.Deadline) {
		t.Errorf("it ended with %v", err)
	}
}
