package writ

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/broker/ledger"
	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/capabilities/kv"
	"github.com/writ-host/writ/host"
	"github.com/writ-host/writ/host/metrics"
	"github.com/writ-host/writ/host/traces"
)

// Options are how a host is run. Zero values mean the defaults.
type Options struct {
	// Log takes the host's structured log; nil discards it.
	Log *slog.Logger
	// OnCompile is told of components that the code cache does not have.
	OnCompile func(component string, e host.CompileEvent)
	// OnRequest is told of every request when it is done.
	OnRequest func(Request)
	// OnRun is told of every run of a job when it has ended.
	OnRun func(Run)
	// Lock refuses components and grants that it does not pin, at the start and
	// at every later change; nil takes what the policy answers.
	Lock *Lock
	// Learning makes the host allow what nothing grants, and learn it; see [App.Learn].
	Learning *Learning
	// OnReload is told when grants or policies changed on disk.
	OnReload func(broker.Reload)
	// Follow takes up the manifest and the components when their files change;
	// otherwise [Host.Reload] does.
	Follow bool
	// NoTriggers leaves the manifest's triggers out: components run when
	// [Host.ServeMCP] has them run, and not otherwise.
	NoTriggers bool
	// OnDeploy is told when another version of the app was taken up, or refused.
	OnDeploy func(Deployment)
}

// Host runs an app: its providers, its broker and its compiled components.
type Host struct {
	app          *App // as it was at the start; its Config holds throughout
	options      Options
	log          *slog.Logger
	engine       *host.Engine
	stack        Size // that the engine gives guests
	broker       *broker.Broker
	ledger       *ledger.Ledger // nil when none is kept
	capabilities []capabilities.Capability
	values       *kv.Capability // one of them
	closers      []io.Closer    // of the providers
	linker       *host.Linker
	edition      atomic.Pointer[edition] // what is served; nil until it is compiled
	editions     sync.WaitGroup          // of those that are not closed
	all          sync.Map                // *edition: those that are not closed
	live         atomic.Int64            // how many they are
	reloading    sync.Mutex              // one reload at a time
	background   sync.WaitGroup          // what ends with stopWatching
	compiling    atomic.Value            // string: the component that is compiled now, or was last
	slots        chan struct{}           // one for each request that runs
	queued       atomic.Int64            // requests that wait for one of them
	calls        atomic.Int64            // of components by components that go on
	stopWatching context.CancelFunc
	denials      *denialKeeper
	underWay     underWay // runs of jobs
	ready        readiness
	operator     *operator        // nil when there is none
	metrics      *metrics.Metrics // nil when nobody can read them
	traces       *traces.Traces   // nil when nothing is traced
	redact       *broker.Redactor // what records and spans show of resources
	unrouted     *metrics.Component
	proxies      proxies
	ids          ids
	shadow       *broker.Shadow // nil without a second policy
	second       *broker.Broker // that has it
}

// Start makes an app ready to serve: it starts the providers, compiles and
// links the components and puts the policy in force. Close the host in the end.
// The program's main must begin with [RunChild].
func Start(ctx context.Context, app *App, o Options) (*Host, error) {
	h := &Host{app: app, options: o, log: o.Log, ids: newIDs(), underWay: underWay{runs: map[string]int{}},
		slots: make(chan struct{}, app.Config.Limits.Concurrency), stopWatching: func() {}}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	if err := h.start(ctx); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return h, nil
}

func (h *Host) start(ctx context.Context) (err error) {
	if h.proxies, err = h.app.Config.proxies(); err != nil {
		return err
	}
	h.openMetrics()
	if err := h.openTraces(ctx); err != nil {
		return err
	}
	if err := h.openBroker(); err != nil {
		return err
	}
	if err := h.openOperator(); err != nil {
		return err
	}
	if err := h.app.loadPolicy(ctx, h.broker); err != nil {
		return err
	}
	if h.capabilities, h.closers, err = openCapabilities(ctx, h); err != nil {
		return err
	}
	if err := h.startEngine(); err != nil {
		return err
	}
	e, err := h.newEdition(ctx, h.app)
	if err != nil {
		return err
	}
	h.edition.Store(e)
	if err := h.bind(e); err != nil {
		return err
	}
	return h.watch()
}

func orElse[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// accept refuses what is wider than the lock, when there is one.
func (h *Host) accept(ctx context.Context, next broker.Loaded) error {
	if h.options.Lock == nil {
		return nil
	}
	return h.options.Lock.Accept(ctx, next)
}

// watch takes up changes of grants and policies while the host runs.
func (h *Host) watch() error {
	ctx, cancel := context.WithCancel(context.Background())
	h.stopWatching = cancel
	apps := []broker.App{h.app.subject()}
	if err := h.watchShadow(ctx, apps); err != nil {
		return err
	}
	if err := h.broker.Watch(ctx, h.app.policyFiles(), apps, h.reloaded); err != nil || !h.options.Follow {
		return err
	}
	return h.watchApp(ctx)
}

// reloaded tells of grants and policies that changed while the host runs.
func (h *Host) reloaded(r broker.Reload) {
	h.metrics.Reload("policy", r.Err)
	if r.Err != nil {
		h.log.Error("grants and policies not taken up; the last good ones stay in force", "error", r.Err, "revision", r.Revision)
		if h.ledger != nil {
			h.ledger.Refused(r.Revision, r.Err)
		}
	} else {
		h.log.Info("grants and policies taken up", "revision", r.Revision)
	}
	if h.options.OnReload != nil {
		h.options.OnReload(r)
	}
}

// Plan is what is requested and granted at this moment.
func (h *Host) Plan() (*Plan, error) { return h.edition.Load().app.planWith(h.broker) }

// Instances is how many core instances of components are alive now.
func (h *Host) Instances() int { return h.engine.Instances() }

// Close ends the providers and frees everything. Serving must have ended.
func (h *Host) Close() error {
	h.stopWatching()
	h.background.Wait()
	h.drain()
	if e := h.edition.Load(); e != nil {
		e.leave()
	}
	h.editions.Wait()
	errs := []error{h.closeOperator(), closeAll(h.closers)}
	h.traces.Close()
	if h.engine != nil {
		h.engine.Close()
	}
	return errors.Join(append(errs, h.closeLedger())...)
}

// statePath is a path below the host's directory for state.
func (a *App) statePath(parts ...string) string {
	return filepath.Join(append([]string{a.Config.Data}, parts...)...)
}
