package scaffold

import (
	"errors"
	"fmt"
	"go/format"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/writ-host/writ/capabilities/custom"
	"github.com/writ-host/writ/wit"
)

// Project is a provider to be written.
type Project struct {
	Name    string // of the provider: lower case, digits and hyphens
	WIT     string // path of the file with its interfaces
	Dir     string // to write; it must not be there yet
	Module  string // path of the Go module; "" is example.com/NAME
	Replace string // directory with writ's own source to build against; "" is its release
}

var validName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)

// Write writes the project, and returns the names of its files.
func (p Project) Write() ([]string, error) {
	if !validName.MatchString(p.Name) {
		return nil, fmt.Errorf("name %q: want lower-case letters, digits and hyphens, starting with a letter", p.Name)
	}
	if p.Module == "" {
		p.Module = "example.com/" + p.Name
	}
	text, err := os.ReadFile(p.WIT)
	if err != nil {
		return nil, err
	}
	files, err := p.files(string(text))
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir(p.Dir, 0o755); errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("%s is there already: name another directory with --dir", p.Dir)
	} else if err != nil {
		return nil, err
	}
	var names []string
	for _, f := range files {
		path := filepath.Join(p.Dir, f.name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(path, []byte(f.text), 0o644); err != nil {
			return nil, err
		}
		names = append(names, f.name)
	}
	return names, nil
}

type file struct{ name, text string }

// files are the project's.
func (p Project) files(text string) ([]file, error) {
	packages, err := wit.Parse(wit.File{Name: filepath.Base(p.WIT), Text: text})
	if err != nil {
		return nil, err
	}
	interfaces := packages.Interfaces()
	if len(interfaces) == 0 {
		return nil, errors.New("the WIT has no interface")
	}
	var names []string
	for _, i := range interfaces {
		names = append(names, i.Name.String())
	}
	if _, err := custom.Declared([]wit.File{{Name: p.WIT, Text: text}}, names); err != nil {
		return nil, fmt.Errorf("a provider of this WIT could not be used: %w", err)
	}
	code, err := p.service(packages, interfaces)
	if err != nil {
		return nil, err
	}
	module, err := p.goMod()
	if err != nil {
		return nil, err
	}
	files := append(module, file{"main.go", p.fill(mainText)}, file{"service.go", code}, file{p.Name + ".wit", text},
		file{"Makefile", p.fill(makeText)}, file{"README.md", p.fill(readmeText)},
		file{".gitignore", "/" + p.Name + "\napp/.writ/\napp/web.wasm\napp/web/target/\n"})
	return append(files, p.app(interfaces)...), nil
}

// service is the Go code of the interfaces.
func (p Project) service(packages *wit.Packages, interfaces []*wit.Interface) (string, error) {
	s := newSource(interfaces, "Service")
	var body strings.Builder
	s.declarations(&body, packages)
	s.methods(&body, "Service", packages)
	head := "package main\n\nimport (\n\t\"context\"\n"
	if strings.Contains(body.String(), "fmt.") {
		head += "\t\"fmt\"\n"
	}
	if strings.Contains(body.String(), "provider.Result[") {
		head += "\n\t\"github.com/writ-host/writ/capabilities/provider\"\n"
	}
	head += ")\n\n// Service implements the interfaces: each method is a function of " + p.Name + ".wit. Methods are called\n" +
		"// concurrently, and answer examples until you write them.\ntype Service struct{}\n\n"
	code, err := format.Source([]byte(head + body.String()))
	if err != nil {
		return "", fmt.Errorf("format the code: %w", err)
	}
	return string(code), nil
}

// goMod is the module's file, and the sums of writ's own when it is built
// against its source.
func (p Project) goMod() ([]file, error) {
	text := "module " + p.Module + "\n\ngo 1.26\n"
	if p.Replace == "" {
		return []file{{"go.mod", text}}, nil
	}
	dir, err := filepath.Abs(p.Replace)
	if err != nil {
		return nil, err
	}
	sums, err := os.ReadFile(filepath.Join(dir, "go.sum"))
	if err != nil {
		return nil, fmt.Errorf("%s has no source of writ: %w", p.Replace, err)
	}
	text += "\nrequire github.com/writ-host/writ v0.0.0\n\nreplace github.com/writ-host/writ => " + dir + "\n"
	return []file{{"go.mod", text}, {"go.sum", string(sums)}}, nil
}

func (p Project) fill(text string) string {
	tidy := "go mod tidy"
	if p.Replace != "" {
		tidy = "true # built against " + p.Replace
	}
	return strings.NewReplacer("NAME", p.Name, "TIDY", tidy).Replace(text)
}
