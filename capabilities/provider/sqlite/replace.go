package sqlite

import (
	"slices"
	"strings"
)

// addReplaced adds the rows that make room for others, which SQLite deletes
// without asking the authorizer: where the statement, the table that it writes
// or a trigger of that says REPLACE. Which of the tables is meant is not looked
// at: all that are written.
func (f *found) addReplaced(text string, definitions func(table string) string) {
	var written []string
	for _, a := range f.accesses {
		if (a.Verb == "insert" || a.Verb == "update") && !slices.Contains(written, a.Table) {
			written = append(written, a.Table)
		}
	}
	if !replaces(text) && !slices.ContainsFunc(written, func(table string) bool { return replaces(definitions(table)) }) {
		return
	}
	for _, table := range written {
		f.add("delete", table)
	}
}

// replaces reports whether SQL has the keyword REPLACE, rather than the function
// or a text.
func replaces(sql string) bool {
	for rest := sql; rest != ""; {
		n := token(rest)
		word := rest[:n]
		rest = rest[n:]
		if strings.EqualFold(word, "replace") && !strings.HasPrefix(skipSpace(rest), "(") {
			return true
		}
	}
	return false
}

// skipSpace is what is left of SQL after space and comments.
func skipSpace(sql string) string {
	for sql != "" && (strings.ContainsRune(" \t\n\f\r", rune(sql[0])) || strings.HasPrefix(sql, "--") || strings.HasPrefix(sql, "/*")) {
		sql = sql[token(sql):]
	}
	return sql
}

// token is the length of the first token of SQL: a word, a quoted thing, a
// comment, or one byte of anything else.
func token(sql string) int {
	switch c := sql[0]; {
	case strings.HasPrefix(sql, "--"):
		return through(sql, 2, "\n")
	case strings.HasPrefix(sql, "/*"):
		return through(sql, 2, "*/")
	case c == '\'' || c == '"' || c == '`': // doubled within is one after the other
		return through(sql, 1, sql[:1])
	case c == '[':
		return through(sql, 1, "]")
	case !wordByte(c):
		return 1
	}
	n := 1
	for n < len(sql) && wordByte(sql[n]) {
		n++
	}
	return n
}

// through is where a token ends that began before from and ends with a mark.
func through(sql string, from int, mark string) int {
	if at := strings.Index(sql[from:], mark); at >= 0 {
		return from + at + len(mark)
	}
	return len(sql)
}

func wordByte(c byte) bool {
	return c == '_' || c == '$' || c >= 0x80 || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}

// definitions is the SQL of a table or view, whose name is in lower case, and of its triggers.
func (c *conn) definitions(table string) string {
	const unknown = "REPLACE" // so that it is taken for the worst
	c.trusted = true
	defer func() { c.trusted = false }()
	stmt, _, err := c.db.Prepare("SELECT group_concat(sql, '; ') FROM main.sqlite_schema WHERE tbl_name = ? COLLATE NOCASE AND type IN ('table', 'trigger')")
	if err != nil {
		return unknown
	}
	defer func() { _ = stmt.Close() }()
	if stmt.BindText(1, table) != nil || !stmt.Step() {
		return unknown
	}
	return stmt.ColumnText(0)
}
