package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/pelletier/go-toml/v2"
)

// maxSpinManifest bounds a spin.toml, in bytes.
const maxSpinManifest = 256 << 10

// spinManifest is what of a spin.toml of version 2 is looked at. What may be
// written in several ways is an any.
type spinManifest struct {
	Version     any `toml:"spin_manifest_version"`
	Application spinApplication
	Variables   map[string]spinVariable
	Trigger     map[string][]map[string]any
	Component   map[string]spinComponent

	places spinPlaces
}

type spinApplication struct {
	Name        string
	Version     string
	Description string
	Authors     []string
	Targets     []any
	Trigger     map[string]map[string]any
	Tool        map[string]any
}

// spinVariable is a variable of the app, of which components have theirs made.
type spinVariable struct {
	Description string
	Required    bool
	Default     *string
	Secret      bool
}

type spinComponent struct {
	Source        any // a path, or a table of a registry's or a server's
	Description   string
	Variables     map[string]string
	Environment   map[string]string
	Files         []any    // patterns, or tables of source and destination
	ExcludeFiles  []string `toml:"exclude_files"`
	HTTPHosts     []string `toml:"allowed_http_hosts"`
	OutboundHosts []string `toml:"allowed_outbound_hosts"`
	Stores        []string `toml:"key_value_stores"`
	Databases     []string `toml:"sqlite_databases"`
	Models        []string `toml:"ai_models"`
	Targets       []any
	Build         *struct {
		Command any
		Workdir string
		Watch   []string
	}
	Tool                map[string]any
	InheritDependencies any `toml:"dependencies_inherit_configuration"`
	Dependencies        map[string]any
	Profile             map[string]any
}

// readSpin reads a spin.toml. Keys that nobody knows come back as notes.
func readSpin(path string) (*spinManifest, []spinNote, error) {
	text, err := readAtMost(path, maxSpinManifest)
	if err != nil {
		return nil, nil, err
	}
	places := placesOf(text)
	if err := checkSpinVersion(text, places); err != nil {
		return nil, nil, fmt.Errorf("%s:%w", path, err)
	}
	m := &spinManifest{places: places}
	unknown, err := decodeSpin(text, m)
	if err != nil {
		return nil, nil, fmt.Errorf("%s:%w", path, err)
	}
	var notes []spinNote
	for _, u := range unknown {
		notes = append(notes, spinNote{u.line, u.key + " is not known here: it was left out"})
	}
	return m, notes, nil
}

func checkSpinVersion(text []byte, places spinPlaces) error {
	var v struct {
		Now    any `toml:"spin_manifest_version"`
		Before any `toml:"spin_version"` // its first name
	}
	if err := decodeTOML(toml.NewDecoder(bytes.NewReader(text)), &v); err != nil {
		return err
	}
	switch {
	case v.Now == nil && v.Before == nil:
		return errors.New("1: this is no manifest of Spin: it has no spin_manifest_version")
	case v.Now != int64(2):
		line := max(places.line("spin_manifest_version"), places.line("spin_version"))
		return fmt.Errorf("%d: only manifests of version 2 are read; Spin's own command \"spin doctor\" makes one of an older one", line)
	}
	return nil
}

func readAtMost(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, fmt.Errorf("%s is a directory", path)
	}
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("%s: more than the %s that a manifest may have", path, humanize.IBytes(uint64(most)))
	}
	return text, err
}

// unknownKey is a key that a document has and nobody looks at.
type unknownKey struct {
	line int
	key  string
}

// decodeSpin decodes a document, and tells what keys nobody looks at. An error
// begins with its line.
func decodeSpin(text []byte, v any) ([]unknownKey, error) {
	err := decodeTOML(toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields(), v)
	var strict *toml.StrictMissingError
	if !errors.As(err, &strict) {
		return nil, err
	}
	var keys []unknownKey
	for _, e := range strict.Errors {
		line, _ := e.Position()
		keys = append(keys, unknownKey{line, strings.Join(e.Key(), ".")})
	}
	return keys, nil
}

func decodeTOML(d *toml.Decoder, v any) error {
	err := d.Decode(v)
	var strict *toml.StrictMissingError // which is a list of the other
	var bad *toml.DecodeError
	if errors.As(err, &strict) || !errors.As(err, &bad) {
		return err
	}
	line, column := bad.Position()
	message, _, wrongType := strings.Cut(strings.TrimPrefix(bad.Error(), "toml: "), " into struct field")
	if wrongType { // of this program, which is nobody's business
		message = strings.Join(bad.Key(), ".") + ": " + message + " here"
	}
	return fmt.Errorf("%d:%d: %s", line, column, message)
}
