package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-host/writ/capabilities/sql/backend"
)

var at = backend.Caller{Database: "main", App: "app", Component: "c", Grant: "g"}

// operator has the schema of the tests as an operator made it: with what
// components cannot make.
const operator = `
CREATE TABLE customers(id int PRIMARY KEY, name text UNIQUE);
CREATE TABLE orders(id int PRIMARY KEY, item text NOT NULL, price numeric, customer int REFERENCES customers(id));
CREATE TABLE secrets(id int PRIMARY KEY, word text);
CREATE TABLE checked(n int CHECK (n > 0));
CREATE TABLE ruled(id int);
CREATE RULE r AS ON INSERT TO ruled DO ALSO INSERT INTO secrets VALUES (9, 'r');
CREATE VIEW open_orders AS SELECT id, item FROM orders;
CREATE VIEW leak AS SELECT word AS item FROM secrets;
CREATE VIEW nested AS SELECT * FROM leak;
CREATE VIEW tables AS SELECT relname::text FROM pg_class;
CREATE FUNCTION lower(int) RETURNS text LANGUAGE sql AS 'SELECT word FROM secrets LIMIT 1' SECURITY DEFINER;
CREATE FUNCTION steal() RETURNS text LANGUAGE sql AS 'SELECT word FROM secrets LIMIT 1' SECURITY DEFINER;
CREATE FUNCTION whole(orders) RETURNS text LANGUAGE sql AS 'SELECT word FROM secrets LIMIT 1' SECURITY DEFINER;
CREATE FUNCTION any_row(anyelement) RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT word FROM secrets LIMIT 1); END';
CREATE FUNCTION two(int, text) RETURNS boolean LANGUAGE sql AS 'SELECT count(*) > 0 FROM secrets' SECURITY DEFINER;
CREATE OPERATOR @#@ (LEFTARG = int, RIGHTARG = text, FUNCTION = two);
CREATE TYPE mood AS ENUM ('fine');
CREATE FUNCTION to_mood(int) RETURNS mood LANGUAGE sql AS 'SELECT NULL::mood FROM secrets';
CREATE CAST (int AS mood) WITH FUNCTION to_mood(int);
CREATE AGGREGATE every(text) (SFUNC = textcat, STYPE = text);
CREATE TABLE parents(id int PRIMARY KEY, name text);
CREATE TABLE children(id int PRIMARY KEY, parent int REFERENCES parents(id) ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE toys(child int REFERENCES children(id) ON DELETE SET NULL);
CREATE VIEW named AS SELECT id AS number FROM parents;
CREATE INDEX by_word ON secrets(word);
CREATE TABLE types(b boolean, i bigint, d double precision, n numeric, t text, x bytea, day date, tm time, dt timestamp, ts timestamptz, j jsonb, u uuid, a text[]);
INSERT INTO secrets VALUES (1, 'xyzzy'), (2, 'plugh');
INSERT INTO customers VALUES (1, 'Ann'), (2, 'Bob');
INSERT INTO orders VALUES (1, 'tea', 2.50, 1), (2, 'pot', 12.00, 2);`

var schemas atomic.Int64

// newDatabase is a schema of its own with the operator's tables.
func newDatabase(t testing.TB) *Database {
	t.Helper()
	s := settings(t)
	s.Schema = "test" + strconv.FormatInt(schemas.Add(1), 10)
	d, err := Open(context.Background(), s, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	asOperator(t, d, "CREATE SCHEMA "+s.Schema+";"+operator)
	return d
}

func asOperator(t testing.TB, d *Database, sql string) {
	t.Helper()
	c, err := d.pool.get(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer d.pool.put(c)
	if _, err := c.own(context.Background(), sql); err != nil {
		t.Fatal(err)
	}
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
		{"SELECT id FROM orders", "select orders"},
		{"select ID from ORDERS;", "select orders"},
		{"TABLE secrets", "select secrets"},
		{"SELECT count(*) FROM orders -- and no more", "select orders"},
		{"SELECT * FROM " + d.schema + ".orders", "select orders"},
		{"SELECT o.id FROM orders AS o FOR UPDATE OF o", "select orders, update orders"},
		{"INSERT INTO customers VALUES ($1, $2)", "insert customers"},
		{"INSERT INTO customers VALUES (5, 'x') RETURNING id", "insert customers, select customers"},
		{"INSERT INTO customers VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET name = excluded.name", "insert customers, select customers, update customers"},
		{"INSERT INTO customers SELECT id, word FROM secrets", "insert customers, select secrets"},
		{"UPDATE customers SET name = 'x'", "update customers"},
		{"UPDATE customers SET name = 'x' WHERE id = 1", "select customers, update customers"},
		{"UPDATE customers SET name = (SELECT word FROM secrets LIMIT 1)", "select customers, select secrets, update customers"},
		{"DELETE FROM secrets", "delete secrets"},
		{"DELETE FROM orders USING secrets WHERE orders.id = secrets.id", "delete orders, select orders, select secrets"},
		{"TRUNCATE secrets", "delete secrets"},
		{"WITH a AS (SELECT word FROM secrets) SELECT * FROM a", "select secrets"},
		{"WITH a AS (SELECT 1) SELECT count(*) FROM a", ""},
		{"WITH a AS (DELETE FROM secrets RETURNING word) SELECT * FROM a", "delete secrets, select secrets"},
		{"WITH orders AS (SELECT word FROM secrets) SELECT * FROM orders", "select orders, select secrets"},
		{"WITH secrets AS (SELECT 1) SELECT 1 WHERE EXISTS (SELECT 1 FROM " + d.schema + ".secrets)", "select secrets"},
		{"WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT n FROM r", ""},
		{"SELECT (SELECT word FROM secrets LIMIT 1)", "select secrets"},
		{"SELECT id FROM orders UNION SELECT id FROM secrets", "select orders, select secrets"},
		{"SELECT * FROM orders, LATERAL (SELECT word FROM secrets) s", "select orders, select secrets"},
		{"SELECT id FROM orders ORDER BY (SELECT max(word) FROM secrets)", "select orders, select secrets"},
		{"SELECT CASE WHEN EXISTS (SELECT FROM secrets) THEN 1 END", "select secrets"},
		{"SELECT ARRAY(SELECT word FROM secrets)", "select secrets"},
		{"SELECT sum(id) OVER (ORDER BY (SELECT max(id) FROM secrets)) FROM orders", "select orders, select secrets"},
		{"VALUES ((SELECT word FROM secrets LIMIT 1))", "select secrets"},
		{"SELECT * FROM open_orders", "select open_orders, select orders"},
		{"SELECT * FROM nested", "select leak, select nested, select secrets"},
		{"UPDATE open_orders SET item = 'x'", "select orders, update open_orders, update orders"},
		{"SELECT * FROM tables", "select tables"},
		// What foreign keys do besides.
		{"DELETE FROM parents", "delete children, delete parents, update toys"},
		{"WITH a AS (DELETE FROM parents RETURNING id) SELECT * FROM a", "delete children, delete parents, select parents, update toys"},
		{"UPDATE parents SET name = 'x'", "update parents"},
		{"UPDATE parents SET id = 1", "update children, update parents"},
		{"UPDATE parents SET (name, id) = (SELECT 'x', 1)", "update children, update parents"},
		{"INSERT INTO parents VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET id = 2", "insert parents, select parents, update children, update parents"},
		{"UPDATE named SET number = 1", "select parents, update children, update named, update parents"},
		{"SELECT id FROM parents FOR UPDATE", "select parents, update parents"},
		// Types that are rows, and names of columns that are no functions.
		{"SELECT NULL::secrets", "select secrets"},
		{"SELECT (NULL::" + d.schema + ".secrets).*", "select secrets"},
		{"SELECT '{}'::_secrets", "select secrets"},
		{"SELECT '{}'::secrets[]", "select secrets"},
		{"CREATE TABLE mine(r secrets)", "ddl mine, select secrets"},
		{"SELECT o.item, (o).price, pg_catalog.lower(o.item) FROM orders o WHERE o.id + 0 > 1", "select orders"},
		{"CREATE TABLE mine(id int PRIMARY KEY, parent int REFERENCES mine(id))", "ddl mine"},
		{"CREATE TABLE IF NOT EXISTS mine(o int REFERENCES orders(id))", "ddl mine, select orders"},
		{"CREATE VIEW v AS SELECT * FROM secrets", "ddl v, select secrets"},
		{"CREATE INDEX ON orders(item)", "ddl orders"},
		{"ALTER TABLE orders ADD COLUMN note text", "ddl orders"},
		{"DROP TABLE secrets", "ddl secrets"},
		{"DROP INDEX by_word", "ddl secrets"},
		{"DROP VIEW nested", "ddl nested"},
	}
	for _, test := range tests {
		p, err := d.Prepare(context.Background(), at, test.statement)
		if err != nil || show(p.Accesses) != test.accesses {
			t.Errorf("%s\n touches %s (%v), and not %s", test.statement, show(p.Accesses), err, test.accesses)
			continue
		}
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
	tests := []string{
		"SELECT 1; SELECT word FROM secrets", "SELECT 1; DROP TABLE secrets", "SELECT 1;\x00DROP TABLE secrets", "", "-- nothing",
		"COPY secrets TO '/tmp/x'", "COPY secrets TO PROGRAM 'sh'", "COPY secrets TO STDOUT", "COPY (SELECT 1) TO STDOUT",
		"SET ROLE postgres", "RESET ROLE", "SET SESSION AUTHORIZATION postgres", "SET search_path = pg_catalog", "SHOW ALL",
		"BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT a", "PREPARE p AS SELECT 1", "EXECUTE p", "DEALLOCATE ALL", "DISCARD ALL",
		"DECLARE c CURSOR FOR SELECT 1", "FETCH c", "LISTEN a", "NOTIFY a", "LOCK TABLE secrets", "VACUUM", "ANALYZE", "CHECKPOINT",
		"DO $$ BEGIN DELETE FROM secrets; END $$", "CALL p()", "LOAD 'x'",
		"EXPLAIN SELECT word FROM secrets", "EXPLAIN ANALYZE DELETE FROM secrets",
		"CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
		"CREATE TRIGGER t AFTER INSERT ON orders EXECUTE FUNCTION suppress_redundant_updates_trigger()",
		"CREATE RULE x AS ON SELECT TO orders DO INSTEAD SELECT * FROM secrets", "CREATE EXTENSION dblink", "CREATE ROLE r", "CREATE SCHEMA s",
		"CREATE MATERIALIZED VIEW m AS SELECT * FROM secrets", "REFRESH MATERIALIZED VIEW m", "CREATE TABLE c AS SELECT * FROM secrets",
		"SELECT * INTO c FROM secrets", "CREATE TEMP TABLE orders(id int)", "CREATE UNLOGGED TABLE u(id int)",
		"CREATE TABLE c (LIKE secrets INCLUDING ALL)", "CREATE TABLE c() INHERITS (secrets)", "CREATE TABLE c PARTITION OF secrets DEFAULT",
		"CREATE TABLE c(id int) TABLESPACE pg_default", "CREATE TABLE pg_temp.orders(id int)", "CREATE DOMAIN d AS int", "CREATE TYPE e AS ENUM ('a')",
		"GRANT SELECT ON secrets TO PUBLIC", "ALTER TABLE secrets OWNER TO postgres", "ALTER TABLE secrets RENAME TO mine",
		"ALTER TABLE orders DISABLE TRIGGER ALL", "ALTER TABLE orders INHERIT secrets", "ALTER TABLE orders ENABLE ROW LEVEL SECURITY",
		"DROP TABLE secrets CASCADE", "DROP SCHEMA public", "DROP FUNCTION steal()", "TRUNCATE secrets CASCADE", "COMMENT ON TABLE secrets IS 'x'",
		"SELECT * FROM pg_catalog.pg_class", "SELECT * FROM pg_class", "SELECT * FROM pg_authid", "SELECT * FROM information_schema.tables",
		"SELECT * FROM PG_CATALOG.pg_shadow", "SELECT * FROM postgres.public.secrets", `SELECT * FROM "pg_catalog"."pg_class"`,
		"SELECT pg_read_file('/etc/passwd')", "SELECT pg_ls_dir('/')", "SELECT lo_import('/etc/passwd')", "SELECT lo_get(1)", "SELECT lo_from_bytea(0, 'x')",
		"SELECT dblink('host=x', 'SELECT 1')", "SELECT * FROM dblink('x', 'SELECT 1') AS t(a int)", "SELECT query_to_xml('SELECT * FROM secrets', true, true, '')",
		"SELECT table_to_xml('secrets', true, true, '')", "SELECT database_to_xml(true, true, '')", "SELECT set_config('role', 'postgres', false)",
		"SELECT current_setting('data_directory')", "SELECT nextval('x')", "SELECT pg_sleep(100)", "SELECT pg_terminate_backend(1)", "SELECT steal()",
		"SELECT " + d.schema + ".lower(1)", "SELECT pg_catalog.pg_read_file('/etc/passwd')", "SELECT public.lower('x')", "SELECT * FROM steal()",
		"SELECT ts_stat('SELECT word::tsvector FROM secrets')", "SELECT version()", "SELECT currval('x')", "SELECT pg_get_viewdef('leak')",
		"SELECT 'secrets'::regclass", "SELECT CAST('secrets' AS pg_catalog.regclass)", "SELECT '{secrets}'::regclass[]", "SELECT 'steal()'::regprocedure",
		"SELECT current_user", "SELECT session_user", "SELECT current_catalog", "SELECT user", "SELECT 1 OPERATOR(" + d.schema + ".+) 1",
		"SELECT xmlparse(document '<a/>')", "SELECT * FROM xmltable('/a' passing '<a/>' columns b text)", "SELECT * FROM orders TABLESAMPLE system(1)",
		"MERGE INTO orders USING secrets ON true WHEN MATCHED THEN DELETE", "INSERT INTO ruled VALUES (1)", "SELECT * FROM ruled",
		// What somebody made in the place of what PostgreSQL has.
		"SELECT lower(1)", "SELECT lower('x')", "SELECT LOWER(item) FROM orders", "SELECT every(true)", "SELECT o.whole FROM orders o", "SELECT (o).whole FROM orders o",
		"SELECT whole(o) FROM orders o", "SELECT o.any_row FROM orders o", "SELECT (ROW(1)).any_row", "SELECT orders.whole FROM " + d.schema + ".orders",
		"SELECT 1 @#@ 'x'::text", "SELECT 1 @#@ ANY (SELECT 'x'::text)", "SELECT 1 OPERATOR(" + d.schema + ".@#@) ANY (SELECT 'x'::text)",
		"SELECT 1::mood", "SELECT CAST(1 AS " + d.schema + ".mood)", "CREATE INDEX ON orders(item " + d.schema + ".text_ops)",
		// Advisory locks, notifications, and what else is a function.
		"SELECT pg_advisory_lock(1)", "SELECT pg_try_advisory_xact_lock(1)", "SELECT pg_notify('a', 'b')", "UNLISTEN *", "SELECT pg_catalog.set_config('search_path', 'x', true)",
		"SELECT lo_export(1, '/tmp/x')", "SELECT lo_put(1, 0, 'x')", "SELECT pg_read_binary_file('/etc/passwd')", "SELECT pg_stat_file('/')", "SELECT pg_logical_emit_message(true, 'a', 'b')",
		"SELECT cursor_to_xml('c', 1, true, true, '')", "SELECT schema_to_xml('public', true, true, '')", "SELECT json_populate_record(NULL::secrets, '{}')", "SELECT has_table_privilege('secrets', 'SELECT')",
		"SELECT pg_get_constraintdef(1)", "SELECT obj_description(1)", "SELECT txid_current()", "SELECT inet_server_addr()", "SELECT to_regclass('secrets')", "SELECT pg_typeof(1)",
		"SELECT * FROM ROWS FROM (steal(), generate_series(1, 2))", "SELECT * FROM json_table('[1]', '$[*]' COLUMNS (a int PATH '$'))", "WITH x AS (MERGE INTO orders USING secrets ON true WHEN MATCHED THEN DELETE RETURNING 1) SELECT 1",
		"SELECT 1 INTO TEMP x", "CREATE TABLE c AS EXECUTE p", "PREPARE p (int) AS SELECT word FROM secrets", "EXECUTE p(1)", "COPY (SELECT word FROM secrets) TO PROGRAM 'sh'", "COPY orders FROM '/etc/passwd'", "IMPORT FOREIGN SCHEMA a FROM SERVER b INTO c",
		"DELETE FROM orders WHERE CURRENT OF c", "ALTER TABLE orders ALTER COLUMN item SET DEFAULT steal()", "ALTER TABLE orders ADD CHECK (steal() = 'x')", "CREATE VIEW c AS SELECT steal()", "CREATE TABLE c(a int GENERATED ALWAYS AS (lower(1)) STORED)",
		"ALTER TABLE orders ATTACH PARTITION secrets DEFAULT", "ALTER TABLE orders SET SCHEMA pg_temp", "CREATE VIEW pg_temp.orders AS SELECT 1", "SET LOCAL ROLE postgres", "ALTER ROLE postgres SUPERUSER", "ALTER SYSTEM SET fsync = off",
		"REINDEX TABLE orders", "CLUSTER orders", "SECURITY LABEL ON TABLE orders IS 'x'", "CREATE STATISTICS s ON id, item FROM orders", "CREATE PUBLICATION p FOR ALL TABLES", "DROP OWNED BY postgres", "REASSIGN OWNED BY a TO b",
		`SELECT * FROM "a.b"`, "SELECT * FROM nowhere", "UPDATE pg_class SET relname = 'x'", "SELECT U&'\\0000'",
		"SELECT '" + strings.Repeat("x", maxStatement) + "'", "SELECT " + strings.Repeat("(", 20000) + "1" + strings.Repeat(")", 20000),
	}
	everything := allow("select secrets, select orders, delete secrets, insert orders, insert ruled, select ruled, insert secrets, ddl orders, ddl secrets, ddl c, ddl m")
	for _, statement := range tests {
		short := statement[:min(len(statement), 80)]
		refused := func(err error) bool {
			return backend.Is(err, backend.NotAllowed) || backend.Is(err, backend.Syntax) || backend.Is(err, backend.TooLarge)
		}
		if p, err := d.Prepare(context.Background(), at, statement); !refused(err) {
			t.Errorf("prepare %q: %v, accesses %v", short, err, show(p.Accesses))
		}
		if _, err := d.Execute(context.Background(), at, backend.Statement{Text: statement, Allowed: everything}); !refused(err) {
			t.Errorf("execute %q: %v", short, err)
		}
	}
}

func TestEqualitiesThatSomebodyMade(t *testing.T) {
	d := newDatabase(t)
	compare := []string{
		"SELECT 1 = 'x'::text", "SELECT 1 IN ('x'::text)", "SELECT 1 = ANY (ARRAY['x'::text])", "SELECT 1 IN (SELECT 'x'::text)", "SELECT NULLIF(1, 'x'::text)",
		"SELECT CASE 1 WHEN 'x'::text THEN 2 END", "SELECT 1 FROM (SELECT 1) AS a(n) NATURAL JOIN (SELECT 'x'::text) AS b(n)", "SELECT 1 FROM (SELECT 1) AS a(n) JOIN (SELECT 'x'::text) AS b(n) USING (n)",
	}
	for _, s := range compare { // which PostgreSQL itself has no operator for
		if _, err := d.Prepare(context.Background(), at, s); !backend.Is(err, backend.Syntax) {
			t.Errorf("%s: %v", s, err)
		}
	}
	asOperator(t, d, "CREATE OPERATOR = (LEFTARG = int, RIGHTARG = text, FUNCTION = two)")
	for _, s := range compare {
		if _, err := d.Prepare(context.Background(), at, s); !backend.Is(err, backend.NotAllowed) {
			t.Errorf("%s: %v", s, err)
		}
	}
	if _, err := d.Prepare(context.Background(), at, "SELECT id FROM orders WHERE id < 2 AND EXISTS (SELECT 1) ORDER BY CASE WHEN true THEN 1 END"); err != nil {
		t.Error(err)
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

func TestValuesSurvive(t *testing.T) {
	d := newDatabase(t)
	row := []backend.Value{
		backend.Bool(true), backend.Int(-1 << 63), backend.Float(-0.5), backend.String(backend.Decimal, "12345678901234567890.10"),
		backend.String(backend.Text, "žluťoučký kůň"), {Kind: backend.Blob, Bytes: []byte{0, 255}}, {Kind: backend.Date, Int: -1},
		{Kind: backend.Time, Int: 86399_999_999}, {Kind: backend.DateTime, Int: -1}, {Kind: backend.Timestamp, Int: 1_700_000_000_123_456},
		backend.String(backend.JSON, `{"a": [1]}`), backend.String(backend.UUID, "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"),
		{Kind: backend.Array, Items: []backend.Value{backend.String(backend.Text, `a "b" \ ,{}`), {}, backend.String(backend.Text, "NULL")}},
	}
	insert := "INSERT INTO types VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13)"
	must(t, d, insert, row...)
	must(t, d, insert, make([]backend.Value, len(row))...)
	r := must(t, d, "SELECT * FROM types ORDER BY i NULLS LAST")
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
		{"INSERT INTO orders(id) VALUES (7)", backend.Constraint, backend.NotNull},
		{"INSERT INTO orders VALUES (7, 'x', 1, 77)", backend.Constraint, backend.ForeignKey},
		{"INSERT INTO checked VALUES (-1)", backend.Constraint, backend.Check},
		{"SELEC 1", backend.Syntax, 0},
		{"SELECT nothing FROM orders", backend.Syntax, 0},
		{"SELECT 1/0", backend.Invalid, 0},
		{"SELECT $1::int", backend.Invalid, 0},
	}
	for _, test := range tests {
		_, err := run(t, d, test.statement)
		if e := backend.AsError(err); e == nil || e.Code != test.code || e.Violated != test.violated {
			t.Errorf("%s: %v", test.statement, err)
		}
	}
}

func TestRowsComeInPages(t *testing.T) {
	d := newDatabase(t)
	r := must(t, d, "SELECT n, repeat('x', 1000) FROM generate_series(1, 5000) AS n")
	n := len(r.Rows.Rows)
	for rows := r.Rows; rows.Cursor != 0; n += len(rows.Rows) {
		var err error
		if rows, err = d.Fetch(context.Background(), at, r.Cursor, 0); err != nil {
			t.Fatal(err)
		}
	}
	if n != 5000 || len(r.Rows.Rows) > pageRows {
		t.Errorf("%d rows, %d of them at once", n, len(r.Rows.Rows))
	}
	r = must(t, d, "SELECT n FROM generate_series(1, 200000) AS n")
	other := at
	other.Component = "other"
	if _, err := d.Fetch(context.Background(), other, r.Cursor, 0); !backend.Is(err, backend.Closed) {
		t.Errorf("another component's cursor: %v", err)
	}
	if err := d.CloseCursor(context.Background(), at, r.Cursor); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	slow := "SELECT count(*) FROM generate_series(1, 100000000) AS n"
	if _, err := d.Execute(ctx, at, backend.Statement{Text: slow}); !backend.Is(err, backend.Deadline) {
		t.Errorf("a late statement: %v", err)
	}
}

func TestTransactions(t *testing.T) {
	d := newDatabase(t)
	ctx := context.Background()
	begin := func() uint64 {
		id, err := d.Begin(ctx, at, backend.ReadWrite)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	add := func(id uint64, n int) error {
		_, err := d.Execute(ctx, at, backend.Statement{Text: "INSERT INTO customers(id) VALUES ($1)", Parameters: []backend.Value{backend.Int(int64(n))},
			Allowed: allow("insert customers"), Transaction: id})
		return err
	}
	kept, undone, failed := begin(), begin(), begin()
	for i, id := range []uint64{kept, undone, failed} {
		if err := add(id, 10+i); err != nil {
			t.Fatal(err)
		}
	}
	if err := add(failed, 1); !backend.Is(err, backend.Constraint) {
		t.Error(err)
	}
	if err := d.End(ctx, at, kept, true); err != nil {
		t.Error(err)
	}
	if err := d.End(ctx, at, undone, false); err != nil {
		t.Error(err)
	}
	if err := d.End(ctx, at, failed, true); !backend.Is(err, backend.Conflict) {
		t.Errorf("commit after a failure: %v", err)
	}
	if err := add(kept, 20); !backend.Is(err, backend.Closed) {
		t.Errorf("after the end: %v", err)
	}
	if r := must(t, d, "SELECT id FROM customers WHERE id >= 10"); len(r.Rows.Rows) != 1 || r.Rows.Rows[0][0].Int != 10 {
		t.Errorf("customers are %v", r.Rows.Rows)
	}
}

func TestRolesOfGrants(t *testing.T) {
	d := newDatabase(t)
	role := "reader_" + d.schema
	asOperator(t, d, "CREATE ROLE "+role+"; GRANT USAGE ON SCHEMA "+d.schema+" TO "+role+"; GRANT SELECT ON orders TO "+role)
	d.roles = map[string]string{"g": role}
	if r := must(t, d, "SELECT id FROM orders"); len(r.Rows.Rows) != 2 {
		t.Errorf("orders are %v", r.Rows.Rows)
	}
	if _, err := run(t, d, "SELECT id FROM secrets"); !backend.Is(err, backend.AccessDenied) {
		t.Errorf("the role reads secrets: %v", err)
	}
	other := at
	other.Grant = ""
	if _, err := d.Execute(context.Background(), other, backend.Statement{Text: "SELECT id FROM orders", Allowed: allow("select orders")}); !backend.Is(err, backend.NotAllowed) {
		t.Errorf("without a role: %v", err)
	}
}

func TestViewsThatChangeAreSeen(t *testing.T) {
	d := newDatabase(t)
	s := backend.Statement{Text: "SELECT item FROM open_orders", Allowed: allow("select open_orders, select orders")}
	if _, err := d.Execute(context.Background(), at, s); err != nil {
		t.Fatal(err)
	}
	asOperator(t, d, "CREATE OR REPLACE VIEW open_orders AS SELECT id, word AS item FROM secrets")
	for end := time.Now().Add(3 * planAge); ; time.Sleep(100 * time.Millisecond) {
		_, err := d.Execute(context.Background(), at, s)
		if backend.Is(err, backend.Stale) {
			return
		}
		if time.Now().After(end) {
			t.Fatal("the new view is read:", err)
		}
	}
}
