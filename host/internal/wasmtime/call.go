package wasmtime

// #include "fiber.h"
import "C"

import (
	"context"
	"errors"
	"fmt"
)

// errUnfinished is a call's error while it runs: it stays when a handler panics.
var errUnfinished = errors.New("the handler panicked")

// maxDepth bounds how often guest and host call each other within one call.
// The fiber's stack is the harder bound, when the guest's frames are large;
// this one bounds the work of unwinding, where each level reports all others.
const maxDepth = 100

// Instantiate makes the template's instances in order and runs their start
// functions. The handler serves this and every later call of the store.
func (s *Store) Instantiate(ctx context.Context, h Handler) (err error) {
	if err := s.usable(); err != nil {
		return err
	}
	if s.handler != nil {
		return errors.New("the store is instantiated already")
	}
	if h == nil {
		return errors.New("no handler")
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	s.handler = h
	s.depth++
	err = errUnfinished
	defer s.leave(&err)
	for i, l := range s.tmpl.steps {
		if err := s.instantiate(ctx, i, l); err != nil {
			return fmt.Errorf("core instance %d: %w", i, err)
		}
	}
	return nil
}

func (s *Store) instantiate(ctx context.Context, i int, l *link) error {
	if l.pre != nil {
		return s.drive(ctx, &entry{step: i, link: l}, nil)
	}
	linker, err := l.takeLinker()
	if err != nil {
		return err
	}
	defer func() {
		s.abandon() // a future that is still there uses the linker
		l.putLinker(linker)
	}()
	if err := l.fill(s.fiber, linker); err != nil {
		return err
	}
	return s.drive(ctx, &entry{step: i, link: l, linker: linker}, nil)
}

// Call calls the function in a slot. From within HostCall it enters the guest
// again, below the import that is being served. After a trap, a cancellation or
// a failed host call the store is poisoned, and only Close is of use.
func (s *Store) Call(ctx context.Context, slot int, args, results []uint64) (err error) {
	if err := s.checkCall(slot, args, results); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	s.command(slot, args)
	s.depth++
	err = errUnfinished
	defer s.leave(&err)
	return s.drive(ctx, s.entry(), results)
}

func (s *Store) checkCall(slot int, args, results []uint64) error {
	if err := s.usable(); err != nil {
		return err
	}
	if slot < 0 || slot >= len(s.tmpl.slots) || s.tmpl.slots[slot].Kind != Func {
		return fmt.Errorf("slot %d is not a function", slot)
	}
	t := &s.tmpl.slots[slot]
	if len(args) != len(t.Type.Params) || len(results) != len(t.Type.Results) {
		return fmt.Errorf("slot %d, %q: %d arguments and %d results for type %v", slot, t.Name, len(args), len(results), t.Type)
	}
	if t.Instance >= s.made() {
		return fmt.Errorf("slot %d, %q: %w", slot, t.Name, ErrNotInstantiated)
	}
	if s.depth >= maxDepth || s.allocating {
		return ErrDepth
	}
	return nil
}

func (s *Store) usable() error {
	if s.fiber == nil {
		return fmt.Errorf("store: %w", ErrClosed)
	}
	if s.poison != nil {
		return fmt.Errorf("%w: %w", ErrPoisoned, s.poison)
	}
	return nil
}

// leave ends one call. What cannot go on is poisoned; what is still on the
// fiber when the outermost call ends is unwound. Not before: the arguments of
// the outer host calls are on that fiber.
func (s *Store) leave(err *error) {
	if *err != nil && *err != ErrDepth && s.poison == nil { // itself: the call was refused
		s.poison = *err
	}
	s.depth--
	if s.depth > 0 {
		return
	}
	if s.poison != nil {
		s.abandon()
	}
	if s.closing {
		s.Close()
	}
}

// drive runs the guest until the call it was given is done, and serves its
// imports on the way.
func (s *Store) drive(ctx context.Context, e *entry, results []uint64) error {
	making := e != nil && e.link != nil
	for {
		event, err := s.run(ctx, e)
		if err != nil {
			return err
		}
		switch event {
		case C.WRIT_HOST_CALL:
			if err := s.serve(ctx); err != nil {
				return err
			}
			e = nil
		case C.WRIT_RETURNED:
			s.results(results)
			return nil
		case C.WRIT_TOO_DEEP:
			return ErrDepth
		case C.WRIT_MISSING:
			return ErrNotInstantiated
		default: // done or trapped
			err := s.failure()
			if err == nil && !making {
				err = errors.New("the root of the fiber returned")
			}
			return err
		}
	}
}

// serve performs one host call and leaves the answer for the fiber.
func (s *Store) serve(ctx context.Context) error {
	id, args, results := s.hostCall()
	err := s.handler.HostCall(ctx, s, id, args, results)
	if s.poison != nil { // a call from the handler failed: the guest cannot go on
		if err == nil {
			err = s.poison
		}
		return &Trap{Code: TrapHost, Message: err.Error(), Cause: err}
	}
	s.cause = err
	s.answer(err == nil)
	return nil
}

// run gives the guest a slot until it stops for a reason of its own.
func (s *Store) run(ctx context.Context, e *entry) (C.int, error) {
	eng := s.tmpl.engine
	l := fresh
	if s.turn {
		l = continuing
	}
	if err := eng.slots.acquire(ctx, l); err != nil {
		return 0, err
	}
	s.turn = true
	event := s.enterCounted(e)
	if event == C.WRIT_PREEMPTED {
		var err error
		if event, err = s.runOn(ctx); err != nil {
			return 0, err
		}
	}
	eng.slots.release()
	if event == C.WRIT_HOST_CALL && s.cpu < 0 {
		return 0, ErrCPUTime
	}
	return event, nil
}

// runOn goes on with a guest whose time is over, and which passes its slot to
// the next in line. No slot is held after an error.
func (s *Store) runOn(ctx context.Context) (C.int, error) {
	eng := s.tmpl.engine
	for {
		if err := s.mayRunOn(ctx); err != nil {
			eng.slots.release()
			return 0, err
		}
		if eng.slots.contended() {
			eng.slots.release()
			if err := eng.slots.acquire(ctx, preempted); err != nil {
				return 0, err
			}
			s.turn = true
		}
		if event := s.enterCounted(nil); event != C.WRIT_PREEMPTED {
			return event, nil
		}
	}
}

// enterCounted runs the guest with a slot held, and charges it with the ticks
// that passed.
func (s *Store) enterCounted(e *entry) C.int {
	t := s.tmpl.engine.ticker
	t.touch()
	began := t.clock.Load()
	event := s.enter(e)
	if ran := t.clock.Load() - began; ran > 0 {
		s.cpu -= ran
		s.turn = false
	}
	return event
}

// mayRunOn looks, when the guest's turn is over, whether it gets another.
func (s *Store) mayRunOn(ctx context.Context) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case s.cpu < 0:
		return ErrCPUTime
	}
	return nil
}
