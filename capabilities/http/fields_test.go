package wasihttp

import (
	"bufio"
	"net/http"
	"net/textproto"
	"strings"
	"testing"

	"github.com/writ-host/writ/wit"
)

func values(texts ...string) wit.Value {
	var list []wit.Value
	for _, s := range texts {
		list = append(list, wit.Bytes([]byte(s)))
	}
	return wit.List(list...)
}

// entries spells fields as name=value in order.
func (g *guest) entries(f wit.Value) string {
	var parts []string
	for _, e := range g.call("[method]fields.entries", f).Items() {
		parts = append(parts, e.Items()[0].Text()+"="+string(e.Items()[1].Bytes()))
	}
	return strings.Join(parts, " ")
}

func TestFieldsKeepOrderAndCase(t *testing.T) {
	g := newGuest(t.Context(), defaultHost())
	f := g.headers("B-One", "1", "a", "2", "b-one", "3")
	g.ok("[method]fields.append", f, wit.String("C"), wit.Bytes([]byte("4")))
	if got, want := g.entries(f), "B-One=1 a=2 b-one=3 C=4"; got != want {
		t.Fatalf("entries %q, want %q", got, want)
	}
	if got := g.call("[method]fields.get", f, wit.String("B-ONE")).Items(); len(got) != 2 || string(got[1].Bytes()) != "3" {
		t.Errorf("get gave %d values", len(got))
	}
	clone := g.call("[method]fields.clone", f)
	g.ok("[method]fields.set", f, wit.String("b-One"), values("5", "6"))
	g.ok("[method]fields.delete", f, wit.String("A"))
	if got, want := g.entries(f), "C=4 b-One=5 b-One=6"; got != want {
		t.Errorf("entries %q, want %q", got, want)
	}
	if got, want := g.entries(clone), "B-One=1 a=2 b-one=3 C=4"; got != want {
		t.Errorf("the clone changed to %q", got)
	}
	for name, want := range map[string]bool{"c": true, "a": false, "": false, "c\n": false} {
		if got := g.call("[method]fields.has", f, wit.String(name)).Bool(); got != want {
			t.Errorf("has %q: %v", name, got)
		}
	}
	g.ok("[method]fields.set", f, wit.String("C"), values())
	if g.call("[method]fields.has", f, wit.String("C")).Bool() {
		t.Error("a field set to no values is still there")
	}
}

func TestFieldRules(t *testing.T) {
	g := newGuest(t.Context(), defaultHost())
	for _, test := range []struct{ name, value, want string }{
		{"x", "tab\tand \x80 bytes", ""},
		{"x", "", ""},
		{"", "v", "invalid-syntax"},
		{"a b", "v", "invalid-syntax"},
		{"a:b", "v", "invalid-syntax"},
		{"naïve", "v", "invalid-syntax"},
		{"x", "a\r\nb: c", "invalid-syntax"},
		{"x", "a\nb", "invalid-syntax"},
		{"x", "a\x00", "invalid-syntax"},
		{"x", "a\x7f", "invalid-syntax"},
		{"Connection", "close", "forbidden"},
		{"TRANSFER-ENCODING", "chunked", "forbidden"},
		{"upgrade", "h2c", "forbidden"},
		{"Host", "elsewhere", "forbidden"},
	} {
		name, value := wit.String(test.name), wit.Bytes([]byte(test.value))
		f := g.call("[constructor]fields")
		if got := g.headerError("[method]fields.append", f, name, value); got != test.want {
			t.Errorf("append %q %q: %q, want %q", test.name, test.value, got, test.want)
		}
		if got := g.headerError("[method]fields.set", f, name, values("ok", test.value)); got != test.want {
			t.Errorf("set %q %q: %q, want %q", test.name, test.value, got, test.want)
		}
		if got := g.headerError("[static]fields.from-list", wit.List(wit.Tuple(name, value))); got != test.want {
			t.Errorf("from-list %q %q: %q, want %q", test.name, test.value, got, test.want)
		}
	}
	f := g.headers("a", "1")
	if got := g.headerError("[method]fields.set", f, wit.String("a"), values("2", "\n")); got != "invalid-syntax" || g.entries(f) != "a=1" {
		t.Errorf("a failed set gave %q and left %q", got, g.entries(f))
	}
	if got := g.headerError("[method]fields.delete", f, wit.String("a b")); got != "invalid-syntax" {
		t.Errorf("delete of a bad name: %q", got)
	}
	response := g.call("[constructor]outgoing-response", f)
	for name, args := range map[string][]wit.Value{
		"append": {wit.String("b"), wit.Bytes(nil)}, "set": {wit.String("b"), values("1")}, "delete": {wit.String("a")},
	} {
		own := g.call("[method]outgoing-response.headers", response)
		if got := g.headerError("[method]fields."+name, append([]wit.Value{own}, args...)...); got != "immutable" {
			t.Errorf("%s on a response's headers: %q", name, got)
		}
	}
}

func TestFieldsAreBounded(t *testing.T) {
	config := Config{HeaderBytes: 1000, InstanceHeaderBytes: 2500}
	g := newGuest(t.Context(), newHost(config))
	fill := func() (f wit.Value, n int) {
		f = g.call("[constructor]fields")
		for g.headerError("[method]fields.append", f, wit.String("x"), wit.Bytes(make([]byte, 0, 1))) == "" {
			n++
		}
		return f, n
	}
	first, n := fill()
	if want := 1000 / (pairCost + 1); n != want {
		t.Errorf("%d fields in one resource, want %d", n, want)
	}
	second, _ := fill()
	if _, n := fill(); n >= 1000/(pairCost+1) {
		t.Errorf("a third resource took %d fields: an instance is not bounded", n)
	}
	drop(first)
	drop(first)
	if _, n := fill(); n == 0 {
		t.Error("dropping fields gave nothing back")
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("a clone beyond the instance's bound succeeded")
			}
		}()
		g.call("[method]fields.clone", second)
	}()
}

func FuzzFields(f *testing.F) {
	f.Add("content-type", []byte("text/html"))
	f.Add("a b", []byte("x\r\ny: z"))
	f.Fuzz(func(t *testing.T, name string, value []byte) {
		fields := &fields{max: 1 << 20, budget: &budget{1 << 20}}
		if fields.add(name, value) != noError {
			return
		}
		wire := textproto.NewReader(bufio.NewReader(strings.NewReader(name + ": " + string(value) + "\r\n\r\n")))
		read, err := wire.ReadMIMEHeader()
		if got := read.Get(name); err != nil || len(read) != 1 || got != strings.Trim(string(value), " \t") {
			t.Errorf("%q: %q is read as %q, %v", name, value, read, err)
		}
		h := http.Header{}
		fields.addTo(h, "")
		if back := fromHeader(h); len(back.entries) != 1 || string(back.entries[0].value) != string(value) {
			t.Errorf("%q: %q came back as %+v", name, value, back.entries)
		}
		if n, ok := contentLength(fields); ok && n >= 0 && !strings.EqualFold(name, "content-length") {
			t.Errorf("%q: %q declares %d bytes", name, value, n)
		}
		fields.Drop()
		if fields.budget.left != 1<<20 {
			t.Errorf("%d bytes are left of the budget", fields.budget.left)
		}
	})
}
