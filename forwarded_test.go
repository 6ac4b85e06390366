package writ

import (
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"slices"
	"strings"
	"testing"
)

// meeting is what a host makes of a request from a peer.
func meeting(t testing.TB, c HostConfig, peer string, headers ...string) *http.Request {
	t.Helper()
	p, err := c.proxies()
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr, r.Host = peer, "writ.example"
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header[textproto.CanonicalMIMEHeaderKey(name)] = append(r.Header[textproto.CanonicalMIMEHeaderKey(name)], value)
	}
	(&Host{proxies: p}).meet(r)
	return r
}

func said(r *http.Request) string {
	var lines []string
	for name, values := range r.Header {
		for _, v := range values {
			lines = append(lines, name+": "+v)
		}
	}
	slices.Sort(lines)
	return r.RemoteAddr + " " + r.URL.Scheme + "://" + r.Host + " [" + strings.Join(lines, "; ") + "]"
}

func TestProxyHeaders(t *testing.T) {
	trusting := HostConfig{TrustedProxies: []string{"10.0.0.0/8", "2001:db8:1::/48", "unix"}}
	standard := HostConfig{TrustedProxies: trusting.TrustedProxies, ProxyHeaders: ProxyForwarded}
	const own = " http://writ.example ["
	all := []string{"X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https", "X-Forwarded-Host: a.example", "X-Forwarded-Prefix: /p",
		"X-Real-IP: 192.0.2.2", "Forwarded: for=192.0.2.3", "X_Forwarded_For: 192.0.2.4", "Accept: text/html"}
	for name, test := range map[string]struct {
		config  HostConfig
		peer    string
		headers []string
		want    string
	}{
		"nobody is trusted":     {HostConfig{}, "10.0.0.1:9", all, "10.0.0.1:9" + own + "Accept: text/html]"},
		"another peer":          {trusting, "192.0.2.9:9", all, "192.0.2.9:9" + own + "Accept: text/html]"},
		"another peer, RFC":     {standard, "[2001:db8:2::1]:9", all, "[2001:db8:2::1]:9" + own + "Accept: text/html]"},
		"another unix peer":     {HostConfig{TrustedProxies: []string{"10.0.0.0/8"}}, "@", all, "@" + own + "Accept: text/html]"},
		"nothing is said":       {trusting, "10.0.0.1:9", nil, "10.0.0.1:9" + own + "]"},
		"a trusted one":         {trusting, "10.0.0.1:9", all, "192.0.2.1:0 https://a.example [Accept: text/html; X-Forwarded-For: 192.0.2.1; X-Forwarded-Host: a.example; X-Forwarded-Prefix: /p; X-Forwarded-Proto: https; X-Real-Ip: 192.0.2.1]"},
		"a trusted one, RFC":    {standard, "10.0.0.1:9", all, "192.0.2.3:0" + own + "Accept: text/html; Forwarded: for=192.0.2.3]"},
		"mapped":                {trusting, "[::ffff:10.0.0.1]:9", []string{"X-Forwarded-For: ::ffff:192.0.2.1"}, "192.0.2.1:0" + own + "X-Forwarded-For: ::ffff:192.0.2.1]"},
		"IPv6":                  {trusting, "[2001:db8:1::1]:9", []string{"X-Forwarded-For: [2001:db8:2::1]:443"}, "[2001:db8:2::1]:443" + own + "X-Forwarded-For: [2001:db8:2::1]:443]"},
		"a socket":              {trusting, "@", []string{"X-Forwarded-For: 192.0.2.1"}, "192.0.2.1:0" + own + "X-Forwarded-For: 192.0.2.1]"},
		"what the client said":  {trusting, "10.0.0.1:9", []string{"X-Forwarded-For: 127.0.0.1, 10.9.9.9, 192.0.2.1, 10.0.0.2"}, "192.0.2.1:0" + own + "X-Forwarded-For: 192.0.2.1, 10.0.0.2]"},
		"in several lines":      {trusting, "10.0.0.1:9", []string{"X-Forwarded-For: 127.0.0.1", "X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 10.0.0.2"}, "192.0.2.1:0" + own + "X-Forwarded-For: 192.0.2.1, 10.0.0.2]"},
		"all are trusted":       {trusting, "10.0.0.1:9", []string{"X-Forwarded-For: 10.0.0.3, 10.0.0.2"}, "10.0.0.3:0" + own + "X-Forwarded-For: 10.0.0.3, 10.0.0.2]"},
		"nonsense on the left":  {trusting, "10.0.0.1:9", []string{"X-Forwarded-For: <script>, 10.0.0.2"}, "10.0.0.2:0" + own + "X-Forwarded-For: 10.0.0.2]"},
		"nonsense on the right": {trusting, "10.0.0.1:9", []string{"X-Forwarded-For: 192.0.2.1, unknown"}, "10.0.0.1:9" + own + "]"},
		"empty elements":        {trusting, "10.0.0.1:9", []string{"X-Forwarded-For: ,192.0.2.1,, "}, "192.0.2.1:0" + own + "X-Forwarded-For: 192.0.2.1]"},
		"a zone":                {trusting, "10.0.0.1:9", []string{"X-Forwarded-For: fe80::1%eth0"}, "10.0.0.1:9" + own + "]"},
		"only X-Real-IP":        {trusting, "10.0.0.1:9", []string{"X-Real-IP: 192.0.2.1"}, "192.0.2.1:0" + own + "X-Real-Ip: 192.0.2.1]"},
		"X-Real-IP twice":       {trusting, "10.0.0.1:9", []string{"X-Real-IP: 192.0.2.1", "X-Real-IP: 192.0.2.2"}, "10.0.0.1:9" + own + "]"},
		"the nearest says":      {trusting, "10.0.0.1:9", []string{"X-Forwarded-Proto: http, https", "X-Forwarded-Host: a.example, b.example:8443"}, "10.0.0.1:9 https://b.example:8443 [X-Forwarded-Host: b.example:8443; X-Forwarded-Proto: https]"},
		"no scheme, no host":    {trusting, "10.0.0.1:9", []string{"X-Forwarded-Proto: javascript", "X-Forwarded-Host: a.example/b"}, "10.0.0.1:9" + own + "]"},
		"RFC, a chain": {standard, "10.0.0.1:9", []string{`Forwarded: for=127.0.0.1;host=evil, for="[2001:db8:2::1]:443";proto=https;host="a.example", FOR=10.0.0.2;proto=http;host=inner`},
			`[2001:db8:2::1]:443 https://a.example [Forwarded: for="[2001:db8:2::1]:443";proto=https;host="a.example", FOR=10.0.0.2;proto=http;host=inner]`},
		"RFC, quoted commas": {standard, "10.0.0.1:9", []string{`Forwarded: for="192.0.2.1, for=127.0.0.1";by=x`}, `10.0.0.1:9` + own + `Forwarded: for="192.0.2.1, for=127.0.0.1";by=x]`},
		"RFC, hidden":        {standard, "10.0.0.1:9", []string{"Forwarded: for=192.0.2.1, for=_gateway;proto=https"}, "10.0.0.1:9 https://writ.example [Forwarded: for=_gateway;proto=https]"},
		"RFC, broken":        {standard, "10.0.0.1:9", []string{`Forwarded: for=192.0.2.1, for="10.0.0.2`}, "10.0.0.1:9" + own + "]"},
		"RFC, twice":         {standard, "10.0.0.1:9", []string{`Forwarded: for=192.0.2.1;for=192.0.2.2`}, "10.0.0.1:9" + own + "]"},
	} {
		if got := said(meeting(t, test.config, test.peer, test.headers...)); got != test.want {
			t.Errorf("%s:\n%s, want\n%s", name, got, test.want)
		}
	}
}

func TestTrustedProxiesAreChecked(t *testing.T) {
	for _, c := range []HostConfig{{TrustedProxies: []string{"10.0.0.0/33"}}, {TrustedProxies: []string{"proxy.example"}}, {TrustedProxies: []string{"fe80::1%eth0"}},
		{TrustedProxies: []string{"::ffff:10.0.0.0/104"}}, {TrustedProxies: []string{""}}, {ProxyHeaders: ProxyForwarded}, {TrustedProxies: []string{"unix"}, ProxyHeaders: "via"}} {
		if _, err := c.proxies(); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
}

// Whatever a proxy says, a request has an address, a scheme and a host that are its own.
func FuzzProxyHeaders(f *testing.F) {
	f.Add("192.0.2.1, 10.0.0.2", `for="[::1]:1";proto=https;host=a, for=10.0.0.1`, "https", "a.example")
	f.Add(`"`, `for="\`, ",", "a\"b")
	f.Fuzz(func(t *testing.T, list, forwarded, proto, host string) {
		for _, format := range []string{ProxyXForwarded, ProxyForwarded} {
			r := meeting(t, HostConfig{TrustedProxies: []string{"10.0.0.0/8"}, ProxyHeaders: format}, "10.0.0.1:9",
				"X-Forwarded-For: "+list, "Forwarded: "+forwarded, "X-Forwarded-Proto: "+proto, "X-Forwarded-Host: "+host)
			if _, ok := parseNode(r.RemoteAddr); !ok || r.URL.Scheme != "http" && r.URL.Scheme != "https" || r.Host == "" || strings.ContainsAny(r.Host, "/?# ") {
				t.Errorf("%s", said(r))
			}
		}
	})
}

func TestRequestsWithoutProxiesAllocateNothing(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Accept", "*/*")
	r.Header.Set("User-Agent", "test")
	p, err := (&HostConfig{TrustedProxies: []string{"10.0.0.0/8"}}).proxies()
	if err != nil {
		t.Fatal(err)
	}
	h := &Host{proxies: p}
	if n := testing.AllocsPerRun(1000, func() { h.meet(r) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
