package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-host/writ/conformance/testserver"
)

// hostProcess is a writ up of its own.
type hostProcess struct {
	url string
	cmd *exec.Cmd
}

// startPatience bounds the wait for a host that compiles its components, and
// PostgreSQL's provider its parser, beside all the other tests.
const startPatience = 5 * time.Minute

// startHost serves a copy of an example's app, configured by a host.toml.
func startHost(t *testing.T, example, config string) *hostProcess {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("../../examples", example))); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "host.toml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	writ, err := exec.LookPath("writ")
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.Create(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	h := &hostProcess{cmd: exec.Command(writ, "up", "--listen", "127.0.0.1:0", dir)}
	h.cmd.Stdout, h.cmd.Stderr = out, out
	if err := h.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.kill)
	for end := time.Now().Add(startPatience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		said, err := os.ReadFile(out.Name())
		if err != nil {
			t.Fatal(err)
		}
		if m := urlLine.FindStringSubmatch(string(said)); m != nil {
			h.url = m[1]
			return h
		}
	}
	said, _ := os.ReadFile(out.Name())
	t.Fatalf("the host does not serve:\n%s", said)
	return nil
}

// kill is kill -9.
func (h *hostProcess) kill() {
	_ = h.cmd.Process.Kill() // it may be dead already
	_ = h.cmd.Wait()
}

// load asks two hosts from many clients, until told to stop, and kills the
// first in between. It answers for what requests a host said that they were done.
type load struct {
	hosts [2]*hostProcess
	// ask makes the request named so, and reports whether it was answered as done.
	ask func(url, name string) bool

	mu    sync.Mutex
	done  []string
	asked atomic.Int64
}

// clients is how many ask at once.
const clients = 6

func (l *load) run(t *testing.T) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for c := range clients {
		all.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				name := fmt.Sprintf("client-%d-%d", c, i)
				l.asked.Add(1)
				if l.ask(l.hosts[i%2].url, name) {
					l.mu.Lock()
					l.done = append(l.done, name)
					l.mu.Unlock()
				}
			}
		})
	}
	l.await(t, 60)
	l.hosts[0].kill()
	l.await(t, 60)
	stop()
	all.Wait()
}

// await waits until n requests more are done.
func (l *load) await(t *testing.T, n int) {
	t.Helper()
	count := func() int { l.mu.Lock(); defer l.mu.Unlock(); return len(l.done) }
	before := count()
	for end := time.Now().Add(2 * patience); count() < before+n; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d requests were done, and no more", count())
		}
	}
}

// lost are the requests that were done and left nothing, or more than one thing.
func (l *load) lost(kept []string) []string {
	count := map[string]int{}
	for _, name := range kept {
		count[name]++
	}
	return slices.DeleteFunc(slices.Clone(l.done), func(name string) bool { return count[name] == 1 })
}

// Two hosts with one Redis: the guestbook's count is one for both, and every
// message that a visitor was told of is there after one host was killed.
func TestTwoHostsShareAStore(t *testing.T) {
	t.Parallel()
	server := testserver.StartRedis(t)
	config := fmt.Sprintf("[kv.default]\nprovider = \"redis\"\naddress = %q\ntls = \"off\"\n", server.Address)
	l := &load{hosts: [2]*hostProcess{startHost(t, "guestbook", config), startHost(t, "guestbook", config)}}
	l.ask = func(to, name string) bool {
		resp, err := client.PostForm(to, url.Values{"message": {name}})
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusSeeOther
	}
	l.run(t)

	ctx, redis := context.Background(), server.Client(t)
	const slot = "writ:{guestbook/default/0}:k"
	keys, err := redis.Keys(ctx, slot+"guestbook/message/*").Result()
	if err != nil {
		t.Fatal(err)
	}
	var kept []string
	for _, k := range keys {
		v, err := redis.HGet(ctx, k, "v").Result()
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, v)
	}
	if lost := l.lost(kept); len(lost) > 0 {
		t.Errorf("of %d messages that were acknowledged %d are not there once: %v", len(l.done), len(lost), lost)
	}
	count, err := redis.HGet(ctx, slot+"guestbook/count", "v").Int64()
	if err != nil || count < int64(len(kept)) || count > l.asked.Load() {
		t.Errorf("counted to %d: %d messages are there, %d were sent (%v)", count, len(kept), l.asked.Load(), err)
	}
	third := startHost(t, "guestbook", config)
	if here, there := page(t, l.hosts[1].url), page(t, third.url); here != there || !strings.Contains(here, "client-") {
		t.Errorf("the hosts serve different pages:\n%s\n%s", here, there)
	}
}

func page(t *testing.T, url string) string {
	t.Helper()
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", url, resp.Status, err)
	}
	return string(text)
}

// Two hosts with one PostgreSQL: no order has a number twice, none is half
// there, and every order that a customer was told of is there after one host
// was killed.
func TestTwoHostsShareADatabase(t *testing.T) {
	t.Parallel()
	p, err := testserver.StartPostgres()
	server := testserver.ForPostgres(t, p, err)
	t.Cleanup(server.Stop)
	secret := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(secret, []byte(testserver.Password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf("[sql.default]\nprovider = \"postgres\"\naddress = %q\ndatabase = \"postgres\"\nuser = \"postgres\"\npassword-file = %q\ntls = \"off\"\n",
		server.Address, secret)
	l := &load{hosts: [2]*hostProcess{startHost(t, "orders", config), startHost(t, "orders", config)}}
	l.ask = func(to, name string) bool {
		body := fmt.Sprintf(`{"customer": %q, "lines": [{"item": "tea", "quantity": 2, "cents": 250}, {"item": "pot", "quantity": 1, "cents": 1200}]}`, name)
		resp, err := client.Post(to+"/orders", "application/json", strings.NewReader(body))
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusCreated
	}
	if !l.ask(l.hosts[0].url, "who makes the tables") {
		t.Fatal("the first order is not taken")
	}
	l.run(t)

	column := func(sql string) []string {
		found, err := server.Exec(sql)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	kept := column("SELECT customer FROM orders")
	if lost := l.lost(kept); len(lost) > 0 {
		t.Errorf("of %d orders that were acknowledged %d are not there once: %v", len(l.done), len(lost), lost)
	}
	if half := column("SELECT id FROM orders o WHERE (SELECT count(*) FROM lines WHERE order_id = o.id) <> 2"); len(half) > 0 {
		t.Errorf("these orders have not the lines that they were sent with: %v", half)
	}
	if top := column("SELECT max(id) FROM orders"); top[0] != strconv.Itoa(len(kept)) {
		t.Errorf("%d orders have numbers up to %s", len(kept), top[0])
	}
}
