package provider_test

import (
	"context"
	"syscall"
	"testing"
	"time"

	custom "github.com/writ-host/writ/capabilities/custom/backend"
	"github.com/writ-host/writ/capabilities/kv/backend"
	"github.com/writ-host/writ/capabilities/provider"
)

func watched(c provider.Config) provider.Config {
	c.CallTimeout, c.HealthEvery, c.HealthTimeout = time.Hour, 20*time.Millisecond, 200*time.Millisecond
	return c
}

// A provider that does nothing is noticed by itself, and a call that would wait
// for an hour fails with it.
func TestProvidersThatDoNothingAreStartedAgain(t *testing.T) {
	t.Run("stopped", func(t *testing.T) {
		planes(t, watched(accepting(config(t, "serve-probe"))), func(t *testing.T, p *provider.Provider) {
			ended := make(chan error, 1)
			go func() {
				_, err := p.KeyValue().Exists(context.Background(), at, "1h")
				ended <- err
			}()
			sig(t, p, syscall.SIGSTOP)
			eventually(t, "it is not started again", func() bool { return p.Restarts() > 0 })
			select {
			case err := <-ended:
				if code(err) != backend.Unavailable {
					t.Error(err)
				}
			case <-time.After(30 * time.Second):
				t.Error("the call goes on")
			}
		})
	})
	t.Run("hangs", func(t *testing.T) {
		p := launch(t, watched(hostileConfig(t, "does nothing any more")))
		_, err := p.Custom().Invoke(t.Context(), custom.Caller{Scope: 1}, custom.Call{Interface: "a:b/c@1.0.0", Function: "f"})
		if err == nil || custom.AsError(err).Code != custom.Unavailable {
			t.Error(err)
		}
		eventually(t, "it is not started again", func() bool { return p.Restarts() > 0 })
	})
}

// A provider that says nothing of its health lives as long as it answers calls,
// or is seen to work.
func TestBusyProvidersAreLeftAlone(t *testing.T) {
	for _, how := range []string{"says nothing of its health", "computes"} {
		t.Run(how, func(t *testing.T) {
			c := watched(hostileConfig(t, how))
			c.HealthTimeout = 500 * time.Millisecond
			p := launch(t, c)
			pid := p.PID()
			for range 3 {
				_, err := p.Custom().Invoke(t.Context(), custom.Caller{Scope: 1}, custom.Call{Interface: "a:b/c@1.0.0", Function: "f"})
				if err != nil {
					t.Error(err)
				}
			}
			time.Sleep(1200 * time.Millisecond) // more than it would take to be given up
			if p.PID() != pid || p.Restarts() > 0 {
				t.Error("it was killed")
			}
		})
	}
}
