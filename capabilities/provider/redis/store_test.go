package redis

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/writ-host/writ/capabilities/kv/backend"
	"github.com/writ-host/writ/conformance/testserver"
	"golang.org/x/sync/errgroup"
)

func TestStoresStayApart(t *testing.T) {
	t.Parallel()
	server := testserver.StartRedis(t)
	s := open1(t, plain(server))
	callers := []backend.Caller{
		{App: "a", Store: "b"}, {App: "a", Store: "c"}, {App: "b", Store: "a"}, {App: "a/b", Store: ""}, {App: "a", Store: "b/0"},
		{App: "", Store: "a/b"}, {App: "a}", Store: "{b"}, {App: "a", Store: "b}:kk"}, {App: "a", Store: "ä"}, {App: "a", Store: "%C3%A4"},
	}
	for i, c := range callers {
		set(t, s, c, "k", fmt.Sprint(i))
	}
	for i, c := range callers {
		if got := get(t, s, c, "k"); got != fmt.Sprint(i) {
			t.Errorf("%v has %q", c, got)
		}
		if p, err := s.ListKeys(context.Background(), c, "", 0); err != nil || len(p.Keys) != 1 {
			t.Errorf("%v lists %v: %v", c, p, err)
		}
	}

	other, shared := plain(server), plain(server)
	other.Prefix, shared.Namespace = "other", "a"
	if got := get(t, open1(t, other), callers[0], "k"); got != "absent" {
		t.Errorf("under another prefix there is %q", got)
	}
	if got := get(t, open1(t, shared), backend.Caller{App: "z", Store: "b"}, "k"); got != "0" {
		t.Errorf("in the namespace of app a there is %q", got)
	}
}

func TestKeysAndValuesAreAnyBytes(t *testing.T) {
	t.Parallel()
	s := open1(t, plain(testserver.StartRedis(t)))
	keys := []string{"", "\x00", "k", "é", "e\u0301", "😀", "\xff\xfe", "-", "+", "(a", "[a", "{x}", "a\r\n", strings.Repeat("k", maxKey)}
	for i, k := range keys {
		set(t, s, at, k, fmt.Sprintf("%d\x00\r\n\xff", i))
	}
	var listed []string
	for cursor := ""; ; {
		p, err := s.ListKeys(context.Background(), at, cursor, 3)
		if err != nil || len(p.Keys) > 3 {
			t.Fatal(p, err)
		}
		listed = append(listed, p.Keys...)
		if cursor = p.Cursor; cursor == "" {
			break
		}
	}
	if want := slices.Sorted(slices.Values(keys)); !slices.Equal(listed, want) {
		t.Errorf("listed %q, and not %q", listed, want)
	}
	for i, k := range keys {
		if got := get(t, s, at, k); got != fmt.Sprintf("%d\x00\r\n\xff", i) {
			t.Errorf("%q has %q", k, got)
		}
	}
	if err := s.Set(context.Background(), at, strings.Repeat("k", maxKey+1), nil); !is(err, backend.TooLarge) {
		t.Errorf("a key that is too long: %v", err)
	}
	if err := s.Set(context.Background(), at, "k", make([]byte, maxValue+1)); !is(err, backend.TooLarge) {
		t.Errorf("a value that is too large: %v", err)
	}
}

func TestReadingTooMuchAtOnce(t *testing.T) {
	t.Parallel()
	s := open1(t, plain(testserver.StartRedis(t)))
	big := strings.Repeat("x", maxValue)
	set(t, s, at, "big", big)
	if _, err := s.GetMany(context.Background(), at, []string{"big", "big", "big", "big"}); !is(err, backend.TooLarge) {
		t.Errorf("four times 16 MiB: %v", err)
	}
	e, err := s.GetMany(context.Background(), at, []string{"big", "none", "big"})
	if err != nil || len(e[0].Value) != maxValue || e[1].Found || len(e[2].Value) != maxValue {
		t.Errorf("twice 16 MiB: %v", err)
	}
}

func TestIncrement(t *testing.T) {
	t.Parallel()
	s := open1(t, plain(testserver.StartRedis(t)))
	tests := []struct {
		was   string
		delta int64
		want  string // or the empty text for an error
	}{
		{"absent", 0, "0"}, {"absent", -5, "-5"}, {"41", 1, "42"}, {"007", 1, "8"}, {"+5", -6, "-1"}, {"-0", 0, "0"},
		{"9223372036854775806", 1, "9223372036854775807"}, {"9223372036854775807", 1, ""}, {"-9223372036854775808", -1, ""},
		{"-9223372036854775807", -1, "-9223372036854775808"}, {"9007199254740993", 2, "9007199254740995"},
		{"", 1, ""}, {"x", 1, ""}, {"1.0", 1, ""}, {" 1", 1, ""}, {"1e3", 1, ""}, {"0x10", 1, ""}, {"18446744073709551616", 0, ""},
	}
	for i, test := range tests {
		key := fmt.Sprint(i)
		if test.was != "absent" {
			set(t, s, at, key, test.was)
		}
		before, _ := s.Get(context.Background(), at, key)
		sum, err := s.Increment(context.Background(), at, key, test.delta)
		after, _ := s.Get(context.Background(), at, key)
		switch {
		case test.want == "" && (!is(err, backend.NotANumber) || before.Version != after.Version || string(after.Value) != test.was):
			t.Errorf("%q by %d: %d, %v; %q is left", test.was, test.delta, sum, err, after.Value)
		case test.want != "" && (err != nil || fmt.Sprint(sum) != test.want || string(after.Value) != test.want || before.Version == after.Version):
			t.Errorf("%q by %d: %d, %v; %q is left", test.was, test.delta, sum, err, after.Value)
		}
	}
}

func TestPartitionsStayAsTheyWereMade(t *testing.T) {
	t.Parallel()
	server := testserver.StartRedis(t)
	set(t, open1(t, plain(server)), at, "k", "v")
	more := plain(server)
	more.Partitions = 4
	s := open1(t, more)
	if _, err := s.Get(context.Background(), at, "k"); !is(err, backend.Unavailable) || !strings.Contains(err.Error(), "was made with 1") {
		t.Errorf("with another number of partitions: %v", err)
	}
	fresh := at
	fresh.Store = "fresh"
	var pairs []backend.Pair
	for i := range 100 {
		pairs = append(pairs, backend.Pair{Key: fmt.Sprint(i), Value: []byte{byte(i)}})
	}
	if err := s.SetMany(context.Background(), fresh, pairs); err != nil {
		t.Fatal(err)
	}
	entries, err := s.GetMany(context.Background(), fresh, []string{"99", "x", "0"})
	if err != nil || entries[0].Value[0] != 99 || entries[1].Found || entries[2].Value[0] != 0 {
		t.Errorf("%v, %v", entries, err)
	}
	keys, err := server.Client(t).Keys(context.Background(), "writ:{app/fresh/*}:i").Result()
	if err != nil || len(keys) != 4 {
		t.Errorf("100 keys are in %d partitions: %v", len(keys), err)
	}
}

func TestBatchesAreSeenAsAWhole(t *testing.T) {
	t.Parallel()
	s := open1(t, plain(testserver.StartRedis(t)))
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		var err error
		for i := 0; err == nil && ctx.Err() == nil; i++ {
			v := []byte(fmt.Sprint(i))
			err = s.SetMany(context.Background(), at, []backend.Pair{{Key: "a", Value: v}, {Key: "b", Value: v}, {Key: "c", Value: v}})
		}
		done <- err
	}()
	for range 300 {
		e, err := s.GetMany(context.Background(), at, []string{"c", "b", "a"})
		if err != nil || string(e[0].Value) != string(e[1].Value) || string(e[1].Value) != string(e[2].Value) {
			t.Fatalf("a batch was seen in pieces: %v, %v", e, err)
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Many hosts, each with a store of its own, count with swaps and increments.
func TestHostsShareAtomics(t *testing.T) {
	t.Parallel()
	settings := plain(testserver.StartRedis(t))
	const hosts, clients, each = 3, 3, 30
	var g errgroup.Group
	for range hosts {
		s := open1(t, settings)
		for range clients {
			g.Go(func() error {
				for range each {
					if _, err := s.Increment(context.Background(), at, "incremented", 1); err != nil {
						return err
					}
					if err := swapUp(s, "swapped"); err != nil {
						return err
					}
				}
				return nil
			})
		}
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	s := open1(t, settings)
	for _, key := range []string{"incremented", "swapped"} {
		if got := get(t, s, at, key); got != fmt.Sprint(hosts*clients*each) {
			t.Errorf("%s %s times of %d", key, got, hosts*clients*each)
		}
	}
}

// swapUp adds 1 with compare-and-swap.
func swapUp(s *Store, key string) error {
	e, err := s.Get(context.Background(), at, key)
	for err == nil {
		sum, _ := e.Plus(1)
		var swapped bool
		version := e.Version
		if swapped, e, err = s.CompareAndSwap(context.Background(), at, key, version, []byte(fmt.Sprint(sum))); swapped {
			break
		}
	}
	return err
}
