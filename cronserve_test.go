package writ_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/writ-host/writ"
)

const jobs = `
name = "jobs"
[component.program]
source = "program.wasm"
[component.nightly]
source = "nightly.wasm"
[[trigger.cron]]
name = "args"
schedule = "* * * * * *"
component = "program"
args = ["args", "a b"]
[[trigger.cron]]
name = "fails"
schedule = "* * * * * *"
component = "program"
args = ["exit", "1"]
[[trigger.cron]]
name = "spins"
schedule = "* * * * * *"
component = "program"
args = ["spin"]
deadline = "100ms"
[[trigger.cron]]
name = "traps"
schedule = "@every 1s"
component = "program"
args = ["trap"]
[[trigger.cron]]
name = "calls"
schedule = "* * * * * *"
component = "nightly"
call = "example:nightly/housekeeping#trim(5)"
[[trigger.cron]]
name = "stays"
schedule = "* * * * * *"
component = "program"
args = ["sleep", "1500"]
`

const jobGrants = `{"grants": [{"id": "keep", "app": "jobs", "component": "nightly", "capability": "kv",
	"resource": "kv://default/guestbook/**", "operations": ["get", "exists", "delete"]}]}`

// runJobs serves an app of jobs, and returns how to end it.
func runJobs(t *testing.T, dir string, log *logBuffer) (runs chan writ.Run, stop func() error) {
	t.Helper()
	app, err := writ.LoadApp(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	app.Config.Cache = sharedCache()
	runs = make(chan writ.Run, 100)
	h, err := writ.Start(t.Context(), app, writ.Options{Log: slog.New(slog.NewJSONHandler(log, nil)), OnRun: func(r writ.Run) { runs <- r }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- h.Serve(ctx, nil) }()
	stop = func() error {
		cancel()
		err := <-served
		if err := h.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		return err
	}
	return runs, stop
}

func TestJobsRun(t *testing.T) {
	dir := appDir(t, map[string]string{"writ.toml": jobs, "grants.json": jobGrants, "program.wasm": program, "nightly.wasm": "examples/nightly/nightly.wasm"})
	log := &logBuffer{}
	runs, stop := runJobs(t, dir, log)
	first := map[string]writ.Run{}
	for end := time.After(patience); len(first) < 6; {
		select {
		case r := <-runs:
			if _, ok := first[r.Job]; !ok {
				first[r.Job] = r
			}
		case <-end:
			t.Fatalf("only %v ran", first)
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]struct {
		code        int
		result, err string
	}{
		"args": {}, "fails": {code: 1}, "spins": {err: "longer than deadline = 100ms"}, "traps": {err: "unreachable"}, "calls": {result: "ok(0)"}, "stays": {},
	} {
		r, said := first[name], ""
		if r.Err != nil {
			said = r.Err.Error()
		}
		if r.ExitCode != want.code || r.Result != want.result || !strings.Contains(said, want.err) || (said == "") != (want.err == "") {
			t.Errorf("job %s: %+v, want %+v", name, r, want)
		}
	}
	for _, part := range []string{`"line":"a b"`, `"msg":"a job failed","app":"jobs","job":"fails"`, `"msg":"a job is left out this time: the run before goes on"`} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("the log has no %s", part)
		}
	}
}

// The ledger has every run, and what they did.
func TestJobsAreInTheLedger(t *testing.T) {
	const table = "name = \"jobs\"\n[component.nightly]\nsource = \"nightly.wasm\"\n[[trigger.cron]]\n" +
		"schedule = \"* * * * * *\"\ncomponent = \"nightly\"\ncall = \"example:nightly/housekeeping#trim(5)\"\n"
	dir := appDir(t, map[string]string{"writ.toml": table, "nightly.wasm": "examples/nightly/nightly.wasm"})
	runs, stop := runJobs(t, dir, &logBuffer{})
	select {
	case r := <-runs:
		if r.Err == nil || !strings.Contains(r.Err.Error(), "access to the guestbook is denied") {
			t.Errorf("without a grant: %+v", r)
		}
	case <-time.After(patience):
		t.Fatal("nothing ran")
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	found := false
	for _, e := range ledgerOf(t, dir) {
		found = found || e.Kind == "run" && e.Name == "nightly" && e.Event == "failed" && strings.Contains(e.Reason, "denied")
	}
	if !found {
		t.Error("the ledger has no entry of the run")
	}
}
