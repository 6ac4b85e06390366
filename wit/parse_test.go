package wit

import (
	"slices"
	"strings"
	"testing"
)

const sample = `// A comment, /* not a block
package example:shop@1.2.3-rc.1;

/// What is sold.
@since(version = 1.0.0)
interface goods {
  use wasi:clocks/wall-clock@0.2.12.{datetime, instant as moment};
  /* a /* nested */ comment */
  type price = u64;
  record item { name: string, price: price, tags: list<string>, %type: option<kind>, }
  variant kind { plain, packed(tuple<u8, list<u8>>) }
  enum size { s, m, XL }
  flags marks { sold, read-2 }
  @unstable(feature = later)
  record not-yet { missing: nothing }
  type stock = shelf;

  /** A shelf
   *  with items. */
  resource shelf {
    constructor(length: u32) -> result<shelf, string>;
    /// Puts one there.
    put: func(item: item, at: moment) -> result<_, size>;
    make: static func(items: list<item>) -> own<shelf>;
    merge: async func(other: borrow<shelf>);
    @unstable(feature = later) gone: func();
  }
  resource ticket { constructor(); }
  get: func(shelf: borrow<stock>, ids: stream<u32>, done: future) -> option<result<item>>;
  %use: func() -> list<u8, 4>;
}
interface other { use goods.{shelf as rack}; lend: func() -> rack; }

world small { import log: func(text: string); export goods; }
world shop {
  use wasi:clocks/wall-clock@0.2.12.{datetime};
  resource till { open: func(at: datetime); }
  include small with { log as print };
  import other;
  import wasi:clocks/wall-clock@0.2.12;
  import second: other;
  export run: async func() -> result;
  export hooks: interface { use other.{rack}; hook: func(r: rack); }
}

package wasi:clocks@0.2.12 {
  interface wall-clock {
    record datetime { seconds: u64, nanoseconds: u32 }
    type instant = u64;
  }
}
`

func parseSample(t testing.TB) *Packages {
	t.Helper()
	p, err := Parse(File{"sample.wit", sample})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestParseFunctions(t *testing.T) {
	i := parseSample(t).Interface("example:shop/goods@1.2.3-rc.1")
	want := []string{
		"[constructor]shelf: func(length: u32) -> result<shelf, string>",
		"[method]shelf.put: func(self: borrow<shelf>, item: item, at: moment) -> result<_, size>",
		"[static]shelf.make: func(items: list<item>) -> shelf",
		"[method]shelf.merge: async func(self: borrow<shelf>, other: borrow<shelf>)",
		"[constructor]ticket: func() -> ticket",
		"get: func(shelf: borrow<shelf>, ids: stream<u32>, done: future) -> option<result<item>>",
		"use: func() -> list<u8, 4>",
	}
	if len(i.Funcs) != len(want) {
		t.Errorf("%d functions, want %d", len(i.Funcs), len(want))
	}
	for n, f := range i.Funcs {
		// A used type keeps the name it has where it is defined.
		if got := strings.Replace(f.String(), "at: instant", "at: moment", 1); got != want[n] {
			t.Errorf("got  %s\nwant %s", got, want[n])
		}
	}
}

func TestParseTypes(t *testing.T) {
	i := parseSample(t).Interface("example:shop/goods")
	want := map[string]string{
		"price":    "type price = u64;",
		"item":     "record item { name: string, price: price, tags: list<string>, %type: option<kind> }",
		"kind":     "variant kind { plain, packed(tuple<u8, list<u8>>) }",
		"size":     "enum size { s, m, XL }",
		"marks":    "flags marks { sold, read-2 }",
		"datetime": "record datetime { seconds: u64, nanoseconds: u32 }",
	}
	for name, text := range want {
		typ := i.Type(name)
		if typ == nil {
			t.Errorf("there is no type %s", name)
		} else if got := typ.Definition(name); got != text {
			t.Errorf("got  %s\nwant %s", got, text)
		}
	}
	if i.Type("not-yet") != nil {
		t.Error("an unstable type is there")
	}
}

func TestParseSharesTypes(t *testing.T) {
	p := parseSample(t)
	goods, clock, other := p.Interface("example:shop/goods"), p.Interface("wasi:clocks/wall-clock"), p.Interface("example:shop/other")
	if goods.Type("datetime") != clock.Type("datetime") || goods.Type("moment") != clock.Type("instant") {
		t.Error("a used type is a copy")
	}
	shelf := goods.Resource("shelf")
	if shelf == nil || goods.Resource("stock") != shelf || other.Resource("rack") != shelf {
		t.Error("an alias or use of a resource is not the resource")
	}
	if shelf.Name != "shelf" || shelf.Interface != goods.Name {
		t.Errorf("resource is %+v", shelf)
	}
	if goods.Func("[method]shelf.put").Params[0].Type.Resource != shelf {
		t.Error("self is another resource")
	}
}

func TestParseWorld(t *testing.T) {
	w := parseSample(t).World("example:shop/shop")
	names := func(items []WorldItem) (s []string) {
		for _, i := range items {
			s = append(s, i.Name)
		}
		return s
	}
	imports := strings.Join(names(w.Imports), " ")
	want := "wasi:clocks/wall-clock@0.2.12 example:shop/goods@1.2.3-rc.1 print [method]till.open " +
		"example:shop/other@1.2.3-rc.1 second"
	if sorted(imports) != sorted(want) {
		t.Errorf("imports %s\nwant %s", imports, want)
	}
	if got := strings.Join(names(w.Exports), " "); got != "example:shop/goods@1.2.3-rc.1 run hooks" {
		t.Errorf("exports %s", got)
	}
	if before(w.Imports, "example:shop/other@1.2.3-rc.1", "example:shop/goods@1.2.3-rc.1") {
		t.Errorf("an interface is before what it uses: %s", imports)
	}
}

func TestParseDocumentation(t *testing.T) {
	p := parseSample(t)
	goods := p.Interface("example:shop/goods")
	for got, want := range map[string]string{
		p.Doc(goods):                            "What is sold.",
		p.Doc(goods.Func("[method]shelf.put")):  "Puts one there.",
		p.Doc(goods.Resource("shelf")):          "A shelf\nwith items.",
		p.Doc(goods.Func("[static]shelf.make")): "",
	} {
		if got != want {
			t.Errorf("documentation is %q, want %q", got, want)
		}
	}
}

func TestParseFilesOfOneDirectory(t *testing.T) {
	files := []File{{"kv/store.wit", "interface store { type key = string; }"},
		{"kv/world.wit", "package a:kv@1.0.0; world w { import store; }"}, {"x.wit", "package a:x;"}}
	p, err := Parse(files...)
	if err != nil {
		t.Fatal(err)
	}
	if p.Interface("a:kv/store@1.0.0") == nil {
		t.Error("the interface is not in the package of its directory")
	}
	if _, err := Parse(files[0], files[2]); err == nil || !strings.HasPrefix(err.Error(), "kv/store.wit:1:1: no package") {
		t.Errorf("without a package declaration: %v", err)
	}
}

func TestPrintedWITIsReadBack(t *testing.T) {
	first := parseSample(t).WIT()
	p, err := Parse(File{"printed.wit", first})
	if err != nil {
		t.Fatalf("%v in\n%s", err, first)
	}
	if second := p.WIT(); second != first {
		t.Errorf("printed\n%s\nthen\n%s", first, second)
	}
}

// Types have the names that they were given: those of others are used, and an
// alias is one, of a resource in a handle too.
func TestPrintedAliases(t *testing.T) {
	p, err := Parse(File{"names.wit", `package t:names;
interface a { record r { n: u8 } type s = r; type l = list<s>; resource res; type alt = res;
  f: func(x: r, y: s, z: l, o: res, p: alt, q: borrow<alt>); }
interface b { use a.{r as rr, s, res as handle}; type own-name = s; g: func(x: rr, y: handle); }
`})
	if err != nil {
		t.Fatal(err)
	}
	text := p.WIT()
	for _, want := range []string{"type s = r;", "type l = list<s>;", "type alt = res;",
		"f: func(x: r, y: s, z: l, o: res, p: alt, q: borrow<alt>);",
		"use a.{r as rr, s, res as handle};", "type own-name = s;", "g: func(x: rr, y: handle);"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func sorted(s string) string {
	words := strings.Fields(s)
	slices.Sort(words)
	return strings.Join(words, " ")
}

func before(items []WorldItem, first, second string) bool {
	for _, i := range items {
		if i.Name == first || i.Name == second {
			return i.Name == first
		}
	}
	return false
}
