package sqlite

import (
	"context"
	"slices"
	"strings"

	"github.com/ncruces/go-sqlite3"
	"github.com/writ-host/writ/capabilities/sql/backend"
)

// Limits of one connection.
const (
	maxValue      = 16 << 20 // bytes of a value or row
	maxStatement  = 64 << 10 // bytes of a statement
	maxParameters = 1000
	maxStatements = 256 // compiled ones that are kept
)

// conn is one connection, used by one goroutine at a time.
type conn struct {
	db         *sqlite3.Conn
	statements map[string]*statement

	compiling *found     // what the authorizer takes down
	running   *statement // under whose accesses the authorizer decides
	trusted   bool       // the statement is this package's own
}

// statement is a compiled one.
type statement struct {
	*sqlite3.Stmt
	found   *found
	places  []int // of parameters, by number
	columns []backend.Column
	kinds   []declared
	writes  bool
	again   int // how often SQLite compiled it for another schema
	busy    bool
	text    string
	kept    bool // for its next use
}

// settings are made before anything of a component runs. The timeout is the first:
// the log's mode reads the file, which another connection may be recovering.
const settings = `PRAGMA busy_timeout=5000; PRAGMA journal_mode=wal; PRAGMA synchronous=full; PRAGMA foreign_keys=on;
PRAGMA temp_store=memory; PRAGMA cache_size=-2048; PRAGMA cell_size_check=on; PRAGMA recursive_triggers=on`

func openConn(path string) (*conn, error) {
	db, err := sqlite3.OpenFlags(path, sqlite3.OPEN_READWRITE|sqlite3.OPEN_CREATE|sqlite3.OPEN_NOFOLLOW)
	if err != nil {
		return nil, err
	}
	c := &conn{db: db, statements: map[string]*statement{}}
	if err := c.setUp(); err != nil {
		_ = db.Close()
		return nil, err
	}
	return c, nil
}

func (c *conn) setUp() error {
	if err := c.db.Exec(settings); err != nil {
		return err
	}
	for option, on := range map[sqlite3.DBConfig]bool{
		sqlite3.DBCONFIG_DEFENSIVE: true, sqlite3.DBCONFIG_TRUSTED_SCHEMA: false, sqlite3.DBCONFIG_WRITABLE_SCHEMA: false,
		sqlite3.DBCONFIG_DQS_DML: false, sqlite3.DBCONFIG_DQS_DDL: false, sqlite3.DBCONFIG_ENABLE_LOAD_EXTENSION: false,
	} {
		if _, err := c.db.Config(option, on); err != nil {
			return err
		}
	}
	for limit, n := range map[sqlite3.LimitCategory]int{
		sqlite3.LIMIT_LENGTH: maxValue, sqlite3.LIMIT_SQL_LENGTH: maxStatement, sqlite3.LIMIT_ATTACHED: 0,
		sqlite3.LIMIT_VARIABLE_NUMBER: maxParameters, sqlite3.LIMIT_EXPR_DEPTH: 200, sqlite3.LIMIT_COMPOUND_SELECT: 100,
		sqlite3.LIMIT_LIKE_PATTERN_LENGTH: 1000, sqlite3.LIMIT_TRIGGER_DEPTH: 20,
	} {
		c.db.Limit(limit, n)
	}
	return c.db.SetAuthorizer(c.authorize)
}

// authorize is SQLite's authorizer. While a statement is compiled it takes
// down; while one runs it allows what that statement was found to do, and so
// what the execution allows.
func (c *conn) authorize(action sqlite3.AuthorizerActionCode, a, b, schema, _ string) sqlite3.AuthorizerReturnCode {
	switch {
	case c.trusted:
		return sqlite3.AUTH_OK
	case c.compiling != nil:
		return c.compiling.see(action, a, b, schema)
	case c.running == nil:
		return sqlite3.AUTH_DENY
	}
	again := &found{alters: c.running.found.alters}
	if again.see(action, a, b, schema) != sqlite3.AUTH_OK || (again.schema || again.rows) && !c.running.found.schema && !c.running.found.rows {
		return sqlite3.AUTH_DENY
	}
	for _, table := range again.counted {
		again.add("select", table)
	}
	for _, access := range again.accesses {
		if !c.running.found.seen[access] {
			return sqlite3.AUTH_DENY
		}
	}
	return sqlite3.AUTH_OK
}

// own runs a statement of this package.
func (c *conn) own(sql string) error {
	c.trusted = true
	defer func() { c.trusted = false }()
	return c.db.Exec(sql)
}

// statement is the compiled form of a text. One that is in use is compiled again.
func (c *conn) statement(text string) (*statement, error) {
	if s := c.statements[text]; s != nil && !s.busy {
		return s, nil
	}
	s, err := c.compile(text)
	if err != nil {
		return nil, err
	}
	if c.statements[text] == nil {
		c.makeRoom()
		c.statements[text] = s
		s.kept = true
	}
	return s, nil
}

// makeRoom drops the compiled statements that are not in use when there are too many.
func (c *conn) makeRoom() {
	if len(c.statements) < maxStatements {
		return
	}
	for text, s := range c.statements {
		if !s.busy {
			_ = s.Close()
			delete(c.statements, text)
		}
	}
}

// forget drops a compiled statement, as after a change of the schema.
func (c *conn) forget(s *statement) {
	if s.kept {
		delete(c.statements, s.text)
	}
	_ = s.Close()
}

// release makes a statement free for its next use.
func (c *conn) release(s *statement) {
	s.busy = false
	if !s.kept {
		_ = s.Close()
		return
	}
	_ = s.Reset() // an error is the last run's, which was told
	_ = s.ClearBindings()
}

func (c *conn) compile(text string) (*statement, error) {
	if err := checkText(text); err != nil {
		return nil, err
	}
	f, stmt, err := c.translate(text)
	if err != nil && f.never == "" {
		// What this connection remembers of the schema may be old, which SQLite
		// does not always notice by itself.
		_ = stmt.Close()
		if err = c.own("SELECT 1 FROM main.sqlite_schema LIMIT 1"); err == nil {
			f, stmt, err = c.translate(text)
		}
	}
	switch {
	case f.never != "":
		err = backend.Errorf(backend.NotAllowed, "%s", f.never)
	case err != nil:
		err = failure(err)
	case stmt == nil:
		err = backend.Errorf(backend.Syntax, "there is no statement")
	default:
		err = f.conclude(text, c)
	}
	var at []int
	if err == nil {
		at, err = places(stmt)
	}
	if err != nil {
		_ = stmt.Close()
		return nil, err
	}
	return describe(stmt, f, text, at), nil
}

// translate compiles a text that is to have one statement, with what it does.
func (c *conn) translate(text string) (*found, *sqlite3.Stmt, error) {
	f := &found{}
	c.compiling = f
	defer func() { c.compiling = nil }()
	stmt, tail, err := c.prepare(text)
	if err == nil && stmt != nil {
		err = c.nothingMore(tail)
	}
	return f, stmt, err
}

// prepare compiles the first statement of a text. The library looks for the
// place of an error in the text, and panics when SQLite means a place in a
// statement of its own, which ALTER TABLE makes.
func (c *conn) prepare(text string) (stmt *sqlite3.Stmt, tail string, err error) {
	defer func() {
		if p := recover(); p != nil {
			stmt, err = nil, backend.Errorf(backend.Syntax, "the statement cannot be compiled")
		}
	}()
	return c.db.Prepare(text)
}

func checkText(text string) error {
	switch {
	case len(text) > maxStatement:
		return backend.Errorf(backend.TooLarge, "the statement has %d bytes, and %d are the most", len(text), maxStatement)
	case strings.ContainsRune(text, 0):
		return backend.Errorf(backend.Syntax, "the statement has a NUL byte")
	}
	return nil
}

// nothingMore refuses a text with another statement in it.
func (c *conn) nothingMore(tail string) error {
	for strings.TrimSpace(tail) != "" {
		stmt, rest, err := c.prepare(tail)
		if stmt != nil || err != nil {
			_ = stmt.Close()
			return backend.Errorf(backend.NotAllowed, "there is more than one statement")
		}
		if len(rest) >= len(tail) {
			break
		}
		tail = rest
	}
	return nil
}

// exists reports whether there is a table or view of a name, which is in lower case.
func (c *conn) exists(table string) bool {
	c.trusted = true
	defer func() { c.trusted = false }()
	stmt, _, err := c.db.Prepare("SELECT 1 FROM main.sqlite_schema WHERE type IN ('table','view') AND name = ? COLLATE NOCASE")
	if err != nil {
		return true
	}
	defer func() { _ = stmt.Close() }()
	if stmt.BindText(1, table) != nil {
		return true
	}
	return stmt.Step() || stmt.Err() != nil
}

func describe(stmt *sqlite3.Stmt, f *found, text string, places []int) *statement {
	s := &statement{Stmt: stmt, found: f, text: text, places: places, writes: !stmt.ReadOnly()}
	s.describeColumns()
	return s
}

func (s *statement) describeColumns() {
	s.columns, s.kinds = nil, nil
	for i := range s.ColumnCount() {
		t := s.ColumnDeclType(i)
		s.columns = append(s.columns, backend.Column{Name: valid(s.ColumnName(i)), Type: valid(t)})
		s.kinds = append(s.kinds, declaredAs(t))
	}
}

// within reports whether a statement does no more than is allowed.
func (s *statement) within(allowed []backend.Access) bool {
	for _, a := range s.found.accesses {
		if !slices.Contains(allowed, a) {
			return false
		}
	}
	return true
}

// step runs a statement to its next row. more is false at the end. The first
// step may find another schema than the one that the statement was compiled for,
// which changes its columns.
func (c *conn) step(ctx context.Context, s *statement) (more bool, err error) {
	c.db.SetInterrupt(ctx)
	c.running = s
	more = s.Step()
	c.running = nil
	if n := s.Status(sqlite3.STMTSTATUS_REPREPARE, false); n != s.again {
		s.again = n
		s.describeColumns()
	}
	if !more {
		err = failure(s.Err())
	}
	c.db.SetInterrupt(context.Background())
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	return more, err
}

func (c *conn) close() error {
	for _, s := range c.statements {
		_ = s.Close()
	}
	c.statements = nil
	return c.db.Close()
}
