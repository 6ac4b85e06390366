package writ

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/writ-host/writ/capabilities"
	wasihttp "github.com/writ-host/writ/capabilities/http"
	"github.com/writ-host/writ/capabilities/kv"
	"github.com/writ-host/writ/capabilities/provider"
	"github.com/writ-host/writ/capabilities/spin"
	"github.com/writ-host/writ/capabilities/sql"
	"github.com/writ-host/writ/capabilities/wasi"
)

// openCapabilities makes everything that a component can be granted, in the
// order in which each builds on those before, and starts the providers.
// Closers end the providers, and are returned with an error too.
func openCapabilities(ctx context.Context, h *Host) (all []capabilities.Capability, closers []io.Closer, err error) {
	others, closers, err := openThirdParties(ctx, h)
	if err != nil {
		return nil, closers, err
	}
	sender, more, err := openEgress(ctx, h, others)
	closers = append(closers, more...)
	if err != nil {
		return nil, closers, err
	}
	http, err := wasihttp.New(wasihttp.Config{Egress: &senders{h, sender}})
	if err != nil {
		return nil, closers, err
	}
	stores, more, err := openStores(ctx, h, others)
	closers = append(closers, more...)
	if err != nil {
		return nil, closers, err
	}
	values, err := kv.New(kv.Config{Stores: stores})
	if err != nil {
		return nil, closers, err
	}
	h.values = values
	databases, more, err := openDatabases(ctx, h, others)
	closers = append(closers, more...)
	if err != nil {
		return nil, closers, err
	}
	relational, err := sql.New(sql.Config{Databases: databases})
	if err != nil {
		return nil, closers, err
	}
	customs, more, err := others.bind()
	closers = append(closers, more...)
	if err != nil {
		return nil, closers, err
	}
	all = append([]capabilities.Capability{wasi.New(), http, values, relational, spin.New()}, customs...)
	return all, closers, checkDistinct(all)
}

// launch starts a provider as the operator configured them all.
func (h *Host) launch(ctx context.Context, c provider.Config) (*provider.Provider, error) {
	c.Launcher, c.Accept, c.Log = []string{launchChild}, h.app.Config.Accept, h.log
	health := h.app.Config.Health
	c.HealthEvery, c.HealthTimeout = time.Duration(health.Every), time.Duration(health.Timeout)
	c.OnChange, c.Observer = h.recordProvider(&c), h.observer(c.Name)
	return provider.Launch(ctx, c)
}

func closeAll(closers []io.Closer) error {
	var errs []error
	for _, c := range slices.Backward(closers) {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}
