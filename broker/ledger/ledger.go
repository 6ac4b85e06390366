package ledger

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/writ-host/writ/broker"
)

// Config sets up a Ledger.
type Config struct {
	Dir  string // of the log; made when it is not there
	Keys *Keys
	// Writer is the command of the process that writes: a program that calls Serve on its standard input and output.
	Writer []string
	// OnFail is called when the ledger cannot be written, and OnRecover when it can be again, each on a goroutine of the
	// ledger's own. Between the two, what is told waits.
	OnFail    func(error)
	OnRecover func()

	// Patience is how long one write, and the checkpoint over it, may take before the ledger counts as failed; 0 is 5 s.
	Patience time.Duration
	// Retry is the time between two attempts to write; 0 is 500 ms.
	Retry time.Duration
	Now   func() time.Time // nil is time.Now
}

// maxWaiting bounds the decisions that wait to be written. At the bound Observe blocks: the broker's recorder, never a guest.
// What the recorder is not rid of it counts, and tells of in groups. Changes are few, and Add never blocks.
const maxWaiting = 4 * maxBatch

// ErrClosed is what Add reports of an entry that came after Close.
var ErrClosed = errors.New("the ledger is closed")

// Ledger is a host's end. It is a broker.Observer; its methods are safe for concurrent use.
type Ledger struct {
	config Config
	run    string
	log    *scribe

	release func() // of the directory

	mu      sync.Mutex
	seq     uint64
	waiting [][]byte
	room    *sync.Cond // for more waiting entries
	more    chan struct{}
	closing bool
	failed  error

	inForce inForce // of Loaded alone

	done chan struct{} // closed when the last entry was written, or given up
}

// Open opens the ledger, or begins one, and starts a run of it.
func Open(config Config) (*Ledger, error) {
	if config.Patience == 0 {
		config.Patience = 5 * time.Second
	}
	if config.Retry == 0 {
		config.Retry = 500 * time.Millisecond
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	release, err := claim(config.Dir)
	if err != nil {
		return nil, err
	}
	log := &scribe{config: config}
	there, err := log.start()
	if err != nil {
		release()
		return nil, err
	}
	// Not so of a later start: what a writer that ended had written is looked for from where the log ended before.
	log.size = there.Size
	run := make([]byte, 8)
	rand.Read(run) // never fails (Go 1.24)
	l := &Ledger{config: config, run: hex.EncodeToString(run), log: log, release: release, more: make(chan struct{}, 1), done: make(chan struct{})}
	l.room = sync.NewCond(&l.mu)
	go l.serve()
	return l, nil
}

var (
	claimsLock sync.Mutex
	claims     = map[string]bool{}
)

// claim keeps a directory from being opened twice in a process: the locks of files are between processes alone.
func claim(dir string) (release func(), err error) {
	path, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open the ledger: %w", err)
	}
	claimsLock.Lock()
	defer claimsLock.Unlock()
	if claims[path] {
		return nil, fmt.Errorf("open the ledger: this process has %s open already", path)
	}
	claims[path] = true
	return sync.OnceFunc(func() {
		claimsLock.Lock()
		defer claimsLock.Unlock()
		delete(claims, path)
	}), nil
}

// Run names this run in its entries.
func (l *Ledger) Run() string { return l.run }

// Observe enters decisions. It implements broker.Observer.
func (l *Ledger) Observe(r broker.Record) {
	e := Entry{Time: r.Time, Kind: Decision, App: r.App, Component: r.Component, Capability: r.Capability,
		Operation: r.Operation, Resource: r.Resource, Grant: r.GrantID, Verdict: Deny, Reason: r.Reason.String(),
		Count: r.Count, Revision: r.Revision, Nanos: uint64(max(r.Duration, 0))}
	if r.Allowed {
		e.Verdict, e.Reason = Allow, ""
	}
	if r.TLS != "" {
		e.Detail = "tls " + r.TLS
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.waiting) >= maxWaiting && !l.closing {
		l.room.Wait()
	}
	_ = l.add(e) // decisions after Close are not recorded, as those after the broker's are not
}

// Add enters what changed. The version, the run and the number in it are the ledger's own to give; a time that is zero is now.
func (l *Ledger) Add(e Entry) error {
	if e.Time.IsZero() {
		e.Time = l.config.Now()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.add(e)
}

func (l *Ledger) add(e Entry) error {
	if l.closing {
		return ErrClosed
	}
	l.enter(e)
	select {
	case l.more <- struct{}{}:
	default:
	}
	return nil
}

// enter numbers an entry and puts it in the queue. The caller holds the lock.
func (l *Ledger) enter(e Entry) {
	e.Version, e.Run, e.Seq = Version, l.run, l.seq
	l.seq++
	l.waiting = append(l.waiting, e.bytes())
}

// Waiting is how many entries are not written yet.
func (l *Ledger) Waiting() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.waiting)
}

// Err is why the ledger cannot be written now, nil when it can.
func (l *Ledger) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed
}

// Close writes what waits and has it signed. It gives up after the configured patience.
func (l *Ledger) Close() error {
	l.mu.Lock()
	if !l.closing {
		l.closing = true
		close(l.more)
		l.room.Broadcast()
	}
	l.mu.Unlock()
	defer l.release()
	ctx, cancel := context.WithTimeout(context.Background(), l.config.Patience)
	defer cancel()
	select {
	case <-l.done:
	case <-ctx.Done():
		return errors.Join(fmt.Errorf("close the ledger: entries were not written within %s", l.config.Patience), l.Err())
	}
	l.mu.Lock()
	left := len(l.waiting)
	l.mu.Unlock()
	deadline, _ := ctx.Deadline()
	err := l.log.close(time.Until(deadline))
	if left > 0 {
		return errors.Join(fmt.Errorf("close the ledger: %d entries were not written", left), l.Err(), err)
	}
	return err
}
