package ledger

import (
	"slices"
	"time"

	"github.com/writ-host/writ/broker"
)

// Filter selects entries. An empty field selects all.
type Filter struct {
	App        string
	Component  string
	Capability string
	Grant      string
	Kinds      []Kind
	Since      time.Time
	Denied     bool // decisions that deny
	// Resource is a resource, canonical. Denials tell of resources by a keyed hash, so it takes the host's Redactor to find
	// them. Allows tell of the class of a resource, so they are found when the class has it among others.
	Resource string
	Redactor *broker.Redactor
}

// Match says how sure it is that an entry is about the resource that is asked for.
type Match string

// A decision about the very resource, and decisions about a class of resources that has it.
const (
	Exact   Match = "exact"
	ByClass Match = "class"
)

// Matches reports whether the filter selects an entry; with a resource also how.
func (f *Filter) Matches(e *Entry) (Match, bool) {
	for _, m := range [][2]string{{f.App, e.App}, {f.Component, e.Component}, {f.Capability, e.Capability}, {f.Grant, e.Grant}} {
		if m[0] != "" && m[0] != m[1] {
			return "", false
		}
	}
	switch {
	case len(f.Kinds) > 0 && !slices.Contains(f.Kinds, e.Kind),
		e.Time.Before(f.Since),
		f.Denied && (e.Kind != Decision || e.Verdict != Deny):
		return "", false
	case f.Resource == "":
		return "", true
	}
	return f.matchResource(e)
}

func (f *Filter) matchResource(e *Entry) (Match, bool) {
	if e.Resource == "" {
		return "", false
	}
	if e.Kind == Decision && e.Verdict == Deny {
		return Exact, e.Resource == f.Resource || f.Redactor != nil && e.Resource == f.Redactor.Resource(f.Resource)
	}
	if e.Resource == f.Resource {
		return Exact, true
	}
	in, err := broker.Matches(e.Resource, f.Resource)
	return ByClass, err == nil && in
}
