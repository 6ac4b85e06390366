package sqlite

import (
	"errors"
	"strings"

	"github.com/ncruces/go-sqlite3"
	"github.com/writ-host/writ/capabilities/sql/backend"
)

// codes are SQLite's errors as the protocol has them.
var codes = map[sqlite3.ErrorCode]backend.Code{
	sqlite3.ERROR: backend.Syntax, sqlite3.BUSY: backend.Conflict, sqlite3.LOCKED: backend.Conflict, sqlite3.ABORT: backend.Conflict,
	sqlite3.INTERRUPT: backend.Deadline, sqlite3.CONSTRAINT: backend.Constraint, sqlite3.TOOBIG: backend.TooLarge,
	sqlite3.NOMEM: backend.TooLarge, sqlite3.FULL: backend.TooLarge, sqlite3.MISMATCH: backend.Invalid, sqlite3.RANGE: backend.Invalid,
	sqlite3.AUTH: backend.Stale, sqlite3.SCHEMA: backend.Stale, sqlite3.READONLY: backend.NotAllowed,
}

var violations = map[sqlite3.ExtendedErrorCode]backend.Violated{
	sqlite3.CONSTRAINT_UNIQUE: backend.Unique, sqlite3.CONSTRAINT_PRIMARYKEY: backend.Unique, sqlite3.CONSTRAINT_ROWID: backend.Unique,
	sqlite3.CONSTRAINT_FOREIGNKEY: backend.ForeignKey, sqlite3.CONSTRAINT_NOTNULL: backend.NotNull,
	sqlite3.CONSTRAINT_CHECK: backend.Check, sqlite3.CONSTRAINT_DATATYPE: backend.Check,
}

// failure is an error of SQLite as the protocol has it; nil for nil.
func failure(err error) error {
	if err == nil {
		return nil
	}
	if e := (*backend.Error)(nil); errors.As(err, &e) {
		return e
	}
	out := &backend.Error{Code: backend.Internal, Message: message(err)}
	var code sqlite3.ErrorCode
	if errors.As(err, &code) {
		if c, ok := codes[code]; ok {
			out.Code = c
		}
	}
	var extended sqlite3.ExtendedErrorCode
	if out.Code == backend.Constraint && errors.As(err, &extended) {
		out.Violated = violations[extended]
	}
	return out
}

// message is what SQLite says, without the name of the code before it.
func message(err error) string {
	text := strings.TrimPrefix(err.Error(), "sqlite3: ")
	for _, general := range []string{"SQL logic error: ", "constraint failed: "} {
		text = strings.TrimPrefix(text, general)
	}
	return valid(text)
}

// valid is text that can travel.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
