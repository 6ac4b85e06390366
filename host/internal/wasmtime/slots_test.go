package wasmtime

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestSlotsGoToTheNextInLine(t *testing.T) {
	var s slots
	s.init(1)
	ctx := context.Background()
	if err := s.acquire(ctx, fresh); err != nil {
		t.Fatal(err)
	}
	order := make(chan string, 16)
	queue := func(name string, l line) {
		waiting := s.free.Load()
		go func() {
			if err := s.acquire(ctx, l); err != nil {
				t.Error(err)
			}
			order <- name
			s.release()
		}()
		waitFor(t, name+" to queue", func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return int64(len(s.lines[0])+len(s.lines[1])+len(s.lines[2])) == 1-waiting
		})
	}
	queue("p1", preempted)
	queue("p2", preempted)
	for i := range 5 {
		queue(fmt.Sprint("f", i+1), fresh)
	}
	for i := range 3 {
		queue(fmt.Sprint("c", i+1), continuing)
	}
	s.release()
	var got string
	for range 10 {
		got += <-order + " "
	}
	if want := "f1 c1 f2 p1 c2 f3 c3 p2 f4 f5 "; got != want {
		t.Fatalf("order %s, want %s", got, want)
	}
}

func TestSlotsPassOverThoseWhoGaveUp(t *testing.T) {
	var s slots
	s.init(1)
	if err := s.acquire(context.Background(), fresh); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if err := s.acquire(ctx, fresh); err != context.DeadlineExceeded {
		t.Fatalf("acquire: %v", err)
	}
	s.release()
	if s.idle() != true || s.contended() {
		t.Fatalf("%d free", s.free.Load())
	}
	if err := s.acquire(context.Background(), fresh); err != nil {
		t.Fatal(err)
	}
}

func TestSlotsNeverExceedTheirNumber(t *testing.T) {
	const n = 3
	var s slots
	s.init(n)
	var held atomic.Int64
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			for i := range 2000 {
				ctx, cancel := context.Background(), func() {}
				if (g+i)%5 == 0 {
					ctx, cancel = context.WithTimeout(ctx, time.Duration(i)*time.Nanosecond*10)
				}
				if s.acquire(ctx, line(i%3)) == nil {
					if h := held.Add(1); h > n {
						t.Errorf("%d hold a slot", h)
					}
					held.Add(-1)
					s.release()
				}
				cancel()
			}
		})
	}
	wg.Wait()
	if got := s.free.Load(); got != n || s.handed != 0 {
		t.Fatalf("%d free, %d handed over", got, s.handed)
	}
}
