package broker

import (
	"strings"
	"testing"
)

func TestCanonical(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"KV://Default/User:1", "kv://Default/User%3A1"},
		{"kv://default/a%2fb", "kv://default/a/b"}, // the key is the same
		{"kv://de%2Ffault/a", "kv://de%2Ffault/a"},
		{"kv://default/../x", "kv://default/../x"}, // a key is no path
		{"kv://default/a//b", "kv://default/a//b"},
		{"kv://default/%41", "kv://default/A"},
		{"kv://default/é", "kv://default/%C3%A9"},
		{"kv:///x", "kv:///x"},
		{"HTTPS://API.Example.COM./x", "https://api.example.com:443/x"},
		{"https://api.example.com", "https://api.example.com:443/"},
		{"http://h:080/%7euser/a%2fb", "http://h:80/~user/a%2Fb"},
		{"http://h:/", "http://h:80/"},
		{"http://[0:0::1]/", "http://[::1]:80/"},
		{"http://[::ffff:1.2.3.4]/", "http://1.2.3.4:80/"},
		{"tcp://[::1]:443", "tcp://[::1]:443"},
		{"udp://Host:53", "udp://host:53"},
		{"dns://Example.org.", "dns://example.org"},
		{"file:///a//b/", "file:///a/b/"},
		{"file:///", "file:///"},
		{"sql://main/users", "sql://main/users"},
		{"sql://main/", "sql://main/"},
		{"env:HOME", "env:HOME"},
		{"clock:wall", "clock:wall"},
		{"acme:billing/api@1.0.0+x#[method]a.b", "acme:billing/api@1.0.0+x#[method]a.b"},
		{"print#print", "print#print"},
	} {
		got, err := Canonical(test.in)
		if err != nil || got != test.want {
			t.Errorf("%s: %q, %v, want %q", test.in, got, err, test.want)
		}
	}
}

func TestCanonicalRefuses(t *testing.T) {
	for _, test := range []struct{ in, because string }{
		{"", "neither"}, {"x", "neither"}, {"ftp://h/x", "unknown scheme"}, {"a:b/c", "neither"}, {"a:b/c#d#e", "neither"},
		{"kv://default", "no key"}, {"kv:x", "no //"}, {"kv://a/%", "percent"}, {"kv://a/%g0", "percent"}, {"kv://a/*", "star"},
		{"https://h/a/../b", "dot segment"}, {"https://h/a/%2e%2E/b", "dot segment"}, {"https://h/./b", "dot segment"},
		{"https://h/a/..%2fb", "dot segment"}, {"https://h/a%2F..%2Fb", "dot segment"}, {"https://h/a/x%5c..%5C", "dot segment"}, {`https://h/a\..\b`, "dot segment"},
		{"https://h/a/..;/b", "dot segment"}, {"https://h/a/%2e%2e%3bx=1/b", "dot segment"}, {"http://shelf.writ.internal/a/..%2fb", "dot segment"},
		{"https://h/a?b", "query"}, {"https://h/a#b", "query"}, {"https://user@h/", "bad character"}, {"https:///x", "bad host"},
		{"https://h:99999/", "bad port"}, {"https://h:+1/", "bad port"}, {"https://h:x/", "bad port"}, {"https://a..b/", "empty label"}, {"https://a../", "empty label"},
		{"https://127.1/", "IPv4"}, {"https://0x7f.0.0.0x1/", "IPv4"}, {"https://2130706433/", "IPv4"}, {"https://1.2.3.04/", "IPv4"},
		{"https://[::1/", "IPv6"}, {"https://[fe80::1%25eth0]/", "IPv6"}, {"https://münchen.de/", "xn--"}, {"tcp://h", "no port"},
		{"file://host/x", "file:///"}, {"file:///a/../b", "dot segment"}, {"file:///a%2fb", "slash"}, {"file:///a%00", "NUL"},
		{"sql://main", "no table"}, {"sql://main/a/b", "slash"}, {"env:", "not a name"}, {"env:a/b", "not a name"},
		{"kv://a/" + strings.Repeat("é", MaxResource/4), "too long"},
	} {
		got, err := Canonical(test.in)
		if err == nil || !strings.Contains(err.Error(), test.because) {
			t.Errorf("%.60s: %.60q, %v, want an error about %q", test.in, got, err, test.because)
		}
	}
}

func TestBuilders(t *testing.T) {
	must := func(s string, err error) string {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
		return s
	}
	for _, test := range []struct{ got, want string }{
		{KVResource("a/b", "c/d*%\x00"), "kv://a%2Fb/c/d%2A%25%00"},
		{KVStore("default"), "kv://default/"},
		{SQLResource("main", "a/b"), "sql://main/a%2Fb"},
		{EnvResource("A=B"), "env:A%3DB"},
		{must(HTTPResource("HTTPS", "API.example.com", "/a*b?q=1#f")), "https://api.example.com:443/a%2Ab"},
		{must(HTTPResource("http", "h:8080", "")), "http://h:8080/"},
		{must(FileResource("/a*/%41//b/")), "file:///a%2A/%2541/b/"},
		{must(TCPResource("::1", 80)), "tcp://[::1]:80"},
		{must(UDPResource("::ffff:10.0.0.1", 53)), "udp://10.0.0.1:53"},
		{must(DNSResource("Example.org")), "dns://example.org"},
		{must(InterfaceResource("acme:b/c@1.0.0", "[constructor]x")), "acme:b/c@1.0.0#[constructor]x"},
	} {
		if test.got != test.want {
			t.Errorf("%q, want %q", test.got, test.want)
		}
		if again := must(Canonical(test.got)); again != test.got {
			t.Errorf("canonical %q is %q", test.got, again)
		}
	}
	for _, authority := range []string{"a/b", "*", "a b", "u:p@h"} {
		if s, err := HTTPResource("https", authority, "/"); err == nil {
			t.Errorf("authority %q gives %q", authority, s)
		}
	}
	if s, err := InterfaceResource("kv:a/b", "c"); err == nil {
		t.Errorf("an interface in the namespace kv gives %q", s)
	}
	if s, err := FileResource("a/b"); err == nil {
		t.Errorf("a relative path gives %q", s)
	}
	if s, err := FileResource("/a/../b"); err == nil {
		t.Errorf("a path with dots gives %q", s)
	}
}

// FuzzCanonical checks that the canonical form is a fixed point, and that a resource taken as a pattern is that resource.
func FuzzCanonical(f *testing.F) {
	for _, seed := range []string{"kv://a/b%2f*", "https://h:80/%2e/x", "file:///a//b", "tcp://[::1]:1", "a:b/c#d", "env:X", "sql://a/b", "https://**.x:*/**"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if p, err := CanonicalPattern(text); err == nil {
			if again, err := CanonicalPattern(p); err != nil || again != p {
				t.Errorf("pattern %q is %q is %q, %v", text, p, again, err)
			}
		}
		r, err := Canonical(text)
		if err != nil {
			return
		}
		if again, err := Canonical(r); err != nil || again != r {
			t.Errorf("%q is %q is %q, %v", text, r, again, err)
		}
		if strings.Contains(r, "*") {
			t.Errorf("%q is %q, with a star", text, r)
		}
		if p, err := CanonicalPattern(r); err != nil || p != r || !compilePattern(p).match(r) {
			t.Errorf("%q does not match itself as a pattern: %q, %v", r, p, err)
		}
	})
}

// FuzzKVResource checks that no key acts as another one, as a pattern, or outside of its store.
func FuzzKVResource(f *testing.F) {
	f.Add("a", "b/*", "a", "b/c")
	f.Add("a/b", "c", "a", "b/c")
	f.Add("", "%2F", "", "/")
	f.Fuzz(func(t *testing.T, store1, key1, store2, key2 string) {
		a, b := KVResource(store1, key1), KVResource(store2, key2)
		if (a == b) != (store1 == store2 && key1 == key2) {
			t.Errorf("%q/%q and %q/%q are %q and %q", store1, key1, store2, key2, a, b)
		}
		if len(a) <= MaxResource {
			if c, err := Canonical(a); err != nil || c != a {
				t.Errorf("%q is %q, %v", a, c, err)
			}
		}
		if !strings.HasPrefix(a, KVStore(store1)) || compilePattern(KVStore(store2)+"**").match(a) != (store1 == store2) {
			t.Errorf("%q leaves its store %q or is in %q", a, store1, store2)
		}
	})
}
