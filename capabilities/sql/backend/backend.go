// Package backend is what a database has to be able to do, for those who use
// one (package sql) and those who are one (providers). It depends on nothing,
// so that a provider's program stays small.
//
// Start with [SQL].
package backend

import (
	"context"
	"fmt"
)

// Caller says for whom an operation is done, and on which database.
type Caller struct {
	Database  string
	App       string
	Component string
	Grant     string // id of the grant that allowed it; "" when there are several, or none yet
}

// Access is a verb on a table. The verbs are those of grants: select, insert,
// update, delete, ddl. The table is as the statement means it, not as it spells it.
type Access struct {
	Verb  string
	Table string
}

// Column is a column of a statement's rows.
type Column struct {
	Name string
	Type string // as the database spells it, or ""
}

// Plan is what a database finds in a statement without running it.
type Plan struct {
	Accesses []Access // everything that it touches, without repetition
	Columns  []Column // none when it has no rows
	// Writes reports whether it changes anything.
	Writes bool
}

// Statement is one execution: SQL with its parameters, and what of it the host
// allows. The database refuses with [Stale] what would touch more.
type Statement struct {
	Text       string
	Parameters []Value
	Allowed    []Access
	// Transaction is the one that it is part of, 0 for one of its own.
	Transaction uint64
	// MaxRows is the most rows that come with the answer; 0 leaves it to the database.
	MaxRows int
}

// Rows is a part of a statement's rows.
type Rows struct {
	Rows [][]Value
	// Cursor is where the rows go on, 0 when these are all.
	Cursor uint64
}

// Result is what an execution answers.
type Result struct {
	Rows
	Columns  []Column
	Affected int64 // rows that it changed
}

// Mode is what a transaction may do.
type Mode uint8

// The modes.
const (
	ReadOnly Mode = iota
	ReadWrite
)

// SQL is a database, or many. Its methods are called concurrently; those of one
// transaction or one cursor one after the other. ctx ends with the caller's
// deadline. A write outside a transaction, and a commit, return only once they
// are durable. Cursors and transactions are the component's that began them,
// and end by themselves when they are left alone. What goes wrong is an
// [*Error]; any other error counts as [Internal].
type SQL interface {
	// Prepare says what a statement would touch. It takes one statement.
	Prepare(ctx context.Context, at Caller, text string) (Plan, error)
	// Execute runs one, and returns its first rows.
	Execute(ctx context.Context, at Caller, s Statement) (Result, error)
	// Fetch returns the rows that follow. The host has asked again whether the
	// statement's accesses are still granted.
	Fetch(ctx context.Context, at Caller, cursor uint64, maxRows int) (Rows, error)
	// CloseCursor gives up the rows that are left.
	CloseCursor(ctx context.Context, at Caller, cursor uint64) error
	// Begin begins a serialisable transaction.
	Begin(ctx context.Context, at Caller, mode Mode) (uint64, error)
	// End commits a transaction, or undoes it.
	End(ctx context.Context, at Caller, transaction uint64, commit bool) error
}

// Code is what kind of failure an [Error] is. The numbers are those of the
// provider protocol.
type Code uint8

// The kinds of failure.
const (
	NoSuchDatabase Code = iota + 1
	AccessDenied        // the database's own permissions refuse
	Syntax              // not understood, or names what does not exist
	NotAllowed          // of a kind that nobody may run here
	Invalid             // an argument that can never work
	Constraint
	Conflict    // others got in the way: do the transaction again
	TooLarge    // above a limit
	Deadline    // not done in time; a write may still happen
	Closed      // the transaction or cursor has ended
	Stale       // the statement touches what the execution does not allow
	Unavailable // cannot be reached now; worth another try
	Unimplemented
	Internal
)

var codeNames = [...]string{"unknown error", "no such database", "access denied", "syntax error", "statement not allowed", "invalid argument",
	"constraint violated", "conflict", "too large", "deadline exceeded", "it has ended", "prepared for another schema", "unavailable",
	"not implemented", "internal error"}

func (c Code) String() string {
	if int(c) < len(codeNames) {
		return codeNames[c]
	}
	return codeNames[0]
}

// Violated is which constraint an error of code [Constraint] is about.
type Violated uint8

// The constraints.
const (
	OtherConstraint Violated = iota
	Unique
	ForeignKey
	NotNull
	Check
)

// Error is an operation's failure. Its message reaches the component.
type Error struct {
	Code     Code
	Message  string
	Violated Violated
}

// Errorf is an Error with a message.
func Errorf(c Code, format string, args ...any) *Error {
	return &Error{Code: c, Message: fmt.Sprintf(format, args...)}
}

func (e *Error) Error() string {
	if e.Message == "" {
		return e.Code.String()
	}
	return e.Message
}
