package held

import (
	"context"
	"sync"

	"github.com/writ-host/writ/capabilities/sql/backend"
	"golang.org/x/sync/semaphore"
)

// Shares bounds how many of a database's connections one component holds with
// cursors and transactions: the others stay for everybody.
type Shares struct {
	each int64

	mu sync.Mutex
	of map[owner]*share
}

type owner struct{ app, component string }

// share is what one component holds; users are those that hold or wait.
type share struct {
	held  *semaphore.Weighted
	users int
}

// NewShares lets each component hold three quarters of the connections.
func NewShares(connections int) *Shares {
	return &Shares{each: int64(max(1, connections*3/4)), of: map[owner]*share{}}
}

// Take waits until a component may hold one more.
func (s *Shares) Take(ctx context.Context, at backend.Caller) (giveBack func(), err error) {
	who, mine := s.enter(at)
	if mine.held.Acquire(ctx, 1) != nil {
		s.leave(who, mine)
		return nil, backend.Errorf(backend.Deadline, "none of the component's %d results and transactions ended in time", s.each)
	}
	return s.giveBack(who, mine), nil
}

// TryTake does not wait: whoever asks holds a connection already.
func (s *Shares) TryTake(at backend.Caller) (giveBack func(), err error) {
	who, mine := s.enter(at)
	if !mine.held.TryAcquire(1) {
		s.leave(who, mine)
		return nil, backend.Errorf(backend.Unavailable, "the component has %d results and transactions open, the most it can have", s.each)
	}
	return s.giveBack(who, mine), nil
}

func (s *Shares) giveBack(who owner, mine *share) func() {
	return func() {
		mine.held.Release(1)
		s.leave(who, mine)
	}
}

func (s *Shares) enter(at backend.Caller) (owner, *share) {
	s.mu.Lock()
	defer s.mu.Unlock()
	who := owner{at.App, at.Component}
	mine := s.of[who]
	if mine == nil {
		mine = &share{held: semaphore.NewWeighted(s.each)}
		s.of[who] = mine
	}
	mine.users++
	return who, mine
}

func (s *Shares) leave(who owner, mine *share) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if mine.users--; mine.users == 0 {
		delete(s.of, who)
	}
}
