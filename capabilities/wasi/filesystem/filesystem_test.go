package filesystem

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/wit"
)

// home is a guest with a directory in which it may do everything.
func home(t *testing.T) (g *guest, dir wit.Value, base string) {
	base = tempDir(t)
	g = newGuest(t, preopen(base), base+"/** "+all)
	return g, g.dirs()[0], base
}

func TestFunctionsAreThoseOfTheInterfaces(t *testing.T) {
	capabilities.Guard(capability{})
	for _, i := range Imports() {
		if len(i.Funcs) != len(i.Interface.Funcs) {
			t.Errorf("%s: %d functions where the interface has %d", i.Interface.Name, len(i.Funcs), len(i.Interface.Funcs))
		}
	}
}

func TestReadAndWrite(t *testing.T) {
	g, dir, base := home(t)
	f := g.mustOpen(dir, "file", "rwc")
	if n := g.must("write", f, wit.Bytes([]byte("hello world")), wit.U64(0)); n.Uint() != 11 {
		t.Errorf("wrote %d", n.Uint())
	}
	g.must("write", f, wit.Bytes([]byte("W")), wit.U64(6))
	for _, c := range []struct {
		length, offset uint64
		text           string
		end            bool
	}{{5, 0, "hello", false}, {100, 6, "World", false}, {5, 11, "", true}, {5, 1 << 40, "", true}, {0, 0, "", false}, {1 << 63, 9, "ld", false}} {
		v := g.must("read", f, wit.U64(c.length), wit.U64(c.offset)).Items()
		if string(v[0].Bytes()) != c.text || v[1].Bool() != c.end {
			t.Errorf("read of %d at %d: %q, end %v", c.length, c.offset, v[0].Bytes(), v[1].Bool())
		}
	}
	g.want("invalid", "read", f, wit.U64(1), wit.U64(1<<63))
	g.want("invalid", "write", f, wit.Bytes([]byte("x")), wit.U64(1<<63))
	g.want("invalid", "set-size", f, wit.U64(1<<63))
	g.must("set-size", f, wit.U64(5))
	for _, name := range []string{"sync", "sync-data"} {
		g.must(name, f)
		g.must(name, dir)
	}
	g.must("advise", f, wit.U64(0), wit.U64(0), wit.Enum(3))
	if got := get(t, filepath.Join(base, "file")); got != "hello" {
		t.Errorf("the file is %q", got)
	}
	w := g.mustOpen(dir, "file", "w")
	g.want("bad-descriptor", "read", w, wit.U64(1), wit.U64(0))
	g.want("bad-descriptor", "read-via-stream", w, wit.U64(0))
	r := g.mustOpen(dir, "file", "r")
	g.want("bad-descriptor", "write", r, wit.Bytes(nil), wit.U64(0))
	g.want("bad-descriptor", "write-via-stream", r, wit.U64(0))
	g.want("is-directory", "write", dir, wit.Bytes(nil), wit.U64(0))
	g.want("bad-descriptor", "read", dir, wit.U64(1), wit.U64(0))
	g.want("not-directory", "open-at", r, follow, wit.String("x"), wit.Flags(0), wit.Flags(1))
	g.want("not-directory", "read-directory", r)
	g.want("not-directory", "stat-at", r, follow, wit.String("x"))
	drop(f, w, r, dir)
	g.leaks()
}

func TestStreams(t *testing.T) {
	g, dir, base := home(t)
	f := g.mustOpen(dir, "file", "rwct")
	out := g.must("write-via-stream", f, wit.U64(2))
	const write = "[method]output-stream.blocking-write-and-flush"
	g.must(write, out, wit.Bytes([]byte("cd")))
	g.must(write, out, wit.Bytes([]byte("ef")))
	end := g.must("append-via-stream", f)
	g.must(write, end, wit.Bytes([]byte("gh")))
	start := g.must("write-via-stream", f, wit.U64(0))
	g.must(write, start, wit.Bytes([]byte("ab")))
	g.must(write, end, wit.Bytes([]byte("ij")))
	in := g.must("read-via-stream", f, wit.U64(1))
	drop(f)
	text := ""
	for range 20 {
		v, code := g.call("[method]input-stream.read", in, wit.U64(4))
		if code != "" {
			break
		}
		text += string(v.Bytes()) + "|"
	}
	if text != "bcde|fghi|j|" || get(t, filepath.Join(base, "file")) != "abcdefghij" {
		t.Errorf("read %q of %q", text, get(t, filepath.Join(base, "file")))
	}
	drop(out, end, start, in, dir)
	g.leaks()
}

func TestLongFileThroughAStream(t *testing.T) {
	g, dir, base := home(t)
	text := strings.Repeat("0123456789", 30_000)
	put(t, filepath.Join(base, "file"), text)
	f := g.mustOpen(dir, "file", "r")
	in := g.must("read-via-stream", f, wit.U64(0))
	var got strings.Builder
	for {
		v, code := g.call("[method]input-stream.blocking-read", in, wit.U64(1<<40))
		if code != "" {
			break
		}
		got.Write(v.Bytes())
	}
	if got.String() != text {
		t.Errorf("%d bytes of %d", got.Len(), len(text))
	}
}

func TestStat(t *testing.T) {
	g, dir, base := home(t)
	put(t, filepath.Join(base, "file"), "content")
	link(t, "file", filepath.Join(base, "link"))
	at := time.Unix(1_700_000_000, 123_456_789)
	f := g.mustOpen(dir, "file", "rw")
	stamp := wit.Record(wit.U64(uint64(at.Unix())), wit.U32(uint32(at.Nanosecond())))
	g.must("set-times", f, wit.Variant(2, &stamp), wit.Variant(2, &stamp))
	for _, v := range []wit.Value{g.must("stat", f), g.must("stat-at", dir, noFollow, wit.String("file")), g.must("stat-at", dir, follow, wit.String("link"))} {
		s := v.Items()
		modified, _ := s[4].Payload()
		if kind(s[0].Case()) != kindRegular || s[1].Uint() != 1 || s[2].Uint() != 7 || modified.Items()[0].Uint() != uint64(at.Unix()) || modified.Items()[1].Uint() != uint64(at.Nanosecond()) {
			text, _ := wit.FormatValue(types.Type("descriptor-stat"), v)
			t.Errorf("stat is %s", text)
		}
	}
	if s := g.must("stat-at", dir, noFollow, wit.String("link")).Items(); kind(s[0].Case()) != kindLink {
		t.Errorf("the link is %d", s[0].Case())
	}
	if s := g.must("stat", dir).Items(); kind(s[0].Case()) != kindDirectory {
		t.Errorf("the directory is %d", s[0].Case())
	}
	later := wit.Record(wit.U64(1_800_000_000), wit.U32(0))
	g.must("set-times-at", dir, noFollow, wit.String("link"), wit.Variant(0, nil), wit.Variant(2, &later))
	g.must("set-times", dir, wit.Variant(0, nil), wit.Variant(2, &later))
	if info, err := os.Stat(filepath.Join(base, "file")); err != nil || !info.ModTime().Equal(at) {
		t.Errorf("through a link not followed, the file's time became %v, %v", info.ModTime(), err)
	}
	for name, want := range map[string]int64{"link": 1_800_000_000, "": 1_800_000_000} {
		if info, err := os.Lstat(filepath.Join(base, name)); err != nil || info.ModTime().Unix() != want {
			t.Errorf("time of %q is %v, %v", name, info.ModTime(), err)
		}
	}
	wrong := wit.Record(wit.U64(1), wit.U32(1e9))
	g.want("invalid", "set-times", f, wit.Variant(2, &wrong), wit.Variant(0, nil))
	g.want("no-entry", "set-times-at", dir, follow, wit.String("nothing"), wit.Variant(1, nil), wit.Variant(1, nil))
}

func TestHashesAndSameness(t *testing.T) {
	g, dir, base := home(t)
	put(t, filepath.Join(base, "a"), "x")
	put(t, filepath.Join(base, "b"), "x")
	g.must("link-at", dir, noFollow, wit.String("a"), dir, wit.String("c"))
	hash := func(name string) [2]uint64 {
		v := g.must("metadata-hash-at", dir, follow, wit.String(name)).Items()
		return [2]uint64{v[0].Uint(), v[1].Uint()}
	}
	a := g.mustOpen(dir, "a", "r")
	own := g.must("metadata-hash", a).Items()
	if hash("a") != hash("c") || hash("a") == hash("b") || hash("a")[0] != own[0].Uint() {
		t.Error("hashes do not tell files apart")
	}
	for name, want := range map[string]bool{"a": true, "b": false, "c": true} {
		if got := g.must("is-same-object", a, g.mustOpen(dir, name, "r")).Bool(); got != want {
			t.Errorf("a is %s: %v", name, got)
		}
	}
}

func TestDirectories(t *testing.T) {
	g, dir, base := home(t)
	var want []string
	for i := range 150 {
		name := "file" + string(rune('a'+i%26)) + string(rune('a'+i/26))
		put(t, filepath.Join(base, name), "")
		want = append(want, "6 "+name)
	}
	g.must("create-directory-at", dir, wit.String("sub"))
	g.must("symlink-at", dir, wit.String("sub/x"), wit.String("link"))
	want = append(want, "3 sub", "5 link")
	s := g.must("read-directory", dir)
	var got []string
	for {
		v := g.must("[method]directory-entry-stream.read-directory-entry", s)
		entry, ok := v.Payload()
		if !ok {
			break
		}
		got = append(got, string(rune('0'+entry.Items()[0].Case()))+" "+entry.Items()[1].Text())
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%d entries, want %d: %v", len(got), len(want), got)
	}
	if target := g.must("readlink-at", dir, wit.String("link")).Text(); target != "sub/x" {
		t.Errorf("the link is to %q", target)
	}
	put(t, filepath.Join(base, "sub", "x"), "")
	sw := wit.String
	for _, c := range []struct {
		want, name string
		args       []wit.Value
	}{
		{"exist", "create-directory-at", []wit.Value{dir, sw("sub")}},
		{"exist", "create-directory-at", []wit.Value{dir, sw("link")}},
		{"exist", "symlink-at", []wit.Value{dir, sw("x"), sw("sub")}},
		{"not-permitted", "symlink-at", []wit.Value{dir, sw("/x"), sw("y")}},
		{"no-entry", "symlink-at", []wit.Value{dir, sw(""), sw("y")}},
		{"not-empty", "remove-directory-at", []wit.Value{dir, sw("sub")}},
		{"not-directory", "remove-directory-at", []wit.Value{dir, sw("fileaa")}},
		{"no-entry", "remove-directory-at", []wit.Value{dir, sw("nothing")}},
		{"is-directory", "unlink-file-at", []wit.Value{dir, sw("sub")}},
		{"no-entry", "unlink-file-at", []wit.Value{dir, sw("nothing")}},
		{"invalid", "readlink-at", []wit.Value{dir, sw("sub")}},
		{"no-entry", "rename-at", []wit.Value{dir, sw("nothing"), dir, sw("x")}},
		{"not-empty", "rename-at", []wit.Value{dir, sw("other"), dir, sw("sub")}},
		{"is-directory", "rename-at", []wit.Value{dir, sw("fileaa"), dir, sw("sub")}},
		{"not-directory", "rename-at", []wit.Value{dir, sw("sub"), dir, sw("fileaa")}},
		{"invalid", "rename-at", []wit.Value{dir, sw("sub"), dir, sw("sub/below")}},
		{"exist", "link-at", []wit.Value{dir, noFollow, sw("fileaa"), dir, sw("sub")}},
	} {
		if strings.HasPrefix(c.want, "not-empty") && c.name == "rename-at" {
			g.must("create-directory-at", dir, sw("other"))
		}
		g.want(c.want, c.name, c.args...)
	}
	g.must("unlink-file-at", dir, sw("link"))
	g.must("unlink-file-at", dir, sw("sub/x"))
	g.must("remove-directory-at", dir, sw("sub"))
	drop(s, dir)
}

func TestOpenFlags(t *testing.T) {
	g, dir, base := home(t)
	put(t, filepath.Join(base, "file"), "content")
	put(t, filepath.Join(base, "sub", "x"), "")
	for how, want := range map[string]string{
		"r": "", "w": "", "rw": "", "": "", "rc": "", "wcx": "exist", "rd": "not-directory", "rcd": "invalid", "rt": "invalid",
	} {
		if _, code := g.open(dir, "file", how); code != want {
			t.Errorf("file for %s: %q, want %q", how, code, want)
		}
	}
	for how, want := range map[string]string{"r": "", "rd": "", "": "", "w": "is-directory", "rw": "is-directory", "wc": "is-directory", "rcx": "exist"} {
		if _, code := g.open(dir, "sub", how); code != want {
			t.Errorf("directory for %s: %q, want %q", how, code, want)
		}
	}
	for path, want := range map[string]string{"new1": "", "sub/new": "", "nothing/new": "no-entry", "file/new": "not-directory"} {
		if _, code := g.open(dir, path, "wcx"); code != want {
			t.Errorf("create %s: %q, want %q", path, code, want)
		}
	}
	f := g.mustOpen(dir, "file", "rw")
	if flags := g.must("get-flags", f).Uint(); flags != flagRead|flagWrite {
		t.Errorf("flags of the file are %b", flags)
	}
	if flags := g.must("get-flags", dir).Uint(); flags != flagRead|flagMutate {
		t.Errorf("flags of the directory are %b", flags)
	}
	if k := kind(g.must("get-type", f).Case()); k != kindRegular {
		t.Errorf("the file is %d", k)
	}
	g.mustOpen(dir, "file", "wt")
	if got := get(t, filepath.Join(base, "file")); got != "" {
		t.Errorf("truncated to %q", got)
	}
}

// A preopen that is itself reached through a link is known by where it leads.
func TestPreopensThroughLinks(t *testing.T) {
	base := tempDir(t)
	put(t, filepath.Join(base, "real", "file"), "content")
	link(t, "real", filepath.Join(base, "alias"))
	g := newGuest(t, []capabilities.Preopen{{Guest: "/data", Host: filepath.Join(base, "alias")}, {Guest: "/gone", Host: filepath.Join(base, "gone")}},
		base+"/alias/** "+all)
	if n := g.must("get-directories").Len(); n != 0 {
		t.Errorf("a grant for the link opens %d directories", n)
	}
	g.grant(base + "/real/** read")
	list := g.must("get-directories").Items()
	if len(list) != 1 || list[0].Items()[1].Text() != "/data" {
		t.Fatalf("%d directories", len(list))
	}
	drop(g.mustOpen(list[0].Items()[0], "file", "r"))
}
