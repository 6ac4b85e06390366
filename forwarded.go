package writ

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// Which headers trusted proxies say in for whom they ask.
const (
	ProxyXForwarded = "x-forwarded" // X-Forwarded-For, -Proto and -Host, or X-Real-IP
	ProxyForwarded  = "forwarded"   // RFC 7239
)

// proxies are the peers who may say for whom they ask. The zero value trusts nobody.
type proxies struct {
	networks []netip.Prefix
	unix     bool // whoever connects to a unix socket
	standard bool // they say it by RFC 7239
}

// proxies reads trusted-proxies and proxy-headers.
func (c *HostConfig) proxies() (p proxies, err error) {
	switch c.ProxyHeaders {
	case "", ProxyXForwarded:
	case ProxyForwarded:
		p.standard = true
	default:
		return p, fmt.Errorf("proxy-headers = %q: want %q or %q", c.ProxyHeaders, ProxyXForwarded, ProxyForwarded)
	}
	if c.ProxyHeaders != "" && len(c.TrustedProxies) == 0 {
		return p, fmt.Errorf("proxy-headers: there are no trusted-proxies to send them")
	}
	for _, text := range c.TrustedProxies {
		if text == "unix" {
			p.unix = true
			continue
		}
		network, err := netip.ParsePrefix(text)
		if address, e := netip.ParseAddr(text); e == nil && address.Zone() == "" {
			network, err = netip.PrefixFrom(address, address.BitLen()), nil
		}
		if err != nil || network.Addr().Is4In6() {
			return p, fmt.Errorf("trusted-proxies: %q: want an address, a network such as 10.0.0.0/8, or unix", text)
		}
		p.networks = append(p.networks, network.Masked())
	}
	return p, nil
}

// trust says whether a peer is one of them, by a connection's remote address.
func (p *proxies) trust(remote string) bool {
	if len(p.networks) == 0 && !p.unix {
		return false
	}
	if a, err := netip.ParseAddrPort(remote); err == nil {
		return p.has(a.Addr())
	}
	return p.unix && (remote == "" || remote[0] == '@' || remote[0] == '/')
}

func (p *proxies) has(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	for _, n := range p.networks {
		if n.Contains(a) {
			return true
		}
	}
	return false
}

// strip removes from a request's headers what the host alone says, and reports
// whether there is anything that a proxy would say.
func strip(h http.Header) (proxied bool) {
	for name := range h {
		plain := name
		if strings.IndexByte(name, '_') >= 0 { // which many take for a hyphen
			plain = http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-"))
		}
		switch {
		case strings.HasPrefix(plain, "Spin-") || strings.HasPrefix(plain, "Writ-"):
			delete(h, name)
		case ofProxies(plain):
			proxied = true
			if plain != name {
				delete(h, name)
			}
		}
	}
	return proxied
}

func ofProxies(name string) bool {
	return strings.HasPrefix(name, "X-Forwarded") || name == "Forwarded" || name == "X-Real-Ip"
}

// distrust removes all that a proxy would say.
func distrust(h http.Header) {
	for name := range h {
		if ofProxies(name) {
			delete(h, name)
		}
	}
}

// settle has a request be from whom a trusted proxy says, as far as that was
// said by trusted proxies all along; the headers then say no more than this.
func (p *proxies) settle(r *http.Request) {
	said := p.x
	if p.standard {
		said = p.rfc7239
	}
	client, scheme, host := said(r.Header)
	if client.IsValid() {
		r.RemoteAddr = client.String()
	}
	r.URL.Scheme, r.Host = orElse(scheme, r.URL.Scheme), orElse(host, r.Host)
}

// schemeOf and hostOf are what is said if it is one, else "".

func schemeOf(said string) string {
	if said = strings.ToLower(said); said == "http" || said == "https" {
		return said
	}
	return ""
}

func hostOf(said string) string {
	if len(said) > 300 || !httpguts.ValidHostHeader(said) || strings.ContainsAny(said, "/?#@\\") {
		return ""
	}
	return said
}

// x reads the headers that came before the standard.
func (p *proxies) x(h http.Header) (client netip.AddrPort, scheme, host string) {
	delete(h, "Forwarded")
	real := h["X-Real-Ip"]
	hops := elements(h["X-Forwarded-For"])
	if len(hops) == 0 && len(real) == 1 {
		client, _ = parseNode(real[0])
	}
	from := len(hops)
	for from > 0 {
		node, ok := parseNode(hops[from-1])
		if !ok {
			break
		}
		client = node
		if from--; !p.has(node.Addr()) {
			break
		}
	}
	keep(h, "X-Forwarded-For", strings.Join(hops[from:], ", "))
	if len(real) > 0 {
		value := ""
		if client.IsValid() {
			value = client.Addr().String()
		}
		keep(h, "X-Real-Ip", value)
	}
	scheme, host = schemeOf(last(h["X-Forwarded-Proto"])), hostOf(last(h["X-Forwarded-Host"]))
	keep(h, "X-Forwarded-Proto", scheme)
	keep(h, "X-Forwarded-Host", host)
	return client, scheme, host
}

// rfc7239 reads Forwarded.
func (p *proxies) rfc7239(h http.Header) (client netip.AddrPort, scheme, host string) {
	hops := elements(h["Forwarded"])
	distrust(h)
	from := len(hops)
	for from > 0 {
		pairs, ok := parseForwarded(hops[from-1])
		if !ok {
			break
		}
		from--
		scheme, host = orElse(schemeOf(pairs["proto"]), scheme), orElse(hostOf(pairs["host"]), host)
		node, ok := parseNode(pairs["for"])
		if !ok {
			break
		}
		client = node
		if !p.has(node.Addr()) {
			break
		}
	}
	keep(h, "Forwarded", strings.Join(hops[from:], ", "))
	return client, scheme, host
}

// keep sets a header, or removes it when there is nothing to keep.
func keep(h http.Header, name, value string) {
	if value == "" {
		delete(h, name)
		return
	}
	h[name] = []string{value}
}

// elements are those of a list in a header's lines, empty ones left out. A comma
// within quotes divides nothing.
func elements(lines []string) (list []string) {
	for _, line := range lines {
		list = append(list, split(line, ',')...)
	}
	return list
}

// last is the last element of a list: what the nearest proxy says.
func last(lines []string) string {
	if list := elements(lines); len(list) > 0 {
		return list[len(list)-1]
	}
	return ""
}

// split divides a text where a byte is outside of quotes.
func split(s string, at byte) (parts []string) {
	quoted, start := false, 0
	for i := 0; i <= len(s); i++ {
		switch {
		case i == len(s) || s[i] == at && !quoted:
			if part := strings.Trim(s[start:i], " \t"); part != "" {
				parts = append(parts, part)
			}
			start = i + 1
		case s[i] == '"':
			quoted = !quoted
		case s[i] == '\\' && quoted && i+1 < len(s):
			i++
		}
	}
	return parts
}

// parseForwarded reads one element of Forwarded; RFC 7239, section 4.
func parseForwarded(element string) (pairs map[string]string, ok bool) {
	pairs = map[string]string{}
	for _, pair := range split(element, ';') {
		name, value, found := strings.Cut(pair, "=")
		name = strings.ToLower(name)
		if _, twice := pairs[name]; !found || twice || !httpguts.ValidHeaderFieldName(name) {
			return nil, false
		}
		if strings.HasPrefix(value, `"`) {
			if value, ok = unquote(value); !ok {
				return nil, false
			}
		}
		pairs[name] = value
	}
	return pairs, true
}

// unquote reads a quoted-string; RFC 9110, section 5.6.4.
func unquote(s string) (string, bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), i == len(s)-1
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return "", false
}

// parseNode reads an address with or without a port: 192.0.2.1, 192.0.2.1:80,
// 2001:db8::1, [2001:db8::1], [2001:db8::1]:80. What is hidden is not ok.
func parseNode(s string) (netip.AddrPort, bool) {
	if a, err := netip.ParseAddrPort(s); err == nil {
		return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()), a.Addr().Zone() == ""
	}
	if inner, ok := strings.CutPrefix(s, "["); ok {
		if s, ok = strings.CutSuffix(inner, "]"); !ok {
			return netip.AddrPort{}, false
		}
	}
	a, err := netip.ParseAddr(s)
	return netip.AddrPortFrom(a.Unmap(), 0), err == nil && a.Zone() == ""
}
