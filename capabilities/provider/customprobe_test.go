package provider_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/writ-host/writ/capabilities/provider"
)

// everything is a WIT text with values of every type.
const everything = `package test:everything@1.0.0;

interface shapes {
  record point { x: s32, y: s32 }
  variant shape { empty, circle(f64), polygon(list<point>) }
  enum color { red, green, dark-blue }
  flags marks { first, second, third }
  enum problem { access-denied, unavailable, too-big }

  scalars: func(a: bool, b: u8, c: s16, d: u32, e: s64, f: f32, g: f64, h: char, i: string) -> string;
  bytes: func(b: list<u8>) -> list<u8>;
  points: func(p: list<point>) -> tuple<u32, point>;
  turn-shape: func(s: shape) -> shape;
  colors: func(c: list<color>) -> list<color>;
  turn-marks: func(m: marks) -> marks;
  maybe: func(o: option<option<string>>) -> option<option<string>>;
  nested: func(r: result<u8, string>) -> tuple<result<u8, string>>;
  check: func(n: u32) -> result<u32, problem>;
  say: func(n: u32) -> result<string, string>;
  nothing: func();
  sleep: func(ms: u32);
  cancelled: func() -> u32;
  crash: func();
  who: func() -> string;
}

interface counters {
  resource counter {
    constructor(start: u32);
    add: func(n: u32) -> u32;
    copy: func() -> counter;
    merge: static func(a: counter, b: counter) -> counter;
  }
  live: func() -> u32;
  swap: func(l: list<counter>) -> list<counter>;
}
`

type point struct{ X, Y int32 }

type shape struct {
	Empty   bool
	Circle  *float64
	Polygon *[]point
}

type marks struct{ First, Second, Third bool }

type problem string

func (p problem) Error() string { return string(p) }

// every implements everything.
type every struct{}

func (every) Scalars(a bool, b uint8, c int16, d uint32, e int64, f float32, g float64, h rune, i string) string {
	return fmt.Sprint(a, b, c, d, e, f, g, string(h), i)
}
func (every) Bytes(b []byte) []byte { return b }
func (every) Points(p []point) struct {
	N    uint32
	Last point
} {
	return struct {
		N    uint32
		Last point
	}{uint32(len(p)), p[len(p)-1]}
}
func (every) TurnShape(s shape) shape    { return s }
func (every) Colors(c []string) []string { return c }
func (every) TurnMarks(m marks) marks    { return marks{m.Third, m.First, m.Second} }
func (every) Maybe(o **string) **string  { return o }
func (every) Nested(r provider.Result[uint8, string]) struct {
	Of provider.Result[uint8, string]
} {
	return struct {
		Of provider.Result[uint8, string]
	}{r}
}
func (every) Check(n uint32) (uint32, error) {
	switch {
	case n > 100:
		return 0, fmt.Errorf("check: %w", problem("too-big"))
	case n > 10:
		return 0, errors.New("of no type")
	}
	return n, nil
}
func (every) Say(n uint32) (string, error) {
	if n == 0 {
		return "", errors.New("nothing to say")
	}
	return strconv.Itoa(int(n)), nil
}
func (every) Nothing() {}
func (every) Sleep(ctx context.Context, ms uint32) error {
	select {
	case <-time.After(time.Duration(ms) * time.Millisecond):
		return nil
	case <-ctx.Done():
		cancelledSleeps.Add(1)
		return ctx.Err()
	}
}

var cancelledSleeps atomic.Uint32

func (every) Cancelled() uint32 { return cancelledSleeps.Load() }

func (every) Crash() { panic("crashed") }
func (every) Who(ctx context.Context) string {
	c := provider.CallerOf(ctx)
	return c.App + " " + c.Component + " " + c.Grant
}

// counter is the resource.
type counter struct{ n atomic.Uint32 }

var liveCounters atomic.Int32

func newCounter(n uint32) *counter {
	c := &counter{}
	c.n.Store(n)
	liveCounters.Add(1)
	return c
}

func (c *counter) Add(n uint32) uint32 { return c.n.Add(n) }
func (c *counter) Copy() *counter      { return newCounter(c.n.Load()) }
func (c *counter) Drop()               { liveCounters.Add(-1) }

func (every) NewCounter(start uint32) *counter { return newCounter(start) }
func (every) CounterMerge(a, b *counter) *counter {
	sum := newCounter(a.n.Load() + b.n.Load())
	a.Drop()
	b.Drop()
	return sum
}
func (every) Live() uint32                 { return uint32(liveCounters.Load()) }
func (every) Swap(l []*counter) []*counter { return []*counter{l[1], l[0]} }

func serveEvery() error {
	return provider.Serve(provider.Service{Name: "every", Version: "1",
		Custom: provider.Implement(everything, func(context.Context, provider.Settings) (every, error) { return every{}, nil })})
}
