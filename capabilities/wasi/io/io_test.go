package wasiio

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/writ-host/writ/wit"
)

// call is what a guest does: it calls a function of wasi:io by name.
func call(t *testing.T, ctx context.Context, name string, args ...wit.Value) (wit.Value, error) {
	t.Helper()
	for _, i := range Imports() {
		if f, ok := i.Funcs[name]; ok {
			c := &wit.Call{Func: i.Interface.Func(name), Args: args}
			err := f.Run(ctx, c)
			return c.Result, err
		}
	}
	t.Fatalf("no function %s", name)
	return wit.Value{}, nil
}

// mustCall fails the test when the call traps.
func mustCall(t *testing.T, name string, args ...wit.Value) wit.Value {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	v, err := call(t, ctx, name, args...)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}

// trapped fails the test unless the call traps with such a text.
func trapped(t *testing.T, text, name string, args ...wit.Value) {
	t.Helper()
	if _, err := call(t, t.Context(), name, args...); err == nil || !strings.Contains(err.Error(), text) {
		t.Fatalf("%s: error is %v, want a trap with %q", name, err, text)
	}
}

// outcome spells a result for comparison: the bytes, the number, or the error.
func outcome(v wit.Value) string {
	p, _ := v.Payload()
	switch {
	case v.Case() == 0 && p.Kind() == wit.KindList:
		return string(p.Bytes())
	case v.Case() == 0:
		return "ok"
	case p.Case() == errClosed:
		return "closed"
	}
	e, _ := p.Payload()
	return "failed: " + ErrorOf(e).Error()
}

func TestImportsAreComplete(t *testing.T) {
	for _, i := range Imports() {
		if got, want := len(i.Funcs), len(i.Interface.Funcs); got != want {
			t.Errorf("%s: %d functions, want %d", i.Interface.Name, got, want)
		}
		for _, f := range i.Interface.Funcs {
			if i.Funcs[f.Name].Run == nil {
				t.Errorf("%s: %s has no function", i.Interface.Name, f.Name)
			}
		}
	}
}

func TestReadToTheEnd(t *testing.T) {
	for _, o := range []ReaderOptions{{}, {Immediate: true}, {Interrupt: func() {}}} {
		s := newInput(FromReader(strings.NewReader("hello world"), o))
		for _, want := range []string{"hello", " worl", "d", "closed", "closed"} {
			if got := outcome(mustCall(t, "[method]input-stream.blocking-read", s, wit.U64(5))); got != want {
				t.Fatalf("%+v: read %q, want %q", o, got, want)
			}
		}
	}
}

func TestReadWithoutWaiting(t *testing.T) {
	r, w := io.Pipe()
	s := newInput(FromReader(r, ReaderOptions{}))
	read := func() string { return outcome(mustCall(t, "[method]input-stream.read", s, wit.U64(100))) }
	if got := read(); got != "" {
		t.Fatalf("read %q before there was anything", got)
	}
	p := mustCall(t, "[method]input-stream.subscribe", s)
	go func() {
		_, _ = w.Write([]byte("late"))
		_ = w.CloseWithError(errors.New("cable cut"))
	}()
	mustCall(t, "[method]pollable.block", p)
	if got := read(); got != "late" {
		t.Fatalf("read %q, want late", got)
	}
	mustCall(t, "poll", wit.List(p, p))
	for _, want := range []string{"failed: cable cut", "closed"} {
		if got := read(); got != want {
			t.Fatalf("read %q, want %q", got, want)
		}
	}
}

func TestReadIsCapped(t *testing.T) {
	s := newInput(FromReader(zeroReader{}, ReaderOptions{Immediate: true}))
	v, _ := mustCall(t, "[method]input-stream.blocking-read", s, wit.U64(1<<63)).Payload()
	if v.Len() == 0 || v.Len() > MaxChunk {
		t.Fatalf("read %d bytes", v.Len())
	}
	n, _ := mustCall(t, "[method]input-stream.blocking-skip", s, wit.U64(1<<63)).Payload()
	if n.Uint() == 0 || n.Uint() > MaxChunk {
		t.Fatalf("skipped %d bytes", n.Uint())
	}
	if v := mustCall(t, "[method]input-stream.read", s, wit.U64(0)); outcome(v) != "" {
		t.Fatalf("a read of nothing gave %q", outcome(v))
	}
}

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) { return len(p), nil }

func TestCancelEndsEveryWait(t *testing.T) {
	hanging, interrupted := hangingReader(), hangingReader()
	stuck := &slowWriter{gate: make(chan struct{})}
	defer close(stuck.gate)
	full := FromWriter(stuck, nil)
	if err := full.Write(t.Context(), zeroes[:]); err != nil {
		t.Fatal(err)
	}
	never := NewPollable(new(Event))
	waits := map[string]func(context.Context) error{
		"read, own goroutine": func(ctx context.Context) error {
			_, err := call(t, ctx, "[method]input-stream.blocking-read", newInput(FromReader(hanging, ReaderOptions{})), wit.U64(1))
			return err
		},
		"read, interrupted": func(ctx context.Context) error {
			s := FromReader(interrupted, ReaderOptions{Interrupt: interrupted.interrupt})
			_, err := call(t, ctx, "[method]input-stream.blocking-read", newInput(s), wit.U64(1))
			return err
		},
		"write": func(ctx context.Context) error {
			_, err := call(t, ctx, "[method]output-stream.blocking-write-and-flush", newOutput(full), wit.Bytes([]byte("x")))
			return err
		},
		"flush": func(ctx context.Context) error {
			_, err := call(t, ctx, "[method]output-stream.blocking-flush", newOutput(full))
			return err
		},
		"poll": func(ctx context.Context) error {
			_, err := call(t, ctx, "poll", wit.List(never, NewPollable(After(time.Now().Add(time.Hour))), NewPollable(On(nil))))
			return err
		},
		"timer": func(ctx context.Context) error {
			_, err := call(t, ctx, "[method]pollable.block", NewPollable(After(time.Now().Add(time.Hour))))
			return err
		},
		"channel": func(ctx context.Context) error {
			_, err := call(t, ctx, "[method]pollable.block", NewPollable(On(nil)))
			return err
		},
	}
	for name, wait := range waits {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		done := make(chan error, 1)
		go func() { done <- wait(ctx) }()
		select {
		case err := <-done:
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: error is %v", name, err)
			}
		case <-time.After(5 * time.Second):
			t.Errorf("%s: still waits after its context ended", name)
		}
		cancel()
	}
	hanging.interrupt()
}

type hanging struct{ c chan struct{} }

func hangingReader() hanging { return hanging{make(chan struct{})} }

func (h hanging) interrupt() { close(h.c) }

func (h hanging) Read([]byte) (int, error) {
	<-h.c
	return 0, errors.New("interrupted")
}

func TestPoll(t *testing.T) {
	trapped(t, "empty list", "poll", wit.List())
	p := NewPollable(Always{})
	many := make([]wit.Value, maxPoll+1)
	for i := range many {
		many[i] = p
	}
	trapped(t, "more than", "poll", wit.List(many...))

	var e Event
	c := make(chan struct{})
	list := wit.List(NewPollable(&e), NewPollable(On(c)), NewPollable(After(time.Now().Add(time.Hour))))
	go e.Set()
	if got := mustCall(t, "poll", list).Items(); len(got) != 1 || got[0].Uint() != 0 {
		t.Fatalf("ready: %v, want the event", got)
	}
	close(c)
	if got := mustCall(t, "poll", list).Items(); len(got) != 2 || got[1].Uint() != 1 {
		t.Fatalf("ready: %v, want the event and the channel", got)
	}
	soon := wit.List(NewPollable(After(time.Now().Add(5*time.Millisecond))), NewPollable(On(nil)))
	if got := mustCall(t, "poll", soon).Items(); len(got) != 1 || got[0].Uint() != 0 {
		t.Fatalf("ready: %v, want the timer", got)
	}
	if mustCall(t, "[method]pollable.ready", NewPollable(On(nil))).Bool() {
		t.Fatal("a channel nobody closes is ready")
	}
}

func TestOutputRules(t *testing.T) {
	var b bytes.Buffer
	s := newOutput(Direct(&b))
	trapped(t, "check-write permits", "[method]output-stream.write", s, wit.Bytes(make([]byte, MaxChunk+1)))
	trapped(t, "check-write permits", "[method]output-stream.write-zeroes", s, wit.U64(1<<63))
	trapped(t, "more than 4096", "[method]output-stream.blocking-write-and-flush", s, wit.Bytes(make([]byte, 4097)))
	trapped(t, "more than 4096", "[method]output-stream.blocking-write-zeroes-and-flush", s, wit.U64(4097))
	mustCall(t, "[method]output-stream.blocking-write-and-flush", s, wit.Bytes([]byte("ab")))
	mustCall(t, "[method]output-stream.write-zeroes", s, wit.U64(2))
	mustCall(t, "[method]output-stream.blocking-write-zeroes-and-flush", s, wit.U64(1))
	in := newInput(FromReader(strings.NewReader("spliced"), ReaderOptions{Immediate: true}))
	mustCall(t, "[method]output-stream.splice", s, in, wit.U64(3))
	mustCall(t, "[method]output-stream.blocking-splice", s, in, wit.U64(1<<40))
	if got, want := b.String(), "ab\x00\x00\x00spliced"; got != want {
		t.Fatalf("wrote %q, want %q", got, want)
	}
	if got := outcome(mustCall(t, "[method]output-stream.blocking-splice", s, in, wit.U64(1))); got != "closed" {
		t.Fatalf("splice from a closed stream: %s", got)
	}
}

func TestWriterHoldsNoMoreThanItPermits(t *testing.T) {
	slow := &slowWriter{gate: make(chan struct{})}
	w := FromWriter(slow, nil)
	s := newOutput(w)
	permit := func() uint64 {
		v, _ := mustCall(t, "[method]output-stream.check-write", s).Payload()
		return v.Uint()
	}
	for n := permit(); n > 0; n = permit() {
		mustCall(t, "[method]output-stream.write", s, wit.Bytes(make([]byte, min(n, 10_000))))
	}
	if w.Ready() {
		t.Fatal("a full stream is ready")
	}
	trapped(t, "check-write permits 0", "[method]output-stream.write", s, wit.Bytes([]byte("x")))
	close(slow.gate)
	mustCall(t, "[method]output-stream.blocking-flush", s)
	if slow.n != MaxChunk {
		t.Fatalf("%d bytes arrived, want %d", slow.n, MaxChunk)
	}
	mustCall(t, "[method]output-stream.blocking-write-and-flush", s, wit.Bytes([]byte("x")))
	if slow.n != MaxChunk+1 {
		t.Fatalf("%d bytes arrived, want one more", slow.n)
	}
}

type slowWriter struct {
	gate chan struct{}
	n    int
}

func (s *slowWriter) Write(p []byte) (int, error) {
	<-s.gate
	s.n += len(p)
	return len(p), nil
}

func TestWriterTellsItsErrorOnce(t *testing.T) {
	r, pipe := io.Pipe()
	_ = r.CloseWithError(errors.New("disk full"))
	for name, w := range map[string]OutputStream{"direct": Direct(pipe), "writer": FromWriter(pipe, nil)} {
		s := newOutput(w)
		for _, want := range []string{"failed: disk full", "closed"} {
			got := outcome(mustCall(t, "[method]output-stream.blocking-write-and-flush", s, wit.Bytes([]byte("x"))))
			if got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
	}
}

func TestClosedStreams(t *testing.T) {
	in, out := newInput(Closed{}), newOutput(Closed{})
	for name, args := range map[string][]wit.Value{
		"[method]input-stream.read":            {in, wit.U64(1)},
		"[method]input-stream.blocking-read":   {in, wit.U64(1)},
		"[method]output-stream.check-write":    {out},
		"[method]output-stream.write":          {out, wit.Bytes(nil)},
		"[method]output-stream.flush":          {out},
		"[method]output-stream.blocking-flush": {out},
	} {
		if got := outcome(mustCall(t, name, args...)); got != "closed" {
			t.Errorf("%s: %s, want closed", name, got)
		}
	}
}

func TestDropOfAPollableLeavesTheStream(t *testing.T) {
	s := FromReader(strings.NewReader("x"), ReaderOptions{Immediate: true})
	p := mustCall(t, "[method]input-stream.subscribe", newInput(s))
	if _, ok := p.Handle().Object.(wit.Dropper); ok {
		t.Error("a pollable hears of its end and could end its stream")
	}
	s.(wit.Dropper).Drop()
	if !wit.Object[Pollable](p).Ready() {
		t.Error("a pollable of a dropped stream never gets ready")
	}
	if got := outcome(mustCall(t, "[method]input-stream.read", newInput(s), wit.U64(1))); got != "closed" {
		t.Errorf("a dropped stream gave %q", got)
	}
}

func TestDebugStringIsBounded(t *testing.T) {
	v := mustCall(t, "[method]error.to-debug-string", NewError(errors.New(strings.Repeat("é", 5000))))
	if len(v.Text()) > maxText || !strings.HasPrefix(v.Text(), "é") {
		t.Errorf("text of %d bytes", len(v.Text()))
	}
}
