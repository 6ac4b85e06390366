// Package broker decides what each component may reach. It holds grants and denials, which an Open Policy Agent policy
// produced from grants.json or from rules of the operator's own, in a form that answers a call in well under a microsecond.
//
// Start with Broker (the policy's answers in force), then Subject.Decide (one call of one component) and vocabulary.go (the
// names of capabilities and operations). Resources and patterns are in resource.go, canonical.go and pattern.go.
//
// It decides and never performs: it opens no connection, file or store on behalf of a guest. It imports nothing of writ but
// the text of the default policy.
package broker

import (
	"cmp"
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Config sets up a Broker. The zero value is ready for use.
type Config struct {
	Observer         Observer         // told of every decision; nil is nobody
	ConditionTimeout time.Duration    // for one `when`; 0 is 50 ms
	LoadTimeout      time.Duration    // for evaluating the policy for all components; 0 is a minute
	Now              func() time.Time // nil is time.Now
	Redact           *Redactor        // hides keys and paths in records; nil is one with a random key
	// Accept may refuse what would come into force: its error is that of the load, and what was in force stays so.
	Accept func(context.Context, Loaded) error
	// OnDeny is told of the denials that the observer is told of one by one, with the call as it was. What it keeps of the
	// call is not for logs.
	OnDeny func(Record, Call)
	OnLoad func(Loaded) // told of what came into force, before Load returns; nil is nobody
	// Learn makes the broker allow what nothing grants, as far as that can be undone, and is told of each such call on the
	// goroutine that asks. It is for trying an app on a copy of its data, and never for serving.
	Learn func(Learned)
}

// Source is what decisions derive from.
type Source struct {
	Modules map[string]string // Rego by file name: package writ's grants and denials, package writ.conditions
	Grants  *GrantFile        // grants.json; nil is an empty one
	Data    map[string]any    // further data for the modules, such as that of a bundle
	Apps    []App
}

// Broker answers for all components of a host. Create it with New; its methods are safe for concurrent use.
type Broker struct {
	config Config
	loads  sync.Mutex // one Load at a time
	source Source     // of what is in force
	apps   []App      // that SetApps set, or nil
	swaps  sync.Mutex // one change of state at a time
	state  atomic.Pointer[state]
	shadow atomic.Pointer[Shadow] // nil is none
	ledger *recorder

	mu       sync.Mutex
	subjects map[subjectKey]*Subject
}

type subjectKey struct {
	app, component string
	edition        uint64
}

// New returns a broker that denies everything until the first Load.
func New(config Config) *Broker {
	config.ConditionTimeout = cmp.Or(config.ConditionTimeout, 50*time.Millisecond)
	config.LoadTimeout = cmp.Or(config.LoadTimeout, time.Minute)
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Redact == nil {
		config.Redact = NewRedactor(nil)
	}
	b := &Broker{config: config, subjects: map[subjectKey]*Subject{}}
	b.state.Store(&state{})
	b.ledger = newRecorder(config)
	return b
}

// Close tells the observer of what it was not yet told, and stops. Decisions made later are not recorded.
func (b *Broker) Close() error {
	b.ledger.close()
	return nil
}

// Revision counts the changes of what is granted. It never decreases.
func (b *Broker) Revision() uint64 { return b.state.Load().revision }

// Digest is that of the source in force, "" before the first load.
func (b *Broker) Digest() string { return b.state.Load().digest }

// Valid reports whether a cacheable decision still holds, and counts it as one more use of its grant. It is for holders of
// open handles: one atomic load, and a look at the clock when the grant expires.
func (b *Broker) Valid(d Decision) bool {
	st := b.state.Load()
	if !d.Cacheable || st.revision != d.Revision || st.suspended {
		return false
	}
	if !d.Grant.Expires.IsZero() && !b.config.Now().Before(d.Grant.Expires) {
		return false
	}
	b.ledger.allow(d.use)
	return true
}

// Valid is Broker.Valid, for holders of a subject alone.
func (s *Subject) Valid(d Decision) bool { return s.broker.Valid(d) }
