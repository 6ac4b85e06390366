package wasmtime

import (
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// ticker ends the epoch again and again while guests run, and sleeps while
// none does. Its clock is what guests' CPU time is counted with: a guest is
// charged with what passes on it while that guest holds a slot. The moments are
// drawn at random, so that a guest cannot be somewhere else at each of them.
type ticker struct {
	clock   atomic.Int64 // nanoseconds
	advance func()
	idle    func() bool // no guest holds a slot
	asleep  atomic.Bool
	wake    chan struct{}
	quit    chan struct{}
	done    chan struct{}
}

func startTicker(tick time.Duration, advance func(), idle func() bool) *ticker {
	t := &ticker{
		advance: advance, idle: idle,
		wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}),
	}
	go t.run(tick)
	return t
}

// touch is called with a slot held, before a guest runs. It costs one load.
func (t *ticker) touch() {
	if t.asleep.Load() {
		select {
		case t.wake <- struct{}{}:
		default:
		}
	}
}

func (t *ticker) run(tick time.Duration) {
	defer close(t.done)
	timer := time.NewTimer(tick)
	defer timer.Stop()
	for last := time.Now(); ; {
		select {
		case <-timer.C:
		case <-t.quit:
			return
		}
		now := time.Now()
		// A tick that comes late says that the machine is short of time, not that
		// the guest had all of it.
		t.clock.Add(int64(min(now.Sub(last), 4*tick)))
		last = now
		t.advance()
		if t.idle() {
			if !t.sleep() {
				return
			}
			last = time.Now()
		}
		timer.Reset(tick/2 + rand.N(tick))
	}
}

// sleep waits for a guest; false means stop. It announces itself before it
// looks again, and a guest takes its slot before it looks for a sleeper, so
// that one of them sees the other: a guest that nobody preempts would never end.
func (t *ticker) sleep() bool {
	t.asleep.Store(true)
	defer t.asleep.Store(false)
	if !t.idle() {
		return true
	}
	select {
	case <-t.wake:
		return true
	case <-t.quit:
		return false
	}
}

func (t *ticker) stop() {
	close(t.quit)
	<-t.done
}
