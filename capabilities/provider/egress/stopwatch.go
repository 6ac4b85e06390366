package egress

import (
	"io"
	"sync"
	"time"

	"github.com/writ-host/writ/capabilities/http/backend"
)

// stopwatch ends a request that spends too long in one phase.
type stopwatch struct {
	cancel func(error)

	mu    sync.Mutex
	timer *time.Timer
	code  backend.Code
	off   bool
}

// phase begins a phase that may last for d.
func (s *stopwatch) phase(d time.Duration, code backend.Code) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.off {
		return
	}
	s.code = code
	if s.timer == nil {
		s.timer = time.AfterFunc(d, s.ring)
		return
	}
	s.timer.Reset(d)
}

func (s *stopwatch) ring() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.off {
		s.cancel(&backend.Error{Code: s.code})
	}
}

// pause stops the time until the next phase.
func (s *stopwatch) pause() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.timer != nil {
		s.timer.Stop()
	}
}

// stop ends it for good.
func (s *stopwatch) stop() {
	s.pause()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.off = true
}

// upload is a request's body. The time that its sender takes for the next part
// is not the server's.
type upload struct {
	io.ReadCloser
	watch   *stopwatch
	timeout time.Duration
}

// Read implements io.Reader.
func (u *upload) Read(p []byte) (int, error) {
	u.watch.pause()
	defer u.watch.phase(u.timeout, backend.HTTPResponseTimeout)
	return u.ReadCloser.Read(p)
}
