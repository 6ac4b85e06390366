package wasihttp

import (
	"context"
	"io"
	"sync"

	"github.com/writ-host/writ/capabilities"
)

// bodyPipe is the body of an outgoing request between the guest that writes
// and the backend that reads. It holds up to maxHeld bytes, so that a guest can
// ask whether there is room instead of waiting for the server.
type bodyPipe struct {
	holder  *capabilities.Instance // of data
	mu      sync.Mutex
	filled  sync.Cond // something to read, or the end
	data    []byte
	end     error         // what follows data: io.EOF or why the body is not complete
	gone    error         // the reader's end, for writers
	drained chan struct{} // closed when there is more room, or the end; made when somebody waits
	wakes   map[*func()]struct{}
}

// newBodyPipe takes over what is held for the instance already.
func newBodyPipe(held []byte, holder *capabilities.Instance) *bodyPipe {
	p := &bodyPipe{data: held, holder: holder, wakes: map[*func()]struct{}{}}
	p.filled.L = &p.mu
	return p
}

// Read implements io.Reader.
func (p *bodyPipe) Read(b []byte) (int, error) {
	p.mu.Lock()
	for len(p.data) == 0 && p.end == nil && p.gone == nil {
		p.filled.Wait()
	}
	if len(p.data) == 0 {
		defer p.mu.Unlock()
		if p.gone != nil {
			return 0, p.gone
		}
		return 0, p.end
	}
	n := copy(b, p.data)
	p.holder.Release(n)
	p.data = append(p.data[:0], p.data[n:]...)
	wakes := p.changed()
	p.mu.Unlock()
	wakeAll(wakes)
	return n, nil
}

// Close implements io.Closer, for the reader: nothing more is wanted.
func (p *bodyPipe) Close() error {
	p.stop(func() {
		p.gone = io.ErrClosedPipe
		p.letGo()
	})
	return nil
}

// letGo forgets what nobody will read. The mutex is held.
func (p *bodyPipe) letGo() {
	p.holder.Release(len(p.data))
	p.data = nil
}

// finish is the writer's end: io.EOF after the data, or an error instead of it.
func (p *bodyPipe) finish(err error) {
	p.stop(func() {
		if p.end != nil {
			return
		}
		if p.end = err; err != io.EOF {
			p.letGo()
		}
	})
}

func (p *bodyPipe) stop(set func()) {
	p.mu.Lock()
	set()
	p.filled.Broadcast()
	wakes := p.changed()
	p.mu.Unlock()
	wakeAll(wakes)
}

// changed lets those go on who wait for room; it returns whom to tell.
func (p *bodyPipe) changed() (wakes []func()) {
	if p.drained != nil {
		close(p.drained)
		p.drained = nil
	}
	for wake := range p.wakes {
		wakes = append(wakes, *wake)
	}
	clear(p.wakes)
	return wakes
}

func wakeAll(wakes []func()) {
	for _, wake := range wakes {
		wake()
	}
}

// room is how many bytes can be written without waiting.
func (p *bodyPipe) room() (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(0, maxHeld-len(p.data)), p.over()
}

// over is why nothing can be written any more.
func (p *bodyPipe) over() error {
	if p.end != nil && p.end != io.EOF {
		return p.end
	}
	return p.gone
}

// wait waits until the state is as wanted, or the pipe's end.
func (p *bodyPipe) wait(ctx context.Context, wanted func(held int) bool) error {
	for {
		p.mu.Lock()
		if err := p.over(); err != nil || wanted(len(p.data)) {
			p.mu.Unlock()
			return err
		}
		if p.drained == nil {
			p.drained = make(chan struct{})
		}
		drained := p.drained
		p.mu.Unlock()
		select {
		case <-drained:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func hasRoom(held int) bool { return held < maxHeld }
func isEmpty(held int) bool { return held == 0 }

// write takes all of b, and waits as long as that takes.
func (p *bodyPipe) write(ctx context.Context, b []byte) error {
	for len(b) > 0 {
		if err := p.wait(ctx, hasRoom); err != nil {
			return err
		}
		p.mu.Lock()
		n := min(len(b), maxHeld-len(p.data))
		if err := p.holder.Hold(n); err != nil {
			p.mu.Unlock()
			return err
		}
		p.data = append(p.data, b[:n]...)
		p.filled.Signal()
		p.mu.Unlock()
		b = b[n:]
	}
	return nil
}

// watch has wake called once when there is room, or the end.
func (p *bodyPipe) watch(wake func()) (stop func()) {
	p.mu.Lock()
	if hasRoom(len(p.data)) || p.over() != nil {
		p.mu.Unlock()
		wake()
		return func() {}
	}
	defer p.mu.Unlock()
	key := &wake
	p.wakes[key] = struct{}{}
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.wakes, key)
	}
}
