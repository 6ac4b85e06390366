package egress

import (
	"crypto/tls"
	"net/http"
	"time"
)

const (
	maxPools     = 128
	maxIdle      = 64 // connections that a pool keeps
	idleTime     = time.Minute
	unusedTime   = 5 * time.Minute // after which a pool goes
	headerBytes  = 128 << 10       // of a response
	continueTime = time.Second     // for a server that is asked whether it wants the body
)

// poolKey is whose connections a pool has.
type poolKey struct {
	app, component, grant string
	named, unverified     bool
}

// pool is the connections that requests under one grant share.
type pool struct {
	transport *http.Transport
	users     int
	last      time.Time
}

// enter finds or makes a pool. leave must follow.
func (e *Egress) enter(key poolKey) *pool {
	e.mu.Lock()
	defer e.mu.Unlock()
	p := e.pools[key]
	if p == nil {
		e.evict()
		p = &pool{transport: e.newTransport(reach{named: key.named, private: e.settings.Private}, key.unverified)}
		e.pools[key] = p
	}
	p.users++
	return p
}

func (e *Egress) leave(p *pool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	p.users--
	p.last = time.Now()
}

// evict makes room: it drops what is long unused, and of a full set the pool
// that was used least recently.
func (e *Egress) evict() {
	var oldest poolKey
	var found *pool
	for key, p := range e.pools {
		switch {
		case p.users > 0:
		case time.Since(p.last) > unusedTime:
			e.drop(key, p)
		case found == nil || p.last.Before(found.last):
			oldest, found = key, p
		}
	}
	if found != nil && len(e.pools) >= maxPools {
		e.drop(oldest, found)
	}
}

func (e *Egress) drop(key poolKey, p *pool) {
	p.transport.CloseIdleConnections()
	delete(e.pools, key)
}

// newTransport makes the connections of one pool. Without verification they are
// with whoever answers, which the pool's grant says.
func (e *Egress) newTransport(r reach, unverified bool) *http.Transport {
	return &http.Transport{
		DialContext:            e.dialer(r),
		TLSClientConfig:        &tls.Config{RootCAs: e.roots, MinVersion: tls.VersionTLS12, InsecureSkipVerify: unverified},
		TLSHandshakeTimeout:    e.settings.Connect,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    maxIdle,
		IdleConnTimeout:        idleTime,
		ExpectContinueTimeout:  continueTime,
		MaxResponseHeaderBytes: headerBytes,
		WriteBufferSize:        16 << 10,
		ReadBufferSize:         16 << 10,
	}
}
