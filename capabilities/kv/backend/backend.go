// Package backend is what a key-value store has to be able to do, for those who
// use one (package kv) and those who are one (providers). It depends on
// nothing, so that a provider's program stays small.
//
// Start with [KeyValue].
package backend

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
)

// Caller says for whom an operation is done, and on which store. The host has
// decided already that it may be done.
type Caller struct {
	Store     string
	App       string
	Component string
	Grant     string // id of the grant that allowed it
}

// Entry is what is under a key.
type Entry struct {
	Found bool
	Value []byte
	// Version is of the value, or of its absence: opaque, and never the same for
	// two writes of one key.
	Version string
}

// Plus is what an increment by delta makes of an entry: an error when its value
// is not an integer in decimal text, or when the sum is beyond 64 bits.
func (e Entry) Plus(delta int64) (int64, error) {
	if !e.Found {
		return delta, nil
	}
	n, err := strconv.ParseInt(string(e.Value), 10, 64)
	if err != nil {
		return 0, Errorf(NotANumber, "the value is not an integer in decimal text")
	}
	if (delta > 0 && n > math.MaxInt64-delta) || (delta < 0 && n < math.MinInt64-delta) {
		return 0, Errorf(NotANumber, "the sum is beyond a signed 64-bit integer")
	}
	return n + delta, nil
}

// Pair is a key with its value.
type Pair struct {
	Key   string
	Value []byte
}

// Page is a part of a store's keys. Cursor is empty when there are no more.
type Page struct {
	Keys   []string
	Cursor string
}

// KeyValue is a store, or many. Its methods are called concurrently. ctx ends
// with the caller's deadline. A write returns only once it is durable; who
// waited for it reads it, or a later one, from then on. Keys are any text,
// values any bytes; once given or returned, nobody changes them.
// What goes wrong is an [*Error]; any other error counts as [Internal].
type KeyValue interface {
	Get(ctx context.Context, at Caller, key string) (Entry, error)
	Set(ctx context.Context, at Caller, key string, value []byte) error
	Delete(ctx context.Context, at Caller, key string) error
	Exists(ctx context.Context, at Caller, key string) (bool, error)
	// ListKeys is the page after a cursor, the first for "". limit 0 leaves the
	// number of keys to the store.
	ListKeys(ctx context.Context, at Caller, cursor string, limit int) (Page, error)
	// Increment adds to an integer kept as decimal text; an absent key counts as 0.
	Increment(ctx context.Context, at Caller, key string, delta int64) (int64, error)
	// CompareAndSwap sets the value if the key is still at a version. When it is
	// not, it returns what is there instead.
	CompareAndSwap(ctx context.Context, at Caller, key, version string, value []byte) (swapped bool, current Entry, err error)
	// GetMany is one entry for each key, in order.
	GetMany(ctx context.Context, at Caller, keys []string) ([]Entry, error)
	SetMany(ctx context.Context, at Caller, pairs []Pair) error
	DeleteMany(ctx context.Context, at Caller, keys []string) error
}

// Change is what became of a key.
type Change struct {
	Key     string
	Deleted bool
	Value   []byte // nil when it was deleted
}

// Watcher is a KeyValue that can tell of changes.
type Watcher interface {
	// Watch calls each with the changes of the keys that begin with a prefix, from
	// when it has called ready until ctx ends, or one of them returns an error,
	// which it then returns. A change comes once it can be read. Those of
	// one key come in their order; of several that follow each other, all but the
	// last may be left out.
	Watch(ctx context.Context, at Caller, prefix string, ready func() error, each func([]Change) error) error
}

// LocalReads is implemented by a store whose Get, Exists, ListKeys and GetMany
// answer from this process without waiting, so that they need no goroutine.
type LocalReads interface {
	KeyValue
	LocalReads()
}

// Code is what kind of failure an [Error] is. The numbers are those of the
// provider protocol.
type Code uint8

// The kinds of failure.
const (
	NoSuchStore   Code = iota + 1 // the store does not exist
	AccessDenied                  // the store's own backend refuses
	Invalid                       // an argument that can never work
	TooLarge                      // above a limit of the store
	NotANumber                    // increment of what is not an integer, or beyond its range
	Deadline                      // not done in time; a write may still happen
	Unavailable                   // cannot be reached now; worth another try
	Unimplemented                 // the store does not have this operation
	Internal
)

var codeNames = [...]string{"unknown error", "no such store", "access denied", "invalid argument", "too large",
	"not a number", "deadline exceeded", "unavailable", "not implemented", "internal error"}

func (c Code) String() string {
	if int(c) < len(codeNames) {
		return codeNames[c]
	}
	return codeNames[0]
}

// Error is an operation's failure. Its message reaches the component.
type Error struct {
	Code    Code
	Message string
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

// AsError is err as an *Error: contexts that ended become [Deadline], what is
// unknown [Internal]. It is nil for nil.
func AsError(err error) *Error {
	var e *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		return e
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &Error{Code: Deadline, Message: err.Error()}
	default:
		return &Error{Code: Internal, Message: err.Error()}
	}
}
