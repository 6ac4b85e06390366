package capabilities_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/writ-host/writ/capabilities"
)

// story writes down what a tracer is told.
type story struct{ lines []string }

func (s *story) Begin(ctx context.Context, c *capabilities.Traced) context.Context {
	s.lines = append(s.lines, "begin "+c.Function)
	return ctx
}

func (s *story) End(_ context.Context, c *capabilities.Traced, err error) {
	for _, a := range c.Asked {
		s.lines = append(s.lines, fmt.Sprintf("%s %s %v %q", a.Access.Capability, a.Access.Operation, a.Decision.Allowed, a.Decision.GrantID()))
	}
	s.lines = append(s.lines, fmt.Sprintf("end %v", err != nil))
}

func TestTracersAreToldOfWhatIsAsked(t *testing.T) {
	for name, want := range map[string]string{
		"free":  "",
		"read":  `begin read,things read true "g1",end false`,
		"write": `things write false "old",end true`,
		"quiet": `things write false "old",end false`,
		"many":  `things read true "g1",things write false "old",end true`,
		"open":  `others  false "old",end true`,
	} {
		s := &story{}
		_, _ = run(t, &things{}, name, &capabilities.Instance{Subject: only("read"), Tracer: s})
		if got := strings.Join(s.lines, ","); got != want {
			t.Errorf("%s:\n%s, want\n%s", name, got, want)
		}
	}
}
