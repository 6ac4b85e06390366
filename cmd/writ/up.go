package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/writ-host/writ"
	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/host"
)

func upCommand() *cobra.Command {
	var config, listen string
	var sink logTo
	var locked, learn bool
	var more runFlags
	c := &cobra.Command{
		Use:   "up APP | COMPONENT.wasm",
		Short: "Serve an app, or a bare component without any grants, over HTTP",
		Long: "Serve an app (a directory with a writ.toml), or a bare component (a file, or oci://HOST/NAME:TAG) without any grants.\n" +
			"Prints the plan, then the URL, then a line for each request. The structured log with every\n" +
			"decision goes to --log FILE, or to standard error: all of it, or warnings when that is a terminal.\n" +
			"With --log-format json the requests are in it, in the place of lines.",
		Example: "  writ up APP\n" +
			"  writ up --grant 'http https://api.example.com/** GET' --dir public::/public:ro component.wasm",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			app, err := writ.LoadApp(args[0], config)
			if err != nil {
				return err
			}
			if listen != "" {
				app.Config.Listen = listen
			}
			if err := more.extend(app); err != nil {
				return err
			}
			var lock *writ.Lock
			if locked {
				if lock, err = writ.ReadLock(app.LockPath()); err != nil {
					return err
				}
			}
			o := writ.Options{Lock: lock}
			if learn {
				return upLearning(cmd.Context(), cmd.OutOrStdout(), app, sink, o)
			}
			return up(cmd.Context(), cmd.OutOrStdout(), app, sink, o)
		},
	}
	c.Flags().StringVar(&listen, "listen", "", "address to serve on (default: listen in host.toml, or 127.0.0.1:3000)")
	sink.register(c)
	more.registerGrants(c)
	c.Flags().BoolVar(&locked, "locked", false, "refuse components and grants beyond those of writ.lock, now and while running")
	c.Flags().BoolVar(&learn, "learn", false, "run on a copy of the data, allow what nothing grants, and write the grants that it would take")
	c.MarkFlagsMutuallyExclusive("locked", "learn")
	addConfigFlag(c, &config)
	return c
}

func up(ctx context.Context, out io.Writer, app *writ.App, sink logTo, o writ.Options) error {
	log, closeLog, err := sink.open()
	if err != nil {
		return err
	}
	defer closeLog()
	if app.Config.Cache == "" {
		if app.Config.Cache, err = writ.DefaultCache(); err != nil {
			return err
		}
	}
	console := &console{out: out, terminal: isTerminal(out)}
	plan, err := app.Plan(ctx)
	if err != nil {
		return err
	}
	if err := plan.WriteText(out); err != nil {
		return err
	}
	if err := checkListen(app); err != nil {
		return err
	}
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	o.Log, o.OnCompile, o.OnRequest, o.OnReload, o.OnRun = log, console.compiled, console.served, console.reloaded, console.ran
	if sink.format == "json" { // whoever collects it wants the requests, too
		o.OnRequest = func(r writ.Request) { logRequest(log, r) }
	}
	o.Follow, o.OnDeploy = true, console.deployed
	h, err := writ.Start(ctx, app, o)
	if err != nil {
		return err
	}
	defer h.Close()
	go reloadOn(ctx, hangups, h, console)
	l, err := app.Listen() // only now: who can connect is served
	if err != nil {
		return err
	}
	defer l.Close()
	if url := h.OperatorURL(); url != "" {
		console.printf("\nmetrics and health at %s\n", url)
	}
	console.printf("\nserving %s\n", app.URL(l))
	go tellSystemd(ctx, h, log)
	return h.Serve(ctx, l)
}

// checkListen finds out that an address cannot be had before anything slow,
// which would be in vain.
func checkListen(app *writ.App) error {
	l, err := app.Listen()
	if err != nil {
		return err
	}
	return l.Close()
}

// reloadOn takes up the app's files at each signal.
func reloadOn(ctx context.Context, signals <-chan os.Signal, h *writ.Host, c *console) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-signals:
			if errors.Is(h.Reload(ctx), writ.ErrUnchanged) {
				c.printf("the app's files are as they were\n")
			}
		}
	}
}

// logTo is where the structured log goes, and how.
type logTo struct{ file, format string }

func (l *logTo) register(c *cobra.Command) {
	c.Flags().StringVar(&l.file, "log", "", "file that the structured log is appended to (default: standard error)")
	c.Flags().StringVar(&l.format, "log-format", "", "json or text (default: json to a file, text to standard error)")
}

func (l logTo) open() (*slog.Logger, func(), error) {
	switch l.format {
	case "", "json", "text":
	default:
		return nil, nil, fmt.Errorf("--log-format %q: want json or text", l.format)
	}
	if l.file == "" {
		level := slog.LevelInfo
		if isTerminal(os.Stderr) { // a person reads the console's own lines there
			level = slog.LevelWarn
		}
		return l.logger(os.Stderr, level, "text"), func() {}, nil
	}
	f, err := os.OpenFile(l.file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, err
	}
	return l.logger(f, slog.LevelInfo, "json"), func() { f.Close() }, nil
}

func (l logTo) logger(w io.Writer, level slog.Level, usual string) *slog.Logger {
	o := &slog.HandlerOptions{Level: level}
	if l.format == "json" || l.format == "" && usual == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// console writes what a person at the terminal wants to see, one line at a time.
type console struct {
	mu       sync.Mutex
	out      io.Writer
	terminal bool
	stop     chan struct{} // ends the progress line of what is compiled now
}

func (c *console) printf(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fmt.Fprintf(c.out, format, args...)
}

func (c *console) served(r writ.Request) {
	status := fmt.Sprint(r.Status)
	if r.Status == 0 {
		status = "---"
	}
	line := fmt.Sprintf("%s %s %-4s %s  %s  %s  %s", r.Time.Format(time.TimeOnly), status, r.Method, printable(r.Path),
		by(r), r.Duration.Round(10*time.Microsecond), humanize.Bytes(uint64(max(r.Bytes, 0))))
	if client, err := netip.ParseAddrPort(r.Client); err == nil && !client.Addr().IsLoopback() {
		line += "  from " + client.Addr().String()
	}
	if r.Err != nil {
		line += "  " + printable(r.Err.Error())
	}
	c.printf("%s\n", line)
}

// logRequest is served for a structured log.
func logRequest(log *slog.Logger, r writ.Request) {
	attributes := []any{"request", r.ID, "component", r.Component, "client", r.Client, "method", r.Method, "path", r.Path,
		"status", r.Status, "bytes", r.Bytes, "duration", r.Duration}
	if r.Caller != "" {
		attributes = append(attributes, "caller", r.Caller)
	}
	if r.Err != nil {
		attributes = append(attributes, "error", r.Err)
	}
	log.Info("request", attributes...)
}

func (c *console) ran(r writ.Run) {
	how := fmt.Sprintf("exit %d", r.ExitCode)
	switch {
	case r.Err != nil:
		how = printable(r.Err.Error())
	case r.Result != "":
		how = printable(r.Result)
	}
	c.printf("%s job %s  %s  %s  %s\n", r.Began.Format(time.TimeOnly), r.Job, r.Component, r.Duration.Round(10*time.Microsecond), how)
}

// by says who served a request, and which component asked.
func by(r writ.Request) string {
	switch {
	case r.Component == "":
		return "-"
	case r.Caller != "":
		return r.Caller + "→" + r.Component
	}
	return r.Component
}

// printable keeps control characters that clients or guests chose off the
// terminal, and their line ends out of lines.
func printable(s string) string { return escaped(s, "") }

// printableLines is printable for text of several lines.
func printableLines(s string) string { return escaped(s, "\n\t") }

// escaped spells what is not for the eye, but for what is kept.
func escaped(s, keep string) string {
	var b strings.Builder
	for _, c := range s {
		if unicode.IsPrint(c) || strings.ContainsRune(keep, c) {
			b.WriteRune(c)
			continue
		}
		q := strconv.QuoteRune(c)
		b.WriteString(q[1 : len(q)-1])
	}
	return b.String()
}

func (c *console) reloaded(r broker.Reload) {
	if r.Err != nil {
		c.printf("grants not taken up, the last good ones stay in force: %v\n", r.Err)
		return
	}
	c.printf("grants taken up (revision %d)\n", r.Revision)
}

func (c *console) deployed(d writ.Deployment) {
	if d.Err != nil {
		c.printf("NEW VERSION NOT TAKEN UP, the last good one is served on: %s\n", printable(d.Err.Error()))
		return
	}
	c.printf("new version taken up\n")
	for _, name := range slices.Sorted(maps.Keys(d.Changed)) {
		c.printf("  component %s  %s\n", name, d.Changed[name])
	}
	for _, name := range d.Removed {
		c.printf("  component %s is gone\n", name)
	}
}

// compiled shows progress: a line that counts seconds on a terminal, and one
// line when it is done.
func (c *console) compiled(component string, e host.CompileEvent) {
	what := fmt.Sprintf("compiling %s (%s)", component, humanize.IBytes(uint64(e.Bytes)))
	if !e.Done {
		if c.stop == nil && c.terminal {
			c.stop = make(chan struct{})
			go c.count(what, c.stop)
		}
		return
	}
	if c.stop != nil {
		close(c.stop)
		c.stop = nil
	}
	if c.terminal {
		what = "\r" + what
	}
	c.printf("%s: %s\n", what, e.Elapsed.Round(10*time.Millisecond))
}

func (c *console) count(what string, stop chan struct{}) {
	start := time.Now()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
			c.printf("\r%s … %.0fs", what, time.Since(start).Seconds())
		}
	}
}
