package provider

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/writ-host/writ/capabilities/kv/backend"
)

// How a provider that ends is started again: at once, then after waits that
// double, until it has run for a while.
const (
	firstBackOff = 100 * time.Millisecond
	lastBackOff  = 10 * time.Second
	stableAfter  = 10 * time.Second

	dyingWait  = 100 * time.Millisecond // for the end of a process whose connection is gone
	healthWait = 2 * time.Second        // for an answer to who asks about its health
	stopGrace  = 3 * time.Second        // for an orderly end
)

// Provider is a running provider. It starts its process again when that ends.
type Provider struct {
	config *Config
	tmp    string
	close  context.CancelFunc
	closed chan struct{}
	doubt  chan struct{} // a call got no answer in time

	mu       sync.Mutex
	session  *session
	failure  error         // why there is no session, while waiting to start again
	changed  chan struct{} // closed when session or failure change
	restarts int
	first    Info // what the first process said of itself
}

// Launch starts a provider, and returns when it serves. Close ends it.
func Launch(ctx context.Context, config Config) (*Provider, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	c := config.withDefaults()
	if c.DataDir != "" {
		if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
			return nil, fmt.Errorf("provider %s: make data directory: %w", c.Name, err)
		}
	}
	tmp, err := os.MkdirTemp("", "writ-")
	if err != nil {
		return nil, fmt.Errorf("provider %s: make socket directory: %w", c.Name, err)
	}
	p := &Provider{config: c, tmp: tmp, closed: make(chan struct{}), doubt: make(chan struct{}, 1), changed: make(chan struct{})}
	s, err := startSession(ctx, c, tmp, p.suspect)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(tmp))
	}
	p.session, p.first = s, s.info
	c.Log.Info("provider serves", "pid", s.process.pid(), "isolation", s.process.isolation.String())
	c.tell(Started, s, nil)
	run, cancel := context.WithCancel(context.Background())
	p.close = cancel
	go p.run(run, s)
	return p, nil
}

// Close ends the process, in order if it can.
func (p *Provider) Close() error {
	p.close()
	<-p.closed
	return os.RemoveAll(p.tmp)
}

// Info is what the provider said of itself when it was launched. One that says
// otherwise about its interfaces later is not used.
func (p *Provider) Info() Info { return p.first }

// PID is the provider's process, 0 while there is none.
func (p *Provider) PID() int {
	if s := p.now(); s != nil {
		return s.process.pid()
	}
	return 0
}

// Isolation is what holds the process in, nil while there is none.
func (p *Provider) Isolation() *Isolation {
	if s := p.now(); s != nil {
		i := s.process.isolation
		return &i
	}
	return nil
}

// Restarts is how often the process had to be started again.
func (p *Provider) Restarts() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.restarts
}

// Health asks the provider whether it can go on.
func (p *Provider) Health(ctx context.Context) error {
	s, err := p.ready(ctx, p.config.CallTimeout)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, healthWait)
	defer cancel()
	return s.health(ctx)
}

func (p *Provider) now() *session {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.session
}

// ready is the session to use. While the process starts, or is looked at, it
// waits; while the process has to wait before it is started again, it says so
// at once.
func (p *Provider) ready(ctx context.Context, wait time.Duration) (*session, error) {
	var late <-chan time.Time
	for {
		p.mu.Lock()
		s, failure, changed := p.session, p.failure, p.changed
		p.mu.Unlock()
		if s != nil && !s.lost.Load() {
			return s, nil
		}
		if failure != nil {
			return nil, backend.Errorf(backend.Unavailable, "provider %s is down: %v", p.config.Name, failure)
		}
		if late == nil {
			t := time.NewTimer(wait)
			defer t.Stop()
			late = t.C
		}
		select {
		case <-changed:
		case <-late:
			return nil, backend.Errorf(backend.Deadline, "provider %s did not start within %v", p.config.Name, wait)
		case <-ctx.Done():
			return nil, backend.Errorf(backend.Deadline, "provider %s is starting: %v", p.config.Name, ctx.Err())
		}
	}
}

func (p *Provider) set(s *session, failure error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.session, p.failure = s, failure
	close(p.changed)
	p.changed = make(chan struct{})
}

// run keeps a process running until the provider is closed.
func (p *Provider) run(ctx context.Context, s *session) {
	defer close(p.closed)
	quick := 0 // ends in a row that came soon after a start
	for {
		began := time.Now()
		if p.watch(ctx, s); ctx.Err() != nil {
			p.set(nil, errors.New("it is closed"))
			s.stop(stopGrace)
			p.config.tell(Stopped, s, nil)
			return
		}
		p.set(nil, nil)
		s.kill()
		p.config.tell(Ended, s, s.status())
		if time.Since(began) > stableAfter {
			quick = 0
		}
		if s = p.restart(ctx, &quick); s == nil {
			p.set(nil, errors.New("it is closed"))
			p.config.tell(Stopped, nil, nil)
			return
		}
		p.set(s, nil)
		p.config.tell(Restarted, s, nil)
	}
}

// watch returns when the process has ended, is to be given up, or the provider
// is closed.
func (p *Provider) watch(ctx context.Context, s *session) {
	tick := time.NewTicker(p.config.HealthEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.process.exited:
			p.config.Log.Warn("provider ended", "pid", s.process.pid(), "status", fmt.Sprint(s.process.err))
			return
		case <-tick.C:
		case <-p.doubt:
		}
		if !p.examine(ctx, s) {
			return
		}
	}
}

// examine reports whether a session can go on. Calls that wait for that do.
func (p *Provider) examine(ctx context.Context, s *session) bool {
	if s.lost.Load() && s.ended(dyingWait) {
		return true // which the caller sees by itself
	}
	if err := s.alive(ctx); err != nil && ctx.Err() == nil {
		p.config.Log.Warn("provider given up", "pid", s.process.pid(), "error", err)
		return false
	}
	s.unwedge()
	if s.lost.CompareAndSwap(true, false) {
		p.set(s, nil)
	}
	return true
}

// suspect has the provider's health checked soon.
func (p *Provider) suspect() {
	select {
	case p.doubt <- struct{}{}:
	default:
	}
}

// restart starts the process until it serves; nil when the provider is closed.
func (p *Provider) restart(ctx context.Context, quick *int) *session {
	for {
		if d := backOff(*quick); d > 0 {
			select {
			case <-time.After(d):
			case <-ctx.Done():
				return nil
			}
		}
		*quick++
		p.mu.Lock()
		p.restarts++
		p.mu.Unlock()
		s, err := startSession(ctx, p.config, p.tmp, p.suspect)
		if err == nil && !s.info.sameInterfaces(p.first) {
			s.kill()
			err = errors.New("it offers other interfaces than when it was launched")
		}
		if err == nil {
			p.config.Log.Info("provider serves again", "pid", s.process.pid())
			return s
		}
		if ctx.Err() != nil {
			return nil
		}
		p.config.Log.Error("provider does not start", "error", err)
		p.config.tell(Failed, nil, err)
		p.set(nil, err)
	}
}

func backOff(quick int) time.Duration {
	if quick == 0 {
		return 0
	}
	return min(firstBackOff<<min(quick-1, 10), lastBackOff)
}
