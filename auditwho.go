package writ

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/writ-host/writ/broker"
)

// Reacher is a component that can reach some of the resources that were asked about.
type Reacher struct {
	App        string     `json:"app"`
	Component  string     `json:"component"`
	Digest     string     `json:"digest"`
	Grant      AuditGrant `json:"grant"`
	Operations []string   `json:"operations"` // of those that were asked about
	All        bool       `json:"all"`        // of the resources, or else some
	History    string     `json:"history"`    // of the grant, in words; "" where no ledger could be read
}

// Who answers which components can reach any resource that a pattern matches,
// by an operation, or with "" by any. What is expired or wholly denied does not
// count; what is denied in part does.
func (a *Audit) Who(pattern, operation string) ([]Reacher, error) {
	want, err := broker.CanonicalPattern(pattern)
	if err != nil {
		return nil, err
	}
	found := []Reacher{}
	for _, app := range a.Apps {
		for _, c := range app.Components {
			for _, g := range c.Grants {
				r := Reacher{App: app.Name, Component: c.Name, Digest: c.Digest, Grant: g, Operations: g.Operations, History: app.History(g)}
				some, err := broker.Overlap(want, g.Resource)
				if err != nil {
					return nil, fmt.Errorf("grant %s: %w", g.ID, err)
				}
				if !some || g.Expired || c.deniedFor(g, want, operation) {
					continue
				}
				if operation != "" {
					if !slices.Contains(g.Operations, operation) && !slices.Contains(g.Operations, broker.Any) {
						continue
					}
					r.Operations = []string{operation}
				}
				r.All, err = broker.Includes(g.Resource, want)
				if err != nil {
					return nil, fmt.Errorf("grant %s: %w", g.ID, err)
				}
				found = append(found, r)
			}
		}
	}
	return found, nil
}

// deniedFor reports whether a denial leaves nothing of what was asked about.
func (c *AuditComponent) deniedFor(g AuditGrant, want, operation string) bool {
	return slices.ContainsFunc(c.Denials, func(n AuditDenial) bool {
		every := slices.Contains(n.Operations, broker.Any) || operation != "" && slices.Contains(n.Operations, operation)
		if !every && operation == "" {
			every = !slices.ContainsFunc(g.Operations, func(op string) bool { return !slices.Contains(n.Operations, op) })
		}
		if n.Capability != g.Capability || !every {
			return false
		}
		wanted, err := broker.Includes(n.Resource, want)
		granted, err2 := broker.Includes(n.Resource, g.Resource)
		return err == nil && wanted || err2 == nil && granted
	})
}

// WriteWho writes who can reach something as a table.
func WriteWho(w io.Writer, pattern string, found []Reacher) error {
	if len(found) == 0 {
		_, err := fmt.Fprintf(w, "nobody can reach %s\n", pattern)
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "COMPONENT\tMAY\tON\tREACHES\tBY\tBOUNDS\tHISTORY")
	for _, r := range found {
		reaches := "some of it"
		if r.All {
			reaches = "all of it"
		}
		if len(r.Grant.DeniedBy) > 0 {
			reaches += ", less " + strings.Join(r.Grant.DeniedBy, ", ")
		}
		fmt.Fprintf(t, "%s/%s\t%s\t%s\t%s\t%s (%s)\t%s\t%s\n", r.App, r.Component, strings.Join(r.Operations, ", "), r.Grant.Resource, reaches,
			r.Grant.ID, broker.Origin{File: r.Grant.File, Line: r.Grant.Line}, orElse(strings.Join(r.Grant.Bounds(), "; "), "none"),
			orElse(r.History, "unknown"))
	}
	return t.Flush()
}
