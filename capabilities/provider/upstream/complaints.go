package upstream

import (
	"log/slog"
	"sync/atomic"
	"time"
)

// complainEvery is how often the log is told of what goes on being wrong.
const complainEvery = 10 * time.Second

// Complaints go to the operator's log, and not too many of them: components are
// told less of what is wrong with a server.
type Complaints struct {
	Log  *slog.Logger
	last atomic.Int64 // when, in Unix nanoseconds
}

// Tell logs an error, unless another one was logged a moment ago.
func (c *Complaints) Tell(what string, err error) {
	now, last := time.Now().UnixNano(), c.last.Load()
	if now-last >= int64(complainEvery) && c.last.CompareAndSwap(last, now) {
		c.Log.Warn(what, "error", err.Error())
	}
}
