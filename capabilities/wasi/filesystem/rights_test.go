package filesystem

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/wit"
)

func preopen(host string) []capabilities.Preopen {
	return []capabilities.Preopen{{Guest: "/", Host: host}}
}

// GHSA-2r75: nothing truncates without the right to write.
func TestTruncatingIsWriting(t *testing.T) {
	base := tempDir(t)
	put(t, filepath.Join(base, "file"), "content")
	check := func(g *guest, want string) {
		t.Helper()
		dir := g.dirs()[0]
		for _, how := range []string{"rt", "t", "wt", "rwt", "wct"} {
			code := want
			if want == "access" && !strings.Contains(how, "w") {
				code = "invalid" // before anything is asked: the descriptor would not write
			}
			if _, got := g.open(dir, "file", how); got != code {
				t.Errorf("open for %s: %q, want %q", how, got, code)
			}
		}
		f := g.mustOpen(dir, "file", "r")
		if _, code := g.call("set-size", f, wit.U64(0)); code == "" {
			t.Error("set-size of a descriptor that reads")
		}
		if _, code := g.call("write", f, wit.Bytes([]byte("x")), wit.U64(0)); code == "" {
			t.Error("write to a descriptor that reads")
		}
		if _, code := g.call("append-via-stream", f); code == "" {
			t.Error("append to a descriptor that reads")
		}
		drop(f, dir)
		g.leaks()
		if got := get(t, filepath.Join(base, "file")); got != "content" {
			t.Fatalf("the file is %q", got)
		}
	}
	check(newGuest(t, preopen(base), base+"/** read,list"), "access")
	check(newGuest(t, []capabilities.Preopen{{Guest: "/", Host: base, ReadOnly: true}}, base+"/** "+all), "read-only")
}

func TestReadOnlyPreopen(t *testing.T) {
	base := tempDir(t)
	put(t, filepath.Join(base, "sub", "file"), "content")
	g := newGuest(t, []capabilities.Preopen{{Guest: "/", Host: base, ReadOnly: true}}, base+"/** "+all)
	dir := g.dirs()[0]
	sub := g.mustOpen(dir, "sub", "rd")
	before, s, now := tree(t, base), wit.String, wit.Variant(1, nil)
	for _, d := range []wit.Value{dir, sub} {
		for name, args := range map[string][]wit.Value{
			"create-directory-at": {d, s("x")}, "remove-directory-at": {d, s("sub")}, "unlink-file-at": {d, s("file")},
			"symlink-at": {d, s("x"), s("y")}, "rename-at": {d, s("file"), d, s("x")}, "link-at": {d, noFollow, s("file"), d, s("x")},
			"set-times-at": {d, follow, s("file"), now, now}, "set-times": {d, now, now},
		} {
			g.want("read-only", name, args...)
		}
		for _, how := range []string{"w", "wc", "rc", "rct"} {
			if _, code := g.open(d, "file", how); code != "read-only" {
				t.Errorf("open for %s: %q", how, code)
			}
		}
		if flags := g.must("get-flags", d).Uint(); flags != flagRead {
			t.Errorf("flags are %b", flags)
		}
	}
	f := g.mustOpen(sub, "file", "r")
	g.want("read-only", "set-times", f, now, now)
	if tree(t, base) != before {
		t.Error("something changed")
	}
}

// GHSA-4ch3: a link or a new name gives no right to what was there.
func TestLinksAndRenamesAcrossRights(t *testing.T) {
	base := tempDir(t)
	for _, name := range []string{"ro/file", "drop/file", "open/file", "ro/tree/deep/file", "mixed/dir/ok", "mixed/dir/secret"} {
		put(t, filepath.Join(base, name), "content")
	}
	dirs := []capabilities.Preopen{
		{Guest: "/ro", Host: filepath.Join(base, "ro"), ReadOnly: true}, {Guest: "/open", Host: filepath.Join(base, "open")},
		{Guest: "/drop", Host: filepath.Join(base, "drop")}, {Guest: "/mixed", Host: filepath.Join(base, "mixed")},
	}
	g := newGuest(t, dirs, base+"/ro/** "+all, base+"/open/** "+all, base+"/drop/** write,create,delete",
		base+"/mixed/** "+all, "!"+base+"/mixed/dir/secret read")
	d := g.dirs()
	ro, free, dropOnly, mixed := d[0], d[1], d[2], d[3]
	s := wit.String
	for _, c := range []struct {
		want, name string
		args       []wit.Value
	}{
		{"read-only", "link-at", []wit.Value{ro, noFollow, s("file"), free, s("x")}},
		{"read-only", "rename-at", []wit.Value{ro, s("file"), free, s("x")}},
		{"read-only", "rename-at", []wit.Value{ro, s("tree"), free, s("x")}},
		{"read-only", "link-at", []wit.Value{free, noFollow, s("file"), ro, s("x")}},
		{"read-only", "rename-at", []wit.Value{free, s("file"), ro, s("x")}},
		{"access", "link-at", []wit.Value{dropOnly, noFollow, s("file"), free, s("x")}},
		{"access", "rename-at", []wit.Value{dropOnly, s("file"), free, s("x")}},
		{"access", "rename-at", []wit.Value{mixed, s("dir/secret"), mixed, s("x")}},
		{"access", "rename-at", []wit.Value{mixed, s("dir"), mixed, s("x")}},
		{"access", "link-at", []wit.Value{mixed, noFollow, s("dir/secret"), mixed, s("x")}},
		{"invalid", "link-at", []wit.Value{free, follow, s("file"), free, s("x")}},
		{"not-permitted", "link-at", []wit.Value{mixed, noFollow, s("dir"), mixed, s("x")}},
	} {
		g.want(c.want, c.name, c.args...)
	}
	g.must("rename-at", free, s("file"), dropOnly, s("moved"))
	g.must("link-at", mixed, noFollow, s("dir/ok"), free, s("linked"))
	g.must("create-directory-at", free, s("tree"))
	g.must("rename-at", free, s("tree"), mixed, s("tree"))
	if get(t, filepath.Join(base, "drop", "moved")) != "content" || get(t, filepath.Join(base, "mixed", "dir", "secret")) != "content" {
		t.Error("files are not where they should be")
	}
}

// What is not granted is not even there: no error tells it from nothing.
func TestPathsThatAreNotGranted(t *testing.T) {
	base := tempDir(t)
	put(t, filepath.Join(base, "open", "file"), "content")
	put(t, filepath.Join(base, "closed", "file"), "content")
	link(t, "../closed/file", filepath.Join(base, "open", "link"))
	g := newGuest(t, preopen(base), base+"/open/** "+all)
	dir := g.dirs()[0]
	s := wit.String
	for _, path := range []string{"closed", "closed/file", "closed/nothing", "closed/nothing/more", "closed/file/more", "nothing", "open/link", "open/../closed/file"} {
		for _, how := range []string{"rf", "wf", "wcf", "wcx"} {
			if _, code := g.open(dir, path, how); code != "access" && path != "open/link" {
				t.Errorf("open %q for %s: %q", path, how, code)
			}
		}
		g.want("access", "stat-at", dir, follow, s(path))
		g.want("access", "metadata-hash-at", dir, follow, s(path))
	}
	for _, how := range []string{"rf", "wf", "wcf", "wtf"} {
		if _, code := g.open(dir, "open/link", how); code != "access" {
			t.Errorf("through a link for %s: %q", how, code)
		}
	}
	g.want("access", "read-directory", dir)
	g.want("access", "unlink-file-at", dir, s("closed/file"))
	g.want("access", "create-directory-at", dir, s("fresh"))
	g.want("access", "create-directory-at", dir, s("closed"))
	drop(g.mustOpen(dir, "open/file", "rw"), g.mustOpen(dir, "open", "rd"))
}

func TestEachOperationIsGrantedByItself(t *testing.T) {
	for grant, want := range map[string]map[string]string{
		"read":   {"read": "", "write": "access", "create": "access", "delete": "access", "list": "access", "mkdir": "access"},
		"write":  {"read": "access", "write": "", "create": "access", "delete": "access", "list": "access", "mkdir": "access"},
		"create": {"read": "access", "write": "access", "create": "access", "delete": "access", "list": "access", "mkdir": ""},
		"delete": {"read": "access", "write": "access", "create": "access", "delete": "", "list": "access", "mkdir": "access"},
		"list":   {"read": "access", "write": "access", "create": "access", "delete": "access", "list": "", "mkdir": "access"},
	} {
		base := tempDir(t)
		put(t, filepath.Join(base, "file"), "content")
		g := newGuest(t, preopen(base), base+"/** "+grant)
		dir := g.dirs()[0]
		got := map[string]string{}
		_, got["read"] = g.open(dir, "file", "r")
		_, got["write"] = g.open(dir, "file", "w")
		_, got["create"] = g.open(dir, "fresh", "wc")
		_, got["list"] = g.call("read-directory", dir)
		_, got["mkdir"] = g.call("create-directory-at", dir, wit.String("made"))
		_, got["delete"] = g.call("unlink-file-at", dir, wit.String("file"))
		for operation, code := range want {
			if got[operation] != code {
				t.Errorf("granted %s: %s gives %q, want %q", grant, operation, got[operation], code)
			}
		}
	}
}

// A revocation reaches what is open.
func TestRevocationReachesOpenHandles(t *testing.T) {
	base := tempDir(t)
	put(t, filepath.Join(base, "file"), "content")
	g := newGuest(t, preopen(base), base+"/** "+all)
	dir := g.dirs()[0]
	f := g.mustOpen(dir, "file", "rw")
	in := g.must("read-via-stream", f, wit.U64(0))
	out := g.must("append-via-stream", f)
	entries := g.must("read-directory", dir)
	g.must("[method]input-stream.read", in, wit.U64(3))
	g.must("read", f, wit.U64(3), wit.U64(0))
	g.grant()
	g.want("access", "read", f, wit.U64(3), wit.U64(0))
	g.want("access", "write", f, wit.Bytes([]byte("x")), wit.U64(0))
	g.want("access", "set-size", f, wit.U64(0))
	g.want("access", "stat", f)
	g.want("access", "[method]directory-entry-stream.read-directory-entry", entries)
	v, code := g.call("[method]input-stream.read", in, wit.U64(3))
	if failed, ok := v.Payload(); code != "stream error" || !ok {
		t.Errorf("read of a stream: %q", code)
	} else if c := g.must("filesystem-error-code", failed); c.Case() != 1 {
		t.Error("the stream's error has no error-code")
	} else if payload, _ := c.Payload(); errCodes.Cases[payload.Case()].Name != "access" {
		t.Errorf("the stream's error is %s", errCodes.Cases[payload.Case()].Name)
	}
	if _, code := g.call("[method]output-stream.blocking-write-and-flush", out, wit.Bytes([]byte("x"))); code != "stream error" {
		t.Errorf("write to a stream: %q", code)
	}
	if list := g.must("get-directories"); list.Len() != 0 {
		t.Errorf("%d directories are there", list.Len())
	}
	if got := get(t, filepath.Join(base, "file")); got != "content" {
		t.Errorf("the file is %q", got)
	}
}

// GHSA-3p27, in our words: whatever a guest opens is counted, and given back.
func TestOpenFilesAreLimitedAndGivenBack(t *testing.T) {
	base := tempDir(t)
	put(t, filepath.Join(base, "file"), "content")
	g := newGuest(t, preopen(base), base+"/** "+all)
	dir := g.dirs()[0]
	if n := openBelow(t, base); n != 1 {
		t.Fatalf("%d files are open for one directory", n)
	}
	var open []wit.Value
	for len(open) < capabilities.DefaultStreams-1 {
		open = append(open, g.mustOpen(dir, "file", "r"))
	}
	for _, how := range []string{"r", "wc", "rd"} {
		if _, code := g.open(dir, "file", how); code != "quota" {
			t.Errorf("one more: %q", code)
		}
	}
	g.want("quota", "read-directory", dir)
	drop(open[1])
	in := g.must("read-via-stream", open[0], wit.U64(0))
	g.want("quota", "read-via-stream", open[0], wit.U64(0))
	drop(append(open[:1], open[2:]...)...)
	if n := g.instance.OpenCount(); n != 3 {
		t.Errorf("%d files are open, want the directory, a file and its stream", n)
	}
	if v := g.must("[method]input-stream.read", in, wit.U64(3)); string(v.Bytes()) != "con" {
		t.Errorf("a stream of a dropped descriptor reads %q", v.Bytes())
	}
	for range 3 { // failures leave nothing open either
		_, _ = g.open(dir, "nothing", "r")
		_, _ = g.open(dir, "file", "rd")
		_, _ = g.open(dir, "file/", "wct")
		_, _ = g.call("rename-at", dir, wit.String("a/b/c"), dir, wit.String("x"))
	}
	drop(in, dir)
	g.leaks()
	if n := openBelow(t, base); n != 0 {
		t.Errorf("%d files are open in truth", n)
	}
}

// openBelow counts what the process has open below a directory.
func openBelow(t *testing.T, base string) (n int) {
	t.Helper()
	const all = "/proc/self/fd"
	list, err := os.ReadDir(all)
	if err != nil {
		t.Skip("needs /proc: run on Linux")
	}
	for _, e := range list {
		if path, err := os.Readlink(filepath.Join(all, e.Name())); err == nil && strings.HasPrefix(path, base) {
			n++
		}
	}
	return n
}
