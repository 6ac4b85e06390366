package wasiio

import (
	"context"
	"sync"
	"time"
)

// Pollable is something to wait for.
type Pollable interface {
	// Ready says whether waiting would return at once.
	Ready() bool
	// Wait returns when it is ready, or with the context's error.
	Wait(ctx context.Context) error
	// Watch has wake called, on any goroutine, when it becomes ready after
	// Watch was called; wake may be called in vain. No call starts after stop.
	// The caller looks at Ready once more after Watch.
	Watch(wake func()) (stop func())
}

// Always is a pollable that is ready.
type Always struct{}

// Ready implements [Pollable].
func (Always) Ready() bool { return true }

// Wait implements [Pollable].
func (Always) Wait(context.Context) error { return nil }

// Watch implements [Pollable].
func (Always) Watch(wake func()) func() {
	wake()
	return func() {}
}

// After is ready from a moment on. It holds a timer only while it is waited for.
func After(t time.Time) Pollable { return deadline{t} }

type deadline struct{ at time.Time }

func (d deadline) Ready() bool { return time.Until(d.at) <= 0 }

func (d deadline) Wait(ctx context.Context) error {
	left := time.Until(d.at)
	if left <= 0 {
		return nil
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d deadline) Watch(wake func()) func() {
	timer := time.AfterFunc(time.Until(d.at), wake)
	return func() { timer.Stop() }
}

// On is ready once c is closed.
func On(c <-chan struct{}) Pollable { return channel{c} }

type channel struct{ c <-chan struct{} }

func (c channel) Ready() bool {
	select {
	case <-c.c:
		return true
	default:
		return false
	}
}

func (c channel) Wait(ctx context.Context) error {
	select {
	case <-c.c:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c channel) Watch(wake func()) func() {
	stop := make(chan struct{})
	go func() {
		select {
		case <-c.c:
			wake()
		case <-stop:
		}
	}()
	return sync.OnceFunc(func() { close(stop) })
}

// Event is a pollable that is ready once Set was called. The zero Event is not ready.
type Event struct {
	mu      sync.Mutex
	set     bool
	waiting watchers
}

// Set makes it ready, for good.
func (e *Event) Set() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.set = true
	e.waiting.wake()
}

// Ready implements [Pollable].
func (e *Event) Ready() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.set
}

// Wait implements [Pollable].
func (e *Event) Wait(ctx context.Context) error { return waitWatching(ctx, e) }

// Watch implements [Pollable].
func (e *Event) Watch(wake func()) func() {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.waiting.add(&e.mu, wake)
}

// watchers are the wake functions of those who watch one thing. Its owner's
// mutex guards it. Wake functions are called with that mutex held, so they
// must not call back; this package's only send on a channel.
type watchers struct {
	next  int
	wakes map[int]func()
}

func (w *watchers) add(mu *sync.Mutex, wake func()) (stop func()) {
	if w.wakes == nil {
		w.wakes = map[int]func(){}
	}
	id := w.next
	w.next++
	w.wakes[id] = wake
	return func() {
		mu.Lock()
		defer mu.Unlock()
		delete(w.wakes, id)
	}
}

func (w *watchers) wake() {
	for _, wake := range w.wakes {
		wake()
	}
}

// waitWatching is Wait for one that knows best how to be watched.
func waitWatching(ctx context.Context, p Pollable) error {
	_, err := waitAny(ctx, []Pollable{p})
	return err
}

// WaitAny returns the indexes of those that are ready, once there are any.
func WaitAny(ctx context.Context, list []Pollable) ([]uint32, error) {
	if len(list) == 1 {
		return []uint32{0}, list[0].Wait(ctx)
	}
	return waitAny(ctx, list)
}

// waitAny takes no goroutine itself: what is watched wakes it through one channel.
func waitAny(ctx context.Context, list []Pollable) ([]uint32, error) {
	if ready := readyOf(list); ready != nil {
		return ready, nil
	}
	woken := make(chan struct{}, 1)
	wake := func() {
		select {
		case woken <- struct{}{}:
		default:
		}
	}
	for _, p := range list {
		defer p.Watch(wake)()
	}
	for {
		if ready := readyOf(list); ready != nil {
			return ready, nil
		}
		select {
		case <-woken:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func readyOf(list []Pollable) (ready []uint32) {
	for i, p := range list {
		if p.Ready() {
			ready = append(ready, uint32(i))
		}
	}
	return ready
}
