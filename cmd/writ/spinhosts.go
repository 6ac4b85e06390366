package main

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/writ-host/writ/broker"
)

// maxSpinPorts is how many ports of a range are granted one by one.
const maxSpinPorts = 64

// addHosts asks for what allowed_outbound_hosts allows, as far as it is HTTP.
func (c *importedComponent) addHosts() error {
	for _, list := range []struct {
		key   string
		hosts []string
	}{{"allowed_outbound_hosts", c.spin.OutboundHosts}, {"allowed_http_hosts", c.spin.HTTPHosts}} {
		for i, host := range list.hosts {
			resources, hint, err := c.all.spin.outbound(host)
			for _, r := range resources {
				if err == nil {
					err = c.ask(broker.HTTP, r, list.key+" of spin.toml", broker.Any)
				}
			}
			if err != nil {
				hint = err.Error()
			}
			if hint != "" {
				c.note(fmt.Sprintf("%s: %q: %s", list.key, head(host), hint), list.key, strconv.Itoa(i))
			}
			if len(c.asks) > maxImported {
				return errTooMany
			}
		}
	}
	return nil
}

// servers says what to do about schemes that are not HTTP's.
var servers = map[string]string{
	"postgres": "the server of a database is the operator's to name in host.toml (sql.NAME.provider), and writ:sql reaches it; fermyon:spin/postgres answers with an error",
	"mysql":    "there is no MySQL here",
	"redis":    "the server of a key-value store is the operator's to name in host.toml (kv.NAME.provider); fermyon:spin/redis answers with an error",
	"mqtt":     "there is no MQTT here",
}

// outbound is what one of the hosts means as resources of HTTP. A hint is about
// the part of it that they leave out.
func (m *spinManifest) outbound(text string) (resources []string, hint string, err error) {
	t, err := m.expand(strings.TrimSpace(text))
	if err != nil {
		return nil, "", err
	}
	if len(t.unknown) > 0 {
		return nil, "", fmt.Errorf("variable %s has no default: add the request and the grant with its value", strings.Join(t.unknown, ", "))
	}
	scheme, rest, ok := strings.Cut(t.text, "://")
	if !ok {
		return nil, "", errors.New("want SCHEME://HOST:PORT")
	}
	schemes := []string{scheme}
	switch {
	case scheme == "*":
		schemes = []string{"http", "https"}
		hint = "only HTTP was granted: connections of other kinds need grants of their own, such as tcp://HOST:PORT for connect"
	case servers[scheme] != "":
		return nil, "", errors.New(servers[scheme])
	case scheme != "http" && scheme != "https":
		return nil, "", fmt.Errorf("nothing here speaks %s: raw connections take a grant of tcp://HOST:PORT for connect", scheme)
	}
	host, port := splitPort(strings.TrimSuffix(rest, "/"))
	if host, err = spinHost(host); err != nil {
		return nil, "", err
	}
	ports, err := spinPorts(port)
	if err != nil {
		return nil, "", err
	}
	if name, ok := strings.CutSuffix(host, ".spin.internal"); ok {
		name = strings.TrimPrefix(strings.Replace(name, "**", "*", 1), ".")
		return []string{"http://" + name + broker.AppDomain + "/**"}, "", nil
	}
	for _, scheme := range schemes {
		for _, port := range ports {
			resources = append(resources, scheme+"://"+host+port+"/**")
		}
	}
	return resources, hint, nil
}

// splitPort parts a port, which an address in brackets may go before.
func splitPort(s string) (host, port string) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 || strings.HasSuffix(s, "]") {
		return s, ""
	}
	return s[:i], s[i+1:]
}

// spinHost is a host as a pattern: Spin's wildcards are for any number of labels.
func spinHost(host string) (string, error) {
	suffix, wild := strings.CutPrefix(host, "*.")
	_, network := netip.ParsePrefix(host)
	switch {
	case host == "self" || host == "self.alt":
		return "", errors.New("an app does not call itself by its own address here: its components call each other at http://NAME" + broker.AppDomain)
	case host == "*":
		return "**", nil
	case network == nil:
		return "", errors.New("networks are not granted: name the hosts, or the addresses")
	case strings.Contains(suffix, "*") || !wild && strings.Contains(host, "*"):
		return "", errors.New("a wildcard is all of a host, or its beginning, as in *.example.com")
	case strings.ContainsAny(host, "/"):
		return "", errors.New("a path is not part of it")
	case wild:
		return "**." + suffix, nil
	}
	return host, nil
}

// spinPorts are the ports as endings of a host. A range of Spin's ends before its last one.
func spinPorts(port string) ([]string, error) {
	from, to, span := strings.Cut(port, "..")
	switch {
	case port == "":
		return []string{""}, nil
	case !span:
		return []string{":" + port}, nil
	}
	first, err1 := strconv.ParseUint(from, 10, 16)
	end, err2 := strconv.ParseUint(to, 10, 16)
	if err := errors.Join(err1, err2); err != nil || end <= first {
		return nil, fmt.Errorf("ports %q: want two numbers, the lesser one first", port)
	}
	if end-first > maxSpinPorts {
		return nil, fmt.Errorf("a range of %d ports is not granted one by one: name those that are needed, or * for all", end-first)
	}
	var list []string
	for n := first; n < end; n++ {
		list = append(list, ":"+strconv.FormatUint(n, 10))
	}
	return slices.Clip(list), nil
}
