package writ_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// soakApp has guests of several toolchains. Those that few machines can build
// join in where they are.
const soakApp = `
name = "soak"

[component.web]
source = "guestbook.wasm"

[component.api]
source = "orders.wasm"

[component.relay]
source = "proxy.wasm"

[component.hostile]
source = "hostile.wasm"
limits = {memory = "16MiB", wall-time = "5s", cpu-time = "200ms", handles = 1000}

[trigger]
http = [
  {route = "/",             component = "web"},
  {route = "/orders/...",   component = "api"},
  {route = "/http/...",     component = "relay"},
  {route = "/trap",         component = "hostile"},
  {route = "/deep",         component = "hostile"},
  {route = "/handles",      component = "hostile"},
  {route = "/spin",         component = "hostile"},
  {route = "/chatter",      component = "hostile"},
  {route = "/unfinished",   component = "hostile"},
`

// soakGrant is one grant of the mix; each is revoked and given back.
func soakGrant(id, component, capability, resource string, operations ...string) map[string]any {
	return map[string]any{"id": id, "app": "soak", "component": component, "capability": capability,
		"resource": resource, "operations": operations}
}

func soakGrants(upstream string) []map[string]any {
	return []map[string]any{
		soakGrant("kv", "web", "kv", "kv://default/guestbook/**", "get", "set", "increment"),
		soakGrant("orders", "api", "sql", "sql://default/orders", "ddl", "select", "insert"),
		soakGrant("lines", "api", "sql", "sql://default/lines", "ddl", "select", "insert"),
		soakGrant("out", "relay", "http", "http://"+upstream+"/**", "GET", "POST"),
	}
}

// soak is mixed load on one app, and what came of it.
type soak struct {
	*served
	t        *testing.T
	dir      string
	upstream string
	origin   *httptest.Server // at upstream
	grants   []map[string]any
	guests   []string // of those that are not always there
	steps    []step

	mu       sync.Mutex
	messages []string // acknowledged
	orders   []string
	counts   map[string]int
	times    map[string][]time.Duration
	strange  int
}

// step is something that a client does. Statuses are those that are documented
// for it; every answer of 503 that has Retry-After is, too.
type step struct {
	name     string
	weight   int
	statuses []int
	mayCut   bool // the answer may be cut off: what it is relayed from may end early,
	// or before anything was sent, which is the error page of a body that was dropped
	do   func(ctx context.Context, client *http.Client) (*http.Response, error)
	done func() // it was acknowledged
}

// TestSoak is minutes of everything at once, by default seconds of it: make soak.
func TestSoak(t *testing.T) {
	length, clients, warm := 3*time.Second, 40, time.Second
	if text := os.Getenv("WRIT_SOAK"); text != "" {
		var err error
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatalf("WRIT_SOAK: %v", err)
		}
		clients, warm = 200, max(length/10, 45*time.Second) // until heaps and caches have found their size
	}
	if text := os.Getenv("WRIT_SOAK_CLIENTS"); text != "" {
		clients, _ = strconv.Atoi(text)
	}
	s := startSoak(t)
	t.Logf("%d clients for %s; guests: web, api, relay, hostile %v", clients, length, s.guests)
	t.Run("load", func(t *testing.T) {
		s.t = t
		s.load(clients, warm)
		before := s.settled()
		s.load(clients, length/2)
		s.settled()
		s.load(clients, length/2)
		after := s.settled()
		s.report()
		s.compare(before, after)
	})
	s.Close()
	if err := s.host.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	s.nothingLost(t)
}

func startSoak(t *testing.T) *soak {
	s := &soak{t: t, counts: map[string]int{}, times: map[string][]time.Duration{}}
	s.origin = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }))
	t.Cleanup(s.origin.Close)
	s.upstream = strings.TrimPrefix(s.origin.URL, "http://")
	s.grants = soakGrants(s.upstream)
	manifest, components := soakApp, ""
	files := map[string]string{
		"guestbook.wasm": "examples/guestbook/guestbook.wasm", "orders.wasm": "examples/orders/orders.wasm",
		"proxy.wasm": "examples/proxy/proxy.wasm", "hostile.wasm": "testdata/hostile.wasm",
	}
	for _, g := range []string{"hello-js", "hello-python", "greeter"} {
		path := filepath.Join("build/guests", g+".wasm")
		if _, err := os.Stat(path); err == nil {
			s.guests = append(s.guests, g)
			files[g+".wasm"] = path
			manifest += fmt.Sprintf("  {route = \"/%s/...\", component = %q},\n", g, g)
			components += fmt.Sprintf("[component.%s]\nsource = \"%s.wasm\"\n", g, g)
		}
	}
	files["writ.toml"] = manifest + "]\n" + components
	s.dir = appDir(t, files)
	s.setGrants(s.grants)
	s.served = serveDir(t, s.dir)
	s.steps = s.allSteps()
	return s
}

func (s *soak) setGrants(grants []map[string]any) {
	text, err := json.Marshal(map[string]any{"grants": grants})
	if err == nil {
		err = replaceFile(filepath.Join(s.dir, "grants.json"), text)
	}
	if err != nil {
		s.t.Error(err)
	}
}

// replaceFile puts a file in the place of another at once.
func replaceFile(path string, text []byte) error {
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

func (s *soak) allSteps() []step {
	get := func(path string) func(context.Context, *http.Client) (*http.Response, error) {
		return func(ctx context.Context, c *http.Client) (*http.Response, error) {
			return send(ctx, c, "GET", s.URL+path, "", nil)
		}
	}
	body := bytes.Repeat([]byte("relayed "), 4<<10)
	steps := []step{
		{name: "read page", weight: 20, statuses: []int{200, 403, 503}, do: get("/")},
		{name: "list orders", weight: 10, statuses: []int{200, 403, 503}, do: get("/orders?customer=nobody")},
		{name: "relay", weight: 15, statuses: []int{200, 403, 502}, mayCut: true,
			do: func(ctx context.Context, c *http.Client) (*http.Response, error) {
				return send(ctx, c, "POST", s.URL+"/http/"+s.upstream+"/x", "", body)
			}},
		{name: "trap", weight: 3, statuses: []int{500}, do: get("/trap")},
		{name: "deep", weight: 2, statuses: []int{500, 504}, do: get("/deep")},
		{name: "handles", weight: 2, statuses: []int{500, 504}, do: get("/handles")},
		{name: "spin", weight: 1, statuses: []int{504}, do: get("/spin")},
		{name: "chatter", weight: 1, statuses: []int{504}, do: get("/chatter")},
		{name: "unfinished", weight: 1, statuses: []int{200}, mayCut: true, do: get("/unfinished")},
	}
	for _, g := range s.guests {
		weight := map[string]int{"hello-python": 3}[g]
		steps = append(steps, step{name: g, weight: max(weight, 8), statuses: []int{200}, do: get("/" + g + "/Ada")})
	}
	return steps
}

// posting are the steps whose effect must last; each is made for one request.
func (s *soak) posting(n int) step {
	text := soakText()
	if n%2 == 0 {
		return step{name: "post message", statuses: []int{303, 403, 503}, done: func() { s.messages = append(s.messages, text) },
			do: func(ctx context.Context, c *http.Client) (*http.Response, error) {
				return send(ctx, c, "POST", s.URL+"/", "application/x-www-form-urlencoded", []byte(url.Values{"message": {text}}.Encode()))
			}}
	}
	order := fmt.Sprintf(`{"customer":%q,"lines":[{"item":"tea","quantity":1,"cents":250}]}`, text)
	return step{name: "post order", statuses: []int{201, 403, 503}, done: func() { s.orders = append(s.orders, text) },
		do: func(ctx context.Context, c *http.Client) (*http.Response, error) {
			return send(ctx, c, "POST", s.URL+"/orders", "application/json", []byte(order))
		}}
}

// soakText is a text that no other request has.
func soakText() string { return fmt.Sprintf("%016x%016x", rand.Uint64(), rand.Uint64()) }

func send(ctx context.Context, c *http.Client, method, url, contentType string, body []byte) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return c.Do(r)
}

// pick draws a step by its weight; about one in seven writes.
func (s *soak) pick(n int) step {
	if n%7 == 0 {
		return s.posting(n / 7)
	}
	total := 0
	for _, o := range s.steps {
		total += o.weight
	}
	at := rand.IntN(total)
	for _, o := range s.steps {
		if at -= o.weight; at < 0 {
			return o
		}
	}
	panic("unreachable")
}

// load has clients busy for a time, while things go wrong.
func (s *soak) load(clients int, length time.Duration) {
	end := time.Now().Add(length)
	wrong := s.goWrong()
	client := *s.Client()
	client.Transport.(*http.Transport).MaxIdleConnsPerHost = clients
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	var group sync.WaitGroup
	for c := range clients {
		group.Go(func() {
			for n := c; time.Now().Before(end); n++ {
				s.take(s.pick(n), &client)
			}
		})
	}
	group.Wait()
	wrong()
}

// take does a step and judges what came of it.
func (s *soak) take(o step, client *http.Client) {
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*patience)
	defer cancel()
	start := time.Now()
	resp, err := o.do(ctx, client)
	if err != nil {
		s.judge(o, start, 0, "", err)
		return
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	resp.Body.Close()
	if resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") != "" {
		o.statuses = append(slices.Clone(o.statuses), resp.StatusCode)
	}
	s.judge(o, start, resp.StatusCode, string(text), err)
}

func (s *soak) judge(o step, start time.Time, status int, text string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	what := strconv.Itoa(status)
	if err != nil {
		what += " cut off"
	}
	s.counts[o.name+" "+what]++
	if times := s.times[o.name]; len(times) < 100_000 {
		s.times[o.name] = append(times, time.Since(start))
	}
	fine := slices.Contains(o.statuses, status) && (err == nil || o.mayCut && errors.Is(err, io.ErrUnexpectedEOF)) ||
		o.mayCut && status == 500 && strings.Contains(s.logged(text), "dropped the body of its response without finishing it")
	if fine && o.done != nil && status < 400 {
		o.done()
	}
	if !fine {
		if s.strange++; s.strange <= 20 {
			s.t.Errorf("%s: status %d, %.300q, %v%s", o.name, status, text, err, s.logged(text))
		}
	}
}

// logged is what the host has to say of the request that an error page names.
func (s *soak) logged(page string) string {
	if _, id, ok := strings.Cut(strings.TrimSpace(page), "\nrequest "); ok {
		for line := range strings.Lines(s.log.String()) {
			if strings.Contains(line, id) && strings.Contains(line, `"level":"ERROR"`) {
				return "\n" + line
			}
		}
	}
	return ""
}

func (s *soak) report() {
	total := 0
	for _, key := range slices.Sorted(maps.Keys(s.counts)) {
		total += s.counts[key]
		s.t.Logf("%9d  %s", s.counts[key], key)
	}
	s.t.Logf("%9d  in all; %d messages and %d orders were acknowledged, %d answers were not as documented",
		total, len(s.messages), len(s.orders), s.strange)
	for _, name := range slices.Sorted(maps.Keys(s.times)) {
		times := s.times[name]
		slices.Sort(times)
		at := func(q float64) time.Duration {
			return times[int(q*float64(len(times)-1))].Round(100 * time.Microsecond)
		}
		s.t.Logf("%-14s median %s, 99 %% within %s, longest %s", name, at(0.5), at(0.99), at(1))
	}
}

// nothingLost looks for all that was acknowledged, when the host is gone.
func (s *soak) nothingLost(t *testing.T) {
	stored := map[string]int{}
	for _, m := range storedMessages(t, filepath.Join(s.dir, ".writ/kv/default/kv.db"), "soak") {
		stored[m]++
	}
	for _, m := range s.messages {
		if stored[m] != 1 {
			t.Errorf("message %s was acknowledged, and is stored %d times", m, stored[m])
		}
	}
	ordered := storedOrders(t, filepath.Join(s.dir, ".writ/sql/default/data.db"))
	for _, o := range s.orders {
		if ordered[o] != 1 {
			t.Errorf("order %s was acknowledged, and is stored %d times", o, ordered[o])
		}
	}
	t.Logf("%d messages and %d orders are stored", len(stored), len(ordered))
}
