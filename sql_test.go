package writ_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/writ-host/writ"
)

// ordersApp is examples/orders in a directory of its own, running.
func ordersApp(t *testing.T, hostConfig string) (server *httptest.Server, dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, name := range []string{"writ.toml", "grants.json", "orders.wasm"} {
		b, err := os.ReadFile(filepath.Join("examples/orders", name))
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, name), string(b))
	}
	if hostConfig != "" {
		writeFile(t, filepath.Join(dir, writ.HostConfigName), hostConfig)
	}
	app, err := writ.LoadApp(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	h, err := writ.Start(context.Background(), app, writ.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server = httptest.NewServer(h)
	t.Cleanup(func() {
		server.Close()
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return server, dir
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func request(t *testing.T, method, url, body string) string {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.Status + " " + string(b)
}

func testOrders(t *testing.T, url string) {
	t.Helper()
	ann := `{"customer":"Ann","lines":[{"item":"tea","quantity":2,"cents":250},{"item":"pot","quantity":1,"cents":1200}]}`
	steps := []struct{ method, path, body, want string }{
		{"GET", "/orders", "", "200 OK []"},
		{"POST", "/orders", ann, `201 Created {"cents":1700,"id":1}`},
		{"POST", "/orders", `{"customer":"Bob'); DROP TABLE orders; --","lines":[{"item":"x","quantity":1,"cents":1}]}`, `201 Created {"cents":1,"id":2}`},
		{"POST", "/orders", `{"customer":"Eve","lines":[{"item":"x","quantity":1,"cents":1},{"item":"x","quantity":0,"cents":1}]}`, "422 "},
		{"POST", "/orders", `{"customer":"Eve"}`, "400 "},
		{"DELETE", "/orders/1", "", `403 Forbidden {"error":"not granted"}`},
	}
	for _, s := range steps {
		if got := request(t, s.method, url+s.path, s.body); !strings.HasPrefix(got, s.want) {
			t.Errorf("%s %s %s: %s", s.method, s.path, s.body, got)
		}
	}
	if got := request(t, "GET", url+"/orders?customer=Ann", ""); strings.Count(got, `"customer"`) != 1 || !strings.Contains(got, `"cents":1700`) || strings.Contains(got, `"at":0`) {
		t.Errorf("Ann's orders: %s", got)
	}
	if got := request(t, "GET", url+"/orders", ""); strings.Count(got, `"customer"`) != 2 || strings.Contains(got, "Eve") {
		t.Errorf("all orders: %s", got)
	}
}

func TestOrdersOverSQLite(t *testing.T) {
	server, dir := ordersApp(t, "")
	testOrders(t, server.URL)

	revoked := strings.Replace(readFile(t, filepath.Join(dir, "grants.json")), `["ddl", "select", "insert"]`, `["insert"]`, 1)
	writeFile(t, filepath.Join(dir, "grants.json"), revoked)
	eventually(t, "the revocation reaches statements that were prepared", func() bool {
		return strings.HasPrefix(request(t, "GET", server.URL+"/orders", ""), "403 ")
	})
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// eventually asks until something is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !so(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not so: %s", what)
		}
	}
}
