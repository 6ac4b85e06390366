package provider

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/writ-host/writ/capabilities/kv/backend"
	pb "github.com/writ-host/writ/proto/writ/provider/v1"
)

// busyFactor is how many times HealthTimeout a provider has that is busy.
const busyFactor = 5

// talk is a channel, as far as it shows that the provider lives.
type talk interface {
	// ask has the provider say something on the channel; it does not wait.
	ask()
	// heard is how many messages came so far.
	heard() uint64
	// wedged reports whether an operation is unanswered that long after its time,
	// though nothing came since.
	wedged(grace time.Duration) bool
	fail(error)
}

// health asks the provider whether it can go on.
func (s *session) health(ctx context.Context) error {
	r, err := s.control.Health(ctx, &pb.HealthRequest{})
	if err != nil {
		return err
	}
	if r.GetStatus() == pb.HealthResponse_STATUS_NOT_SERVING {
		return errors.New(r.GetMessage())
	}
	return nil
}

// alive is the error that a provider does not serve, or does nothing at all. One that
// says something on a channel lives, whatever keeps it from answering about its
// health, and one that is busy has more time to.
func (s *session) alive(ctx context.Context) error {
	wait := s.config.HealthTimeout
	ctx, cancel := context.WithTimeout(ctx, busyFactor*wait)
	defer cancel()
	answer := make(chan error, 1)
	go func() { answer <- s.health(ctx) }()
	talks := s.talks()
	before := said(talks)
	for _, t := range talks {
		t.ask()
	}
	was := activityOf(s.process.pid())
	for n := time.Duration(1); ; n++ {
		select {
		case err := <-answer:
			return err
		case <-time.After(wait):
		}
		if said(talks) > before {
			return nil
		}
		now := activityOf(s.process.pid())
		if n >= busyFactor || !now.busy(was, wait) {
			return fmt.Errorf("it did not answer within %v", n*wait)
		}
		was = now
	}
}

// talks are the channels that are open.
func (s *session) talks() []talk {
	var open []talk
	if c, ok := s.kv.channel.now(); ok {
		open = append(open, c)
	}
	if c, ok := s.sql.channel.now(); ok {
		open = append(open, c)
	}
	if c, ok := s.custom.channel.now(); ok {
		open = append(open, c)
	}
	if c, ok := s.http.channel.now(); ok {
		open = append(open, c)
	}
	return open
}

func said(talks []talk) (n uint64) {
	for _, t := range talks {
		n += t.heard()
	}
	return n
}

// unwedge ends channels on which a provider that lives does not do what it has
// to: the next call opens another.
func (s *session) unwedge() {
	for _, t := range s.talks() {
		if t.wedged(busyFactor * s.config.HealthTimeout) {
			s.config.Log.Warn("a channel is given up: operations are not answered", "pid", s.process.pid())
			t.fail(backend.Errorf(backend.Unavailable, "provider %s does not answer", s.config.Name))
		}
	}
}

// activity is what a process has done, and whether it is about to do more.
type activity struct {
	used time.Duration // of processors, by all threads
	runs bool          // a thread runs, could run, or waits for a disk
}

// busy reports whether a process did something worth mentioning in a while.
func (a activity) busy(was activity, in time.Duration) bool {
	return a.runs || a.used-was.used >= in/20
}

// tick is the unit in which the kernel counts processor time.
const tick = 10 * time.Millisecond

// activityOf reads what the kernel knows; of a process that ended it is none.
func activityOf(pid int) (a activity) {
	files, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/stat") // the pattern is good
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			continue // it just ended
		}
		_, after, _ := strings.Cut(string(b), ") ") // the name before may have anything but that and a state
		f := strings.Fields(after)
		if len(f) < 13 {
			continue
		}
		user, _ := strconv.ParseInt(f[11], 10, 64)
		system, _ := strconv.ParseInt(f[12], 10, 64)
		a.used += time.Duration(user+system) * tick
		a.runs = a.runs || f[0] == "R" || f[0] == "D"
	}
	return a
}
