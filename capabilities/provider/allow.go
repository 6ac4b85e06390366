package provider

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// allows checks what a provider declares that it needs against what it was
// given: neither is more than the other, but for files, since those that an
// interpreter reads are known to the operator alone.
func (c *Config) allows(i *Info) error {
	for _, file := range i.Files {
		if !c.reads(file) {
			return fmt.Errorf("it has to read %s, which it is not allowed to: add it to readable", file)
		}
	}
	for _, host := range i.Hosts {
		port, err := portOf(host)
		if err != nil {
			return err
		}
		if !c.Network.reaches(port) {
			return fmt.Errorf("it has to connect to %s, which it is not allowed to: add %d to ports", host, port)
		}
	}
	for _, port := range c.Network.Ports {
		if c.Path != "" && !slices.ContainsFunc(i.Hosts, func(h string) bool { p, _ := portOf(h); return p == port }) {
			return fmt.Errorf("it is allowed port %d, for which it declares no host: remove it from ports", port)
		}
	}
	return nil
}

func (n Network) reaches(port uint16) bool {
	return n.Connect && (len(n.Ports) == 0 || slices.Contains(n.Ports, port))
}

// reads reports whether a provider may read a file.
func (c *Config) reads(file string) bool {
	if !filepath.IsAbs(file) {
		return false
	}
	given := slices.Concat(c.Readable, systemFiles)
	if c.DataDir != "" {
		given = append(given, c.DataDir)
	}
	file = filepath.Clean(file)
	return slices.ContainsFunc(given, func(dir string) bool {
		dir = filepath.Clean(dir)
		return file == dir || strings.HasPrefix(file, strings.TrimSuffix(dir, "/")+"/")
	})
}
