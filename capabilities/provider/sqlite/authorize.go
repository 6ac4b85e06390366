package sqlite

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ncruces/go-sqlite3"
	"github.com/writ-host/writ/capabilities/sql/backend"
)

// schemaTable is what grants call the table of tables, whatever its alias.
const schemaTable = "sqlite_schema"

// found is what the authorizer has seen of one statement.
type found struct {
	accesses []backend.Access
	seen     map[backend.Access]bool
	counted  []string // tables that were named, but of which no column is read: perhaps none
	any      bool     // it does anything at all
	selects  bool
	ddl      bool
	alters   bool
	schema   bool   // reads the table of tables
	rows     bool   // reads only which rows that has
	never    string // why nobody may run it
}

func (f *found) add(verb, table string) {
	a := backend.Access{Verb: verb, Table: lower(table)}
	if f.seen[a] {
		return
	}
	if f.seen == nil {
		f.seen = map[backend.Access]bool{}
	}
	f.seen[a] = true
	f.accesses = append(f.accesses, a)
}

func (f *found) refuse(format string, args ...any) sqlite3.AuthorizerReturnCode {
	if f.never == "" {
		f.never = fmt.Sprintf(format, args...)
	}
	return sqlite3.AUTH_DENY
}

// lower is how SQLite compares names: letters beyond ASCII have their case.
func lower(name string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, name)
}

// see takes down one action of a statement that is compiled.
func (f *found) see(action sqlite3.AuthorizerActionCode, a, b, schema string) sqlite3.AuthorizerReturnCode {
	f.any = true
	if schema == "temp" && !(f.alters && isSchema(lower(a))) { // ALTER TABLE looks there, too
		return f.refuse("temporary tables are not for components, who share connections")
	}
	switch action {
	case sqlite3.AUTH_SELECT, sqlite3.AUTH_RECURSIVE:
		f.selects = true
	case sqlite3.AUTH_READ:
		return f.seeRead(a, b, schema)
	case sqlite3.AUTH_INSERT:
		return f.seeWrite("insert", a)
	case sqlite3.AUTH_UPDATE:
		return f.seeWrite("update", a)
	case sqlite3.AUTH_DELETE:
		return f.seeWrite("delete", a)
	case sqlite3.AUTH_FUNCTION:
		return f.seeFunction(b)
	default:
		return f.seeSchemaChange(action, a, b)
	}
	return sqlite3.AUTH_OK
}

func (f *found) seeRead(table, column, schema string) sqlite3.AuthorizerReturnCode {
	table = lower(table)
	switch {
	case isSchema(table) && lower(column) == "rowid":
		f.rows = true
	case isSchema(table):
		f.schema = true
	case valueTables[table]:
	case f.alters && table == "pragma_quick_check": // how ALTER TABLE looks at the rows that are there
	case strings.HasPrefix(table, "pragma_"), strings.HasPrefix(table, "sqlite_"):
		return f.refuse("the table %s is not for components", table)
	case column == "" && schema == "":
		f.counted = append(f.counted, table)
	default:
		f.add("select", table)
	}
	return sqlite3.AUTH_OK
}

func isSchema(table string) bool {
	switch table {
	case "sqlite_master", "sqlite_schema", "sqlite_temp_master", "sqlite_temp_schema":
		return true
	}
	return false
}

func (f *found) seeWrite(verb, table string) sqlite3.AuthorizerReturnCode {
	table = lower(table)
	if isSchema(table) || strings.HasPrefix(table, "sqlite_") {
		return sqlite3.AUTH_OK // SQLite's own doing: it lets nobody else write there
	}
	f.add(verb, table)
	return sqlite3.AUTH_OK
}

func (f *found) seeFunction(name string) sqlite3.AuthorizerReturnCode {
	name = lower(name)
	switch {
	case functions[name]:
		return sqlite3.AUTH_OK
	case name == "sqlite_rename_table":
		return f.refuse("a table cannot be renamed: make another one")
	case f.alters && strings.HasPrefix(name, "sqlite_"):
		return sqlite3.AUTH_OK
	}
	return f.refuse("the function %s is not for components", name)
}

// seeSchemaChange takes down what is left: changes of the schema, and what is
// never allowed.
func (f *found) seeSchemaChange(action sqlite3.AuthorizerActionCode, a, b string) sqlite3.AuthorizerReturnCode {
	f.ddl = true
	switch action {
	case sqlite3.AUTH_CREATE_TABLE, sqlite3.AUTH_DROP_TABLE, sqlite3.AUTH_CREATE_VIEW, sqlite3.AUTH_DROP_VIEW:
		if isSchema(lower(a)) || strings.HasPrefix(lower(a), "sqlite_") {
			return sqlite3.AUTH_OK // sqlite_sequence, which SQLite makes for itself
		}
		f.add("ddl", a)
	case sqlite3.AUTH_CREATE_INDEX, sqlite3.AUTH_DROP_INDEX, sqlite3.AUTH_DROP_TRIGGER:
		f.add("ddl", b)
	case sqlite3.AUTH_ALTER_TABLE:
		if a != "main" {
			return f.refuse("there is one database, main, and not %q", a)
		}
		f.alters = true
		f.add("ddl", b)
	case sqlite3.AUTH_PRAGMA:
		if !f.alters || lower(a) != "quick_check" { // as above
			return f.refuse("PRAGMA is not for components")
		}
	case sqlite3.AUTH_REINDEX:
		if !f.alters && len(f.accesses) == 0 { // making an index fills it
			return f.refuse("REINDEX is the operator's")
		}
	default:
		return f.refuse("%s not for components", refused[action])
	}
	return sqlite3.AUTH_OK
}

var refused = map[sqlite3.AuthorizerActionCode]string{
	sqlite3.AUTH_CREATE_TEMP_INDEX: "temporary tables are", sqlite3.AUTH_CREATE_TEMP_TABLE: "temporary tables are",
	sqlite3.AUTH_CREATE_TEMP_TRIGGER: "temporary triggers are", sqlite3.AUTH_CREATE_TEMP_VIEW: "temporary views are",
	sqlite3.AUTH_DROP_TEMP_INDEX: "temporary tables are", sqlite3.AUTH_DROP_TEMP_TABLE: "temporary tables are",
	sqlite3.AUTH_DROP_TEMP_TRIGGER: "temporary triggers are", sqlite3.AUTH_DROP_TEMP_VIEW: "temporary views are",
	sqlite3.AUTH_CREATE_TRIGGER: "triggers act with the rights of whoever sets them off, so making them is",
	sqlite3.AUTH_TRANSACTION:    "BEGIN, COMMIT and ROLLBACK are functions of the interface, and as statements",
	sqlite3.AUTH_SAVEPOINT:      "SAVEPOINT is", sqlite3.AUTH_ATTACH: "ATTACH is", sqlite3.AUTH_DETACH: "DETACH is", sqlite3.AUTH_ANALYZE: "ANALYZE is",
	sqlite3.AUTH_CREATE_VTABLE: "virtual tables are", sqlite3.AUTH_DROP_VTABLE: "virtual tables are",
}

// conclude adds what only the whole statement tells, which c knows the tables of.
func (f *found) conclude(text string, c *conn) error {
	if f.never != "" {
		return backend.Errorf(backend.NotAllowed, "%s", f.never)
	}
	if !f.any {
		return backend.Errorf(backend.NotAllowed, "a statement of this kind is not for components")
	}
	for _, table := range f.counted { // a subquery's name, unless there is such a table
		if c.exists(table) {
			f.add("select", table)
		}
	}
	// SQLite reads the table of tables for a change of the schema, and what an
	// index is for; a statement can read by itself only where it has a SELECT.
	itself := !f.ddl || f.selects && !f.alters
	if f.schema && itself || f.rows && !f.ddl {
		f.add("select", schemaTable)
	}
	if !itself {
		f.accesses = slices.DeleteFunc(f.accesses, func(a backend.Access) bool {
			return a.Verb != "ddl" && f.seen[backend.Access{Verb: "ddl", Table: a.Table}]
		})
	}
	f.addReplaced(text, c.definitions)
	return nil
}
