package writ

import (
	"context"
	"errors"
	"hash/fnv"
	"net"
	"sync"
	"time"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/capabilities/kv/backend"
	"github.com/writ-host/writ/wit"
)

const (
	// watchLanes is how many changes one watch tells of at once. Those of one key
	// go down one lane, in their order.
	watchLanes = 8
	// laneRoom is how many changes wait in a lane before the store's have to.
	laneRoom = 64

	firstRewatch = 100 * time.Millisecond // before a watch that ended is begun again
	lastRewatch  = 10 * time.Second
)

// serveWatches tells components of changes until ctx ends, and then waits for
// those that are being told.
func (h *Host) serveWatches(ctx context.Context, _ net.Listener) error {
	h.eachEdition(ctx, func(ctx context.Context, e *edition) {
		var all sync.WaitGroup
		for _, w := range e.watches {
			all.Go(func() { h.follow(ctx, e, w) })
		}
		all.Wait()
	})
	return nil
}

// follow keeps a watch standing while an edition is in force. What it was told
// of by then it still passes on, for a while.
func (h *Host) follow(ctx context.Context, e *edition, w *watch) {
	if !e.enter() {
		return
	}
	defer e.leave()
	runs, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(time.Duration(h.app.Config.Limits.DrainTime), stop) })()
	log := w.runner.log.With("store", w.Store, "prefix", w.Prefix)
	tell, done := h.lanes(ctx, runs, w)
	defer done()
	for wait := firstRewatch; ctx.Err() == nil; wait = min(2*wait, lastRewatch) {
		err := h.values.Watch(ctx, w.Store, e.app.Manifest.Name, w.Component, w.Prefix, func() error {
			log.Info("changes are told of from now on")
			wait = firstRewatch
			return nil
		}, tell)
		var failure *backend.Error
		switch {
		case ctx.Err() != nil:
			return
		case errors.As(err, &failure) && failure.Code == backend.Unimplemented:
			log.Error("changes cannot be told of", "error", err)
			return
		}
		log.Warn("changes were missed: the watch has ended, and is begun again", "error", err)
		sleep(ctx, wait)
	}
}

// lanes are what changes are told in. done waits for those that are under way.
func (h *Host) lanes(ctx, runs context.Context, w *watch) (tell func([]backend.Change) error, done func()) {
	var lanes [watchLanes]chan backend.Change
	var all sync.WaitGroup
	for i := range lanes {
		lanes[i] = make(chan backend.Change, laneRoom)
		all.Go(func() {
			for c := range lanes[i] {
				if runs.Err() == nil {
					h.tellOf(runs, w, c)
				}
			}
		})
	}
	tell = func(changes []backend.Change) error {
		for _, c := range changes {
			key := fnv.New32a()
			_, _ = key.Write([]byte(c.Key)) // it never fails
			select {
			case lanes[key.Sum32()%watchLanes] <- c:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	}
	return tell, func() {
		for _, lane := range lanes {
			close(lane)
		}
		all.Wait()
	}
}

// tellOf has a fresh instance be told of one change, if that is granted.
func (h *Host) tellOf(ctx context.Context, w *watch, c backend.Change) {
	ctx, cancel := context.WithTimeoutCause(ctx, w.runner.wall, w.runner.late)
	defer cancel()
	d := w.runner.subject.Decide(ctx, broker.Call{Capability: broker.KV, Operation: broker.Watch,
		Resource: broker.KVResource(w.Store, c.Key), Bytes: int64(len(c.Value))})
	if !d.Allowed {
		return // which the log has from the broker
	}
	if err := w.run(ctx, h.values.Bucket(w.Store), c); err != nil {
		w.runner.log.Error("a component failed over a change", "key", c.Key, "deleted", c.Deleted, "error", err)
	}
}

func (w *watch) run(ctx context.Context, bucket wit.Value, c backend.Change) (err error) {
	ctx, endRun := w.runner.host.traceRun(ctx, "watch "+w.Component, w.Component)
	defer func() { endRun(err) }()
	f, args := w.onSet, []wit.Value{bucket, wit.String(c.Key), wit.Bytes(c.Value)}
	if c.Deleted {
		f, args = w.onDelete, args[:2]
	}
	_, err = w.runner.callOnce(ctx, w.runner.host.ids.next(), nil, f, args...)
	return err
}
