package host_test

import (
	"context"
	_ "embed"
	"fmt"
	"log"
	"os"
	"slices"

	"github.com/writ-host/writ/host"
	"github.com/writ-host/writ/wit"
)

// things is the component of testdata/things.wat. It imports test:host/api, whose
// WIT is api, and exports functions that use it.
//
//go:embed testdata/things.wasm
var things []byte

const api = `
	package test:host@1.4.0;
	interface api {
	  resource thing {
	    constructor(name: string);
	    name: func() -> string;
	  }
	  reverse: func(bytes: list<u8>) -> list<u8>;
	  tick: func();
	}`

// lamp is a thing, in Go.
type lamp struct{ name string }

// Drop is called when the guest drops its last handle, or ends.
func (l *lamp) Drop() { fmt.Println("dropped", l.name) }

// binding implements the interface: functions, and a resource behind which is a *lamp.
func binding() wit.Binding {
	packages, err := wit.Parse(wit.File{Name: "api.wit", Text: api})
	if err != nil {
		log.Fatal(err)
	}
	iface := packages.Interface("test:host/api")
	return wit.Binding{Interface: iface, Funcs: map[string]wit.HostFunc{
		"[constructor]thing": func(_ context.Context, call *wit.Call) error {
			call.Return(wit.NewOwn(iface.Resource("thing"), &lamp{call.Args[0].Text()}))
			return nil
		},
		"[method]thing.name": func(_ context.Context, call *wit.Call) error {
			call.Return(wit.String(wit.Self[*lamp](call).name))
			return nil
		},
		"reverse": func(_ context.Context, call *wit.Call) error {
			bytes := slices.Clone(call.Args[0].Bytes())
			slices.Reverse(bytes)
			call.Return(wit.Bytes(bytes))
			return nil
		},
		"tick": func(context.Context, *wit.Call) error { return nil },
	}}
}

// must ends the example at an error.
func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}

// Compile a component, link the interface that it imports to functions written in
// Go, and call what it exports.
func Example() {
	ctx := context.Background()
	engine := host.TheEngine() // host.NewEngine(host.Config{CacheDir: dir}), once a process
	component := must(engine.Compile(ctx, things))
	defer component.Close()

	var linker host.Linker
	if err := linker.Define(binding()); err != nil {
		log.Fatal(err)
	}
	prepared := must(linker.Prepare(component)) // once: imports are resolved and type-checked
	defer prepared.Close()
	reverse := must(prepared.Func("", "reverse")) // of the world itself

	instance := must(prepared.Instantiate(ctx, host.Limits{Memory: 1 << 20}, nil)) // often: microseconds
	defer instance.Close()
	result := must(instance.Call(ctx, reverse, wit.Bytes([]byte("component"))))
	fmt.Printf("%s\n", result.Bytes())
	// Output: tnenopmoc
}

// A resource of the host: any Go object, of which guests have handles.
func ExampleLinker_Define() {
	ctx := context.Background()
	component := must(host.TheEngine().Compile(ctx, things))
	defer component.Close()
	var linker host.Linker
	if err := linker.Define(binding()); err != nil {
		log.Fatal(err)
	}
	prepared := must(linker.Prepare(component))
	defer prepared.Close()
	instance := must(prepared.Instantiate(ctx, host.Limits{}, nil))
	defer instance.Close()

	// The guest makes a thing, asks for its name, and drops it.
	name := must(instance.Call(ctx, must(prepared.Func("", "round-trip")), wit.String("desk lamp")))
	fmt.Println(name.Text())
	// Output:
	// dropped desk lamp
	// desk lamp
}

// A resource of the guest: the host owns a handle, passes it as a borrow, and
// drops it.
func ExampleInstance_Drop() {
	ctx := context.Background()
	component := must(host.TheEngine().Compile(ctx, must(os.ReadFile("../examples/embedding/greeter.wasm"))))
	defer component.Close()
	var linker host.Linker // the component imports nothing
	prepared := must(linker.Prepare(component))
	defer prepared.Close()
	instance := must(prepared.Instantiate(ctx, host.Limits{}, nil))
	defer instance.Close()

	const iface = "example:greeter/greetings@1.0.0"
	construct := must(prepared.Func(iface, "[constructor]greeter"))
	greet := must(prepared.Func(iface, "[method]greeter.greet"))
	language := must(wit.ParseValue(construct.Type.Params[0].Type, "french")) // WAVE text
	greeter := must(instance.Call(ctx, construct, language)).Handle()
	greeting := must(instance.Call(ctx, greet, wit.Borrow(greeter), wit.String("Ada")))
	fmt.Println(must(wit.FormatValue(greet.Type.Result, greeting)))
	if err := instance.Drop(ctx, greeter); err != nil { // the guest's destructor runs
		log.Fatal(err)
	}
	// Output: ok({text: "Bonjour, Ada !", number: 1})
}

// What a component imports and exports, without compiling it.
func ExampleInspect() {
	info := must(host.Inspect(things, 1<<20))
	fmt.Print(info.WIT())
	// Output:
	// package root:component;
	//
	// world root {
	//   import test:host/api@1.2.0;
	//   export round-trip: func(name: string) -> string;
	//   export keep: func(name: string);
	//   export reverse: func(bytes: list<u8>) -> list<u8>;
	//   export ticks: func(count: u32);
	//   export forge: func();
	//   export spin: func();
	//   export crash: func();
	// }
	// package test:host@1.2.0 {
	//   interface api {
	//     resource thing {
	//       constructor(name: string);
	//       name: func() -> string;
	//     }
	//     reverse: func(bytes: list<u8>) -> list<u8>;
	//     tick: func();
	//   }
	// }
}
