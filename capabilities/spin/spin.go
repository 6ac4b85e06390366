package spin

import (
	"context"
	"fmt"

	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/capabilities/internal/wits"
	"github.com/writ-host/writ/wit"
)

// absent are the interfaces, and what to use instead.
var absent = []struct{ name, instead string }{
	{"fermyon:spin/rdbms-types", ""}, // types of the next two
	{"fermyon:spin/postgres", "writ:sql reaches PostgreSQL"},
	{"spin:postgres/postgres@3.0.0", "writ:sql reaches PostgreSQL"},
	{"spin:postgres/postgres@4.0.0", "writ:sql reaches PostgreSQL"},
	{"fermyon:spin/mysql", "writ:sql reaches SQLite and PostgreSQL"},
	{"fermyon:spin/redis", "a key-value store may be kept in Redis"},
	{"fermyon:spin/mqtt", "there is no other"},
	{"fermyon:spin/llm", "models are reached over wasi:http"},
}

// Spin is the capability. It is safe for concurrent use.
type Spin struct{ imports []capabilities.Import }

// New makes the capability.
func New() *Spin {
	s := &Spin{}
	for _, a := range absent {
		i := wits.Interface(a.name)
		funcs := make(map[string]capabilities.Func, len(i.Funcs))
		for _, f := range i.Funcs {
			funcs[f.Name] = capabilities.Func{Run: refuse(i, f, a.instead)}
		}
		s.imports = append(s.imports, capabilities.Import{Interface: i, Funcs: funcs})
	}
	return s
}

// Name implements capabilities.Capability.
func (s *Spin) Name() string { return "spin" }

// Imports implements capabilities.Capability.
func (s *Spin) Imports() []capabilities.Import { return s.imports }

// refuse is a function that answers that there is nothing behind it.
func refuse(i *wit.Interface, f *wit.Func, instead string) wit.HostFunc {
	message := wit.String(fmt.Sprintf("this host does not offer %s; %s", i.Name, instead))
	answer := wit.Err(wit.Variant(messageCase(f), &message))
	return func(_ context.Context, c *wit.Call) error {
		tell(capabilities.From(c), i.Name.String(), f.Name)
		c.Return(answer)
		return nil
	}
}

// messageCase is the case of a function's error that has any message.
func messageCase(f *wit.Func) uint32 {
	failure := f.Result.Cases[1].Type
	for failure.Alias != nil {
		failure = failure.Alias
	}
	for n, c := range failure.Cases {
		if c.Name == "other" || c.Name == "runtime-error" {
			return uint32(n)
		}
	}
	panic("spin: the error of " + f.Name + " has no case for a message")
}

// told is the key of what the log was told of an instance.
type told struct{}

// tell says so in the log, once for each instance and interface: guests may go on.
func tell(i *capabilities.Instance, name, function string) {
	if i == nil {
		return
	}
	seen := capabilities.State(i, told{}, func() map[string]bool { return map[string]bool{} })
	if !seen[name] {
		seen[name] = true
		i.Logger().Warn("a component calls what this host does not have", "interface", name, "function", function, "instance", i.ID)
	}
}
