package provider

// Change tells of one change in the life of a provider's process.
type Change struct {
	Event     Event
	PID       int
	Isolation string // what holds the process in, of one that serves
	Err       error  // why it ended or does not serve
}

// Event is what happened to a provider's process.
type Event string

// The events of a provider.
const (
	Started   Event = "started"   // it serves for the first time
	Ended     Event = "ended"     // it ended by itself or was given up, and is started again
	Failed    Event = "failed"    // it could not be started again; this is tried further
	Restarted Event = "restarted" // it serves again
	Stopped   Event = "stopped"   // the provider was closed
)

// tell tells of a change, when someone wants to know.
func (c *Config) tell(e Event, s *session, err error) {
	if c.OnChange == nil {
		return
	}
	change := Change{Event: e, Err: err}
	if s != nil {
		change.PID = s.process.pid()
		change.Isolation = s.process.isolation.String()
	}
	c.OnChange(change)
}

// status is how the process ended, nil when that is not known.
func (s *session) status() error {
	select {
	case <-s.process.exited:
		return s.process.err
	default:
		return nil
	}
}
