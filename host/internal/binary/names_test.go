package binary

import (
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	for _, c := range []struct {
		name string
		kind nameKind
		bad  string // part of the error, or ""
	}{
		{"a", labelName, ""},
		{"a-B2-c", labelName, ""},
		{"a-1", labelName, ""},
		{"HTTP-server", labelName, ""},
		{"", labelName, "not in kebab case"},
		{"1a", labelName, "not in kebab case"},
		{"a-", labelName, "not in kebab case"},
		{"-a", labelName, "not in kebab case"},
		{"a--b", labelName, "not in kebab case"},
		{"aB", labelName, "not in kebab case"},
		{"a_b", labelName, "not in kebab case"},
		{"é", labelName, "not in kebab case"},
		{"[constructor]a", constructorName, ""},
		{"[constructor]", constructorName, "not in kebab case"},
		{"[method]a.b", methodName, ""},
		{"[method]a", methodName, "failed to find `.`"},
		{"[static]a.b", staticName, ""},
		{"[static]a.b.c", staticName, "not in kebab case"},
		{"[setter]a.b", labelName, "not in kebab case"},
		{"wasi:http/types", interfaceName, ""},
		{"wasi:http/types@0.2.0", interfaceName, ""},
		{"wasi:http/Types", interfaceName, "not in kebab case"},
		{"wasi:http", interfaceName, "expected `/`"},
		{"wasi:Http/types", interfaceName, "not in kebab case"},
		{"wasi:HTTP/types", interfaceName, "not lowercase"},
		{"a:b:c/d", interfaceName, "not in kebab case"},
		{"a:b/c/d", interfaceName, "not in kebab case"},
		{"unlocked-dep=<a:b>", dependencyName, ""},
		{"unlocked-dep=<a:b@*>", dependencyName, ""},
		{"unlocked-dep=<a:b@{>=1.2.3}>", dependencyName, ""},
		{"unlocked-dep=<a:b@{>=1.2.3 <2.0.0}>", dependencyName, ""},
		{"unlocked-dep=<a:b@{<2.0.0}>", dependencyName, ""},
		{"unlocked-dep=<a:b@1.2.3>", dependencyName, "version range in braces"},
		{"unlocked-dep=<a:b@{=1.2.3}>", dependencyName, "expected `>=` or `<`"},
		{"unlocked-dep=<a:b>x", dependencyName, "trailing"},
		{"unlocked-dep=a:b", dependencyName, "expected `<`"},
		{"locked-dep=<a:b@1.2.3>", dependencyName, ""},
		{"locked-dep=<a:b>,integrity=<sha256-YQ==>", dependencyName, ""},
		{"locked-dep=<a:b@1.2>", dependencyName, "not a valid semver"},
		{"url=<https://example.com/a>", urlName, ""},
		{"url=<a>,integrity=<sha512-YQ>", urlName, ""},
		{"url=<a<b>", urlName, "cannot contain"},
		{"url=<a", urlName, "failed to find `>`"},
		{"integrity=<sha256-YWJj>", integrityName, ""},
		{"integrity=<sha256-YWJj?x sha384-YQ==>", integrityName, ""},
		{"integrity=<>", integrityName, "cannot be empty"},
		{"integrity=<md5-YQ==>", integrityName, "unrecognized hash"},
		{"integrity=<sha256>", integrityName, "expected `-`"},
		{"integrity=<sha256-Y Q>", integrityName, "unrecognized hash"},
		{"integrity=<sha256-Y===>", integrityName, "not valid base64"},
		{"integrity=<sha256-!>", integrityName, "not valid base64"},
	} {
		p, err := parseName(c.name)
		switch {
		case c.bad == "" && err != nil:
			t.Errorf("%q is refused: %v", c.name, err)
		case c.bad == "" && p.kind != c.kind:
			t.Errorf("%q is of kind %d, want %d", c.name, p.kind, c.kind)
		case c.bad != "" && (err == nil || !strings.Contains(err.Error(), c.bad)):
			t.Errorf("%q: got %v, want %q", c.name, err, c.bad)
		}
	}
}

// TestStrongUniqueness follows the example of Explainer.md, "Name Uniqueness".
func TestStrongUniqueness(t *testing.T) {
	key := func(name string) string {
		p, err := parseName(name)
		if err != nil {
			t.Fatal(err)
		}
		return p.unique(name)
	}
	seen := map[string]string{}
	for _, name := range []string{"foo", "foo-bar", "[constructor]foo", "[method]foo.bar", "[static]foo.baz", "foo:bar/baz"} {
		if prev, ok := seen[key(name)]; ok {
			t.Errorf("%s conflicts with %s", name, prev)
		}
		seen[key(name)] = name
	}
	for _, name := range []string{
		"foo", "FOO", "foo-BAR", "[constructor]FOO", "[method]foo.BAR", "[static]foo.bar", "[method]foo.baz",
		"[method]foo.foo", "[static]foo-BAR.FOO-bar", "foo:bar/BAZ",
	} {
		if _, ok := seen[key(name)]; !ok {
			t.Errorf("%s conflicts with none of the others", name)
		}
	}
}

func TestSemver(t *testing.T) {
	for _, good := range []string{"0.0.0", "1.2.3", "1.0.0-rc.1", "1.0.0-0a.-", "1.0.0+001", "1.0.0-a+b.c", "1.0.0-a-b", "18446744073709551615.0.0"} {
		if err := checkSemver(good); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{"", ".", "1", "1.2", "1.2.", "1.2.3.4", "01.2.3", "a.2.3", "1.2.3-", "1.2.3+", "1.2.3-01", "1.2.3-a..b", "1.2.3-é", "18446744073709551616.0.0", "+1.2.3", "1.2.3 "} {
		if checkSemver(bad) == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
	for v, want := range map[string]bool{"1": true, "0.2": true, "0.0.3": true, "0.0.0": true, "0": false, "0.0": false, "1.2": false, "0.1.2": false, "": false, "01": false, "1.0.0.0": false} {
		if canonicalVersion(v) != want {
			t.Errorf("canonical version %q: want %v", v, want)
		}
	}
}
