package writ

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/writ-host/writ/broker/ledger"
	"github.com/writ-host/writ/capabilities/wasi"
	"github.com/writ-host/writ/wit"
)

// Run tells of one run of a job that has ended.
type Run struct {
	ID        string // unique, also in the log's lines of what it printed
	Job       string
	Component string
	Due       time.Time // the time on the schedule that it is of
	Began     time.Time
	Duration  time.Duration
	ExitCode  int    // of wasi:cli/run
	Result    string // of another function, as WAVE text
	Err       error  // why it did not come to an end of its own, or the error that the function returned
}

// maxResult bounds the text of a result in the log, in bytes.
const maxResult = 1 << 10

// begin starts a run, unless one goes on that it must not overlap.
func (h *Host) begin(ctx context.Context, e *edition, j *job, due time.Time) {
	if !e.enter() {
		return // another edition took its place, and begins its own
	}
	if !h.underWay.begin(j) {
		e.leave()
		h.log.Warn("a job is left out this time: the run before goes on", "job", j.Name, "due", due)
		return
	}
	go func() {
		defer h.underWay.end(j)
		defer e.leave()
		h.told(j.do(ctx, due))
	}()
}

// do is one run, within its deadline.
func (j *job) do(ctx context.Context, due time.Time) (run Run) {
	deadline := time.Duration(j.Deadline)
	ctx, cancel := context.WithTimeoutCause(ctx, deadline, fmt.Errorf("the run took longer than deadline = %s", deadline))
	defer cancel()
	run = Run{ID: j.runner.host.ids.next(), Job: j.Name, Component: j.Component, Due: due, Began: time.Now()}
	defer func() { run.Duration = time.Since(run.Began) }()
	ctx, endRun := j.runner.host.traceRun(ctx, "job "+j.Name, j.Component)
	defer func() { endRun(run.failure()) }()
	result, err := j.runner.callOnce(ctx, run.ID, append([]string{j.Name}, j.Args...), j.run, j.args...)
	j.judge(&run, result, err)
	return run
}

// failure is why a run is one that failed.
func (r *Run) failure() error {
	if r.Err == nil && r.ExitCode != 0 {
		return wasi.Exit{Code: uint8(r.ExitCode)}
	}
	return r.Err
}

// judge says how a run ended.
func (j *job) judge(run *Run, result wit.Value, err error) {
	var exit wasi.Exit
	switch {
	case errors.As(err, &exit):
		run.ExitCode = int(exit.Code)
	case err != nil:
		j.runner.countTrap(err)
		run.Err = err
	case j.Call == "":
		run.ExitCode = int(result.Case())
	case j.run.Type.Result != nil:
		text, err := wit.FormatValue(j.run.Type.Result, result)
		run.Result, run.Err = cut(text, maxResult), err
		if result.Kind() == wit.KindResult && result.Case() == 1 {
			run.Err = fmt.Errorf("it returned %s", run.Result)
		}
	}
}

// told records a run.
func (h *Host) told(r Run) {
	attributes := []any{"app", h.app.Manifest.Name, "job", r.Job, "component", r.Component, "request", r.ID, "due", r.Due, "duration", r.Duration}
	e := ledger.Entry{Kind: ledger.Run, Event: ledger.Ended, App: h.app.Manifest.Name, Component: r.Component, Name: r.Job,
		Detail: "job " + r.Job + ", run " + r.ID + ", due " + r.Due.UTC().Format(time.RFC3339)}
	switch {
	case r.Err != nil:
		e.Event, e.Reason = ledger.Failed, r.Err.Error()
		h.log.Error("a job failed", append(attributes, "error", r.Err)...)
	case r.ExitCode != 0:
		e.Event, e.Reason = ledger.Failed, fmt.Sprintf("exit code %d", r.ExitCode)
		h.log.Error("a job failed", append(attributes, "exit", r.ExitCode)...)
	default:
		h.log.Info("a job ran", append(attributes, "exit", r.ExitCode, "result", r.Result)...)
	}
	h.metrics.Run(r.Job, e.Event, r.Duration)
	h.record(e)
	if h.options.OnRun != nil {
		h.options.OnRun(r)
	}
}

// cut is the beginning of a text.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}
