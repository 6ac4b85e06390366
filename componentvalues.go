package writ

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// HostComponent is [component.NAME] of host.toml: what the operator sets for a
// component, over what its manifest does. A value is a text, or a table with
// "file", whose contents it is, or "env", a variable of writ's own.
type HostComponent struct {
	Config      map[string]any `toml:"config"`      // for wasi:config
	Environment map[string]any `toml:"environment"` // handed out where it is granted, as the manifest's
}

// checkValues reports what is wrong with [component.NAME] beside its files.
func (a *App) checkValues() error {
	if a.Manifest.bare {
		return nil // host.toml beside it may be another app's
	}
	for _, name := range slices.Sorted(maps.Keys(a.Config.Components)) {
		if err := a.Manifest.has(name); err != nil {
			return fmt.Errorf("%s: component.%s: %w", HostConfigName, name, err)
		}
		c := a.Config.Components[name]
		for _, values := range []map[string]any{c.Config, c.Environment} {
			for key, v := range values {
				if _, _, err := source(v); err != nil {
					return fmt.Errorf("%s: component.%s: %s: %w", HostConfigName, name, key, err)
				}
			}
		}
	}
	return nil
}

// source is where a value comes from: "" for a text that is itself.
func source(v any) (from, text string, err error) {
	switch v := v.(type) {
	case string:
		return "", v, nil
	case map[string]any:
		for _, from := range []string{"file", "env"} {
			if text, ok := v[from].(string); ok && len(v) == 1 && text != "" {
				return from, text, nil
			}
		}
	}
	return "", "", fmt.Errorf(`want a text, { file = "PATH" } or { env = "NAME" }`)
}

// filled is a component's manifest with the operator's values in the place of
// its own. Files and variables are read now.
func (c *HostConfig) filled(name string, m ManifestComponent) (ManifestComponent, error) {
	values := c.Components[name]
	var err error
	if m.Config, err = c.over(m.Config, values.Config); err == nil {
		m.Environment, err = c.over(m.Environment, values.Environment)
	}
	return m, err
}

func (c *HostConfig) over(under map[string]string, values map[string]any) (map[string]string, error) {
	if len(values) == 0 {
		return under, nil
	}
	all := maps.Clone(under)
	if all == nil {
		all = map[string]string{}
	}
	for key, v := range values {
		from, text, err := source(v)
		if err == nil {
			text, err = c.value(from, text)
		}
		if err != nil {
			return nil, fmt.Errorf("%s (%s): %w", key, HostConfigName, err)
		}
		all[key] = text
	}
	return all, nil
}

// value reads what a component gets. Errors do not have it.
func (c *HostConfig) value(from, text string) (string, error) {
	switch from {
	case "env":
		v, ok := os.LookupEnv(text)
		if !ok {
			return "", fmt.Errorf("writ's own environment has no %s", text)
		}
		text = v
	case "file":
		path, err := withCredentials(text)
		if err != nil {
			return "", err
		}
		if !filepath.IsAbs(path) {
			path = filepath.Join(c.dir, path)
		}
		b, err := readBounded(path)
		if err != nil {
			return "", err
		}
		text = strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
	}
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return "", fmt.Errorf("it is not text in UTF-8")
	}
	return text, nil
}
