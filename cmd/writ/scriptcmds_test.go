package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// patience bounds every wait for something that takes milliseconds.
const patience = 30 * time.Second

// server is the writ up of a script.
type server struct {
	cmd  *exec.Cmd
	done chan error // its end
}

type serverKey struct{}

func running(ts *testscript.TestScript) *server {
	s := ts.Value(serverKey{}).(*server)
	if s.cmd == nil {
		ts.Fatalf("nothing is up")
	}
	return s
}

func commandUp(ts *testscript.TestScript, neg bool, args []string) {
	s := ts.Value(serverKey{}).(*server)
	if neg || s.cmd != nil {
		ts.Fatalf("usage: up APP [FLAG…], when nothing is up")
	}
	out, err := os.Create(ts.MkAbs("up.out"))
	ts.Check(err)
	defer out.Close()
	log, err := os.Create(ts.MkAbs("up.err"))
	ts.Check(err)
	defer log.Close()
	writ, err := exec.LookPath("writ")
	ts.Check(err)
	s.cmd = exec.Command(writ, append([]string{"up", "--listen", "127.0.0.1:0"}, args...)...)
	s.cmd.Dir = ts.MkAbs(".")
	s.cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+ts.Getenv("XDG_CACHE_HOME"))
	s.cmd.Stdout, s.cmd.Stderr = out, log
	ts.Check(s.cmd.Start())
	s.done = make(chan error, 1)
	go func(cmd *exec.Cmd, done chan error) { done <- cmd.Wait() }(s.cmd, s.done)
	ts.Defer(s.kill)
	ts.Setenv("URL", s.awaitURL(ts))
}

var urlLine = regexp.MustCompile(`(?m)^serving (http://\S+)/$`)

func (s *server) awaitURL(ts *testscript.TestScript) string {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if m := urlLine.FindStringSubmatch(ts.ReadFile("up.out")); m != nil {
			return m[1]
		}
		select {
		case err := <-s.done:
			s.cmd = nil
			ts.Fatalf("writ up ended: %v\n%s", err, ts.ReadFile("up.err"))
		default:
		}
	}
	ts.Fatalf("writ up printed no URL:\n%s%s", ts.ReadFile("up.out"), ts.ReadFile("up.err"))
	return ""
}

// kill ends what a failed script left.
func (s *server) kill() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill() // it may just have ended
		<-s.done
		s.cmd = nil
	}
}

func commandDown(ts *testscript.TestScript, neg bool, args []string) {
	s := running(ts)
	if neg || len(args) != 0 {
		ts.Fatalf("usage: down")
	}
	ts.Check(s.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case err := <-s.done:
		s.cmd = nil
		ts.Check(err)
	case <-time.After(patience):
		ts.Fatalf("writ up does not end")
	}
}

func commandGet(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: get STATUS PATH")
	}
	ts.Check(request(ts, http.MethodGet, args[0], args[1], ""))
}

func commandPost(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: post STATUS PATH BODY")
	}
	ts.Check(request(ts, http.MethodPost, args[0], args[1], args[2]))
}

// client follows no redirects, so that scripts see them.
var client = &http.Client{
	Timeout:       patience,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func request(ts *testscript.TestScript, method, status, path, body string) error {
	r, err := http.NewRequest(method, ts.Getenv("URL")+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if got := strconv.Itoa(resp.StatusCode); got != status {
		return fmt.Errorf("%s %s: status %s, want %s\n%s", method, path, got, status, text)
	}
	_, err = ts.Stdout().Write(text)
	return err
}

// commandWithin repeats what is known to take effect in the end.
func commandWithin(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: within SPAN get|post|grep …")
	}
	span, err := time.ParseDuration(args[0])
	ts.Check(err)
	for end := time.Now().Add(span); ; time.Sleep(10 * time.Millisecond) {
		if err = try(ts, args[1:]); err == nil {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("not within %s: %v", span, err)
		}
	}
}

func try(ts *testscript.TestScript, args []string) error {
	switch {
	case args[0] == "get" && len(args) == 3:
		return request(ts, http.MethodGet, args[1], args[2], "")
	case args[0] == "post" && len(args) == 4:
		return request(ts, http.MethodPost, args[1], args[2], args[3])
	case args[0] == "grep" && len(args) == 3:
		pattern, err := regexp.Compile("(?m)" + args[1])
		if err == nil && !pattern.MatchString(ts.ReadFile(args[2])) {
			err = fmt.Errorf("no match for %s in %s", args[1], args[2])
		}
		return err
	}
	return fmt.Errorf("cannot try %q", args)
}

// commandKillProvider kills the one child process of writ up that is not
// compiling.
func commandKillProvider(ts *testscript.TestScript, neg bool, args []string) {
	s := running(ts)
	if neg || len(args) > 1 {
		ts.Fatalf("usage: kill-provider [NAME]")
	}
	pid, err := providerOf(s.cmd.Process.Pid, append(args, "writ-provider")[0])
	ts.Check(err)
	ts.Check(syscall.Kill(pid, syscall.SIGKILL))
}

// providerOf finds the child by the parent that /proc names.
func providerOf(parent int, name string) (int, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/status")
	if err != nil {
		return 0, err
	}
	for _, path := range stats {
		ppid, err := parentIn(path)
		if err != nil || ppid != parent {
			continue // ended meanwhile, or another's
		}
		command, err := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
		if err == nil && strings.Contains(string(command), name) {
			return strconv.Atoi(filepath.Base(filepath.Dir(path)))
		}
	}
	return 0, errors.New("no provider runs")
}

func parentIn(path string) (int, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), "PPid:"); ok {
			return strconv.Atoi(strings.TrimSpace(value))
		}
	}
	return 0, errors.New("no parent is named")
}

func commandCut(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: cut FILE SIZE TO")
	}
	size, err := strconv.Atoi(args[1])
	ts.Check(err)
	text := ts.ReadFile(args[0])
	if size > len(text) {
		ts.Fatalf("%s has only %d bytes", args[0], len(text))
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(text[:size]), 0o600))
}

func commandDamage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: damage FILE OFFSET TO")
	}
	at, err := strconv.Atoi(args[1])
	ts.Check(err)
	text := []byte(ts.ReadFile(args[0]))
	if at >= len(text) {
		ts.Fatalf("%s has only %d bytes", args[0], len(text))
	}
	text[at] ^= 0xff
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), text, 0o600))
}
