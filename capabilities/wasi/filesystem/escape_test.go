package filesystem

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/wit"
)

// prison makes a directory "in" for a guest, that may do everything in it and
// outside, beside a directory "out" that is no preopen.
func prison(t *testing.T) (g *guest, dir wit.Value, in, out string) {
	base := tempDir(t)
	in, out = filepath.Join(base, "in"), filepath.Join(base, "out")
	put(t, filepath.Join(in, "sub", "file"), "inside")
	put(t, filepath.Join(in, "plain"), "inside")
	put(t, filepath.Join(out, "secret"), "outside")
	for name, target := range map[string]string{
		"abs": filepath.Join(out, "secret"), "absdir": out, "up": "../out", "upfile": "../out/secret", "self": ".",
		"sub/up": "../..", "sub/far": "../../out/secret", "chain": "sub/up", "chained": "chain/out/secret",
		"loop": "loop2", "loop2": "loop", "inner": "sub/file", "absin": filepath.Join(in, "plain"), "updir": "..", "new": "../out/new",
	} {
		link(t, target, filepath.Join(in, name))
	}
	g = newGuest(t, []capabilities.Preopen{{Guest: "/", Host: in}}, base+"/** "+all)
	return g, g.dirs()[0], in, out
}

// escapes are paths that lead out of prison, or would.
var escapes = []string{
	"..", "../", "../out", "../out/secret", "../in/plain", "/", "/etc/passwd", "//etc/passwd", "sub/../../out/secret",
	"sub/../..", "./../out/secret", "sub/./../../out", "abs/", "absdir/", "absdir/secret", "absdir/.", "absdir/..", "up/", "up/secret",
	"up/../out/secret", "upfile/", "sub/up/out", "sub/up/out/secret", "sub/up/../x", "chain/out", "chain/out/secret",
	"chained/", "updir/", "updir/out/secret", "updir/in/plain", "self/../out/secret", "self/self/../../out",
	"absin/", "sub/up/", "new/",
}

// followed are links at the end of a path, which lead out when they are followed.
var followed = []string{"abs", "absdir", "up", "upfile", "sub/up", "sub/far", "chain", "chained", "updir", "absin", "new"}

// operate does everything that there is with a path, and reports what was not refused.
func operate(g *guest, dir wit.Value, path string) (done []string) {
	p, plain, fresh := wit.String(path), wit.String("plain"), wit.String("fresh")
	now := func() wit.Value { return wit.Variant(1, nil) }
	for name, run := range map[string]func() string{
		"open":        func() string { _, c := g.open(dir, path, "rf"); return c },
		"open-write":  func() string { _, c := g.open(dir, path, "wf"); return c },
		"open-create": func() string { _, c := g.open(dir, path, "wcf"); return c },
		"open-excl":   func() string { _, c := g.open(dir, path, "wcx"); return c },
		"open-trunc":  func() string { _, c := g.open(dir, path, "wtf"); return c },
		"open-dir":    func() string { _, c := g.open(dir, path, "rdf"); return c },
		"stat":        func() string { _, c := g.call("stat-at", dir, follow, p); return c },
		"hash":        func() string { _, c := g.call("metadata-hash-at", dir, follow, p); return c },
		"times":       func() string { _, c := g.call("set-times-at", dir, follow, p, now(), now()); return c },
		"mkdir":       func() string { _, c := g.call("create-directory-at", dir, p); return c },
		"rmdir":       func() string { _, c := g.call("remove-directory-at", dir, p); return c },
		"link-from":   func() string { _, c := g.call("link-at", dir, follow, p, dir, fresh); return c },
		"link-to":     func() string { _, c := g.call("link-at", dir, noFollow, plain, dir, p); return c },
		"symlink":     func() string { _, c := g.call("symlink-at", dir, wit.String("x"), p); return c },
		"rename-to":   func() string { _, c := g.call("rename-at", dir, wit.String("sub"), dir, p); return c },
	} {
		if run() == "" {
			done = append(done, name)
		}
	}
	return done
}

func TestNoPathLeadsOut(t *testing.T) {
	g, dir, _, out := prison(t)
	before := tree(t, out)
	for _, path := range escapes {
		for _, name := range operate(g, dir, path) {
			t.Errorf("%s of %q was done", name, path)
		}
		for name, args := range map[string][]wit.Value{
			"unlink-file-at": {dir, wit.String(path)}, "readlink-at": {dir, wit.String(path)},
			"rename-at": {dir, wit.String(path), dir, wit.String("moved")}, "stat-at": {dir, noFollow, wit.String(path)},
			"link-at": {dir, noFollow, wit.String(path), dir, wit.String("linked")},
		} {
			if _, code := g.call(name, args...); code == "" {
				t.Errorf("%s of %q was done", name, path)
			}
		}
	}
	for _, path := range followed {
		for _, name := range operate(g, dir, path) {
			if name != "rename-to" && name != "link-from" {
				t.Errorf("%s of %q was done", name, path)
			}
		}
	}
	if after := tree(t, out); after != before {
		t.Errorf("outside was\n%s\nand is\n%s", before, after)
	}
}

func TestEscapesAreNotPermitted(t *testing.T) {
	g, dir, _, _ := prison(t)
	for _, path := range []string{"..", "../out/secret", "/etc/passwd", "abs", "upfile", "sub/far", "chained", "absin", "sub/up/out"} {
		if _, code := g.open(dir, path, "rf"); code != "not-permitted" {
			t.Errorf("open %q: %q", path, code)
		}
	}
	for path, want := range map[string]string{
		"loop": "loop", "": "no-entry", "nothing": "no-entry", "nothing/x": "no-entry", "plain/x": "not-directory",
		"plain/": "not-directory", "plain/.": "not-directory", "a\x00b": "invalid", "sub\x00": "invalid",
	} {
		if _, code := g.open(dir, path, "rf"); code != want {
			t.Errorf("open %q: %q, want %q", path, code, want)
		}
	}
	long := make([]byte, maxPath+1)
	for i := range long {
		long[i] = "a/"[i%2]
	}
	g.want("name-too-long", "stat-at", dir, follow, wit.String(string(long)))
	for _, path := range []string{"plain", "inner", "self/plain", "sub/../plain", "./sub//file", "sub/./../inner"} {
		drop(g.mustOpen(dir, path, "rf"))
	}
	if _, code := g.open(dir, "inner", "r"); code != "loop" {
		t.Errorf("a link that is not followed: %q", code)
	}
}

// A directory that a guest opens is where its paths end, also upwards.
func TestOpenedDirectoryIsARootOfItsOwn(t *testing.T) {
	g, dir, _, _ := prison(t)
	sub := g.mustOpen(dir, "sub", "rd")
	for _, path := range []string{"..", "../plain", "up", "up/in/plain", "far"} {
		if _, code := g.open(sub, path, "rf"); code != "not-permitted" {
			t.Errorf("open %q: %q", path, code)
		}
	}
	drop(g.mustOpen(sub, "file", "r"), sub, dir)
	g.leaks()
}

// While the host swaps a directory for a link out, a walk through it finds one
// or the other, and never what the link leads to.
func TestSwappedDirectoriesDoNotLeadOut(t *testing.T) {
	g, dir, in, out := prison(t)
	put(t, filepath.Join(out, "file"), "outside")
	link(t, out, filepath.Join(in, "trap"))
	var stop atomic.Bool
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for !stop.Load() {
			_ = unix.Renameat2(unix.AT_FDCWD, filepath.Join(in, "sub"), unix.AT_FDCWD, filepath.Join(in, "trap"), unix.RENAME_EXCHANGE)
		}
	}()
	before := tree(t, out)
	opened := 0
	for range 3000 {
		f, code := g.open(dir, "sub/file", "rwtcf")
		if code != "" {
			continue
		}
		opened++
		if _, code := g.call("write", f, wit.Bytes([]byte("inside")), wit.U64(0)); code != "" {
			t.Fatal(code)
		}
		drop(f)
	}
	stop.Store(true)
	<-ended
	if after := tree(t, out); after != before {
		t.Errorf("outside was\n%s\nand is\n%s", before, after)
	}
	if opened == 0 {
		t.Error("nothing was ever opened")
	}
}

// GHSA-vqjp: a slash at the end makes no operation follow a link, or take a
// file for a directory.
func TestTrailingSlashes(t *testing.T) {
	g, dir, in, _ := prison(t)
	if err := os.Mkdir(filepath.Join(in, "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	link(t, "empty", filepath.Join(in, "toempty"))
	link(t, "nowhere", filepath.Join(in, "dangling"))
	s := wit.String
	for _, c := range []struct {
		want, name string
		args       []wit.Value
	}{
		{"not-directory", "remove-directory-at", []wit.Value{dir, s("toempty/")}},
		{"not-directory", "remove-directory-at", []wit.Value{dir, s("toempty")}},
		{"not-directory", "unlink-file-at", []wit.Value{dir, s("plain/")}},
		{"not-directory", "unlink-file-at", []wit.Value{dir, s("toempty/")}},
		{"is-directory", "unlink-file-at", []wit.Value{dir, s("empty/")}},
		{"not-directory", "rename-at", []wit.Value{dir, s("plain/"), dir, s("x")}},
		{"not-directory", "rename-at", []wit.Value{dir, s("plain"), dir, s("x/")}},
		{"not-directory", "rename-at", []wit.Value{dir, s("toempty/"), dir, s("x")}},
		{"not-directory", "rename-at", []wit.Value{dir, s("plain"), dir, s("inner/")}},
		{"not-directory", "link-at", []wit.Value{dir, noFollow, s("plain/"), dir, s("x")}},
		{"no-entry", "link-at", []wit.Value{dir, noFollow, s("plain"), dir, s("x/")}},
		{"no-entry", "symlink-at", []wit.Value{dir, s("plain"), s("x/")}},
		{"not-directory", "create-directory-at", []wit.Value{dir, s("dangling/")}},
		{"exist", "create-directory-at", []wit.Value{dir, s("empty/")}},
		{"not-directory", "stat-at", []wit.Value{dir, noFollow, s("plain/")}},
		{"not-directory", "set-times-at", []wit.Value{dir, noFollow, s("plain/"), wit.Variant(1, nil), wit.Variant(1, nil)}},
		{"invalid", "remove-directory-at", []wit.Value{dir, s(".")}},
		{"invalid", "rename-at", []wit.Value{dir, s("sub/.."), dir, s("x")}},
	} {
		g.want(c.want, c.name, c.args...)
	}
	for path, want := range map[string]string{"fresh/": "is-directory", "plain/": "not-directory", "dangling/": "is-directory"} {
		if _, code := g.open(dir, path, "wcf"); code != want {
			t.Errorf("create %q: %q, want %q", path, code, want)
		}
	}
	g.must("create-directory-at", dir, s("made/"))
	g.must("rename-at", dir, s("made/"), dir, s("moved/"))
	g.must("remove-directory-at", dir, s("moved/"))
}

// Pipes and devices do not open, and do not make the host wait.
func TestSpecialFilesDoNotOpen(t *testing.T) {
	g, dir, in, _ := prison(t)
	if err := unix.Mkfifo(filepath.Join(in, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, how := range []string{"r", "w", "rw", "wt", "wc"} {
		if _, code := g.open(dir, "pipe", how); code != "unsupported" {
			t.Errorf("for %s: %q", how, code)
		}
	}
	if k := g.must("stat-at", dir, noFollow, wit.String("pipe")).Items()[0].Case(); kind(k) != kindFIFO {
		t.Errorf("a pipe is %d", k)
	}
}
