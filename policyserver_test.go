package writ_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/bundle"

	"github.com/writ-host/writ/broker/ledger"
)

// signer signs policy bundles.
type signer struct{ public, private string } // in PEM

func newSigner(t *testing.T) signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return signer{string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})),
		string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private}))}
}

// bundle is an archive of one policy, as opa build and opa sign make it.
func (s signer) bundle(t *testing.T, rego string) []byte {
	t.Helper()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "policy.rego"), rego)
	content, err := bundle.NewCustomReader(bundle.NewDirectoryLoader(dir)).WithRegoVersion(ast.RegoV1).Read()
	if err != nil {
		t.Fatal(err)
	}
	if s.private != "" {
		if err := content.GenerateSignature(bundle.NewSigningConfig(s.private, "ES256", ""), "acme", true); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := bundle.Write(&b, content); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const (
	granting = "package writ\n\ngrants contains {\"id\": \"acme-kv\", \"capability\": \"kv\", \"resource\": \"kv://default/guestbook/**\", \"operations\": [\"*\"]}"
	denying  = granting + "\n\ndenials contains {\"id\": \"acme-stop\", \"capability\": \"kv\", \"resource\": \"kv://**\", \"operations\": [\"*\"]}"
)

// A host takes its policy from a web server: changes come into force, what is
// not signed or no good does not, and the last good one outlasts the server.
func TestPolicyFromAServer(t *testing.T) {
	s := newSigner(t)
	var offered atomic.Pointer[[]byte]
	offer := func(archive []byte) { offered.Store(&archive) }
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		archive := *offered.Load()
		w.Header().Set("ETag", fmt.Sprintf(`"%x"`, archive[len(archive)-16:]))
		_, _ = w.Write(archive)
	}))
	defer web.Close()
	dir := guestbookDir(t)
	writeFile(t, filepath.Join(dir, "grants.json"), `{"grants": []}`)
	writeFile(t, filepath.Join(dir, "acme.pem"), s.public)
	writeFile(t, filepath.Join(dir, "host.toml"), fmt.Sprintf(
		"[policy]\nbundle = %q\nverification-key = \"acme.pem\"\nmin-delay = \"5ms\"\nmax-delay = \"10ms\"\n", web.URL+"/acme.tar.gz"))
	offer(s.bundle(t, granting))
	t.Run("served", func(t *testing.T) {
		served := serve(t, dir)
		status := func() int { return post(t, served, "hello") }
		if got := status(); got != http.StatusSeeOther {
			t.Fatalf("status %d", got)
		}
		for because, archive := range map[string][]byte{
			"missing .signatures": signer{}.bundle(t, granting),
			"verify":              newSigner(t).bundle(t, denying),
			"has no operation":    s.bundle(t, strings.Replace(granting, `["*"]`, `["fetch"]`, 1)),
			"rego_type_error":     s.bundle(t, granting+" if input.component.lables.x"),
			"no rule defines":     s.bundle(t, strings.Replace(granting, `"operations"`, `"when": "never_written", "operations"`, 1)),
		} {
			offer(archive)
			eventually(t, because, func() bool { return strings.Contains(served.log.String(), because) })
			if got := status(); got != http.StatusSeeOther {
				t.Fatalf("%s: status %d", because, got)
			}
		}
		offer(s.bundle(t, denying))
		eventually(t, "the new policy denies", func() bool { return status() == http.StatusForbidden })
	})
	web.Close()
	t.Run("without the server", func(t *testing.T) {
		served := serve(t, dir)
		if got := post(t, served, "hello"); got != http.StatusForbidden {
			t.Errorf("status %d", got)
		}
		eventually(t, "the log tells of it", func() bool { return strings.Contains(served.log.String(), "connection refused") })
	})
	refused := 0
	for _, e := range ledgerOf(t, dir) {
		if e.Kind == ledger.Policy && e.Event == ledger.Refused {
			refused++
		}
	}
	if refused < 6 {
		t.Errorf("the ledger tells of %d policies that were refused", refused)
	}
}
