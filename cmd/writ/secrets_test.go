package main

import (
	"bytes"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/writ-host/writ/conformance/testserver"
)

// credential is a text that nobody but the provider of the store may see.
const credential = "c4nary-in-the-mine"

// TestSecretsStayWithTheProvider serves the guestbook from Redis with TLS and a
// user of its own, whose password is a credential of systemd's, and looks for it
// in everything that writ shows, writes or lets others see.
func TestSecretsStayWithTheProvider(t *testing.T) {
	ours := testserver.NewAuthority(t)
	certificate, key := ours.Issue(t, "localhost", net.IPv4(127, 0, 0, 1))
	redis := testserver.StartRedis(t, "--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", ours.Roots, "--tls-auth-clients", "no",
		"--user", "default", "off", "--user", "writ", "on", ">"+credential, "~writ:*", "-@all", "+@read", "+@write", "+@scripting", "+@connection")
	dir, credentials := t.TempDir(), t.TempDir()
	for _, name := range []string{"writ.toml", "grants.json", "guestbook.wasm"} {
		if err := copyFile(filepath.Join("../../examples/guestbook", name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(credentials, "redis"), credential+"\n")
	write(t, filepath.Join(dir, "host.toml"), "[kv.default]\nprovider = \"redis\"\naddress = \""+redis.Address+"\"\nuser = \"writ\"\n"+
		"password-file = \"$CREDENTIALS_DIRECTORY/redis\"\nroots-file = \""+ours.Roots+"\"\n")
	t.Setenv("CREDENTIALS_DIRECTORY", credentials)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())

	var seen bytes.Buffer // by who asks, by the operator, by other processes of the user
	up := serve(t, dir)
	seen.WriteString(up.post(t, "/", http.StatusSeeOther))
	seen.WriteString(up.get(t, "/", http.StatusOK))
	for _, pid := range append(children(t, up.cmd.Process.Pid), up.cmd.Process.Pid) {
		seen.WriteString(ofProcess(pid))
	}
	if !bytes.Contains(seen.Bytes(), []byte("kv-redis")) {
		t.Error("the provider was not looked at")
	}
	for _, args := range []string{"plan", "plan --json", "audit", "audit --json", "provider list", "provider list --json", "lock"} {
		out, err := exec.Command("writ", append(strings.Fields(args), dir)...).CombinedOutput()
		if err != nil {
			t.Errorf("writ %s: %v\n%s", args, err, out)
		}
		seen.Write(out)
	}
	// A password that is wrong now is known to the next process.
	write(t, filepath.Join(credentials, "redis"), "wrong-"+credential+"\n")
	provider, err := providerOf(up.cmd.Process.Pid, "kv-redis")
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(provider, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); !bytes.Contains(readAll(t, up.log), []byte("WRONGPASS")); {
		seen.WriteString(up.get(t, "/", http.StatusServiceUnavailable))
		if time.Now().After(end) {
			t.Fatalf("the operator is not told:\n%s", readAll(t, up.log))
		}
	}
	up.down(t)
	seen.Write(readAll(t, up.log))
	if at := bytes.Index(seen.Bytes(), []byte(credential)); at >= 0 {
		t.Errorf("the password is seen: …%s…", seen.Bytes()[max(0, at-300):at+30])
	}
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() && bytes.Contains(readAll(t, path), []byte(credential)) {
			t.Errorf("the password is in %s", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// serving is writ up as a process of its own.
type serving struct {
	cmd      *exec.Cmd
	url, log string
}

func serve(t *testing.T, dir string) *serving {
	t.Helper()
	s := &serving{cmd: exec.Command("writ", "up", "--listen", "127.0.0.1:0", dir), log: filepath.Join(t.TempDir(), "log")}
	log, err := os.Create(s.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.cmd.Process.Kill() })
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if m := urlLine.FindSubmatch(readAll(t, s.log)); m != nil {
			s.url = strings.TrimSuffix(string(m[1]), "/")
			return s
		}
	}
	t.Fatalf("it does not serve:\n%s", readAll(t, s.log))
	return nil
}

// get asks until the answer has the status, and is all of that answer.
func (s *serving) get(t *testing.T, path string, status int) (all string) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		r, err := http.Get(s.url + path)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		err = r.Write(&b)
		_ = r.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if all += b.String(); r.StatusCode == status {
			return all
		}
	}
	t.Fatalf("no answer with the status %d:\n%s", status, all)
	return ""
}

func (s *serving) post(t *testing.T, path string, status int) string {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	r, err := client.PostForm(s.url+path, url.Values{"message": {"hello"}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	var b bytes.Buffer
	if err := r.Write(&b); err != nil || r.StatusCode != status {
		t.Errorf("%v\n%s", err, b.String())
	}
	return b.String()
}

func (s *serving) down(t *testing.T) {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, readAll(t, s.log))
	}
}

// children are the processes that a process has started.
func children(t *testing.T, parent int) (pids []int) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/status")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range stats {
		if of, err := parentIn(path); err == nil && of == parent {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path))) // digits
			pids = append(pids, pid)
		}
	}
	return pids
}

// ofProcess is what others can see of a process.
func ofProcess(pid int) string {
	var all []byte
	for _, name := range []string{"cmdline", "environ", "comm"} {
		b, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), name)) // one that has ended shows nothing
		all = append(all, b...)
	}
	return string(all)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func readAll(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
