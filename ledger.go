package writ

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/broker/ledger"
	"github.com/writ-host/writ/capabilities/provider"
)

// LedgerConfig says how the host stands to its ledger, which is in the
// directory for state.
type LedgerConfig struct {
	// Required makes the host stop granting while the ledger cannot be written,
	// and not start at all without it; default true.
	Required *bool `toml:"required"`
}

func (c LedgerConfig) required() bool { return c.Required == nil || *c.Required }

// LedgerDir is where the host's ledger is, and LedgerKeys where its keys are:
// apart, since copies of the ledger are for auditors and the keys are not.
func (c *HostConfig) LedgerDir() string  { return (&App{Config: c}).statePath("ledger") }
func (c *HostConfig) LedgerKeys() string { return (&App{Config: c}).statePath("ledger-keys") }

// openBroker makes the broker of the host, and the ledger that it is told to.
func (h *Host) openBroker() error {
	h.denials = &denialKeeper{path: h.app.statePath(denialsName), fault: func(err error) { h.log.Warn("denials are not kept for writ explain", "error", err) }}
	h.redact = broker.NewRedactor(nil)
	config := broker.Config{Observer: broker.LogDecisions(h.log), Accept: h.accept, OnDeny: h.denials.keep}
	if h.options.Learning != nil {
		config.Learn = h.options.Learning.tell
	}
	made := make(chan struct{})
	defer close(made)
	keys, err := ledger.OpenKeys(h.app.Config.LedgerKeys())
	if err == nil {
		dir := h.app.Config.LedgerDir()
		writer := []string{"/proc/self/exe", ledgerChild, dir} // the directory is for whoever lists processes
		h.ledger, err = ledger.Open(ledger.Config{Dir: dir, Keys: keys, Writer: writer, OnFail: func(err error) {
			<-made
			h.ledgerFailed(err)
		}, OnRecover: func() {
			h.log.Info("the ledger can be written again")
			h.broker.Resume()
		}})
	}
	switch {
	case err == nil:
		config.Observer = observers{config.Observer, h.ledger}
		h.redact, config.OnLoad = keys.Redactor(), h.ledger.Loaded
	case h.app.Config.Ledger.required():
		return fmt.Errorf("%w (ledger.required = false in %s starts without a ledger)", err, HostConfigName)
	default:
		h.log.Error("no ledger is kept", "error", err)
	}
	if h.metrics != nil {
		config.Observer = observers{config.Observer, countDecisions{h.metrics}}
	}
	config.Redact = h.redact
	h.broker = broker.New(config)
	h.record(ledger.Entry{Kind: ledger.Host, Event: ledger.Started, App: h.app.Manifest.Name, Name: hostVersion(), Digest: programDigest()})
	h.recordComponents()
	return nil
}

// openCommandBroker is openBroker for a command. A bare component keeps no
// ledger: it has no directory of its own, and runs once.
func (h *Host) openCommandBroker() error {
	if h.app.Manifest.bare {
		h.redact = broker.NewRedactor(nil)
		h.broker = broker.New(broker.Config{Observer: broker.LogDecisions(h.log), Accept: h.accept, Redact: h.redact})
		return nil
	}
	return h.openBroker()
}

func (h *Host) ledgerFailed(err error) {
	if !h.app.Config.Ledger.required() {
		h.log.Error("the ledger cannot be written; what is decided now may be missing there", "error", err)
		return
	}
	h.broker.Suspend()
	h.log.Error("the ledger cannot be written; nothing is granted until it can be", "error", err)
}

// record adds a change to the ledger, when there is one.
func (h *Host) record(e ledger.Entry) {
	if h.ledger != nil {
		_ = h.ledger.Add(e) // fails after Close alone
	}
}

// recordComponents tells which components run.
func (h *Host) recordComponents() {
	for _, c := range h.app.Components {
		h.recordComponent(c)
	}
}

func (h *Host) recordComponent(c *AppComponent) {
	h.record(ledger.Entry{Kind: ledger.Component, Event: ledger.Loaded, App: h.app.Manifest.Name, Component: c.Name,
		Digest: c.Info.Digest, Origin: c.Source})
}

// recordProvider enters what happens to a provider's process.
func (h *Host) recordProvider(c *provider.Config) func(provider.Change) {
	name, digest := c.Name, "sha256:"+c.SHA256
	if c.Path == "" {
		digest = programDigest()
	}
	return func(c provider.Change) {
		h.providerChanged(name, c)
		e := ledger.Entry{Kind: ledger.Provider, Event: string(c.Event), Name: name, Digest: digest, Detail: c.Isolation}
		if c.Err != nil {
			e.Reason = c.Err.Error()
		}
		h.record(e)
	}
}

// closeLedger enters what the broker has not told yet, and that the host stops.
func (h *Host) closeLedger() error {
	var errs []error
	if h.shadow != nil {
		h.shadow.Close()
	}
	if h.broker != nil {
		errs = append(errs, h.broker.Close())
		if h.denials != nil {
			h.denials.save()
		}
	}
	if h.ledger != nil {
		h.record(ledger.Entry{Kind: ledger.Host, Event: ledger.Stopped, App: h.app.Manifest.Name})
		errs = append(errs, h.ledger.Close())
	}
	return errors.Join(errs...)
}

// observers are told one after the other.
type observers []broker.Observer

func (o observers) Observe(r broker.Record) {
	for _, each := range o {
		each.Observe(r)
	}
}

// programDigest is the digest of this program, which built-in providers are
// too, or "" when it cannot be read.
var programDigest = sync.OnceValue(func() string {
	path, err := os.Executable()
	if err != nil {
		return ""
	}
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return ""
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
})

func hostVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return info.Main.Path + " " + info.Main.Version
}

// LedgerPlace is where the ledger of an app is.
type LedgerPlace struct {
	Dir          string // of the ledger
	RedactionKey string // file; "" when the ledger is a copy that came without it
}

// ErrNoLedger is of an app that has not run yet.
var ErrNoLedger = errors.New("there is no ledger")

// OpenLedger opens the ledger that the app's hosts wrote, to read it.
func (a *App) OpenLedger() (*ledger.Reader, error) {
	dir := a.Config.LedgerDir()
	if _, err := os.Stat(filepath.Join(dir, "checkpoint")); err != nil {
		return nil, fmt.Errorf("%w in %s", ErrNoLedger, dir)
	}
	return ledger.OpenReader(dir, "")
}

// FindLedger finds a ledger, given an app's directory or the directory of a
// ledger itself, such as a copy of one.
func FindLedger(path string) (LedgerPlace, error) {
	if _, err := os.Stat(filepath.Join(path, "checkpoint")); err == nil {
		return LedgerPlace{Dir: path}, nil
	}
	if !isDir(path) {
		return LedgerPlace{}, fmt.Errorf("%s: name the app's directory, or that of a ledger", path)
	}
	c, err := configFor(path, "")
	if err != nil {
		return LedgerPlace{}, err
	}
	if _, err := os.Stat(filepath.Join(c.LedgerDir(), "checkpoint")); err != nil {
		return LedgerPlace{}, fmt.Errorf("%w in %s", ErrNoLedger, c.LedgerDir())
	}
	return LedgerPlace{Dir: c.LedgerDir(), RedactionKey: filepath.Join(c.LedgerKeys(), ledger.RedactionKeyFile)}, nil
}
