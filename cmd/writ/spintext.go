package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// tomlText is a string as TOML has it: JSON's escapes are among TOML's.
func tomlText(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // strings always encode
	return strings.ReplaceAll(strings.TrimSuffix(b.String(), "\n"), "\x7f", `\u007f`)
}

var bareKey = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

func tomlKey(s string) string {
	if bareKey.MatchString(s) {
		return s
	}
	return tomlText(s)
}

// manifest is the text of writ.toml.
func (s *spinImport) manifest() string {
	var b strings.Builder
	fmt.Fprintf(&b, "name = %s\n", tomlText(s.app))
	for _, c := range s.components {
		fmt.Fprintf(&b, "\n[component.%s]\nsource = %s\n", c.name, tomlText(c.source))
		for _, t := range []struct {
			name   string
			values map[string]string
		}{{"environment", c.environment}, {"config", c.config}} {
			if len(t.values) == 0 {
				continue
			}
			fmt.Fprintf(&b, "\n[component.%s.%s]\n", c.name, t.name)
			for _, key := range slices.Sorted(maps.Keys(t.values)) {
				fmt.Fprintf(&b, "%s = %s\n", tomlKey(key), tomlText(t.values[key]))
			}
		}
		for _, a := range c.asks {
			fmt.Fprintf(&b, "\n[[component.%s.request]]\ncapability = %s\nresource   = %s\noperations = [%s]\nreason     = %s\n",
				c.name, tomlText(a.Capability), tomlText(a.Resource), tomlTexts(a.Operations), tomlText(a.Reason))
		}
	}
	for _, t := range s.triggers {
		b.WriteString("\n" + t)
	}
	return b.String()
}

func tomlTexts(list []string) string {
	texts := make([]string, len(list))
	for i, s := range list {
		texts[i] = tomlText(s)
	}
	return strings.Join(texts, ", ")
}

// grants is the text of grants.json, and how many there are.
func (s *spinImport) grants() (string, int) {
	var lines []string
	ids := map[string]int{}
	for _, c := range s.components {
		for _, a := range c.asks {
			a.App, a.Component, a.ID = s.app, c.name, c.name+"-"+a.Capability
			if ids[a.ID]++; ids[a.ID] > 1 {
				a.ID = fmt.Sprintf("%s-%d", a.ID, ids[a.ID])
			}
			lines = append(lines, "    "+a.JSON())
		}
	}
	text := "{\n  \"grants\": [\n" + strings.Join(lines, ",\n") + "\n  ]"
	if len(lines) == 0 {
		text = "{\n  \"grants\": []"
	}
	if len(s.denials) > 0 {
		text += ",\n  \"denials\": [\n" + s.denialLines() + "\n  ]"
	}
	return text + "\n}\n", len(lines)
}

func (s *spinImport) denialLines() string {
	lines := make([]string, len(s.denials))
	for i, d := range s.denials {
		lines[i] = fmt.Sprintf(`    {"id":%s,"app":%s,"component":%s,"capability":%s,"resource":%s,"operations":["*"],"reason":"exclude_files of spin.toml"}`,
			tomlText(fmt.Sprintf("%s-excluded-%d", d.Component, i+1)), tomlText(s.app), tomlText(d.Component), tomlText(d.Capability), tomlText(d.Resource))
	}
	return strings.Join(lines, ",\n")
}

// host is the text of host.toml, "" when none is needed.
func (s *spinImport) host() string {
	var b strings.Builder
	for _, t := range []struct {
		table, provider string
		names           []string
	}{{"kv", "embedded", s.stores}, {"sql", "sqlite", s.databases}} {
		slices.Sort(t.names)
		names := slices.Compact(t.names)
		if len(names) == 0 || len(names) == 1 && names[0] == "default" {
			continue // that one is there anyway
		}
		for _, name := range names {
			fmt.Fprintf(&b, "[%s.%s]\nprovider = %s\n\n", t.table, name, tomlText(t.provider))
		}
	}
	for _, d := range s.directories {
		fmt.Fprintf(&b, "[[directory]]\ncomponent = %s\nhost      = %s\nguest     = %s\nread-only = true\n\n", tomlText(d.Component), tomlText(d.Host), tomlText(d.Guest))
	}
	for _, c := range s.components {
		if len(c.values) == 0 {
			continue
		}
		fmt.Fprintf(&b, "[component.%s.config]\n", c.name)
		for _, key := range slices.Sorted(maps.Keys(c.values)) {
			fmt.Fprintf(&b, "%s = { env = %s }\n", tomlKey(key), tomlText(c.values[key]))
		}
		b.WriteString("\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// counted is a number of things, in words.
func counted(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
