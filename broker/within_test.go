package broker

import "testing"

func TestComponentsOfTheApp(t *testing.T) {
	for text, want := range map[string]string{
		"http://api.writ.internal/a/b":     "http+app://api/a/b",
		"HTTP://API.Writ.Internal.:80":     "http+app://api/",
		"http://api.spin.internal:/x":      "http+app://api/x",
		"http+app://api/a%2fb":             "http+app://api/a%2Fb",
		"http://writ.internal/":            "http://writ.internal:80/",
		"http://api.writ.internal.evil/":   "http://api.writ.internal.evil:80/",
		"https://api.writ.internal/":       "",
		"http://api.writ.internal:8080/":   "",
		"http://a.b.writ.internal/":        "",
		"http://.writ.internal/":           "",
		"http://api%2ewrit.internal/":      "",
		"http://u@api.writ.internal/":      "",
		"http://api.writ.internal/../x":    "",
		"http://api.writ.internal/%2e%2e/": "",
		"http://api.writ.internal/?q":      "",
		"http+app:api":                     "",
		"http+app://*/":                    "",
	} {
		got, err := Canonical(text)
		if got != want || (err != nil) != (want == "") {
			t.Errorf("%s: %q, %v; want %q", text, got, err, want)
		}
		if again, err := Canonical(got); err == nil && again != got {
			t.Errorf("%s is not the canonical form of itself: %s", got, again)
		}
	}
}

func TestHostsOfTheNetworkReachNoComponent(t *testing.T) {
	resource, err := HTTPResource("http", "api.writ.internal", "/secret/1?q")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{
		"http://**": false, "http://**/**": false, "http://*.internal/**": false, "http://**.internal/**": false, "https://**": false,
		"http://*/**": false, "http://*.*.*/**": false, "http://*:*/**": false,
		"http://api.writ.internal/**": true, "http://*.writ.internal/**": true, "http://**.spin.internal/secret/*": true,
		"http+app://api/**": true, "http+app://*/**": true, "http+app://**/**": true, "http://api.writ.internal:*/**": true,
		"http+app://web/**": false, "http://api.writ.internal/secret": false, "http://ap*.writ.internal/**": true,
	} {
		g := grantOf(t, text)
		if got := g.pattern.match(resource); got != want {
			t.Errorf("%s (%s): %v", text, g.pattern.text, got)
		}
	}
}

func grantOf(t *testing.T, resource string) *Grant {
	t.Helper()
	g, err := Grant{ID: "g", App: "a", Component: "c", Capability: HTTP, Resource: resource, Operations: []string{"GET"}}.Prepare()
	if err != nil {
		t.Fatalf("%s: %v", resource, err)
	}
	return g
}
