package wit

import (
	"fmt"
	"strings"
	"testing"
)

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"interface a {}":                                  "1:1: no package declaration",
		"package a;":                                      "1:10: want :",
		"package a:b@1.2;":                                `1:13: "1.2" is not a semantic version`,
		"package a:b;\npackage c:d;":                      "2:1: the package declaration must come first",
		"package a:b; interface i { x: func(; }":          "want a name",
		"package a:b;\n  interface i {\n    é: func(); }": "3:5: unexpected character 'é'",
		"package a:b; interface i { a--b: func(); }":      `"a--b" is not a kebab-case name`,
		"package a:b; interface i { aB: func(); }":        `"aB" is not a kebab-case name`,
		"package a:b; interface i { list: func(); }":      `"list" is a keyword: write %list`,
		"package a:b; interface i {":                      "want }, got the end of the file",
		"package a:b; /* open":                            "comment is not closed",
		"package a:b; @soon(x = y) interface i {}":        "there is no gate @soon",
		"package a:b; interface i {} interface i {}":      "i is defined twice in package a:b",

		inInterface("type t = t;"):                                        "t refers to itself",
		inInterface("record a { b: b } record b { a: option<a> }"):        "a refers to itself",
		inInterface("type t = nothing;"):                                  "there is no type nothing",
		inInterface("type t = u8; T: func(); "):                           "T is defined twice",
		inInterface("record r { a: u8, A: u8 }"):                          "r has A twice",
		inInterface("record r {}"):                                        "record r is empty",
		inInterface("flags f {" + labels(33) + "}"):                       "33 labels, more than 32",
		inInterface("type t = map<string, u8>;"):                          "the type map is not supported",
		inInterface("type t = list;"):                                     "list does not take 0 types",
		inInterface("type t = option<_>;"):                                "_ stands only for",
		inInterface("type t = list<u8, 0>;"):                              "0 is not the length of a list",
		inInterface("type t = list<u8, 99999999999>;"):                    "99999999999 is not the length",
		inInterface("type t = borrow<u8>;"):                               "there is no resource u8",
		inInterface("type t = u8; type b = borrow<t>;"):                   "t is not a resource",
		inInterface("resource r; f: func() -> borrow<r>;"):                "the result of f has a borrow in it",
		inInterface("resource r { constructor() -> u8; }"):                "a constructor returns only its resource",
		inInterface("resource r { constructor(); constructor(); }"):       "twice",
		inInterface("use a:b/j.{x};"):                                     "there is no interface j",
		inInterface("use a:c/j.{x};"):                                     "there is no package a:c",
		inInterface("use i.{x};"):                                         "interface a:b/i uses itself",
		inInterface("f: func(a: u8, a: u8);"):                             "function f has a twice",
		inInterface("type t = " + strings.Repeat("list<", 100) + "u8;"):   "types are nested deeper than 64",
		inInterface(chain(2000)):                                          "more than 1000 definitions that need one another",
		"package a:b; " + manyIncludes(2000):                              "worlds have more than 1048576",
		"package a:b; interface " + strings.Repeat("a", 2000) + " {}":     "a name of 2000 bytes, more than 1024",
		"package a:b; world w { include w; }":                             "world w includes itself",
		"package a:b; world w { import x: func(); import x: func(); }":    "world w has import x twice",
		"package a:b; world w { import nothing; }":                        "there is no interface nothing",
		"package a:b; world w { import a:b; }":                            "there is no interface b",
		"package a:b; world w { @external-id(\"unclosed) import a; }":     "string is not closed",
		"package a:b; interface i { use j.{x}; } interface j { }":         "interface a:b/j has no type x",
		"package a:b; use a:c/x as y; use a:d/y; interface i {}":          "y is used twice",
		"package a:b; interface i { use j.{x}; } interface j{use i.{y};}": "interface a:b/i uses itself",
	} {
		_, err := Parse(File{"f.wit", text})
		if err == nil || !strings.HasPrefix(err.Error(), "f.wit:") || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: got %v, want …%s…", text, err, want)
		}
	}
}

func inInterface(body string) string { return "package a:b; interface i { " + body + " }" }

func labels(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "l%d, ", i)
	}
	return b.String()
}

func chain(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "type t%d = t%d; ", i, i+1)
	}
	return b.String()
}

// manyIncludes is n worlds that each include one with n imports.
func manyIncludes(n int) string {
	var b strings.Builder
	b.WriteString("world all { ")
	for i := range n {
		fmt.Fprintf(&b, "import fn%d: func(); ", i)
	}
	b.WriteString("} ")
	for i := range n {
		fmt.Fprintf(&b, "world w%d { include all; } ", i)
	}
	return b.String()
}

// What parses prints, and the print parses to the same print.
func FuzzParse(f *testing.F) {
	f.Add(sample)
	f.Add(inInterface("type t = list<u8, 4>; resource r { constructor(); } f: func(a: borrow<r>) -> r;"))
	f.Add("package a:b; world w { import a: b; import c: a:b/i; } interface b {} interface i {}")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Parse(File{"f.wit", text})
		if err != nil {
			return
		}
		first := p.WIT()
		if len(first) >= maxTypeText {
			return // types may have been cut off
		}
		again, err := Parse(File{"printed.wit", first})
		if err != nil {
			t.Fatalf("%v in\n%s", err, first)
		}
		if second := again.WIT(); second != first {
			t.Fatalf("printed\n%s\nthen\n%s", first, second)
		}
	})
}
