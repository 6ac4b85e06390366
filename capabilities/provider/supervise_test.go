package provider_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/writ-host/writ/capabilities/kv/backend"
	"github.com/writ-host/writ/capabilities/provider"
)

func code(err error) backend.Code {
	if err == nil {
		return 0
	}
	return backend.AsError(err).Code
}

func TestNothingAcknowledgedIsLost(t *testing.T) {
	p := launch(t, accepting(config(t, "serve-embedded")))
	kv := p.KeyValue()
	const writers = 16
	var (
		wg    sync.WaitGroup
		stop  atomic.Bool
		acked [writers]int
		fails atomic.Int32
	)
	for w := range writers {
		wg.Go(func() {
			for n := 1; !stop.Load(); n++ {
				ctx, cancel := context.WithTimeout(context.Background(), time.Second)
				began := time.Now()
				err := kv.Set(ctx, at, "w"+strconv.Itoa(w), []byte(strconv.Itoa(n)))
				cancel()
				if took := time.Since(began); took > 15*time.Second { // the deadline, and what a busy machine adds
					t.Errorf("a call took %v", took)
				}
				if err == nil {
					acked[w] = n
				} else {
					fails.Add(1)
				}
			}
		})
	}
	for range 3 {
		time.Sleep(200 * time.Millisecond)
		sig(t, p, syscall.SIGKILL)
		began := time.Now()
		for err := errors.New("none"); err != nil; _, err = kv.Get(context.Background(), at, "again") {
			if time.Since(began) > 30*time.Second { // it takes a tenth of one where nothing else runs
				t.Fatal("no call succeeds after the kill")
			}
		}
	}
	time.Sleep(100 * time.Millisecond)
	stop.Store(true)
	wg.Wait()
	if fails.Load() == 0 || p.Restarts() != 3 {
		t.Errorf("%d calls failed, %d restarts: the kills hit nothing", fails.Load(), p.Restarts())
	}
	for w := range writers {
		e, err := kv.Get(context.Background(), at, "w"+strconv.Itoa(w))
		n, _ := strconv.Atoi(string(e.Value))
		if err != nil || acked[w] == 0 || n < acked[w] {
			t.Errorf("writer %d: %d was acknowledged, and %q is there (%v)", w, acked[w], e.Value, err)
		}
	}
}

func TestCallInFlightFailsAtOnceWhenTheProviderDies(t *testing.T) {
	p := launch(t, accepting(config(t, "serve-probe")))
	began := time.Now()
	time.AfterFunc(100*time.Millisecond, func() { sig(t, p, syscall.SIGKILL) })
	_, err := p.KeyValue().Exists(context.Background(), at, "1m")
	if code(err) != backend.Unavailable || time.Since(began) > 15*time.Second { // and not the minute
		t.Errorf("after %v: %v", time.Since(began), err)
	}
	if _, err := p.KeyValue().Exists(context.Background(), at, "0s"); err != nil {
		t.Errorf("the next call: %v", err)
	}
}

func TestDeadlines(t *testing.T) {
	c := accepting(config(t, "serve-probe"))
	c.CallTimeout = 200 * time.Millisecond
	p := launch(t, c)
	short, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	cancelled, cancelNow := context.WithCancel(context.Background())
	time.AfterFunc(30*time.Millisecond, cancelNow)
	past, cancelPast := context.WithTimeout(context.Background(), -time.Second)
	defer cancelPast()
	for name, test := range map[string]struct {
		ctx context.Context
	}{
		"the caller's":        {short},
		"the caller leaves":   {cancelled},
		"past":                {past},
		"the configured time": {context.Background()},
	} {
		began := time.Now()
		_, err := p.KeyValue().Exists(test.ctx, at, "1m")
		if code(err) != backend.Deadline || time.Since(began) > 15*time.Second { // and not the minute
			t.Errorf("%s: after %v: %v", name, time.Since(began), err)
		}
	}
	eventually(t, "no call succeeds after them", func() bool {
		_, err := p.KeyValue().Exists(context.Background(), at, "0s")
		return err == nil
	})
}

func TestStalledProvider(t *testing.T) {
	c := accepting(config(t, "serve-embedded"))
	c.CallTimeout = 300 * time.Millisecond
	p := launch(t, c)
	kv := p.KeyValue()
	sig(t, p, syscall.SIGSTOP)
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() { // far more than the connection takes unread
			began := time.Now()
			err := kv.Set(context.Background(), at, "k"+strconv.Itoa(i), make([]byte, 1<<20))
			if code(err) != backend.Deadline && code(err) != backend.Unavailable || time.Since(began) > 20*time.Second {
				t.Errorf("after %v: %v", time.Since(began), err)
			}
		})
	}
	wg.Wait()
	began := time.Now()
	for kv.Set(context.Background(), at, "again", nil) != nil {
		if time.Since(began) > time.Minute {
			t.Fatal("it is not given up")
		}
	}
}

func TestAtomics(t *testing.T) {
	p := launch(t, accepting(config(t, "serve-embedded")))
	kv, ctx := p.KeyValue(), context.Background()
	var wg sync.WaitGroup
	var conflicts atomic.Int32
	for range 8 {
		wg.Go(func() {
			for range 50 {
				if _, err := kv.Increment(ctx, at, "n", 2); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for range 10 {
				e, err := kv.Get(ctx, at, "log")
				for swapped := false; err == nil && !swapped; {
					var now backend.Entry
					swapped, now, err = kv.CompareAndSwap(ctx, at, "log", e.Version, append(bytes.Clone(e.Value), 'x'))
					if !swapped {
						conflicts.Add(1)
						e = now
					}
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	n, err := kv.Increment(ctx, at, "n", 0)
	if n != 800 || err != nil {
		t.Errorf("the sum is %d: %v", n, err)
	}
	if e, err := kv.Get(ctx, at, "log"); len(e.Value) != 80 || err != nil {
		t.Errorf("%d appends are there: %v", len(e.Value), err)
	}
	if conflicts.Load() == 0 {
		t.Error("nothing ever conflicted")
	}
}

func TestEveryOperationOverTheWire(t *testing.T) {
	c := accepting(config(t, "serve-embedded"))
	planes(t, c, func(t *testing.T, p *provider.Provider) {
		at := at
		at.Store = t.Name()
		exercise(t, p.KeyValue(), at)
	})
}

// exercise is what any backend must answer.
func exercise(t *testing.T, kv backend.KeyValue, at backend.Caller) {
	t.Helper()
	ctx := context.Background()
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
	must(kv.Set(ctx, at, "", []byte{}))
	must(kv.Set(ctx, at, "ключ/🗝", big))
	must(kv.SetMany(ctx, at, []backend.Pair{{Key: "a", Value: []byte("1")}, {Key: "b", Value: []byte("2")}}))
	must(kv.Delete(ctx, at, "nothing"))
	e, err := kv.Get(ctx, at, "ключ/🗝")
	must(err)
	if !e.Found || !bytes.Equal(e.Value, big) {
		t.Errorf("a big value came back with %d bytes", len(e.Value))
	}
	many, err := kv.GetMany(ctx, at, []string{"b", "c", ""})
	must(err)
	if len(many) != 3 || string(many[0].Value) != "2" || many[1].Found || !many[2].Found {
		t.Errorf("get-many: %v", many)
	}
	found, err := kv.Exists(ctx, at, "a")
	must(err)
	other := at
	other.Store = "another"
	elsewhere, err := kv.Exists(ctx, other, "a")
	must(err)
	if !found || elsewhere {
		t.Errorf("exists: %v here, %v in another store", found, elsewhere)
	}
	var keys []string
	for cursor := "-"; cursor != ""; {
		page, err := kv.ListKeys(ctx, at, map[bool]string{true: "", false: cursor}[cursor == "-"], 3)
		must(err)
		keys, cursor = append(keys, page.Keys...), page.Cursor
	}
	if got := fmt.Sprintf("%q", keys); got != `["" "a" "b" "ключ/🗝"]` {
		t.Errorf("keys: %s", got)
	}
	swapped, now, err := kv.CompareAndSwap(ctx, at, "a", many[0].Version, nil)
	must(err)
	if swapped || string(now.Value) != "1" {
		t.Errorf("swapped at another's version: %v", now)
	}
	must(kv.DeleteMany(ctx, at, []string{"a", "b"}))
	if found, err = kv.Exists(ctx, at, "b"); found || err != nil {
		t.Errorf("deleted, yet there: %v", err)
	}
	if _, err := kv.Increment(ctx, at, "", 1); code(err) != backend.NotANumber {
		t.Errorf("increment of nothing: %v", err)
	}
	if err := kv.Set(ctx, at, "k", make([]byte, 17<<20)); code(err) != backend.TooLarge {
		t.Errorf("a value of 17 MiB: %v", err)
	}
}

func TestPanicOfAProviderIsOneError(t *testing.T) {
	p := launch(t, accepting(config(t, "serve-probe")))
	pid := p.PID()
	err := p.KeyValue().Delete(context.Background(), at, "k")
	if code(err) != backend.Internal || p.PID() != pid {
		t.Errorf("%v; process %d, was %d", err, p.PID(), pid)
	}
	if err := p.Health(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestClosedProviderSaysSo(t *testing.T) {
	p := launch(t, accepting(config(t, "serve-embedded")))
	pid := p.PID()
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := p.KeyValue().Get(context.Background(), at, "k")
	if code(err) != backend.Unavailable || !gone(pid) {
		t.Errorf("%v; process ended: %v", err, gone(pid))
	}
	var typed *backend.Error
	if !errors.As(err, &typed) || typed.Message != "provider test is down: it is closed" {
		t.Errorf("message: %v", err)
	}
}
