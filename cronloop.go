package writ

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

const (
	// lateBy is how late a run may begin and still be of its time. Beyond it the
	// time was missed: the machine slept, or its clock was set.
	lateBy = time.Minute
	// lookEvery bounds how long a change of the machine's clock goes unnoticed.
	lookEvery = 20 * time.Second
	// maxOverlap bounds the runs of one job that go on at once.
	maxOverlap = 16
)

// underWay counts the runs that go on.
type underWay struct {
	mu   sync.Mutex
	runs map[string]int // by job
	all  sync.WaitGroup
}

// begin notes that a run begins, unless too many go on.
func (u *underWay) begin(j *job) bool {
	most := 1
	if j.Overlap {
		most = maxOverlap
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.runs[j.Name] >= most {
		return false
	}
	u.runs[j.Name]++
	u.all.Add(1)
	return true
}

func (u *underWay) end(j *job) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.runs[j.Name]--; u.runs[j.Name] == 0 {
		delete(u.runs, j.Name)
	}
	u.all.Done()
}

// serveCron runs jobs until ctx ends, and then waits for those that run.
func (h *Host) serveCron(ctx context.Context, _ net.Listener) error {
	runs, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	history := h.openHistory()
	h.eachEdition(ctx, func(ctx context.Context, e *edition) {
		var loops sync.WaitGroup
		for _, j := range e.jobs {
			loops.Go(func() {
				j.follow(ctx, h.log, history, func(due time.Time) { h.begin(runs, e, j, due) })
			})
		}
		loops.Wait()
	})
	late := time.AfterFunc(time.Duration(h.app.Config.Limits.DrainTime), stop)
	defer late.Stop()
	h.underWay.all.Wait()
	return nil
}

// follow has a job begin at its times.
func (j *job) follow(ctx context.Context, log *slog.Logger, history *history, begin func(due time.Time)) {
	last := history.last(j, time.Now())
	for {
		due := j.next(last)
		if due.IsZero() {
			log.Warn("a job has no more times to run at", "job", j.Name, "schedule", j.Schedule)
			return
		}
		if !sleepUntil(ctx, due.Add(spread(time.Duration(j.Jitter)))) {
			return
		}
		last = due
		now := time.Now()
		missed := now.Sub(due) > lateBy+time.Duration(j.Jitter)
		if missed {
			last = now // for all the times between
		}
		history.note(j, last)
		if missed && j.Missed == missedSkip {
			log.Warn("a job's time was missed, and is left out", "job", j.Name, "due", due)
			continue
		}
		begin(due)
	}
}

// spread is a random part of a time.
func spread(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return rand.N(d)
}

// sleepUntil returns at a time by the machine's clock, or false when ctx ends before.
func sleepUntil(ctx context.Context, at time.Time) bool {
	for ctx.Err() == nil {
		left := at.Sub(time.Now().Round(0))
		if left <= 0 {
			return true
		}
		sleep(ctx, min(left, lookEvery))
	}
	return false
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
