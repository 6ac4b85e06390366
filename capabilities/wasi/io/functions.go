package wasiio

import (
	"context"
	"fmt"
	"strings"

	"github.com/writ-host/writ/wit"
)

// maxPoll is how many pollables one poll waits for.
const maxPoll = 1 << 14

// maxBlockingWrite is the most that blocking-write-and-flush and its like
// take, as the interface says.
const maxBlockingWrite = 4096

func errorFuncs() map[string]wit.HostFunc {
	return map[string]wit.HostFunc{
		"[method]error.to-debug-string": func(_ context.Context, c *wit.Call) error {
			text := wit.Self[error](c).Error()
			c.Return(wit.String(strings.ToValidUTF8(text[:min(len(text), maxText)], "")))
			return nil
		},
	}
}

func pollFuncs() map[string]wit.HostFunc {
	return map[string]wit.HostFunc{
		"[method]pollable.ready": func(_ context.Context, c *wit.Call) error {
			c.Return(wit.Bool(wit.Self[Pollable](c).Ready()))
			return nil
		},
		"[method]pollable.block": func(ctx context.Context, c *wit.Call) error {
			return wit.Self[Pollable](c).Wait(ctx)
		},
		"poll": poll,
	}
}

func poll(ctx context.Context, c *wit.Call) error {
	items := c.Args[0].Items()
	if len(items) == 0 {
		return Trap("poll of an empty list would never return")
	}
	if len(items) > maxPoll {
		return Trap("poll of %d pollables, more than %d", len(items), maxPoll)
	}
	list := make([]Pollable, len(items))
	for i, item := range items {
		list[i] = wit.Object[Pollable](item)
	}
	ready, err := WaitAny(ctx, list)
	if err != nil {
		return fmt.Errorf("poll: %w", err)
	}
	indexes := make([]wit.Value, len(ready))
	for i, n := range ready {
		indexes[i] = wit.U32(n)
	}
	c.Return(wit.List(indexes...))
	return nil
}

func streamFuncs() map[string]wit.HostFunc {
	return map[string]wit.HostFunc{
		"[method]input-stream.read":          reading(InputStream.Read, giveBytes),
		"[method]input-stream.blocking-read": reading(InputStream.BlockingRead, giveBytes),
		"[method]input-stream.skip":          reading(InputStream.Read, giveCount),
		"[method]input-stream.blocking-skip": reading(InputStream.BlockingRead, giveCount),
		"[method]input-stream.subscribe":     subscribe,

		"[method]output-stream.check-write":                     checkWrite,
		"[method]output-stream.write":                           writing(write),
		"[method]output-stream.blocking-write-and-flush":        writing(writeAndFlush),
		"[method]output-stream.flush":                           writing(flush),
		"[method]output-stream.blocking-flush":                  writing(blockingFlush),
		"[method]output-stream.subscribe":                       subscribe,
		"[method]output-stream.write-zeroes":                    writing(writeZeroes),
		"[method]output-stream.blocking-write-zeroes-and-flush": writing(writeZeroesAndFlush),
		"[method]output-stream.splice":                          splicing(splice),
		"[method]output-stream.blocking-splice":                 splicing(blockingSplice),
	}
}

func subscribe(_ context.Context, c *wit.Call) error {
	c.Return(NewPollable(wit.Self[Pollable](c)))
	return nil
}

type readFunc func(s InputStream, ctx context.Context, max int) ([]byte, error)

// reading is a function that reads, and gives the guest the bytes or their number.
func reading(read readFunc, give func([]byte) wit.Value) wit.HostFunc {
	return func(ctx context.Context, c *wit.Call) error {
		n := c.Args[1].Uint()
		if n == 0 {
			c.Return(wit.OK(give(nil)))
			return nil
		}
		b, err := read(wit.Self[InputStream](c), ctx, int(min(n, MaxChunk)))
		if err != nil {
			return settle(ctx, c, err)
		}
		c.Return(wit.OK(give(b)))
		return nil
	}
}

func giveBytes(b []byte) wit.Value { return wit.Bytes(b) }

func giveCount(b []byte) wit.Value { return wit.U64(uint64(len(b))) }

func checkWrite(ctx context.Context, c *wit.Call) error {
	n, err := wit.Self[OutputStream](c).CheckWrite()
	if err != nil {
		return settle(ctx, c, err)
	}
	c.Return(wit.OK(wit.U64(uint64(n))))
	return nil
}

type writeFunc func(ctx context.Context, s OutputStream, c *wit.Call) error

func writing(do writeFunc) wit.HostFunc {
	return func(ctx context.Context, c *wit.Call) error {
		if err := do(ctx, wit.Self[OutputStream](c), c); err != nil {
			return settle(ctx, c, err)
		}
		c.Return(wit.Done())
		return nil
	}
}

func write(ctx context.Context, s OutputStream, c *wit.Call) error {
	p := c.Args[1].Bytes()
	if err := permitted(s, uint64(len(p))); err != nil {
		return err
	}
	return s.Write(ctx, p)
}

// permitted traps when a write is longer than the stream takes now.
func permitted(s OutputStream, n uint64) error {
	room, err := s.CheckWrite()
	if err == nil && n > uint64(room) {
		return Trap("write of %d bytes where check-write permits %d", n, room)
	}
	return err
}

func writeAndFlush(ctx context.Context, s OutputStream, c *wit.Call) error {
	p := c.Args[1].Bytes()
	if len(p) > maxBlockingWrite {
		return Trap("blocking-write-and-flush of %d bytes, more than %d", len(p), maxBlockingWrite)
	}
	return writeAll(ctx, s, p)
}

// writeAll writes as the stream takes it, and flushes.
func writeAll(ctx context.Context, s OutputStream, p []byte) error {
	for len(p) > 0 {
		room, err := s.CheckWrite()
		if err != nil {
			return err
		}
		n := min(room, len(p))
		if n == 0 {
			err = s.Wait(ctx)
		} else {
			err = s.Write(ctx, p[:n])
		}
		if err != nil {
			return err
		}
		p = p[n:]
	}
	return s.BlockingFlush(ctx)
}

func flush(_ context.Context, s OutputStream, _ *wit.Call) error { return s.Flush() }

func blockingFlush(ctx context.Context, s OutputStream, _ *wit.Call) error {
	return s.BlockingFlush(ctx)
}

var zeroes [MaxChunk]byte

func writeZeroes(ctx context.Context, s OutputStream, c *wit.Call) error {
	n := c.Args[1].Uint()
	if err := permitted(s, n); err != nil {
		return err
	}
	for n > 0 {
		part := min(n, MaxChunk)
		if err := s.Write(ctx, zeroes[:part]); err != nil {
			return err
		}
		n -= part
	}
	return nil
}

func writeZeroesAndFlush(ctx context.Context, s OutputStream, c *wit.Call) error {
	n := c.Args[1].Uint()
	if n > maxBlockingWrite {
		return Trap("blocking-write-zeroes-and-flush of %d bytes, more than %d", n, maxBlockingWrite)
	}
	return writeAll(ctx, s, zeroes[:n])
}

type spliceFunc func(ctx context.Context, to OutputStream, from InputStream, max int) (int, error)

func splicing(do spliceFunc) wit.HostFunc {
	return func(ctx context.Context, c *wit.Call) error {
		n := int(min(c.Args[2].Uint(), MaxChunk))
		moved, err := do(ctx, wit.Self[OutputStream](c), wit.Object[InputStream](c.Args[1]), n)
		if err != nil {
			return settle(ctx, c, err)
		}
		c.Return(wit.OK(wit.U64(uint64(moved))))
		return nil
	}
}

func splice(ctx context.Context, to OutputStream, from InputStream, n int) (int, error) {
	return move(ctx, to, from, n, InputStream.Read)
}

func blockingSplice(ctx context.Context, to OutputStream, from InputStream, n int) (int, error) {
	if n == 0 {
		return 0, nil
	}
	if err := to.Wait(ctx); err != nil {
		return 0, err
	}
	return move(ctx, to, from, n, InputStream.BlockingRead)
}

func move(ctx context.Context, to OutputStream, from InputStream, n int, read readFunc) (int, error) {
	room, err := to.CheckWrite()
	if n = min(n, room); err != nil || n == 0 {
		return 0, err
	}
	b, err := read(from, ctx, n)
	if err != nil || len(b) == 0 {
		return 0, err
	}
	return len(b), to.Write(ctx, b)
}
