package kit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/writ-host/writ/capabilities/kv/backend"
)

// watching is a watch that stands.
type watching struct {
	changes chan []backend.Change
	ended   chan error
	cancel  context.CancelFunc
}

// watch begins one, and returns when it stands.
func (b *bench) watch(prefix string, room int) (*watching, error) {
	ctx, cancel := context.WithCancel(b.ctx)
	w := &watching{changes: make(chan []backend.Change, room), ended: make(chan error, 1), cancel: cancel}
	stands := make(chan struct{})
	watcher, ok := b.p.KeyValue().(backend.Watcher)
	if !ok {
		cancel()
		return nil, errors.New("the host cannot watch")
	}
	go func() {
		w.ended <- watcher.Watch(ctx, b.at, prefix, func() error { close(stands); return nil }, func(c []backend.Change) error {
			select {
			case w.changes <- c:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	select {
	case <-stands:
		return w, nil
	case err := <-w.ended:
		cancel()
		if code(err) == backend.Unimplemented {
			return nil, skip("it cannot tell of changes")
		}
		return nil, err
	case <-ctx.Done():
		cancel()
		return nil, ctx.Err()
	}
}

// last has the last change of each key, once one that is awaited came.
func (w *watching) last(ctx context.Context, until string) (map[string]backend.Change, error) {
	last := map[string]backend.Change{}
	for {
		select {
		case changes := <-w.changes:
			for _, c := range changes {
				if last[c.Key] = c; c.Key == until {
					return last, nil
				}
			}
		case err := <-w.ended:
			return nil, fmt.Errorf("the watch ended: %w", err)
		case <-ctx.Done():
			return nil, fmt.Errorf("the change of %q does not come", until)
		}
	}
}

func kvWatch(b *bench) error {
	kv := b.p.KeyValue()
	if err := errors.Join(b.set("w/old", []byte("1")), b.set("w/gone", []byte("1"))); err != nil {
		return err
	}
	w, err := b.watch("w/", 64)
	if err != nil {
		return err
	}
	defer w.cancel()
	_, incErr := kv.Increment(b.ctx, b.at, "w/count", 5)
	e, getErr := kv.Get(b.ctx, b.at, "w/swapped")
	if err := errors.Join(incErr, getErr); err != nil {
		return err
	}
	_, _, casErr := kv.CompareAndSwap(b.ctx, b.at, "w/swapped", e.Version, []byte("s"))
	if err := errors.Join(casErr, kv.Set(b.ctx, b.at, "other", []byte("x")), kv.Delete(b.ctx, b.at, "w/gone"),
		kv.Set(b.ctx, b.at, "w/one", []byte("1")), kv.Set(b.ctx, b.at, "w/one", []byte("2")),
		kv.SetMany(b.ctx, b.at, []backend.Pair{{Key: "w/many/1", Value: []byte("a")}, {Key: "w/many/2", Value: []byte("b")}}),
		kv.DeleteMany(b.ctx, b.at, []string{"w/many/1"}), kv.Set(b.ctx, b.at, "w/end", nil)); err != nil {
		return err
	}
	last, err := w.last(b.ctx, "w/end")
	if err != nil {
		return err
	}
	want := map[string]string{"w/count": "5", "w/swapped": "s", "w/gone": "deleted", "w/one": "2", "w/many/1": "deleted", "w/many/2": "b", "w/end": ""}
	for key, c := range last {
		text := string(c.Value)
		if c.Deleted {
			text = "deleted"
		}
		if expected, ok := want[key]; !ok || expected != text {
			return fmt.Errorf("the last change of %q is %q, want %q", key, text, expected)
		}
		delete(want, key)
	}
	if len(want) > 0 {
		return fmt.Errorf("of %v came no change", want)
	}
	return nil
}

// kvWatchMany has changes that nobody takes: the watch ends, or leaves out
// those that others followed, and the store goes on.
func kvWatchMany(b *bench) error {
	w, err := b.watch("", 0)
	if err != nil {
		return err
	}
	defer w.cancel()
	value := make([]byte, 64<<10)
	for i := range 200 {
		if err := b.p.KeyValue().Set(b.ctx, b.at, fmt.Sprint("m", i%50), value); err != nil {
			return fmt.Errorf("a write while nobody takes the changes: %w", err)
		}
	}
	w.cancel()
	select {
	case <-w.ended:
	case <-time.After(ruleTime / 2):
		return errors.New("a watch that was given up does not end")
	}
	return b.alive()
}
