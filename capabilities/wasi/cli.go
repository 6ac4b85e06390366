package wasi

import (
	"context"
	"io"
	"maps"
	"slices"
	"strings"

	"golang.org/x/term"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/capabilities/internal/wits"
	wasiio "github.com/writ-host/writ/capabilities/wasi/io"
	"github.com/writ-host/writ/wit"
)

func cliFuncs() map[string]funcs {
	return map[string]funcs{
		"wasi:cli/environment": {
			"get-environment": getEnvironment,
			"get-arguments":   getArguments,
			"initial-cwd":     returns(wit.None()),
		},
		"wasi:cli/exit": {
			"exit":           func(_ context.Context, c *wit.Call) error { return Exit{uint8(c.Args[0].Case())} },
			"exit-with-code": func(_ context.Context, c *wit.Call) error { return Exit{uint8(c.Args[0].Uint())} },
		},
		"wasi:cli/stdin":  {"get-stdin": getStdin},
		"wasi:cli/stdout": {"get-stdout": getOutput(stdout)},
		"wasi:cli/stderr": {"get-stderr": getOutput(stderr)},

		"wasi:cli/terminal-input":  {},
		"wasi:cli/terminal-output": {},
		"wasi:cli/terminal-stdin":  {"get-terminal-stdin": getTerminal(terminalInput, stdin)},
		"wasi:cli/terminal-stdout": {"get-terminal-stdout": getTerminal(terminalOutput, stdout)},
		"wasi:cli/terminal-stderr": {"get-terminal-stderr": getTerminal(terminalOutput, stderr)},
	}
}

var (
	terminalInput  = wits.Interface("wasi:cli/terminal-input").Resource("terminal-input")
	terminalOutput = wits.Interface("wasi:cli/terminal-output").Resource("terminal-output")
)

// getEnvironment hands out the variables that are granted, in the order of
// their names.
func getEnvironment(ctx context.Context, c *wit.Call) error {
	i := capabilities.From(c)
	var list []wit.Value
	for _, name := range slices.Sorted(maps.Keys(i.Env)) {
		access := capabilities.Access{Operation: broker.Read, Resource: broker.EnvResource(name)}
		if i.Allowed(ctx, broker.Env, access) {
			list = append(list, wit.Tuple(text(name), text(i.Env[name])))
		}
	}
	c.Return(wit.List(list...))
	return nil
}

func getArguments(_ context.Context, c *wit.Call) error {
	args := capabilities.From(c).Args
	list := make([]wit.Value, len(args))
	for i, a := range args {
		list[i] = text(a)
	}
	c.Return(wit.List(list...))
	return nil
}

// text is a string value of what the operating system may have said in
// another encoding.
func text(s string) wit.Value { return wit.String(strings.ToValidUTF8(s, "\uFFFD")) }

// The host's side of the standard streams; nil when there is none.
func stdin(i *capabilities.Instance) any  { return i.Stdin }
func stdout(i *capabilities.Instance) any { return i.Stdout }
func stderr(i *capabilities.Instance) any { return i.Stderr }

// stdinKey finds the one stream that an instance's handles of standard input
// share: it may hold bytes that were read ahead.
type stdinKey struct{}

// sharedInput hides the stream's Drop from the end of one handle.
type sharedInput struct{ wasiio.InputStream }

func getStdin(_ context.Context, c *wit.Call) error {
	i := capabilities.From(c)
	s, err := wasiio.OpenInput(i, capabilities.State(i, stdinKey{}, func() sharedInput { return openStdin(i) }))
	c.Return(s)
	return err
}

func openStdin(i *capabilities.Instance) sharedInput {
	if i.Stdin == nil {
		return sharedInput{wasiio.Closed{}}
	}
	s := wasiio.FromReader(i.Stdin, wasiio.ReaderOptions{Holder: i})
	if d, ok := s.(wit.Dropper); ok {
		i.OnEnd(d.Drop)
	}
	return sharedInput{s}
}

// getOutput hands out a stream that writes straight through, so that nothing
// is lost or out of order when the guest ends.
func getOutput(of func(*capabilities.Instance) any) wit.HostFunc {
	return func(_ context.Context, c *wit.Call) error {
		w, ok := of(capabilities.From(c)).(io.Writer)
		if !ok {
			w = io.Discard
		}
		s, err := wasiio.OpenOutput(capabilities.From(c), wasiio.Direct(w))
		c.Return(s)
		return err
	}
}

// getTerminal says whether a standard stream is a terminal; its handle can do nothing.
func getTerminal(r *wit.Resource, of func(*capabilities.Instance) any) wit.HostFunc {
	return func(_ context.Context, c *wit.Call) error {
		if f, ok := of(capabilities.From(c)).(interface{ Fd() uintptr }); ok && term.IsTerminal(int(f.Fd())) {
			c.Return(wit.Some(wit.NewOwn(r, struct{}{})))
			return nil
		}
		c.Return(wit.None())
		return nil
	}
}
