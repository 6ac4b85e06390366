package kv

import (
	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/capabilities/kv/backend"
	"github.com/writ-host/writ/wit"
)

// bucket is what is behind a guest's bucket handle.
type bucket struct {
	*store
}

// at says to the backend for whom an operation is done.
func (s *store) at(call *wit.Call) backend.Caller {
	at := backend.Caller{Store: s.remote}
	if i := capabilities.From(call); i != nil {
		at.App, at.Component, at.Grant = i.App, i.Component, i.Grant()
	}
	return at
}

// access is an operation on one key. A name that is beyond what this package
// takes is cut, so that asking stays cheap: the call itself then refuses it.
func (s *store) access(operation, key string, bytes int) capabilities.Access {
	return capabilities.Access{Operation: operation, Resource: broker.KVResource(s.name, cut(key, MaxKey)), Bytes: int64(bytes)}
}

func cut(s string, n int) string { return s[:min(len(s), n)] }

// onKey is the access of a function whose first two arguments are a bucket and a key.
func onKey(operation string) func(*wit.Call) capabilities.Access {
	return func(c *wit.Call) capabilities.Access {
		return wit.Self[*bucket](c).access(operation, c.Args[1].Text(), 0)
	}
}

// denied answers a call that is not granted. What could never have been done
// gets its own error.
func denied(c *wit.Call) {
	if err := tooLarge(c); err != nil {
		c.Return(failure(err))
		return
	}
	c.Return(wit.Err(accessDenied))
}

// tooLarge looks at the key of a call on one.
func tooLarge(c *wit.Call) error {
	if len(c.Args) > 1 && c.Args[1].Kind() == wit.KindString {
		return checkKey(c.Args[1].Text())
	}
	return nil
}

// The interface's errors: no-such-store, access-denied, other(string).
var (
	noSuchStore  = wit.Variant(0, nil)
	accessDenied = wit.Variant(1, nil)
)

func other(message string) wit.Value {
	text := wit.String(message)
	return wit.Variant(2, &text)
}

// storeError is a backend's error as the interface has it.
func storeError(err error) wit.Value {
	e := backend.AsError(err)
	switch e.Code {
	case backend.NoSuchStore:
		return noSuchStore
	case backend.AccessDenied:
		return accessDenied
	}
	return other(valid(e.Error()))
}

func failure(err error) wit.Value { return wit.Err(storeError(err)) }

// finish answers with nothing, or with an error.
func finish(c *wit.Call, err error) error {
	if err != nil {
		c.Return(failure(err))
		return nil
	}
	c.Return(wit.Done())
	return nil
}

// give answers with a value, or with an error.
func give(c *wit.Call, v wit.Value, err error) error {
	if err != nil {
		c.Return(failure(err))
		return nil
	}
	c.Return(wit.OK(v))
	return nil
}
