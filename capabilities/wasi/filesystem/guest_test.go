package filesystem

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/capabilities"
	wasiio "github.com/writ-host/writ/capabilities/wasi/io"
	"github.com/writ-host/writ/wit"
)

// guest calls functions as a component would, with the grants of a real broker.
type guest struct {
	t        *testing.T
	funcs    map[string]wit.HostFunc
	types    map[string]*wit.Func
	instance *capabilities.Instance
	broker   *broker.Broker
}

type capability struct{}

func (capability) Name() string { return "wasi" }

func (capability) Imports() []capabilities.Import { return append(wasiio.Imports(), Imports()...) }

const all = "read,write,create,delete,list"

// newGuest takes grants such as "/dir/** read,list"; one that begins with "!"
// is a denial.
func newGuest(t *testing.T, preopens []capabilities.Preopen, grants ...string) *guest {
	t.Helper()
	g := &guest{t: t, funcs: map[string]wit.HostFunc{}, types: map[string]*wit.Func{}, broker: broker.New(broker.Config{})}
	t.Cleanup(func() { _ = g.broker.Close() })
	g.instance = &capabilities.Instance{App: "a", Component: "c", Subject: g.broker.Subject("a", "c"), Preopens: preopens}
	t.Cleanup(g.instance.End)
	g.grant(grants...)
	for _, b := range capabilities.Guard(capability{}) {
		for _, f := range b.Interface.Funcs {
			g.funcs[f.Name], g.types[f.Name] = b.Funcs[f.Name], f
		}
	}
	return g
}

// grant puts grants in force, in place of those before.
func (g *guest) grant(grants ...string) {
	g.t.Helper()
	type rule struct {
		ID         string   `json:"id"`
		App        string   `json:"app"`
		Component  string   `json:"component"`
		Capability string   `json:"capability"`
		Resource   string   `json:"resource"`
		Operations []string `json:"operations"`
	}
	file := map[string][]rule{"grants": {}, "denials": {}}
	for n, text := range grants {
		text, denies := strings.CutPrefix(text, "!")
		list := map[bool]string{false: "grants", true: "denials"}[denies]
		path, operations, _ := strings.Cut(text, " ")
		file[list] = append(file[list], rule{string(rune('a' + n)), "a", "c", "file", "file://" + path, strings.Split(operations, ",")})
	}
	data, err := json.Marshal(file)
	if err != nil {
		g.t.Fatal(err)
	}
	parsed, err := broker.ParseGrants("grants.json", data)
	if err != nil {
		g.t.Fatal(err)
	}
	app := broker.App{Name: "a", Components: []broker.Component{{Name: "c"}}}
	if err := g.broker.Load(g.t.Context(), broker.Source{Grants: parsed, Apps: []broker.App{app}}); err != nil {
		g.t.Fatal(err)
	}
}

// call calls a function of descriptors, or one by its full name, and returns
// the payload of ok, or the name of the error-code.
func (g *guest) call(name string, args ...wit.Value) (wit.Value, string) {
	g.t.Helper()
	if g.types[name] == nil {
		name = "[method]descriptor." + name
	}
	c := &wit.Call{Func: g.types[name], Args: args, Data: g.instance}
	if c.Func == nil {
		g.t.Fatalf("there is no function %s", name)
	}
	if err := g.funcs[name](g.t.Context(), c); err != nil {
		return wit.Value{}, "trap: " + err.Error()
	}
	if c.Func.Result.Kind != wit.KindResult {
		return c.Result, ""
	}
	v, _ := c.Result.Payload()
	if v.Kind() != wit.KindOwn {
		if text, err := wit.FormatValue(c.Func.Result, c.Result); err != nil && c.Result.Case() == 0 {
			g.t.Errorf("%s returned %s: %v", name, text, err)
		}
	}
	switch {
	case c.Result.Case() == 0:
		return v, ""
	case v.Kind() == wit.KindEnum:
		return v, errCodes.Cases[v.Case()].Name
	}
	return v, "stream error"
}

func (g *guest) must(name string, args ...wit.Value) wit.Value {
	g.t.Helper()
	v, code := g.call(name, args...)
	if code != "" {
		g.t.Fatalf("%s: %s", name, code)
	}
	return v
}

func (g *guest) want(code, name string, args ...wit.Value) {
	g.t.Helper()
	if _, got := g.call(name, args...); got != code {
		g.t.Errorf("%s of %v: %q, want %q", name, texts(args), got, code)
	}
}

func texts(args []wit.Value) (list []string) {
	for _, a := range args {
		if a.Kind() == wit.KindString {
			list = append(list, a.Text())
		}
	}
	return list
}

// dirs are the guest's directories.
func (g *guest) dirs() (list []wit.Value) {
	g.t.Helper()
	for _, item := range g.must("get-directories").Items() {
		list = append(list, item.Items()[0])
	}
	return list
}

// open opens a path; how is made of r, w, c(reate), x (exclusive), t(runcate),
// d(irectory) and f(ollow).
func (g *guest) open(dir wit.Value, path, how string) (wit.Value, string) {
	g.t.Helper()
	flags := func(letters string) (bits uint32) {
		for i, l := range letters {
			if strings.ContainsRune(how, l) {
				bits |= 1 << i
			}
		}
		return bits
	}
	return g.call("open-at", dir, wit.Flags(flags("f")), wit.String(path), wit.Flags(flags("cdxt")), wit.Flags(flags("rw")))
}

func (g *guest) mustOpen(dir wit.Value, path, how string) wit.Value {
	g.t.Helper()
	v, code := g.open(dir, path, how)
	if code != "" {
		g.t.Fatalf("open %s for %s: %s", path, how, code)
	}
	return v
}

func drop(values ...wit.Value) {
	for _, v := range values {
		v.Handle().Object.(wit.Dropper).Drop()
	}
}

func (g *guest) leaks() {
	g.t.Helper()
	if n := g.instance.OpenCount(); n != 0 {
		g.t.Errorf("%d files are open still", n)
	}
}

var (
	follow   = wit.Flags(1)
	noFollow = wit.Flags(0)
)

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// tree lists everything below a directory, with contents: what must not change.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var list []string
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		text := info.Mode().String() + " " + path + " " + info.ModTime().String()
		if info.Mode().IsRegular() {
			text += " " + get(t, path)
		}
		list = append(list, text)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(list)
	return strings.Join(list, "\n")
}

// tempDir is a temporary directory by its path without links.
func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
