package capabilities

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/wit"
)

// Subject is one component as the broker knows it; *broker.Subject is one. A
// nil Subject is denied everything.
type Subject interface {
	// Decide answers for one operation.
	Decide(ctx context.Context, call broker.Call) broker.Decision
	// Covers answers whether any grant allows the operation, or any one for "", on
	// something that begins with prefix.
	Covers(capability, operation, prefix string) broker.Decision
}

var _ Subject = (*broker.Subject)(nil)

// Instance is one running instance of a component, as host functions see it:
// the Data of every call it makes. Whoever makes the instance fills it in, and
// calls End when the instance is gone. It is used by one goroutine at a time.
type Instance struct {
	App       string
	Component string
	ID        string // unique within the process, for logs
	Subject   Subject
	Log       *slog.Logger // nil discards

	Stdin  io.Reader // nil is empty
	Stdout io.Writer // nil discards
	Stderr io.Writer // nil discards
	Env    map[string]string
	Args   []string
	Config map[string]string // what wasi:config hands out

	// Preopens are the directories of the host that it finds open.
	Preopens []Preopen
	// Time, when set, is where the wall clock starts and stays but for what the
	// instance itself waits for: a run can be repeated. Zero is the host's clock.
	Time time.Time
	// Seed, when set, is what all random numbers derive from, which are then the
	// same in every run and not secret.
	Seed []byte

	// Streams is how many streams, files and sockets may be open at once, and
	// Buffers how many bytes the host may hold; 0 is the default.
	Streams, Buffers int

	// Tracer is told of calls; nil is nobody.
	Tracer Tracer

	held   meter
	traced *Traced // the call that runs, nil without a tracer
	grant  string
	state  map[any]any
	ends   []func()
}

// Preopen is a directory of the host under the name that a guest knows it by.
// What may be done in it is for grants of capability file to say.
type Preopen struct {
	Guest    string // path as the guest has it
	Host     string // path on the host, absolute
	ReadOnly bool   // nothing below it changes, whatever is granted
}

// From is the instance that makes a call.
func From(call *wit.Call) *Instance {
	i, _ := call.Data.(*Instance)
	return i
}

// Grant is the id of the grant under which the call that runs now was allowed,
// or "". A host function that works on after it returned takes it beforehand.
func (i *Instance) Grant() string { return i.grant }

// Logger is Log, or one that discards.
func (i *Instance) Logger() *slog.Logger {
	if i == nil || i.Log == nil {
		return discard
	}
	return i.Log
}

var discard = slog.New(slog.DiscardHandler)

// OnEnd has f called when the instance ends, the latest first. It must not block.
func (i *Instance) OnEnd(f func()) { i.ends = append(i.ends, f) }

// End runs what OnEnd registered. It may be called again.
func (i *Instance) End() {
	ends := i.ends
	i.ends = nil
	for _, f := range slices.Backward(ends) {
		f()
	}
}

// State is what a capability keeps for one instance, made on first use. The
// key is of a type of the capability's own, as for context values.
func State[T any](i *Instance, key any, make func() T) T {
	if v, ok := i.state[key].(T); ok {
		return v
	}
	v := make()
	if i.state == nil {
		i.state = map[any]any{}
	}
	i.state[key] = v
	return v
}
