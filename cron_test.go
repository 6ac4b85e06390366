package writ

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestCronJobsThatAreRefused(t *testing.T) {
	for name, c := range map[string]struct{ table, want string }{
		"no such component": {`component = "other", schedule = "@daily"`, `component "other" is not in the manifest`},
		"no schedule":       {`component = "c"`, `schedule ""`},
		"four fields":       {`component = "c", schedule = "* * * *"`, "expected 5 to 6 fields"},
		"beyond the range":  {`component = "c", schedule = "61 * * * *"`, "above maximum"},
		"never":             {`component = "c", schedule = "0 0 30 2 *"`, "never"},
		"zone in place":     {`component = "c", schedule = "TZ=UTC * * * * *"`, "goes into time-zone"},
		"zone cut off":      {`component = "c", schedule = "TZ=0"`, "goes into time-zone"},
		"no such zone":      {`component = "c", schedule = "@daily", time-zone = "Mars/Base"`, `time-zone "Mars/Base"`},
		"a path as a zone":  {`component = "c", schedule = "@daily", time-zone = "../../etc/passwd"`, "time-zone"},
		"missed":            {`component = "c", schedule = "@daily", missed = "all"`, "want skip or once"},
		"jitter":            {`component = "c", schedule = "@daily", jitter = "25h"`, "want at most 24h"},
		"call and args":     {`component = "c", schedule = "@daily", call = "f()", args = ["x"]`, "call has its own"},
		"name":              {`component = "c", schedule = "@daily", name = "A B"`, `name "A B"`},
		"twice":             {"component = \"c\", schedule = \"@daily\"}, {component = \"c\", schedule = \"@hourly\"", "twice"},
		"unknown key":       {`component = "c", schedule = "@daily", when = "now"`, "unknown key when"},
	} {
		dir := t.TempDir()
		text := "name = \"a\"\ntrigger.cron = [{" + c.table + "}]\n[component.c]\nsource = \"c.wasm\"\n"
		if err := os.WriteFile(filepath.Join(dir, ManifestName), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadManifest(dir); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// follow is when a job begins within a span of time, which passes at once.
func (c CronJob) follow(t *testing.T, h *history, span time.Duration) (began []string) {
	t.Helper()
	c.Name, c.Component = "j", "c"
	if err := c.check(); err != nil {
		t.Fatal(err)
	}
	next, err := c.schedule()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), span)
	defer cancel()
	j := &job{CronJob: c, next: next}
	j.follow(ctx, slog.New(slog.DiscardHandler), h, func(due time.Time) {
		if late := time.Since(due); late < 0 || late > time.Duration(c.Jitter)+time.Millisecond && c.Missed == missedSkip {
			t.Errorf("of %s, and began at %s", due, time.Now())
		}
		began = append(began, due.Format("02T15:04:05Z07"))
	})
	return began
}

func noHistory(t *testing.T) *history {
	return &history{path: filepath.Join(t.TempDir(), historyName), log: slog.New(slog.DiscardHandler), jobs: map[string]past{}}
}

// A bubble's time begins at midnight of 2000-01-01, a Saturday, in UTC.
func TestCronTimes(t *testing.T) {
	for _, c := range []struct {
		job  CronJob
		span time.Duration
		want string
	}{
		{CronJob{Schedule: "*/15 * * * *"}, 59 * time.Minute, "01T00:15:00Z 01T00:30:00Z 01T00:45:00Z"},
		{CronJob{Schedule: "30 */15 * * * *"}, 59 * time.Minute, "01T00:00:30Z 01T00:15:30Z 01T00:30:30Z 01T00:45:30Z"},
		{CronJob{Schedule: "@every 25m"}, 59 * time.Minute, "01T00:25:00Z 01T00:50:00Z"},
		{CronJob{Schedule: "0 9 * * mon-fri"}, 84 * time.Hour, "03T09:00:00Z 04T09:00:00Z"},
		{CronJob{Schedule: "0 9 * * 1", TimeZone: "Asia/Tokyo"}, 72 * time.Hour, "03T09:00:00+09"},
		{CronJob{Schedule: "*/15 * * * *", Jitter: Duration(10 * time.Minute)}, 59 * time.Minute, "01T00:15:00Z 01T00:30:00Z 01T00:45:00Z"},
	} {
		h := noHistory(t)
		synctest.Test(t, func(t *testing.T) {
			if got := strings.Join(c.job.follow(t, h, c.span), " "); got != c.want {
				t.Errorf("%+v: %s, want %s", c.job, got, c.want)
			}
		})
	}
}

// The clocks of Berlin go forward on 29 March 2026, from 2 to 3 o'clock, and
// back on 25 October, from 3 to 2.
func TestCronTimesWhenClocksChange(t *testing.T) {
	for _, c := range []struct{ schedule, from, want string }{
		{"30 3 * * *", "2026-03-28T12:00:00Z", "2026-03-29T03:30:00+02:00"},
		{"30 2 * * *", "2026-03-28T12:00:00Z", "2026-03-30T02:30:00+02:00"}, // there is none on the 29th
		{"30 2 * * *", "2026-10-24T12:00:00Z", "2026-10-25T02:30:00+02:00"},
		{"30 4 * * *", "2026-10-24T12:00:00Z", "2026-10-25T04:30:00+01:00"},
	} {
		next, err := (&CronJob{Schedule: c.schedule, TimeZone: "Europe/Berlin"}).schedule()
		if err != nil {
			t.Fatal(err)
		}
		from, err := time.Parse(time.RFC3339, c.from)
		if got := next(from).Format(time.RFC3339); got != c.want || err != nil {
			t.Errorf("%s after %s: %s, want %s (%v)", c.schedule, c.from, got, c.want, err)
		}
	}
}

func TestCronTimesThatWereMissed(t *testing.T) {
	path := filepath.Join(t.TempDir(), historyName)
	open := func() *history {
		h := &history{path: path, log: slog.New(slog.DiscardHandler), jobs: map[string]past{}}
		if err := h.read(); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return h
	}
	once, skip := CronJob{Schedule: "@hourly", Missed: missedOnce}, CronJob{Schedule: "@hourly"}
	synctest.Test(t, func(t *testing.T) {
		for _, step := range []struct {
			job  CronJob
			away time.Duration // that the host is down before
			want []string
		}{
			{once, 0, []string{"01T01:00:00Z"}},                                    // nothing was missed before the first start
			{once, 0, []string{"01T02:00:00Z", "01T03:00:00Z"}},                    // until 03:00
			{once, 5 * time.Hour, []string{"01T04:00:00Z", "01T09:00:00Z"}},        // one for all that were missed, at once
			{CronJob{Schedule: "@daily", Missed: missedOnce}, 48 * time.Hour, nil}, // another schedule has missed nothing
			{skip, 5 * time.Hour, []string{"03T17:00:00Z"}},                        // nothing is made up for
		} {
			time.Sleep(step.away)
			span := 95 * time.Minute
			if got := step.job.follow(t, open(), span); !slices.Equal(got, step.want) {
				t.Errorf("after %s: %v, want %v", step.away, got, step.want)
			}
		}
	})
}

func TestRunsOverlapOnlyWhenAsked(t *testing.T) {
	for overlap, want := range map[bool]int{false: 1, true: maxOverlap} {
		u := underWay{runs: map[string]int{}}
		j, other, began := &job{CronJob: CronJob{Name: "j", Overlap: overlap}}, &job{CronJob: CronJob{Name: "k"}}, 0
		for range 2 * maxOverlap {
			if u.begin(j) {
				began++
			}
		}
		if began != want || !u.begin(other) {
			t.Errorf("overlap %v: %d runs at once, want %d", overlap, began, want)
		}
		if u.end(j); !u.begin(j) {
			t.Error("no run after another ended")
		}
	}
}
