package wasihttp

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/writ-host/writ/capabilities/http/backend"
)

// Config is what the capability needs; the zero Config is a good one.
type Config struct {
	// HeaderBytes bounds one fields resource: names and values, and 32 bytes
	// for each pair. 0 is 128 KiB.
	HeaderBytes int
	// InstanceHeaderBytes bounds all that one component instance holds at a
	// time. 0 is 1 MiB.
	InstanceHeaderBytes int
	// Egress sends outgoing requests that were granted. nil refuses them all with
	// internal-error.
	Egress backend.Egress
}

// Validate says what is wrong with the configuration.
func (c Config) Validate() error {
	if c.HeaderBytes < 0 || c.InstanceHeaderBytes < 0 {
		return fmt.Errorf("http capability: header limits are %d and %d bytes, want 0 or more", c.HeaderBytes, c.InstanceHeaderBytes)
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.HeaderBytes == 0 {
		c.HeaderBytes = 128 << 10
	}
	if c.InstanceHeaderBytes == 0 {
		c.InstanceHeaderBytes = 1 << 20
	}
	return c
}

// Options are about one request that is served.
type Options struct {
	// RequestID is told to the client when the component fails, and logged. It
	// is made up when empty.
	RequestID string
	// Log hears of failures; nil discards.
	Log *slog.Logger
	// RequestBody bounds the body of the request in bytes; 0 is no bound. A
	// guest that reads beyond gets HTTP-request-body-size.
	RequestBody int64
	// Done is called once, when everything is decided and before a response
	// that cannot be completed is cut off; nil is fine.
	Done func(Outcome)
}

// Outcome is what became of a request.
type Outcome struct {
	Status int   // that the client got, 0 when it got none
	Bytes  int64 // of the response's body that were handed to the server
	// Aborted says that the response was cut off, so that the client sees it is incomplete.
	Aborted bool
	// Err is why the guest failed; nil when it did not.
	Err error
}

const (
	// maxHeld is what a guest may write to a body before it sets the response.
	maxHeld = 64 << 10
	// maxLate is what is held back afterwards, for up to flushDelay: a short
	// response then goes out at once, with its length.
	maxLate = 16 << 10
	// maxBuffered is what servers hold back of a body until its handler returns:
	// writing no more than that takes no waiting.
	maxBuffered = 2 << 10
	// flushDelay is how late a client may get what a guest wrote.
	flushDelay = 5 * time.Millisecond
)
