package provider

import (
	"strings"
	"testing"
)

func TestWhatAProviderDeclaresMustBeAllowed(t *testing.T) {
	given := Config{Path: "/p", DataDir: "/data", Readable: []string{"/etc/words", "/opt/x/"}, Network: Network{Connect: true, Ports: []uint16{443}}}
	all := []string{"h:443"}
	for _, c := range []struct {
		name, want string
		info       Info
		config     Config
	}{
		{"nothing", "", Info{}, Config{Path: "/p"}},
		{"files", "", Info{Files: []string{"/etc/words", "/opt/x/y", "/data/z", "/usr/lib/a.so"}, Hosts: all}, given},
		{"another file", "has to read /etc/passwd", Info{Files: []string{"/etc/passwd"}, Hosts: all}, given},
		{"beside", "has to read /etc/wordsmith", Info{Files: []string{"/etc/wordsmith"}, Hosts: all}, given},
		{"upwards", "has to read /opt/x/../y", Info{Files: []string{"/opt/x/../y"}, Hosts: all}, given},
		{"relative", "has to read words", Info{Files: []string{"words"}, Hosts: all}, given},
		{"another port", "has to connect to db:5432", Info{Hosts: []string{"db:5432", "*:443"}}, given},
		{"no network", "has to connect to db:443", Info{Hosts: []string{"db:443"}}, Config{Path: "/p"}},
		{"any port", "", Info{Hosts: []string{"db:443"}}, Config{Path: "/p", Network: Network{Connect: true}}},
		{"more than declared", "is allowed port 443", Info{}, given},
		{"no port", "want host:port", Info{Hosts: []string{"db"}}, given},
	} {
		err := c.config.allows(&c.info)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}
