package main

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/writ-host/writ"
	"github.com/writ-host/writ/broker"
)

// addFiles opens the directories that Spin would copy or mount, to be read.
func (c *importedComponent) addFiles() error {
	if !c.addExclusions() {
		return nil
	}
	seen := map[string]bool{}
	for i, f := range c.spin.Files {
		host, guest, hint, err := c.mount(f)
		if err == nil && seen[guest] {
			continue
		}
		if err == nil {
			err = c.open(host, guest)
		}
		if err != nil {
			hint = err.Error()
		}
		if err == nil {
			seen[guest] = true
		}
		if hint != "" {
			c.note("files: "+hint, "files", strconv.Itoa(i))
		}
	}
	return nil
}

// mount is the directory of one of the files, and where the component has it.
func (c *importedComponent) mount(f any) (host, guest, hint string, err error) {
	switch f := f.(type) {
	case string:
		base, wild := patternBase(f)
		if wild != "**/*" && wild != "**" && wild != "" {
			hint = fmt.Sprintf("%q: all of %s can be read here, not only what the pattern names", head(f), base)
		}
		return base, "/" + base, hint, nil
	case map[string]any:
		source, _ := f["source"].(string)
		destination, _ := f["destination"].(string)
		if source == "" || !strings.HasPrefix(destination, "/") {
			return "", "", "", errors.New("want source, and destination as a path that begins with /")
		}
		return source, destination, "", nil
	}
	return "", "", "", errors.New("want a pattern, or a table of source and destination")
}

// patternBase is the directory before the first wildcard of a pattern, and the rest.
func patternBase(pattern string) (base, wild string) {
	i := strings.IndexAny(pattern, "*?[{")
	if i < 0 {
		return path.Clean(pattern), ""
	}
	i = strings.LastIndexByte(pattern[:i], '/') + 1
	return path.Clean(pattern[:i]), pattern[i:]
}

func (c *importedComponent) open(source, guest string) error {
	full, err := c.all.within(source)
	if err != nil {
		return fmt.Errorf("%q: %w", head(source), err)
	}
	if full == c.all.dir {
		return fmt.Errorf("%q would open the whole directory of spin.toml: put the files into a directory of their own", head(source))
	}
	info, err := os.Stat(full)
	switch {
	case err != nil:
		return fmt.Errorf("%q is not there: make the directory, and read spin.toml again", head(source))
	case !info.IsDir():
		return fmt.Errorf("%q is a file, and only directories are opened: put it into one", head(source))
	}
	resource, err := broker.FileResource(full + "/")
	if err != nil {
		return err
	}
	if err := c.ask(broker.File, resource+"**", "files of spin.toml", broker.Read, broker.List); err != nil {
		return err
	}
	host, err := filepath.Rel(c.all.into, full)
	c.all.directories = append(c.all.directories, writ.HostDirectory{Component: c.name, Host: host, Guest: guest, ReadOnly: true})
	return err
}

// addExclusions turns exclude_files into denials. What cannot be one leaves all
// of the files out, rather than open more than Spin did.
func (c *importedComponent) addExclusions() bool {
	dir, err := broker.FileResource(c.all.dir + "/")
	for i, pattern := range c.spin.ExcludeFiles {
		short, deep := strings.CutPrefix(pattern, "**/")
		patterns := []string{pattern}
		if deep {
			patterns = append(patterns, short)
		}
		for _, p := range patterns {
			canonical, e := broker.CanonicalPattern(dir + p)
			if e == nil && (!filepath.IsLocal(p) || strings.ContainsAny(p, "?[{") || strings.Contains(short, "**/")) {
				e = errors.New("want a path, with * in its parts, ** at its end and **/ at its beginning")
			}
			if err = errors.Join(err, e); err == nil {
				c.all.denials = append(c.all.denials, broker.Denial{Component: c.name, Capability: broker.File, Resource: canonical})
			}
		}
		if err != nil {
			c.note(fmt.Sprintf("exclude_files: %q: %v; so no file was opened: add [[directory]] to host.toml, and grants", head(pattern), err), "exclude_files", strconv.Itoa(i))
			return false
		}
		c.note(fmt.Sprintf("exclude_files: %q is denied, so that writ plan calls the files granted in part", head(pattern)), "exclude_files", strconv.Itoa(i))
	}
	return true
}
