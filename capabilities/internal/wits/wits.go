// Package wits holds the WIT text of every standard interface that writ
// implements, parsed once and together, so that all capabilities share one
// *wit.Resource per resource: wasi:http's input-stream is wasi:io's.
//
// Another package's text goes beside the others, one file each. Those of WASI 0.2.12 are the official ones without comments; their
// licence is in LICENSE.md. Those of Spin have its names and shapes alone.
package wits

import (
	"embed"
	"sync"

	"github.com/writ-host/writ/wit"
)

//go:embed *.wit
var files embed.FS

// All is the parsed set.
var All = sync.OnceValue(parse)

func parse() *wit.Packages {
	packages, err := wit.Parse(sources()...)
	if err != nil {
		panic(err) // the files are part of the program, and a test parses them
	}
	return packages
}

// sources reads the embedded files; reading what the program embeds cannot fail.
func sources() []wit.File {
	var list []wit.File
	entries, _ := files.ReadDir(".")
	for _, e := range entries {
		text, _ := files.ReadFile(e.Name())
		list = append(list, wit.File{Name: e.Name(), Text: string(text)})
	}
	return list
}

// Interface is an interface by its name without a version, such as
// wasi:io/streams. It panics on an unknown one, which is a mistake in writ.
func Interface(name string) *wit.Interface {
	i := All().Interface(name)
	if i == nil {
		panic("wits: there is no interface " + name)
	}
	return i
}
