package provider_test

import (
	"context"
	"testing"
	"time"

	"github.com/writ-host/writ/capabilities/provider"
)

// traced observes calls that are part of a trace.
type traced struct{ ended chan provider.Outcome }

func (traced) Begin(context.Context) (any, string) {
	return "span", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
}

func (o traced) End(span any, outcome provider.Outcome, _ time.Duration) {
	if span == "span" {
		o.ended <- outcome
	}
}

// A provider's handler can go on with the host's trace.
func TestHandlersAreInTheTrace(t *testing.T) {
	c := accepting(config(t, "serve-probe"))
	o := traced{make(chan provider.Outcome, 10)}
	c.Observer = o
	p := launch(t, c)
	v, err := p.KeyValue().Get(t.Context(), at, "trace")
	if want := "0af7651916cd43dd8448eb211c80319c b7ad6b7169203331 true"; err != nil || string(v.Value) != want {
		t.Errorf("%q, %v; want %q", v.Value, err, want)
	}
	if outcome := <-o.ended; outcome != provider.Answered {
		t.Errorf("ended %s", outcome)
	}
}
