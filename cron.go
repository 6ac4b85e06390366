package writ

import (
	"errors"
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // zones for hosts that have none, such as containers

	"github.com/robfig/cron/v3"

	"github.com/writ-host/writ/host"
	"github.com/writ-host/writ/wit"
)

// CronJob is [[trigger.cron]] in writ.toml: a component that runs by the clock.
type CronJob struct {
	// Name is what log, ledger and metrics call it; default the component's.
	Name string `toml:"name"`
	// Schedule is in five fields (minute, hour, day of the month, month, day of
	// the week), in six with seconds before them, or @hourly, @daily, @weekly,
	// @monthly, @yearly or @every 90s.
	Schedule  string `toml:"schedule"`
	TimeZone  string `toml:"time-zone"` // default UTC
	Component string `toml:"component"`
	// Args are the arguments of wasi:cli/run, after the job's name.
	Args []string `toml:"args"`
	// Call is an exported function to call in place of wasi:cli/run, with its
	// arguments, as for writ invoke.
	Call string `toml:"call"`
	// Deadline bounds a run; default the component's limits.wall-time.
	Deadline Duration `toml:"deadline"`
	// Overlap lets a run begin while an earlier one goes on; else it is left out.
	Overlap bool `toml:"overlap"`
	// Missed says what becomes of the times at which the host did not run, or was
	// too late: "skip" (default), or "once" for one run as soon as it can.
	Missed string `toml:"missed"`
	// Jitter delays each run by a random time up to this.
	Jitter Duration `toml:"jitter"`
}

// The answers to times that were missed.
const (
	missedSkip = "skip"
	missedOnce = "once"
)

const (
	// maxJitter keeps runs near the time that they are of.
	maxJitter = Duration(24 * time.Hour)
	// maxJobs bounds what one manifest schedules.
	maxJobs = 1000
)

var cronParser = cron.NewParser(cron.SecondOptional | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)

// job is a CronJob that can be run.
type job struct {
	CronJob
	next   func(time.Time) time.Time // the time after another, zero for never
	runner *runner
	run    *host.Func
	args   []wit.Value
}

func checkCron(m *Manifest) error {
	if len(m.Triggers.Cron) > maxJobs {
		return fmt.Errorf("%d: there may be %d", len(m.Triggers.Cron), maxJobs)
	}
	seen := map[string]bool{}
	for i := range m.Triggers.Cron {
		c := &m.Triggers.Cron[i]
		setDefault(&c.Name, c.Component)
		if err := errors.Join(m.has(c.Component), c.check()); err != nil {
			return fmt.Errorf("%d: %w", i+1, err)
		}
		if seen[c.Name] {
			return fmt.Errorf("%d: name %q is there twice: give each a name of its own", i+1, c.Name)
		}
		seen[c.Name] = true
	}
	return nil
}

func (c *CronJob) check() error {
	setDefault(&c.Missed, missedSkip)
	switch {
	case !validName.MatchString(c.Name):
		return fmt.Errorf("name %q: want lower-case letters, digits and hyphens, starting with a letter", c.Name)
	case c.Missed != missedSkip && c.Missed != missedOnce:
		return fmt.Errorf("missed %q: want skip or once", c.Missed)
	case c.Jitter > maxJitter:
		return fmt.Errorf("jitter %s: want at most %s", c.Jitter, maxJitter)
	case c.Call != "" && len(c.Args) > 0:
		return errors.New("args are for wasi:cli/run; call has its own")
	}
	_, err := c.schedule()
	return err
}

// schedule tells which time follows another.
func (c *CronJob) schedule() (next func(time.Time) time.Time, err error) {
	zone, err := time.LoadLocation(c.TimeZone)
	if err != nil || c.TimeZone == "Local" {
		return nil, fmt.Errorf("time-zone %q: want a name such as Europe/Berlin", c.TimeZone)
	}
	if strings.Contains(c.Schedule, "=") { // the parser takes a zone here, and panics at one that is cut off
		return nil, fmt.Errorf("schedule %q: the zone goes into time-zone", c.Schedule)
	}
	s, err := cronParser.Parse(c.Schedule)
	if err != nil {
		return nil, fmt.Errorf("schedule %q: %w", c.Schedule, err)
	}
	next = func(t time.Time) time.Time { return s.Next(t.In(zone)) }
	if next(time.Unix(0, 0)).IsZero() {
		return nil, fmt.Errorf("schedule %q: that is never", c.Schedule)
	}
	return next, nil
}

// bindJobs sets the jobs against the components that they run.
func (e *edition) bindJobs() error {
	for _, c := range e.app.Manifest.Triggers.Cron {
		j := &job{CronJob: c, runner: e.runners[c.Component]}
		if err := j.bind(e.host.app.Config.Limits); err != nil {
			return fmt.Errorf("trigger.cron %s: component %s: %w", c.Name, c.Component, err)
		}
		e.jobs = append(e.jobs, j)
	}
	return nil
}

func (j *job) bind(l HostLimits) (err error) {
	if j.next, err = j.schedule(); err != nil {
		return err
	}
	if setDefault(&j.Deadline, Duration(j.runner.wall)); j.Deadline > l.RunTime {
		return fmt.Errorf("deadline = %s is more than the host allows (limits.run-time = %s)", j.Deadline, l.RunTime)
	}
	if j.Call == "" {
		j.run, err = j.runner.prepared.Func(commandInterface, "run")
		return err
	}
	iface, name, text, err := splitCall(j.Call)
	if err != nil {
		return err
	}
	if j.run, err = j.runner.prepared.Func(iface, name); err != nil {
		return err
	}
	j.args, err = parseArguments(j.run.Type, text)
	return err
}
