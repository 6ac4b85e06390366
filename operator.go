package writ

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/writ-host/writ/capabilities/provider"
)

// operator is the server on the operator's own address. It is there before
// anything slow, so that whoever probes can tell a start from a failure.
type operator struct {
	listener net.Listener
	server   *http.Server
}

// operatorTimeout bounds what a reader at the operator's address may take for each step.
const operatorTimeout = 10 * time.Second

// openOperator opens the address that [telemetry] names, if it names one.
func (h *Host) openOperator() error {
	address := h.app.Config.Telemetry.Listen
	if address == "" {
		return nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listen for the operator (telemetry.listen in %s): %w", HostConfigName, err)
	}
	paths := http.NewServeMux()
	paths.Handle("GET /metrics", h.metrics.Handler())
	paths.HandleFunc("GET /livez", func(w http.ResponseWriter, r *http.Request) { answerHealth(w, h.Alive()) })
	paths.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { answerHealth(w, h.Ready()) })
	h.operator = &operator{l, &http.Server{Handler: paths, ReadHeaderTimeout: operatorTimeout, ReadTimeout: operatorTimeout,
		WriteTimeout: 2 * operatorTimeout, IdleTimeout: operatorTimeout, MaxHeaderBytes: 8 << 10}}
	go func() { _ = h.operator.server.Serve(l) }()
	return nil
}

// OperatorURL is the operator's address, "" when there is none.
func (h *Host) OperatorURL() string {
	if h.operator == nil {
		return ""
	}
	return "http://" + h.operator.listener.Addr().String() + "/"
}

func (h *Host) closeOperator() error {
	if h.operator == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := h.operator.server.Shutdown(ctx); err != nil {
		return h.operator.server.Close()
	}
	return nil
}

func answerHealth(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = fmt.Fprintln(w, err)
		return
	}
	_, _ = fmt.Fprintln(w, "ok")
}

// Why a host takes no work.
var (
	errStarting = errors.New("it starts: not all components are compiled")
	errDraining = errors.New("it ends: what runs is finished, and nothing new is begun")
)

// readiness is what keeps a host from taking work.
type readiness struct {
	mu        sync.Mutex
	draining  bool
	providers map[string]error // by name; nil while the process serves
}

// Alive reports why the process should be started anew; nil while it works.
func (h *Host) Alive() error {
	h.ready.mu.Lock() // which nothing holds for long
	defer h.ready.mu.Unlock()
	return nil
}

// Ready reports why requests should go elsewhere; nil when components are
// compiled and served, all providers are up and, where it is required, the
// ledger can be written.
func (h *Host) Ready() error {
	h.ready.mu.Lock()
	defer h.ready.mu.Unlock()
	switch {
	case h.ready.draining:
		return errDraining
	case h.edition.Load() == nil:
		return errStarting
	}
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(h.ready.providers)) {
		if err := h.ready.providers[name]; err != nil {
			faults = append(faults, fmt.Errorf("provider %s: %w", name, err))
		}
	}
	if h.ledger != nil && h.app.Config.Ledger.required() {
		if err := h.ledger.Err(); err != nil {
			faults = append(faults, fmt.Errorf("ledger: %w", err))
		}
	}
	return errors.Join(faults...)
}

// drain notes that no more work is to come.
func (h *Host) drain() {
	h.ready.mu.Lock()
	defer h.ready.mu.Unlock()
	h.ready.draining = true
}

var errProviderDown = errors.New("its process ended")

// providerChanged keeps count of which providers are up.
func (h *Host) providerChanged(name string, c provider.Change) {
	up := c.Event == provider.Started || c.Event == provider.Restarted
	h.metrics.Provider(name).Serves(up, c.Event == provider.Restarted)
	h.ready.mu.Lock()
	defer h.ready.mu.Unlock()
	if h.ready.providers == nil {
		h.ready.providers = map[string]error{}
	}
	switch {
	case up:
		h.ready.providers[name] = nil
	case c.Err != nil:
		h.ready.providers[name] = c.Err
	default:
		h.ready.providers[name] = errProviderDown
	}
}
