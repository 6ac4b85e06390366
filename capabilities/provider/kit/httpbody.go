package kit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// httpStreams says one word after the other, each after the answer to the one
// before.
func httpStreams(b *bench) error {
	in, out := io.Pipe()
	resp, err := b.p.HTTP().Send(b.request(b.ctx, "POST", b.upstream.plain.URL+"/echo", in))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	for i := range 5 {
		word := fmt.Sprintf("word %d", i)
		if _, err := io.WriteString(out, word); err != nil {
			return err
		}
		back := make([]byte, len(word))
		if _, err := io.ReadFull(resp.Body, back); err != nil || string(back) != word {
			return fmt.Errorf("%q came back as %q: %v", word, back, err)
		}
	}
	if err := out.Close(); err != nil {
		return err
	}
	rest, err := io.ReadAll(resp.Body)
	if err != nil || len(rest) > 0 {
		return fmt.Errorf("at the end came %q: %v", rest, err)
	}
	return nil
}

// httpLarge passes many times what may lie between the two servers.
func httpLarge(b *bench) error {
	const size = 32 << 20
	resp, err := b.p.HTTP().Send(b.request(b.ctx, "POST", b.upstream.plain.URL+"/echo", io.LimitReader(&counting{}, size)))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var want counting
	have, expected := make([]byte, 64<<10), make([]byte, 64<<10)
	for total := 0; total < size; total += len(have) {
		if _, err := io.ReadFull(resp.Body, have); err != nil {
			return fmt.Errorf("after %d bytes of %d: %w", total, size, err)
		}
		_, _ = want.Read(expected)
		if !bytes.Equal(have, expected) {
			return fmt.Errorf("after %d bytes others came than were sent", total)
		}
	}
	return b.alive()
}

// counting is a stream of bytes that differ.
type counting struct{ n uint64 }

func (c *counting) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(c.n ^ c.n>>8 ^ c.n>>16)
		c.n++
	}
	return len(p), nil
}

// httpBackPressure reads nothing of a response without end: what the server
// can send meanwhile is what lies between, and bounded.
func httpBackPressure(b *bench) error {
	const most = 64 // MiB, the kernel's buffers included
	ctx, cancel := context.WithCancel(b.ctx)
	defer cancel()
	before := b.upstream.reached.Load()
	resp, err := b.p.HTTP().Send(b.request(ctx, "GET", b.upstream.plain.URL+"/endless", nil))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	for still, last := 0, before; still < 5; time.Sleep(50 * time.Millisecond) {
		now := b.upstream.reached.Load()
		if now-before > most {
			return fmt.Errorf("the server could send over %d MiB that nobody reads", most)
		}
		if still++; now != last {
			still, last = 0, now
		}
	}
	if _, err := io.CopyN(io.Discard, resp.Body, 16<<20); err != nil {
		return fmt.Errorf("when it is read again: %w", err)
	}
	return b.alive()
}

func httpConcurrent(b *bench) error {
	var g errgroup.Group
	for i := range 64 {
		g.Go(func() error {
			sent := strings.Repeat(fmt.Sprintf("%02d", i), 1+i*500)
			_, body, err := b.ask(b.request(b.ctx, "POST", b.upstream.plain.URL+"/echo", strings.NewReader(sent)))
			if err == nil && string(body) != sent {
				err = fmt.Errorf("exchange %d got what is not its own", i)
			}
			return err
		})
	}
	return g.Wait()
}

// httpPools asks the server where requests come from.
func httpPools(b *bench) error {
	from := func(app, component, grant string) (string, error) {
		r := b.request(b.ctx, "GET", b.upstream.plain.URL+"/from", nil)
		r.App, r.Component, r.Grant = app, component, grant
		_, body, err := b.ask(r)
		return string(body), err
	}
	seen := map[string]string{}
	for _, who := range [][3]string{{"kit", "kit", "one"}, {"kit", "kit", "two"}, {"kit", "other", "one"}, {"other", "kit", "one"}} {
		at, err := from(who[0], who[1], who[2])
		if err != nil {
			return err
		}
		if other, ok := seen[at]; ok {
			return fmt.Errorf("%v shares a connection with %s", who, other)
		}
		seen[at] = fmt.Sprint(who)
	}
	return nil
}

func httpCancelled(b *bench) error {
	ctx, cancel := context.WithCancel(b.ctx)
	defer cancel()
	resp, err := b.p.HTTP().Send(b.request(ctx, "GET", b.upstream.plain.URL+"/wait", nil))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b.upstream.forget()
	cancel()
	select {
	case <-b.upstream.ended:
	case <-b.ctx.Done():
		return errors.New("the server still has the request")
	}
	return b.alive()
}
