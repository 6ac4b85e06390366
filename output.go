package writ

import (
	"bytes"
	"crypto/rand"
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/writ-host/writ/host/metrics"
)

// ids makes names for requests and runs, which no other host makes.
type ids struct {
	prefix string
	last   *atomic.Uint64
}

func newIDs() ids { return ids{strings.ToLower(rand.Text()[:10]) + "-", new(atomic.Uint64)} }

func (i ids) next() string { return i.prefix + strconv.FormatUint(i.last.Add(1), 36) }

const (
	// maxLine bounds a line of a guest's output; longer ones are split.
	maxLine = 8 << 10
	// lineCost is what a line takes in the log beside its text, in bytes, so that
	// empty lines are not free.
	lineCost = 256
	// outputBurst is how many seconds of limits.output-rate may come at once.
	outputBurst = 4
	// dropEvery is how often a component's dropped output is told of.
	dropEvery = time.Second
)

// output is where what the instances of a component print goes: into the log,
// as fast as the host allows.
type output struct {
	log     *slog.Logger
	rate    *rate.Limiter
	metrics *metrics.Component

	dropped atomic.Int64 // lines that nobody was told of
	told    atomic.Int64 // when that was, in nanoseconds since 1970
}

func newOutput(log *slog.Logger, perSecond Size, m *metrics.Component) *output {
	burst := max(outputBurst*int(min(perSecond, 1<<40)), maxLine+lineCost)
	return &output{log: log, rate: rate.NewLimiter(rate.Limit(perSecond), burst), metrics: m}
}

// print writes a line, or drops it.
func (o *output) print(stream, instance, request string, line []byte) {
	now := time.Now()
	if !o.rate.AllowN(now, len(line)+lineCost) {
		o.metrics.Dropped(len(line))
		o.dropped.Add(1)
		o.tell(now)
		return
	}
	if o.dropped.Load() > 0 {
		o.tell(now)
	}
	o.log.Info("guest output", "stream", stream, "instance", instance, "request", request, "line", string(line))
}

// tell says how much was dropped, when it was not said just now.
func (o *output) tell(now time.Time) {
	last := o.told.Load()
	if now.UnixNano()-last < int64(dropEvery) || !o.told.CompareAndSwap(last, now.UnixNano()) {
		return
	}
	if n := o.dropped.Swap(0); n > 0 {
		o.log.Warn("guest output beyond limits.output-rate is dropped", "lines", n)
	}
}

// lineLog is one stream of an instance, which is logged a line at a time. What
// is left without a line end is written when the request ends, and what is
// beyond limits.output is dropped, since a log must not be a way to fill a disk.
type lineLog struct {
	output           *output
	stream, instance string
	request          string // that is served now
	rest             []byte
	left             int64 // bytes; negative once something was dropped
}

func (l *lineLog) Write(p []byte) (int, error) {
	if l.left < 0 {
		l.output.metrics.Dropped(len(p))
		return len(p), nil
	}
	if l.left -= int64(len(p)); l.left < 0 {
		l.end()
		l.output.metrics.Dropped(len(p))
		l.output.log.Warn("guest output beyond limits.output is dropped", "stream", l.stream, "instance", l.instance, "request", l.request)
		return len(p), nil
	}
	l.rest = append(l.rest, p...)
	for {
		at := bytes.IndexByte(l.rest, '\n')
		if at < 0 && len(l.rest) < maxLine {
			return len(p), nil
		}
		if at < 0 || at > maxLine {
			at = maxLine - 1
			l.print(l.rest[:at])
			l.rest = l.rest[at:]
			continue
		}
		l.print(l.rest[:at])
		l.rest = l.rest[at+1:]
	}
}

func (l *lineLog) print(line []byte) { l.output.print(l.stream, l.instance, l.request, line) }

// end writes what is left without a line end.
func (l *lineLog) end() {
	if len(l.rest) > 0 {
		l.print(l.rest)
		l.rest = nil
	}
}
