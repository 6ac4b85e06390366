package broker

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Shortfall is a grant that does not allow a call, and in words why not.
type Shortfall struct {
	Grant *Grant
	Why   string
	score int
}

// maxNear bounds the grants that are looked at for the nearest.
const maxNear = 10_000

// shortfalls lists the grants of the call's capability, the nearest first. settled is the one that the decision named, and
// fell short for a reason of its own.
func (c *compiled) shortfalls(call *Call, reason Reason, settled *Grant, now time.Time) []Shortfall {
	var all []Shortfall
	if settled != nil { // however many grants there are
		all = append(all, settled.shortfall(call, reason, true, now))
	}
	for _, g := range c.grants[:min(len(c.grants), maxNear)] {
		if g.Capability == call.Capability && g != settled {
			all = append(all, g.shortfall(call, reason, false, now))
		}
	}
	slices.SortStableFunc(all, func(a, b Shortfall) int { return cmp.Compare(b.score, a.score) })
	return all
}

func (g *Grant) shortfall(call *Call, reason Reason, settled bool, now time.Time) Shortfall {
	operation, resource := hasOperation(g.Operations, call.Operation), g.pattern.match(call.Resource)
	near := min(commonPrefix(g.pattern.prefix, call.Resource), 1<<12)
	switch {
	case settled:
		return Shortfall{g, g.bounded(call, reason, settled, now), 1 << 17}
	case operation && resource:
		return Shortfall{g, g.bounded(call, reason, settled, now), 1 << 16}
	case resource:
		return Shortfall{g, fmt.Sprintf("it reaches the resource for %s, and not for %s", strings.Join(g.Operations, ", "), call.Operation), 1 << 15}
	case operation:
		return Shortfall{g, fmt.Sprintf("it allows %s on %s only", call.Operation, g.pattern.text), 1<<14 + near}
	}
	return Shortfall{g, fmt.Sprintf("it allows %s on %s only", strings.Join(g.Operations, ", "), g.pattern.text), near}
}

// bounded says what bounds a grant that covers the call otherwise.
func (g *Grant) bounded(call *Call, reason Reason, settled bool, now time.Time) string {
	switch {
	case !g.Expires.IsZero() && !now.Before(g.Expires):
		return "it expired at " + g.Expires.UTC().Format("2006-01-02 15:04:05 MST")
	case g.Limits.MaxBytes > 0 && call.Bytes > g.Limits.MaxBytes:
		return fmt.Sprintf("it allows %d bytes a call, and this one had %d", g.Limits.MaxBytes, call.Bytes)
	case settled && reason == ConditionError:
		return fmt.Sprintf("its condition %s failed, took too long or was undefined", g.When)
	case g.When != "" && (!settled || reason == ConditionFalse):
		return fmt.Sprintf("its condition %s did not hold", g.When)
	case settled && reason == RateLimited:
		return fmt.Sprintf("its %d calls a second were used up", g.Limits.CallsPerSecond)
	case g.TLS == Unverified:
		return "a grant that verifies certificates is for the same, and counts before it"
	}
	return "it allows the call now"
}

func commonPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// nearest says of a denial what came nearest to allowing the call, and how it fell short. It shows nothing of the resource.
func (b *Broker) nearest(s *Subject, call *Call, rec *Record, settled *Grant, denial *Denial) (id, why string) {
	switch rec.Reason {
	case Denied:
		if denial != nil {
			return denial.ID, fmt.Sprintf("%s denies %s on %s, whatever is granted", denial.ID, strings.Join(denial.Operations, ", "), denial.pattern.text)
		}
		return "", "denied by policy"
	case ResourceTooLong, Suspended:
		return "", rec.Reason.String()
	}
	c := b.state.Load().subject(s.number)
	if c == nil {
		return "", "no policy was asked about the component"
	}
	all := c.shortfalls(call, rec.Reason, settled, rec.Time)
	if len(all) == 0 {
		return "", "nothing of capability " + call.Capability + " is granted"
	}
	return all[0].Grant.ID, all[0].Why
}
