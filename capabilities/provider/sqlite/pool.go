package sqlite

import (
	"context"
	"sync"

	"github.com/writ-host/writ/capabilities/sql/backend"
)

// maxReaders is how many connections read at once; a cursor that is open and a
// transaction that only reads hold one each.
const maxReaders = 32

// pool keeps connections that are not in use, the latest used on top: its
// statements are compiled and its pages at hand.
type pool struct {
	path  string
	slots chan struct{}

	mu   sync.Mutex
	idle []*conn
}

func newPool(path string, size int) *pool {
	return &pool{path: path, slots: make(chan struct{}, size)}
}

// get is a connection for the caller alone, as soon as there is one.
func (p *pool) get(ctx context.Context) (*conn, error) {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, backend.Errorf(backend.Deadline, "no connection was free in time")
	}
	p.mu.Lock()
	if n := len(p.idle); n > 0 {
		c := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return c, nil
	}
	p.mu.Unlock()
	c, err := openConn(p.path)
	if err != nil {
		<-p.slots
		return nil, failure(err)
	}
	return c, nil
}

func (p *pool) put(c *conn) {
	if !c.db.GetAutocommit() && c.own("ROLLBACK") != nil { // a mistake here must not reach the next caller
		_ = c.close()
		<-p.slots
		return
	}
	p.mu.Lock()
	p.idle = append(p.idle, c)
	p.mu.Unlock()
	<-p.slots
}

func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.idle {
		_ = c.close()
	}
	p.idle = nil
}
