package writ_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/writ-host/writ"
	"github.com/writ-host/writ/broker"
)

// A host that learns reaches no private address, asks nobody for what a denial
// forbids, and writes down what it was asked for.
func TestLearningReachesNothingPrivate(t *testing.T) {
	asked := false
	address := upstream(t, func(http.ResponseWriter, *http.Request) { asked = true })
	dir := t.TempDir()
	for name, text := range map[string]string{"proxy.wasm": readFile(t, "examples/proxy/proxy.wasm"), writ.ManifestName: readFile(t, "examples/proxy/writ.toml"),
		"grants.json": `{"grants": [], "denials": [{"id": "no", "capability": "http", "resource": "http://**:*/secret/**", "operations": ["*"]}]}`} {
		writeFile(t, filepath.Join(dir, name), text)
	}
	app, err := writ.LoadApp(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	l, err := app.Learn()
	if err != nil {
		t.Fatal(err)
	}
	data := app.Config.Data
	t.Run("served", func(t *testing.T) {
		s := serveWith(t, app, writ.Options{Learning: l})
		defer s.end(t)
		for _, target := range []string{address + "/a", "169.254.169.254/latest/meta-data", "10.0.0.1/x", address + "/secret/x"} {
			if status, body, err := s.get(t, "/http/"+target); err != nil || status == http.StatusOK {
				t.Errorf("%s: status %d, %q, %v", target, status, body, err)
			}
		}
	})
	found, err := l.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if asked {
		t.Error("a server on a private address was asked")
	}
	if len(found.Refused) != 1 || !strings.Contains(found.Refused[0], "denied by policy") {
		t.Errorf("refused %q", found.Refused)
	}
	file, err := broker.ReadGrants(found.Path)
	if err != nil {
		t.Fatal(err)
	}
	var learned []string
	for _, g := range file.Grants {
		learned = append(learned, fmt.Sprint(g.Operations, " ", g.Resource))
	}
	slices.Sort(learned)
	want := []string{"[GET] http://10.0.0.1:80/x", "[GET] http://" + address + "/a", "[GET] http://169.254.169.254:80/latest/meta-data"}
	slices.Sort(want)
	if !slices.Equal(learned, want) {
		t.Errorf("learned %q, want %q", learned, want)
	}
	if _, err := os.Stat(data); err == nil {
		t.Errorf("the copy of the data is still in %s", data)
	}
	if info, err := os.Stat(found.Path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v: what was learned is for its owner", err)
	}
}
