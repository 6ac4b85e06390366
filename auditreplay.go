package writ

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/writ-host/writ/broker"
)

// RecordedDecision is a decision of the past, as a line of the ledger's export
// has it. Other keys and other kinds of lines are passed over.
type RecordedDecision struct {
	Kind       string `json:"kind"`
	App        string `json:"app"`
	Component  string `json:"component"`
	Capability string `json:"capability"`
	Operation  string `json:"operation"`
	Resource   string `json:"resource"` // of allows a pattern, of denials redacted
	Verdict    string `json:"verdict"`  // "allow" or "deny"
	Count      uint64 `json:"count"`
}

// ReplayedChange is a recorded decision that falls otherwise under another policy.
type ReplayedChange struct {
	Decision RecordedDecision `json:"decision"`
	Now      string           `json:"now"` // "denied", "allowed", or "perhaps" either
	Why      string           `json:"why"`
}

// Replay sets recorded decisions about an app against another policy: old is
// what was in force, next is what is proposed. Conditions and limits are told
// of, not evaluated, and what is redacted counts as anything below what shows.
func Replay(ctx context.Context, records io.Reader, old, next *Lock) (changes []ReplayedChange, decisions int, err error) {
	lines := bufio.NewScanner(records)
	lines.Buffer(nil, 1<<20)
	seen := map[RecordedDecision]int{}
	for n := 1; lines.Scan(); n++ {
		var d RecordedDecision
		if err := json.Unmarshal(lines.Bytes(), &d); err != nil {
			return nil, 0, fmt.Errorf("line %d: %w", n, err)
		}
		if d.Verdict == "" || d.App != old.App || ctx.Err() != nil {
			continue
		}
		decisions++
		key := d
		key.Count = 0
		if at, ok := seen[key]; ok {
			if at >= 0 {
				changes[at].Decision.Count += max(d.Count, 1)
			}
			continue
		}
		seen[key] = -1
		change, err := replayOne(d, old, next)
		if err != nil {
			return nil, 0, fmt.Errorf("line %d: %w", n, err)
		}
		if change != nil {
			seen[key] = len(changes)
			change.Decision.Count = max(d.Count, 1)
			changes = append(changes, *change)
		}
	}
	return changes, decisions, lines.Err()
}

func replayOne(d RecordedDecision, old, next *Lock) (*ReplayedChange, error) {
	after, err := next.component(d.Component).scope(next.App)
	if err != nil {
		return nil, err
	}
	if d.Verdict == "allow" {
		return replayAllow(d, after)
	}
	before, err := old.component(d.Component).scope(old.App)
	if err != nil {
		return nil, err
	}
	return replayDeny(d, before.Wider(after))
}

// replayAllow asks whether all that was allowed still is.
func replayAllow(d RecordedDecision, after broker.Scope) (*ReplayedChange, error) {
	was, err := broker.Grant{ID: "recorded", App: d.App, Component: d.Component, Capability: d.Capability, Resource: d.Resource,
		Operations: []string{d.Operation}}.Prepare()
	if err != nil {
		return nil, nil // opening a store and the like are no operations of their own
	}
	lost := after.Wider(broker.Scope{Grants: []*broker.Grant{was}})
	if len(lost) == 0 {
		return nil, nil
	}
	why := strings.ReplaceAll(lost[0].Why, "before", "now")
	if why == "not reachable now" {
		return &ReplayedChange{d, "denied", why}, nil
	}
	return &ReplayedChange{d, "perhaps denied", why}, nil
}

// replayDeny asks whether something that was denied is among what becomes reachable.
func replayDeny(d RecordedDecision, wider []broker.Change) (*ReplayedChange, error) {
	shown, _, redacted := strings.Cut(d.Resource, "~")
	resource, now := d.Resource, "allowed"
	if redacted {
		resource, now = shown+"**", "perhaps allowed"
	}
	for _, c := range wider {
		if c.Capability != d.Capability || !slices.Contains(c.Operations, d.Operation) && !slices.Contains(c.Operations, broker.Any) {
			continue
		}
		if some, err := broker.Overlap(c.Resource, resource); err == nil && some {
			return &ReplayedChange{d, now, fmt.Sprintf("%s allows %s on %s", c.Grant.ID, strings.Join(c.Operations, ", "), c.Resource)}, nil
		}
	}
	return nil, nil
}

// WriteReplay writes what changes for a person.
func WriteReplay(w io.Writer, changes []ReplayedChange, decisions int) error {
	var b strings.Builder
	for _, c := range changes {
		d := c.Decision
		fmt.Fprintf(&b, "%s  %s  %s  %s  %d times %s, now %s: %s\n", d.Component, d.Capability, d.Operation, d.Resource, d.Count,
			map[bool]string{true: "allowed", false: "denied"}[d.Verdict == "allow"], c.Now, c.Why)
	}
	fmt.Fprintf(&b, "%d of %d recorded lines would change\n", len(changes), decisions)
	_, err := io.WriteString(w, b.String())
	return err
}
