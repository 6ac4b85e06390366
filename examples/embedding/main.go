// Command embedding runs a component inside a Go program: it compiles it,
// links what it imports, and calls its exports, a resource included.
//
//	go run ./examples/embedding
package main

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/writ-host/writ/host"
	"github.com/writ-host/writ/wit"
)

// The component of ../greeter/back: it exports example:greeter/greetings with
// a resource of its own.
//
//go:embed greeter.wasm
var greeter []byte

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer) error {
	engine, err := host.NewEngine(host.Config{})
	if err != nil {
		return err
	}
	defer engine.Close()
	component, err := engine.Compile(ctx, greeter)
	if err != nil {
		return err
	}
	defer component.Close()

	linker := &host.Linker{}
	if err := linker.Define(clock()); err != nil {
		return err
	}
	prepared, err := linker.Prepare(component) // imports are resolved and type-checked once
	if err != nil {
		return err
	}
	defer prepared.Close()
	return greet(ctx, prepared, out)
}

// clock implements an interface that components may import, in Go. This
// component imports nothing; another one linked with the same linker could.
func clock() wit.Binding {
	packages, err := wit.Parse(wit.File{Name: "clock.wit", Text: `
		package example:clock@1.0.0;
		interface now { seconds: func() -> u64; }`})
	if err != nil {
		panic(err) // the text is part of the program
	}
	return wit.Binding{
		Interface: packages.Interface("example:clock/now"),
		Funcs: map[string]wit.HostFunc{
			"seconds": func(_ context.Context, call *wit.Call) error {
				call.Return(wit.U64(1_700_000_000))
				return nil
			},
		},
	}
}

// greet makes an instance, which takes microseconds, and calls it.
func greet(ctx context.Context, prepared *host.Prepared, out io.Writer) error {
	instance, err := prepared.Instantiate(ctx, host.Limits{Memory: 16 << 20}, nil)
	if err != nil {
		return err
	}
	defer instance.Close()

	const iface = "example:greeter/greetings@1.0.0"
	construct, err := prepared.Func(iface, "[constructor]greeter")
	if err != nil {
		return err
	}
	greet, err := prepared.Func(iface, "[method]greeter.greet")
	if err != nil {
		return err
	}
	language := construct.Type.Params[0].Type
	made, err := instance.Call(ctx, construct, wit.Enum(uint32(language.CaseIndex("french"))))
	if err != nil {
		return err
	}
	handle := made.Handle() // the guest's resource, owned by us
	for _, name := range []string{"Ada", "Grace", ""} {
		result, err := instance.Call(ctx, greet, wit.Borrow(handle), wit.String(name))
		if err != nil {
			return err
		}
		text, err := wit.FormatValue(greet.Type.Result, result)
		if err != nil {
			return err
		}
		fmt.Fprintln(out, text)
	}
	return instance.Drop(ctx, handle)
}
