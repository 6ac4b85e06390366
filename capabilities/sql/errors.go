package sql

import (
	"github.com/writ-host/writ/capabilities/sql/backend"
	"github.com/writ-host/writ/wit"
)

// The cases of the interface's error.
const (
	caseAccessDenied uint32 = iota
	caseNoSuchDatabase
	caseSyntax
	caseNotAllowed
	caseInvalid
	caseConstraint
	caseConflict
	caseTooLarge
	caseTimeout
	caseClosed
	caseUnavailable
	caseOther
)

var (
	accessDenied   = wit.Variant(caseAccessDenied, nil)
	noSuchDatabase = wit.Variant(caseNoSuchDatabase, nil)
)

var cases = map[backend.Code]uint32{
	backend.Syntax: caseSyntax, backend.NotAllowed: caseNotAllowed, backend.Invalid: caseInvalid, backend.Conflict: caseConflict,
	backend.TooLarge: caseTooLarge, backend.Deadline: caseTimeout, backend.Closed: caseClosed, backend.Unavailable: caseUnavailable,
}

// violations are the interface's constraint-kind by backend.Violated.
var violations = [...]uint32{backend.Unique: 0, backend.ForeignKey: 1, backend.NotNull: 2, backend.Check: 3, backend.OtherConstraint: 4}

// failure is a backend's error as the interface has it.
func failure(err error) wit.Value {
	e := backend.AsError(err)
	text := wit.String(valid(e.Error()))
	switch e.Code {
	case backend.AccessDenied:
		return accessDenied
	case backend.NoSuchDatabase:
		return noSuchDatabase
	case backend.Constraint:
		violation := wit.Record(wit.Enum(violations[min(e.Violated, backend.Check)]), text)
		return wit.Variant(caseConstraint, &violation)
	}
	if n, ok := cases[e.Code]; ok {
		return wit.Variant(n, &text)
	}
	return wit.Variant(caseOther, &text)
}

// finish answers with nothing, or with an error.
func finish(c *wit.Call, err error) error {
	if err != nil {
		c.Return(wit.Err(failure(err)))
		return nil
	}
	c.Return(wit.Done())
	return nil
}

// give answers with a value, or with an error.
func give(c *wit.Call, v wit.Value, err error) error {
	if err != nil {
		c.Return(wit.Err(failure(err)))
		return nil
	}
	c.Return(wit.OK(v))
	return nil
}
