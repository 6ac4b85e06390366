package kit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/writ-host/writ/capabilities/kv/backend"
	pb "github.com/writ-host/writ/proto/writ/provider/v1"
	"golang.org/x/sync/errgroup"
)

func kvConcurrentIncrements(b *bench) error {
	const clients, each = 32, 25
	var g errgroup.Group
	for range clients {
		g.Go(func() error {
			for range each {
				if _, err := b.p.KeyValue().Increment(b.ctx, b.at, "n", 1); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return b.must("n", true, []byte(strconv.Itoa(clients*each)))
}

func kvConcurrentSwaps(b *bench) error {
	for round := range 10 {
		e, err := b.p.KeyValue().Get(b.ctx, b.at, "a")
		if err != nil {
			return err
		}
		var won atomic.Int32
		var g errgroup.Group
		for client := range 16 {
			g.Go(func() error {
				swapped, _, err := b.p.KeyValue().CompareAndSwap(b.ctx, b.at, "a", e.Version, []byte(strconv.Itoa(client)))
				if swapped {
					won.Add(1)
				}
				return err
			})
		}
		if err := g.Wait(); err != nil {
			return err
		}
		if n := won.Load(); n != 1 {
			return fmt.Errorf("round %d: %d of 16 clients swapped at one version", round, n)
		}
	}
	return nil
}

func kvDurable(b *bench) error {
	if b.config.DataDir == "" {
		return skip("it has no data directory")
	}
	for i := range 3 {
		key := fmt.Sprint("kept/", i)
		if err := b.p.KeyValue().Set(b.ctx, b.at, key, []byte("x")); err != nil {
			return err
		}
		if err := b.kill(); err != nil {
			return err
		}
		if err := b.must(key, true, []byte("x")); err != nil {
			return fmt.Errorf("after kill -9: %w", err)
		}
	}
	return nil
}

// kvChannel sends many operations in one message, among them one that no
// provider knows.
func kvChannel(b *bench) error {
	conn, err := b.p.Conn()
	if err != nil {
		return err
	}
	c, err := pb.NewKeyValueClient(conn).Channel(b.ctx)
	if err != nil {
		return err
	}
	caller := &pb.Caller{App: "kit", Component: "kit", TimeoutUs: b.left()}
	var ops []*pb.KVOperation
	for i := range 200 {
		op := &pb.KVOperation{Id: uint64(1000 - 3*i)}
		switch i % 3 {
		case 0:
			op.Operation = &pb.KVOperation_Set{Set: &pb.SetRequest{Caller: caller, Store: b.at.Store, Key: fmt.Sprint(i), Value: []byte("x")}}
		case 1:
			op.Operation = &pb.KVOperation_Get{Get: &pb.GetRequest{Caller: caller, Store: b.at.Store, Key: fmt.Sprint(i)}}
		}
		ops = append(ops, op)
	}
	if err := c.Send(&pb.KVRequest{Operations: ops}); err != nil {
		return err
	}
	want := map[uint64]func(*pb.KVResult) bool{}
	for i, op := range ops {
		want[op.Id] = []func(*pb.KVResult) bool{
			func(r *pb.KVResult) bool { return r.GetSet() != nil && r.GetSet().Error == nil },
			func(r *pb.KVResult) bool { return r.GetGet() != nil && r.GetGet().Error == nil },
			func(r *pb.KVResult) bool { return r.Result == nil },
		}[i%3]
	}
	return collect(want, (*pb.KVResult).GetId, func() ([]*pb.KVResult, error) {
		m, err := c.Recv()
		return m.GetResults(), err
	})
}

func kvUnary(b *bench) error {
	conn, err := b.p.Conn()
	if err != nil {
		return err
	}
	c, caller := pb.NewKeyValueClient(conn), &pb.Caller{App: "kit", Component: "kit"}
	if r, err := c.Set(b.ctx, &pb.SetRequest{Caller: caller, Store: b.at.Store, Key: "u", Value: []byte("1")}); err != nil || r.GetError() != nil {
		return fmt.Errorf("set: %v, %v", r, err)
	}
	if err := b.must("u", true, []byte("1")); err != nil {
		return err
	}
	if err := b.set("c", []byte("2")); err != nil {
		return err
	}
	g, err := c.Get(b.ctx, &pb.GetRequest{Caller: caller, Store: b.at.Store, Key: "c"})
	if err != nil || g.GetError() != nil || !bytes.Equal(g.GetEntry().GetValue(), []byte("2")) {
		return fmt.Errorf("get: %v, %v", g, err)
	}
	e, err := c.Increment(b.ctx, &pb.IncrementRequest{Caller: caller, Store: b.at.Store, Key: "c", Delta: 1})
	if err != nil || e.GetValue() != 3 {
		return fmt.Errorf("increment: %v, %v", e, err)
	}
	l, err := c.ListKeys(b.ctx, &pb.ListKeysRequest{Caller: caller, Store: b.at.Store})
	if err != nil || len(l.GetKeys()) != 2 {
		return fmt.Errorf("list-keys: %v, %v", l, err)
	}
	return nil
}

func kvDeadline(b *bench) error {
	for _, wait := range []time.Duration{time.Microsecond, 100 * time.Microsecond, time.Millisecond} {
		for range 50 {
			ctx, cancel := context.WithTimeout(b.ctx, wait)
			began := time.Now()
			_, err := b.p.KeyValue().Get(ctx, b.at, "a")
			cancel()
			if took := time.Since(began); took > 5*time.Second { // which no machine is that late with
				return fmt.Errorf("a call with %v took %v", wait, took)
			}
			if c := code(err); err != nil && c != backend.Deadline {
				return fmt.Errorf("a call with %v: %w; want CODE_DEADLINE", wait, err)
			}
		}
	}
	return errors.Join(b.set("a", []byte("1")), b.alive())
}

func kvCancelled(b *bench) error {
	if err := b.fill(100); err != nil {
		return err
	}
	var g errgroup.Group
	for i := range 300 {
		g.Go(func() error {
			ctx, cancel := context.WithCancel(b.ctx)
			stop := time.AfterFunc(time.Duration(i%20)*50*time.Microsecond, cancel)
			defer stop.Stop()
			defer cancel()
			_, err := b.p.KeyValue().Increment(ctx, b.at, fmt.Sprint("n", i), 1)
			if err == nil {
				return b.must(fmt.Sprint("n", i), true, []byte("1"))
			}
			return nil
		})
	}
	return errors.Join(g.Wait(), b.set("a", []byte("1")), b.alive())
}

// kvBackPressure has a host that takes no answers, and asks meanwhile on
// another stream.
func kvBackPressure(b *bench) error {
	if err := b.set("big", make([]byte, 1<<20)); err != nil {
		return err
	}
	conn, err := b.p.Conn()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(b.ctx)
	defer cancel()
	deaf, err := pb.NewKeyValueClient(conn).Channel(ctx)
	if err != nil {
		return err
	}
	sent := make(chan error, 1)
	go func() {
		for i := range 2000 { // about 2 GB of answers
			op := &pb.KVOperation{Id: uint64(i + 1), Operation: &pb.KVOperation_Get{Get: &pb.GetRequest{Caller: &pb.Caller{App: "kit", Component: "kit"}, Store: b.at.Store, Key: "big"}}}
			if err := deaf.Send(&pb.KVRequest{Operations: []*pb.KVOperation{op}}); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	time.Sleep(300 * time.Millisecond)
	cancel()
	<-sent
	// What it holds back must be bounded by its memory, and let go with the stream.
	if err := b.alive(); err != nil {
		return err
	}
	return b.set("after", []byte("1"))
}
