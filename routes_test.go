package writ_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// Components find in headers how they were reached, whatever the client says.
func TestComponentsAreToldOfTheirRoute(t *testing.T) {
	address := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"Path-Match-Scheme", "Path-Match-Where-To", "Path-Info", "Full-Url", "Matched-Route", "Component-Route", "Base-Path", "Nonsense"} {
			_, _ = io.WriteString(w, strings.Join(r.Header["Spin-"+name], ",")+"\n")
		}
		_, _ = io.WriteString(w, r.Header.Get("Writ-Nonsense")+r.Header.Get("Spin-Client-Addr"))
	})
	dir := appDir(t, map[string]string{"proxy.wasm": "examples/proxy/proxy.wasm", "writ.toml": `
name = "proxy"
[component.relay]
source = "proxy.wasm"
[[trigger.http]]
route = "/:scheme/:where_to/..."
component = "relay"
`})
	grantHTTP(t, dir, "http://"+address+"/**")
	s := serve(t, dir)
	r, err := http.NewRequest(http.MethodGet, s.URL+"/http/"+address+"/a/b%20c/?q=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Spin-Full-Url", "Spin-Nonsense", "Writ-Nonsense", "Spin-Path-Info", "Spin-Client-Addr"} {
		r.Header.Set(name, "forged")
	}
	resp, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	got, client, _ := strings.Cut(string(body), "\n\n")
	want := strings.Join([]string{"http", address, "/a/b%20c/", s.URL + "/http/" + address + "/a/b%20c/?q=1",
		"/:scheme/:where_to/...", "/:scheme/:where_to", "/"}, "\n")
	if err != nil || got != want || !strings.HasPrefix(client, "127.0.0.1:") {
		t.Errorf("%v\n%s\n%s\nwant\n%s", err, got, client, want)
	}
	if status, _, err := s.get(t, "/http"); status != http.StatusNotFound || err != nil {
		t.Errorf("one segment for two parameters: %d, %v", status, err)
	}
}
