package sockets

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

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
}

type capability struct{}

func (capability) Name() string { return "wasi" }

func (capability) Imports() []capabilities.Import { return append(wasiio.Imports(), Imports()...) }

// newGuest takes grants such as "tcp tcp://127.0.0.1:* connect,bind"; one that
// begins with "!" is a denial.
func newGuest(t *testing.T, grants ...string) *guest {
	t.Helper()
	file, err := broker.ParseGrants("grants.json", []byte(grantsText(grants)))
	if err != nil {
		t.Fatal(err)
	}
	b := broker.New(broker.Config{})
	t.Cleanup(func() { _ = b.Close() })
	if err := b.Load(t.Context(), broker.Source{Grants: file, Apps: []broker.App{{Name: "a", Components: []broker.Component{{Name: "c"}}}}}); err != nil {
		t.Fatal(err)
	}
	g := &guest{t, map[string]wit.HostFunc{}, map[string]*wit.Func{}, &capabilities.Instance{App: "a", Component: "c", Subject: b.Subject("a", "c")}}
	t.Cleanup(g.instance.End)
	for _, b := range capabilities.Guard(capability{}) {
		for _, f := range b.Interface.Funcs {
			g.funcs[f.Name], g.types[f.Name] = b.Funcs[f.Name], f
		}
	}
	return g
}

func grantsText(grants []string) string {
	lists := map[bool][]string{}
	for n, text := range grants {
		rule, denies := strings.CutPrefix(text, "!")
		f := strings.Fields(rule)
		operations := `"` + strings.ReplaceAll(f[2], ",", `","`) + `"`
		id := string(rune('a' + n))
		lists[denies] = append(lists[denies], `{"id": "`+id+`", "app": "a", "component": "c", "capability": "`+f[0]+`", "resource": "`+f[1]+`", "operations": [`+operations+`]}`)
	}
	return `{"grants": [` + strings.Join(lists[false], ",") + `], "denials": [` + strings.Join(lists[true], ",") + `]}`
}

// call returns the payload of ok, or the name of the error-code.
func (g *guest) call(name string, args ...wit.Value) (wit.Value, string) {
	g.t.Helper()
	c := &wit.Call{Func: g.types[name], Args: args, Data: g.instance}
	if c.Func == nil {
		g.t.Fatalf("there is no function %s", name)
	}
	if err := g.funcs[name](g.t.Context(), c); err != nil {
		return wit.Value{}, "trap: " + err.Error()
	}
	if c.Func.Result == nil || c.Func.Result.Kind != wit.KindResult {
		return c.Result, ""
	}
	if !hasOwn(c.Result) {
		if text, err := wit.FormatValue(c.Func.Result, c.Result); err != nil {
			g.t.Errorf("%s returned %s: %v", name, text, err)
		}
	}
	v, _ := c.Result.Payload()
	if c.Result.Case() == 0 {
		return v, ""
	}
	if v.Kind() == wit.KindEnum {
		return v, errCodes.Cases[v.Case()].Name
	}
	return v, "closed or failed"
}

func hasOwn(v wit.Value) bool {
	if p, ok := v.Payload(); ok {
		v = p
	}
	for _, item := range v.Items() {
		if item.Kind() == wit.KindOwn {
			return true
		}
	}
	return v.Kind() == wit.KindOwn
}

func (g *guest) must(name string, args ...wit.Value) wit.Value {
	g.t.Helper()
	v, code := g.call(name, args...)
	if code != "" {
		g.t.Fatalf("%s: %s", name, code)
	}
	return v
}

// wait waits for what subscribe of a resource gives.
func (g *guest) wait(resource string, v wit.Value) {
	g.t.Helper()
	p := wit.Object[wasiio.Pollable](g.must("[method]"+resource+".subscribe", v))
	ctx, cancel := context.WithTimeout(g.t.Context(), 10*time.Second)
	defer cancel()
	if err := p.Wait(ctx); err != nil {
		g.t.Fatalf("%s is not ready: %v", resource, err)
	}
}

func (g *guest) want(code, name string, args ...wit.Value) {
	g.t.Helper()
	if _, got := g.call(name, args...); got != code {
		g.t.Errorf("%s: %q, want %q", name, got, code)
	}
}

func drop(values ...wit.Value) {
	for _, v := range values {
		v.Handle().Object.(wit.Dropper).Drop()
	}
}

func at(s string) wit.Value { return addressValue(netip.MustParseAddrPort(s)) }

const (
	tcp = "[method]tcp-socket."
	udp = "[method]udp-socket."
)

var network = wit.NewOwn(networkResource, struct{}{})

func (g *guest) connect(address string) (socket wit.Value, code string) {
	g.t.Helper()
	s := g.must("create-tcp-socket", wit.Enum(uint32(ipv4)))
	if _, code := g.call(tcp+"start-connect", s, network, at(address)); code != "" {
		return s, code
	}
	g.wait("tcp-socket", s)
	v, code := g.call(tcp+"finish-connect", s)
	if code == "" {
		drop(v.Items()...)
	}
	return s, code
}

func (g *guest) read(stream wit.Value) string {
	g.t.Helper()
	v, code := g.call("[method]input-stream.blocking-read", stream, wit.U64(100))
	if code != "" {
		return code
	}
	return string(v.Bytes())
}

func (g *guest) write(stream wit.Value, text string) {
	g.t.Helper()
	g.must("[method]output-stream.blocking-write-and-flush", stream, wit.Bytes([]byte(text)))
}

func listen(t *testing.T) (net.Listener, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l, l.Addr().String()
}
