package binary

import (
	"errors"
	"fmt"
)

// asyncSignatures are the core functions of the canonical definitions of the
// asynchronous ABI whose type is always the same: how many i32s go in and out.
var asyncSignatures = map[CanonKind][2]int{
	BackpressureInc: {0, 0}, BackpressureDec: {0, 0}, TaskCancel: {0, 0},
	SubtaskCancel: {1, 1}, SubtaskDrop: {1, 0},
	StreamRead: {3, 1}, StreamWrite: {3, 1}, StreamCancelRead: {1, 1}, StreamCancelWrite: {1, 1},
	StreamDropReadable: {1, 0}, StreamDropWritable: {1, 0},
	FutureRead: {2, 1}, FutureWrite: {2, 1}, FutureCancelRead: {1, 1}, FutureCancelWrite: {1, 1},
	FutureDropReadable: {1, 0}, FutureDropWritable: {1, 0},
	ErrorContextNew: {2, 1}, ErrorContextDebugMessage: {2, 0}, ErrorContextDrop: {1, 0},
	WaitableSetNew: {0, 1}, WaitableSetWait: {2, 1}, WaitableSetPoll: {2, 1}, WaitableSetDrop: {1, 0},
	WaitableJoin: {2, 0},
	ThreadIndex:  {0, 1}, ThreadNewIndirect: {2, 1}, ThreadResumeLater: {1, 0}, ThreadSuspend: {0, 1},
	ThreadYield: {0, 1}, ThreadSuspendThenResume: {1, 1}, ThreadYieldThenResume: {1, 1},
	ThreadSuspendThenPromote: {1, 1}, ThreadYieldThenPromote: {1, 1},
}

// asyncCanon validates a canonical definition of the asynchronous ABI.
func (s *scope) asyncCanon(c *Canon) (*CoreFuncType, error) {
	n, fixed := asyncSignatures[c.Kind]
	switch {
	case c.Kind >= StreamNew && c.Kind <= StreamDropWritable:
		if err := s.streamCanon(c, streamKind); err != nil {
			return nil, err
		}
	case c.Kind >= FutureNew && c.Kind <= FutureDropWritable:
		if err := s.streamCanon(c, futureKind); err != nil {
			return nil, err
		}
	case c.Kind == ErrorContextNew || c.Kind == ErrorContextDebugMessage:
		if err := errorContextCanon(c); err != nil {
			return nil, err
		}
	case c.Kind == WaitableSetWait || c.Kind == WaitableSetPoll:
		if err := s.checkMemory(c.Memory); err != nil {
			return nil, err
		}
	case c.Kind == ThreadNewIndirect:
		if err := s.threadNew(c); err != nil {
			return nil, err
		}
	case c.Kind == TaskReturn:
		return s.taskReturn(c)
	case c.Kind == ContextGet || c.Kind == ContextSet:
		return contextCanon(c)
	}
	if fixed {
		return signature(n[0], n[1]), nil
	}
	return &CoreFuncType{Results: []CoreValType{I64}}, nil // stream.new and future.new
}

// streamCanon checks the type, and for reads and writes the options.
func (s *scope) streamCanon(c *Canon, kind defKind) error {
	d, err := s.definedAt(c.Type)
	if err != nil {
		return err
	}
	if d.kind != kind {
		return fmt.Errorf("`%s` requires a %s type", c.Kind, defKindNames[kind])
	}
	elem := d.elems[0]
	switch c.Kind {
	case StreamRead, FutureRead:
		if err := c.Options.needRealloc(elem != nil && elem.pointers); err != nil {
			return err
		}
	case StreamWrite, FutureWrite:
	default:
		return nil
	}
	if err := c.Options.needMemory(elem != nil); err != nil {
		return err
	}
	return c.Options.forLower()
}

func errorContextCanon(c *Canon) error {
	need := c.Options.needMemory
	if c.Kind == ErrorContextDebugMessage {
		need = c.Options.needRealloc
	}
	if err := need(true); err != nil {
		return err
	}
	if c.Options.Async {
		return fmt.Errorf("cannot specify `async` option on `%s`", c.Kind)
	}
	return c.Options.forLower()
}

func (s *scope) threadNew(c *Canon) error {
	t, err := at(s.coreTypes, c.Type, "core type")
	if err != nil {
		return err
	}
	if t.fn == nil || !t.fn.Equal(signature(1, 0)) {
		return errors.New("start function must take a single `i32` argument and return nothing")
	}
	_, err = at(s.coreTables, c.Table, "table")
	return err
}

// taskReturn is a lowering of a function that takes the task's result.
func (s *scope) taskReturn(c *Canon) (*CoreFuncType, error) {
	d, err := s.optValType(c.Result)
	if err != nil {
		return nil, err
	}
	switch {
	case c.Options.Realloc != nil:
		return nil, errors.New("cannot specify `realloc` option on `task.return`")
	case c.Options.PostReturn != nil:
		return nil, errors.New("cannot specify `post-return` option on `task.return`")
	case c.Options.Async:
		return nil, errors.New("cannot specify `async` option on `task.return`")
	}
	if err := c.Options.forLower(); err != nil {
		return nil, err
	}
	t := &funcType{}
	if d != nil {
		t.params = []*defined{d}
	}
	return loweredSignature(t, &c.Options)
}

func contextCanon(c *Canon) (*CoreFuncType, error) {
	switch {
	case c.Value == I64:
		return nil, &missingFeature{"memory64", "64-bit `" + c.Kind.String() + "`"}
	case c.Value != I32:
		return nil, fmt.Errorf("`%s` only supports `i32` or `i64`", c.Kind)
	case c.Slot > 1:
		return nil, fmt.Errorf("`%s` immediate must be zero or one: %d", c.Kind, c.Slot)
	case c.Kind == ContextGet:
		return signature(0, 1), nil
	}
	return signature(1, 0), nil
}
