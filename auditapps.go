package writ

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// FindApps reads the apps at paths: each an app, a component, a host's
// configuration, or a directory with apps in it. Without a path it takes the
// directory of configPath, or else the current one.
func FindApps(paths []string, configPath string) ([]*App, error) {
	if len(paths) == 0 {
		paths = []string{"."}
		if configPath != "" {
			paths = []string{filepath.Dir(configPath)}
		}
	}
	var apps []*App
	for _, p := range paths {
		config := configPath
		if filepath.Base(p) == HostConfigName {
			p, config = filepath.Dir(p), p
		}
		dirs, err := appsIn(p)
		if err != nil {
			return nil, err
		}
		for _, d := range dirs {
			a, err := LoadApp(d, config)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", d, err)
			}
			apps = append(apps, a)
		}
	}
	return apps, nil
}

// appsIn lists the apps of a directory and of those directly in it, or is the path itself.
func appsIn(path string) ([]string, error) {
	if !isDir(path) {
		_, err := os.Stat(path)
		return []string{path}, err
	}
	var found []string
	for _, pattern := range []string{ManifestName, filepath.Join("*", ManifestName)} {
		at, err := filepath.Glob(filepath.Join(globEscape(path), pattern))
		if err != nil {
			return nil, err
		}
		for _, m := range at {
			found = append(found, filepath.Dir(m))
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s: no %s in it or in a directory of it: %w", path, ManifestName, os.ErrNotExist)
	}
	slices.Sort(found)
	return found, nil
}

// globEscape makes a path a pattern of itself.
func globEscape(path string) string {
	var b []byte
	for i := range len(path) {
		if c := path[i]; c == '*' || c == '?' || c == '[' || c == '\\' {
			b = append(b, '\\')
		}
		b = append(b, path[i])
	}
	return string(b)
}
