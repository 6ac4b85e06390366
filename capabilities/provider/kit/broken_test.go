package kit_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/writ-host/writ/capabilities/kv/backend"
	"github.com/writ-host/writ/capabilities/provider"
	"github.com/writ-host/writ/capabilities/provider/kit"
)

// store is a correct store in memory, but for one fault.
type store struct {
	fault string

	mu      sync.Mutex
	entries map[string]backend.Entry
	version int
	deleted int
	changes []backend.Change
}

// faults of key-value stores, with the rule that must catch each.
var kvFaults = map[string]string{
	"forgets deletes":               "a deleted key is absent",
	"one version for all":           "a version changes with every write",
	"swaps at any version":          "compare-and-swap swaps only at the version",
	"wraps around":                  "increment counts, and refuses what is no number",
	"takes text for 0":              "increment counts, and refuses what is no number",
	"loses concurrent increments":   "increments of concurrent clients all count",
	"swaps without a lock":          "of concurrent swaps at a version one wins",
	"folds cases":                   "keys are any text, and stay apart",
	"ends keys at NUL":              "keys are any text, and stay apart",
	"cuts values at 64 KiB":         "values are any bytes, up to 16 MiB",
	"skips at page ends":            "a listing has every key once",
	"repeats at page ends":          "a listing has every key once",
	"pages by position":             "a listing under writes misses no key that stays",
	"dies of a foreign cursor":      "a cursor that nobody gave does no harm",
	"answers a batch in its order":  "a batch answers in order, and does all",
	"refuses a batch of nothing":    "a batch answers in order, and does all",
	"keeps all in memory":           "what was acknowledged survives kill -9",
	"tells of other keys":           "a watch tells of each change, and of no other",
	"tells of no deletes":           "a watch tells of each change, and of no other",
	"tells of what was before":      "a watch tells of each change, and of no other",
	"finds nothing to be something": "a key holds what was set",
}

func (s *store) has(fault string) bool { return s.fault == fault }

func (s *store) key(k string) string {
	switch {
	case s.has("folds cases"):
		return strings.ToLower(k)
	case s.has("ends keys at NUL"):
		before, _, _ := strings.Cut(k, "\x00")
		return before
	}
	return k
}

func (s *store) Get(_ context.Context, _ backend.Caller, key string) (backend.Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.entries[s.key(key)]
	if !ok {
		return backend.Entry{Found: s.has("finds nothing to be something"), Version: "d" + strconv.Itoa(s.deleted)}, nil
	}
	return e, nil
}

// put is called with mu held.
func (s *store) put(key string, value []byte) {
	if s.has("cuts values at 64 KiB") {
		value = value[:min(len(value), 64<<10)]
	}
	if !s.has("one version for all") {
		s.version++
	}
	s.changes = append(s.changes, backend.Change{Key: key, Value: value})
	s.entries[s.key(key)] = backend.Entry{Found: true, Value: value, Version: strconv.Itoa(s.version)}
}

func (s *store) Set(_ context.Context, _ backend.Caller, key string, value []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(key, value)
	return nil
}

func (s *store) Delete(_ context.Context, _ backend.Caller, key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.has("forgets deletes") {
		delete(s.entries, s.key(key))
		s.deleted++
		if !s.has("tells of no deletes") {
			s.changes = append(s.changes, backend.Change{Key: key, Deleted: true})
		}
	}
	return nil
}

func (s *store) Watch(ctx context.Context, _ backend.Caller, prefix string, ready func() error, each func([]backend.Change) error) error {
	told := s.since(0)
	next := len(told)
	if s.has("tells of what was before") {
		next = 0
	}
	if err := ready(); err != nil {
		return err
	}
	for ctx.Err() == nil {
		changes := s.since(next)
		next += len(changes)
		if !s.has("tells of other keys") {
			changes = slices.DeleteFunc(changes, func(c backend.Change) bool { return !strings.HasPrefix(c.Key, prefix) })
		}
		if err := each(changes); err != nil {
			return err
		}
		time.Sleep(time.Millisecond)
	}
	return ctx.Err()
}

func (s *store) since(n int) []backend.Change {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.changes[n:])
}

func (s *store) Exists(ctx context.Context, at backend.Caller, key string) (bool, error) {
	e, err := s.Get(ctx, at, key)
	return e.Found, err
}

func (s *store) ListKeys(_ context.Context, _ backend.Caller, cursor string, limit int) (backend.Page, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	keys := make([]string, 0, len(s.entries))
	for k := range s.entries {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	from := 0
	switch {
	case cursor == "":
	case s.has("pages by position"):
		from, _ = strconv.Atoi(cursor)
	case s.has("dies of a foreign cursor") && !slices.Contains(keys, cursor):
		go panic("no such cursor")
	default:
		at, found := slices.BinarySearch(keys, cursor)
		if from = at; found {
			from++
		}
		if s.has("skips at page ends") {
			from++
		}
		if s.has("repeats at page ends") {
			from--
		}
	}
	from = max(0, min(from, len(keys)))
	if limit == 0 {
		limit = 1000
	}
	page := backend.Page{Keys: keys[from:min(from+limit, len(keys))]}
	if from+limit < len(keys) {
		page.Cursor = keys[from+limit-1]
		if s.has("pages by position") {
			page.Cursor = strconv.Itoa(from + limit)
		}
	}
	return page, nil
}

func (s *store) Increment(_ context.Context, _ backend.Caller, key string, delta int64) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[s.key(key)]
	text := string(e.Value)
	if !e.Found {
		text = "0"
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil && !s.has("takes text for 0") {
		return 0, backend.Errorf(backend.NotANumber, "%q is no number", text)
	}
	sum := n + delta
	if (delta > 0) != (sum > n) && delta != 0 && !s.has("wraps around") {
		return 0, backend.Errorf(backend.NotANumber, "the sum is beyond 64 bits")
	}
	if s.has("loses concurrent increments") {
		s.mu.Unlock()
		time.Sleep(100 * time.Microsecond)
		s.mu.Lock()
	}
	s.put(key, strconv.AppendInt(nil, sum, 10))
	return sum, nil
}

func (s *store) CompareAndSwap(ctx context.Context, at backend.Caller, key, version string, value []byte) (bool, backend.Entry, error) {
	current, err := s.Get(ctx, at, key)
	if err != nil {
		return false, backend.Entry{}, err
	}
	if s.has("swaps without a lock") {
		time.Sleep(time.Millisecond)
		s.mu.Lock()
		defer s.mu.Unlock()
	} else {
		s.mu.Lock()
		defer s.mu.Unlock()
		if e, ok := s.entries[s.key(key)]; ok {
			current = e
		}
	}
	if current.Version != version && !s.has("swaps at any version") {
		return false, current, nil
	}
	s.put(key, value)
	return true, backend.Entry{}, nil
}

func (s *store) GetMany(ctx context.Context, at backend.Caller, keys []string) ([]backend.Entry, error) {
	if len(keys) == 0 && s.has("refuses a batch of nothing") {
		return nil, errors.New("nothing to do")
	}
	order := slices.Clone(keys)
	if s.has("answers a batch in its order") {
		slices.Sort(order)
	}
	var out []backend.Entry
	for _, k := range order {
		e, err := s.Get(ctx, at, k)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

func (s *store) SetMany(ctx context.Context, at backend.Caller, pairs []backend.Pair) error {
	for _, p := range pairs {
		if err := s.Set(ctx, at, p.Key, p.Value); err != nil {
			return err
		}
	}
	return nil
}

func (s *store) DeleteMany(ctx context.Context, at backend.Caller, keys []string) error {
	for _, k := range keys {
		if err := s.Delete(ctx, at, k); err != nil {
			return err
		}
	}
	return nil
}

func serveBrokenStore(fault string) error {
	return provider.Serve(provider.Service{Name: "broken", Version: "1",
		KeyValue: func(_ context.Context, s provider.Settings) (backend.KeyValue, error) {
			return &store{fault: fault, entries: map[string]backend.Entry{}}, s.Decode(&struct{}{})
		}})
}

// catches runs the kit against a faulty provider: the rule must fail.
func catches(t *testing.T, rule string, args ...string) {
	t.Helper()
	results, err := kit.Run(context.Background(), kit.Config{Provider: config(args...), Only: []string{rule}, RuleTime: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if len(results) == 0 {
		t.Fatalf("there is no rule %q", rule)
	}
	if kit.Passes(results) {
		t.Errorf("nothing caught it:\n%s", table(results))
	}
}

func TestBrokenStoresAreCaught(t *testing.T) {
	for fault, rule := range kvFaults {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			catches(t, rule, "broken-store", fault)
		})
	}
}

// The store without a fault passes, but for what takes a disk.
func TestTheStoreOfTheseTestsIsCorrect(t *testing.T) {
	for _, r := range run(t, "broken-store", "") {
		if r.Status == kit.Failed && r.Rule != kvFaults["keeps all in memory"] {
			t.Error(fmt.Sprint(r))
		}
	}
}
