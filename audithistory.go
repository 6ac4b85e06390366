package writ

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/writ-host/writ/broker/ledger"
)

// AuditLedger identifies the record that tells since when grants are in force
// and what they were used for. Checkpoint and root are what writ ledger verify
// says as well.
type AuditLedger struct {
	Path   string    `json:"path"`
	Since  time.Time `json:"since,omitzero"` // of its first entry
	Leaves uint64    `json:"leaves"`
	Root   string    `json:"root"`
	Fault  string    `json:"fault"` // why it could not be read; "" when it could
}

// AuditUse is what a grant, as it is now, was used for.
type AuditUse struct {
	Count uint64     `json:"count"`
	Last  *time.Time `json:"last"` // null: never
}

// AddHistory adds what the ledgers of audited apps tell of their grants. It
// reads all of them, about 100,000 entries a second. One that cannot be read is
// told of: what can be reached is true without it.
func (a *Audit) AddHistory(ctx context.Context, apps []*App) error {
	for i, app := range apps {
		audited := &a.Apps[i]
		audited.Ledger = &AuditLedger{Path: filepath.Clean(app.Config.LedgerDir())}
		r, err := app.OpenLedger()
		if err == nil {
			err = audited.readHistory(ctx, r)
		}
		if err != nil {
			audited.Ledger.Fault = err.Error()
		}
	}
	return ctx.Err()
}

func (a *AuditApp) readHistory(ctx context.Context, r *ledger.Reader) error {
	usage, err := r.Usage(ctx, a.Name)
	if err != nil {
		return err
	}
	a.Ledger.Since, a.Ledger.Leaves, a.Ledger.Root = usage.Since.UTC(), usage.Checkpoint.Size, usage.Checkpoint.RootText()
	for _, c := range a.Components {
		for i := range c.Grants {
			g := &c.Grants[i]
			g.addUse(usage.Grants[ledger.GrantKey{App: a.Name, Component: c.Name, ID: g.ID, Text: g.text}])
		}
	}
	return nil
}

func (g *AuditGrant) addUse(use *ledger.GrantUse) {
	if use == nil {
		return
	}
	if !use.Unbroken.IsZero() {
		since := use.Unbroken.UTC()
		g.Since = &since
	}
	g.Used = &AuditUse{Count: use.Count}
	if use.Count > 0 {
		last := use.Last.UTC()
		g.Used.Last = &last
	}
}

// auditTime is how audits write times for people.
const auditTime = "2006-01-02 15:04 MST"

// History says in words since when the grant has been in force and whether it
// was used, "" where no ledger could be read.
func (a AuditApp) History(g AuditGrant) string {
	switch {
	case a.Ledger == nil || a.Ledger.Fault != "":
		return ""
	case g.Used == nil:
		return "no host has had it in force as it is"
	}
	since := "not in force in the last host that ran"
	if g.Since != nil {
		since = "in force since " + g.Since.Format(auditTime)
	}
	if g.Used.Last == nil {
		return since + ", never used"
	}
	return fmt.Sprintf("%s, used %d times, last %s", since, g.Used.Count, g.Used.Last.Format(auditTime))
}

// String says what the record is, or why it could not be read.
func (l *AuditLedger) String() string {
	if l.Fault != "" {
		return "not read: " + l.Fault
	}
	return fmt.Sprintf("%s since %s, root %s of %d leaves", l.Path, l.Since.Format(auditTime), l.Root, l.Leaves)
}
