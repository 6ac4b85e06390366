package wits

import "testing"

func TestInterfacesShareResources(t *testing.T) {
	input := Interface("wasi:io/streams").Resource("input-stream")
	if input == nil {
		t.Fatal("wasi:io/streams has no input-stream")
	}
	for _, name := range []string{"wasi:http/types", "wasi:cli/stdin", "wasi:filesystem/types", "wasi:sockets/tcp"} {
		if got := Interface(name).Resource("input-stream"); got != input {
			t.Errorf("%s has an input-stream of its own", name)
		}
	}
	consume := Interface("wasi:http/types").Func("[method]incoming-body.stream")
	if got := consume.Result.Cases[0].Type.Resource; got != input {
		t.Errorf("incoming-body.stream returns %v", got)
	}
}

func TestUnknownInterfacePanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	Interface("wasi:io/nothing")
}

func TestEveryInterfaceOfWASIIsThere(t *testing.T) {
	for _, world := range []string{"wasi:cli/command", "wasi:http/proxy"} {
		w := All().World(world)
		if w == nil {
			t.Fatalf("there is no world %s", world)
		}
		for _, item := range w.Imports {
			if item.Interface == nil || len(item.Interface.Funcs)+len(item.Interface.Types) == 0 {
				t.Errorf("%s imports %s, which is empty", world, item.Name)
			}
		}
	}
}
