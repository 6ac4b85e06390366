package wasi

import (
	"context"
	"math"
	"time"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/capabilities"
	wasiio "github.com/writ-host/writ/capabilities/wasi/io"
	"github.com/writ-host/writ/wit"
)

// clockFuncs need no line in grants.json, as the broker grants clocks by
// default; a denial ends the guest that asks for the time, since the
// interfaces have no error.
func (k *clock) funcs() map[string]guardedFuncs {
	wall := always(broker.Clock, broker.ClockResource("wall"))
	monotonic := always(broker.Clock, broker.ClockResource("monotonic"))
	return map[string]guardedFuncs{
		"wasi:clocks/wall-clock": {
			"now":        {Run: k.wall, Permit: wall},
			"resolution": {Run: returns(wit.Record(wit.U64(0), wit.U32(1))), Permit: wall},
		},
		"wasi:clocks/monotonic-clock": {
			"now":                {Run: k.monotonic, Permit: monotonic},
			"resolution":         {Run: returns(wit.U64(1)), Permit: monotonic},
			"subscribe-instant":  {Run: k.subscribeInstant, Permit: monotonic},
			"subscribe-duration": {Run: k.subscribeDuration, Permit: monotonic},
		},
	}
}

// always is the permit of reading the same resource at every call.
func always(capability, resource string) func(*wit.Call) *capabilities.Permit {
	type key struct{ resource string }
	access := capabilities.Access{Capability: capability, Operation: broker.Read, Resource: resource}
	return func(c *wit.Call) *capabilities.Permit {
		i := capabilities.From(c)
		if i == nil {
			return &capabilities.Permit{Access: access}
		}
		return capabilities.State(i, key{resource}, func() *capabilities.Permit { return &capabilities.Permit{Access: access} })
	}
}

// clock is the monotonic clock; an instant is nanoseconds since its start, so
// that guests do not learn how long the machine has been up.
type clock struct{ start time.Time }

func (k *clock) wall(_ context.Context, c *wit.Call) error {
	if r := repeatableOf(c); r != nil {
		c.Return(datetime(r.start.Add(r.look())))
		return nil
	}
	c.Return(datetime(time.Now()))
	return nil
}

func (k *clock) monotonic(_ context.Context, c *wit.Call) error {
	if r := repeatableOf(c); r != nil {
		c.Return(wit.U64(uint64(r.look())))
		return nil
	}
	c.Return(wit.U64(k.now()))
	return nil
}

// datetime is a moment as wasi:clocks has it, which cannot be before 1970.
func datetime(t time.Time) wit.Value {
	if t.Unix() < 0 {
		t = time.Unix(0, 0)
	}
	return wit.Record(wit.U64(uint64(t.Unix())), wit.U32(uint32(t.Nanosecond())))
}

func (k *clock) now() uint64 { return uint64(time.Since(k.start)) }

func (k *clock) subscribeInstant(_ context.Context, c *wit.Call) error {
	instant := c.Args[0].Uint()
	if r := repeatableOf(c); r != nil {
		c.Return(wasiio.NewPollable(r.at(span(instant))))
		return nil
	}
	k.subscribe(c, instant)
	return nil
}

func (k *clock) subscribeDuration(_ context.Context, c *wit.Call) error {
	duration := c.Args[0].Uint()
	if r := repeatableOf(c); r != nil {
		c.Return(wasiio.NewPollable(r.at(span(uint64(r.passed) + min(duration, math.MaxInt64)))))
		return nil
	}
	now := k.now()
	k.subscribe(c, now+min(duration, math.MaxUint64-now))
	return nil
}

// span is a number of nanoseconds, or the 292 years that Go can say at most.
func span(n uint64) time.Duration { return time.Duration(min(n, math.MaxInt64)) }

func (k *clock) subscribe(c *wit.Call, instant uint64) {
	c.Return(wasiio.NewPollable(wasiio.After(k.start.Add(span(instant)))))
}

// repeatable is the time of an instance whose clock is set, the same in every
// run: it moves by a microsecond at each look, and by what the guest waits.
type repeatable struct {
	start  time.Time
	passed time.Duration
}

type repeatableKey struct{}

func repeatableOf(c *wit.Call) *repeatable {
	i := capabilities.From(c)
	if i == nil || i.Time.IsZero() {
		return nil
	}
	return capabilities.State(i, repeatableKey{}, func() *repeatable { return &repeatable{start: i.Time} })
}

func (r *repeatable) look() time.Duration {
	if r.passed < math.MaxInt64-time.Microsecond {
		r.passed += time.Microsecond
	}
	return r.passed
}

// at is ready once the guest waited for what it takes until then in truth.
func (r *repeatable) at(instant time.Duration) wasiio.Pollable {
	return &repeatableTimer{wasiio.After(time.Now().Add(max(0, instant-r.passed))), r, instant}
}

type repeatableTimer struct {
	wasiio.Pollable
	clock *repeatable
	at    time.Duration
}

// Ready implements [wasiio.Pollable], and moves the clock when it is.
func (t *repeatableTimer) Ready() bool {
	ready := t.Pollable.Ready()
	if ready {
		t.clock.passed = max(t.clock.passed, t.at)
	}
	return ready
}

// Wait implements [wasiio.Pollable].
func (t *repeatableTimer) Wait(ctx context.Context) error {
	if err := t.Pollable.Wait(ctx); err != nil {
		return err
	}
	t.Ready()
	return nil
}
