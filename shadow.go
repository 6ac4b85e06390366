package writ

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/broker/ledger"
)

// ShadowConfig is a second policy that is asked about all that guests do, and
// decides nothing: where it would decide otherwise is entered in the ledger.
// What is not set is as for the policy in force. Paths are relative to the file.
type ShadowConfig struct {
	Grants          string `toml:"grants"`
	Policies        string `toml:"policies"`         // directory of *.rego
	Bundle          string `toml:"bundle"`           // an OPA bundle in the place of policies: a directory or an archive
	VerificationKey string `toml:"verification-key"` // of the bundle
}

func (c *ShadowConfig) complete(dir string) error {
	for _, path := range []*string{&c.Grants, &c.Policies, &c.Bundle, &c.VerificationKey} {
		if strings.Contains(*path, "://") {
			return fmt.Errorf("shadow: %q: a second policy is read from files", *path)
		}
		if *path != "" && !filepath.IsAbs(*path) {
			*path = filepath.Join(dir, *path)
		}
	}
	switch {
	case c.VerificationKey != "" && c.Bundle == "":
		return errors.New("shadow.verification-key: there is no shadow.bundle to verify")
	case c.Policies != "" && c.Bundle != "":
		return errors.New("shadow: a bundle takes the place of policies: name one of them")
	}
	return nil
}

// files is where the second policy is.
func (c *ShadowConfig) files(inForce broker.Files) broker.Files {
	f := inForce
	f.Grants = orElse(c.Grants, f.Grants)
	if c.Policies != "" {
		f.Policies, f.Bundle = c.Policies, broker.Bundle{}
	}
	if c.Bundle != "" {
		f.Bundle = broker.Bundle{Path: c.Bundle, Key: c.VerificationKey}
	}
	return f
}

// watchShadow has a second policy watched and compared, when there is one.
func (h *Host) watchShadow(ctx context.Context, apps []broker.App) error {
	c := h.app.Config.Shadow
	if c == (ShadowConfig{}) || h.shadow != nil {
		return nil
	}
	second := broker.New(broker.Config{OnLoad: h.shadowLoaded})
	err := second.Watch(ctx, c.files(h.app.policyFiles()), apps, func(r broker.Reload) {
		if r.Err != nil {
			h.log.Error("shadow policy not taken up; the last good one is compared with", "error", r.Err)
			h.record(ledger.Entry{Kind: ledger.Shadow, Event: ledger.Refused, App: h.app.Manifest.Name, Detail: r.Err.Error()})
		}
	})
	if err != nil {
		return fmt.Errorf("shadow policy: %w", errors.Join(err, second.Close()))
	}
	h.shadow, h.second = h.broker.NewShadow(second, h.differs), second
	return nil
}

// setShadowApps is broker.SetApps for the second policy. That it cannot say is
// no reason to keep a version from being served.
func (h *Host) setShadowApps(ctx context.Context, apps []broker.App) error {
	if h.second == nil {
		return nil
	}
	if err := h.second.SetApps(ctx, apps); err != nil {
		h.log.Error("the shadow policy does not know the new version", "error", err)
	}
	return nil
}

func (h *Host) shadowLoaded(l broker.Loaded) {
	h.log.Info("decisions are compared with a shadow policy", "digest", l.Source.Digest())
	h.record(ledger.Entry{Kind: ledger.Shadow, Event: ledger.Loaded, App: h.app.Manifest.Name, Digest: l.Source.Digest(), Digests: l.Source.Digests()})
}

// differs enters what the second policy would have decided otherwise.
func (h *Host) differs(d broker.Difference) {
	e := ledger.Entry{Kind: ledger.Shadow, Event: ledger.WouldAllow, App: d.App, Component: d.Component, Capability: d.Capability,
		Operation: d.Operation, Resource: d.Resource, Grant: orElse(d.OtherGrant, d.Grant), Count: d.Count, Detail: d.String()}
	switch {
	case d.Component == "":
		e.Event, e.App = ledger.NotCompared, h.app.Manifest.Name
	case d.Allowed:
		e.Event, e.Reason = ledger.WouldDeny, d.OtherReason.String()
	}
	h.record(e)
}

// ShadowReport is what a second policy would have decided otherwise, as the
// ledger tells, since it was last loaded in another form.
type ShadowReport struct {
	App         string             `json:"app"`
	Digest      string             `json:"digest"` // of the second policy
	Since       time.Time          `json:"since,omitzero"`
	Differences []ShadowDifference `json:"differences"`
	NotCompared uint64             `json:"not_compared"` // calls
}

// ShadowDifference is one kind of call.
type ShadowDifference struct {
	Component  string    `json:"component"`
	Capability string    `json:"capability"`
	Operation  string    `json:"operation"`
	Resource   string    `json:"resource"` // the class
	Event      string    `json:"event"`    // "would-allow" or "would-deny"
	Detail     string    `json:"detail"`
	Count      uint64    `json:"count"`
	Last       time.Time `json:"last"`
}

// ErrNoShadow is of an app whose host compared its decisions with nothing.
var ErrNoShadow = errors.New("the ledger tells of no shadow policy")

// ShadowReport sums up what the app's ledger tells.
func (a *App) ShadowReport(ctx context.Context, r *ledger.Reader) (*ShadowReport, error) {
	checkpoint, err := r.Checkpoint()
	if err != nil {
		return nil, err
	}
	report := &ShadowReport{App: a.Manifest.Name}
	found := map[ShadowDifference]*ShadowDifference{}
	for e, err := range r.Entries(ctx, 0, checkpoint.Size) {
		if err != nil {
			return nil, err
		}
		if e.Kind == ledger.Shadow && e.App == report.App {
			report.add(&e.Entry, found)
		}
	}
	if report.Since.IsZero() {
		return nil, ErrNoShadow
	}
	report.Differences = []ShadowDifference{}
	for _, d := range found {
		report.Differences = append(report.Differences, *d)
	}
	slices.SortFunc(report.Differences, func(a, b ShadowDifference) int {
		return cmp.Or(cmp.Compare(a.Event, b.Event), cmp.Compare(a.Component, b.Component), cmp.Compare(b.Count, a.Count), cmp.Compare(a.Resource+a.Operation, b.Resource+b.Operation))
	})
	return report, nil
}

func (r *ShadowReport) add(e *ledger.Entry, found map[ShadowDifference]*ShadowDifference) {
	switch e.Event {
	case ledger.Loaded:
		if e.Digest != r.Digest {
			clear(found)
			r.Digest, r.Since, r.NotCompared = e.Digest, e.Time, 0
		}
	case ledger.NotCompared:
		r.NotCompared += e.Count
	case ledger.WouldAllow, ledger.WouldDeny:
		key := ShadowDifference{Component: e.Component, Capability: e.Capability, Operation: e.Operation, Resource: e.Resource, Event: e.Event, Detail: e.Detail}
		d := found[key]
		if d == nil {
			made := key
			d = &made
			found[key] = d
		}
		d.Count += e.Count
		d.Last = e.Time
	}
}

// WriteText writes the report for a person.
func (r *ShadowReport) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "app %s, compared with shadow policy %s since %s\n", r.App, r.Digest, localTime(r.Since))
	for _, d := range r.Differences {
		fmt.Fprintf(&b, "  %s  %s  %s %s %s  ×%d, last %s\n      %s\n", strings.ReplaceAll(d.Event, "-", " "), d.Component, d.Capability,
			printableText(d.Operation), printableText(d.Resource), d.Count, localTime(d.Last), d.Detail)
	}
	if len(r.Differences) == 0 {
		b.WriteString("  it would have decided all alike\n")
	}
	if r.NotCompared > 0 {
		fmt.Fprintf(&b, "  %d calls came faster than they could be compared\n", r.NotCompared)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
