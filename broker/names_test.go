package broker

import "testing"

func TestNamesHost(t *testing.T) {
	for pattern, want := range map[string]bool{
		"https://api.example.com/**":    true,
		"https://api.example.com:*/**":  true,
		"http://127.0.0.1:8080/**":      true,
		"http://[::1]:*/x":              true,
		"http://[::ffff:10.0.0.1]/x/*":  true,
		"https://*.example.com/**":      false,
		"https://**/**":                 false,
		"https://**":                    false,
		"http://127.0.0.*:80/":          false,
		"http://10.**:80/":              false,
		"tcp://10.0.0.1:5432":           true,
		"tcp://*:5432":                  false,
		"kv://default/**":               false,
		"acme:billing/api@1.0.0#charge": false,
		"http://a b/":                   false,
		"":                              false,
	} {
		if got := (&Grant{Resource: pattern}).NamesHost(); got != want {
			t.Errorf("%s: %v, want %v", pattern, got, want)
		}
	}
}
