package broker

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/bundle"
)

// keyPair writes a public key to a file, and returns that and the private key in PEM.
func keyPair(t *testing.T) (public, private string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	open, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	public = filepath.Join(t.TempDir(), "key.pem")
	writeBundled(t, public, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: open})))
	return public, string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret}))
}

func writeBundled(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

const bundledRule = "package writ\n\ngrants contains grant if {\n\tsome grant in data.grants\n\tdata.environment == \"production\"\n\tgrant.app == input.app.name\n\tgrant.component == input.component.name\n}\n"

// bundleDir is a bundle as a directory.
func bundleDir(t *testing.T) string {
	dir := t.TempDir()
	writeBundled(t, filepath.Join(dir, "policy/p.rego"), bundledRule)
	writeBundled(t, filepath.Join(dir, "policy/p_test.rego"), "package writ_test\n")
	writeBundled(t, filepath.Join(dir, "data.json"), `{"environment": "production", `+strings.TrimPrefix(grantJSON(""), "{"))
	return dir
}

// archive packs a bundle, and signs it when there is a private key.
func archive(t *testing.T, dir, private string) string {
	t.Helper()
	content, err := bundle.NewCustomReader(bundle.NewDirectoryLoader(dir)).WithRegoVersion(ast.RegoV1).Read()
	if err != nil {
		t.Fatal(err)
	}
	if private != "" {
		if err := content.GenerateSignature(bundle.NewSigningConfig(private, "ES256", ""), verifyKeyID, true); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := bundle.Write(&b, content); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "bundle.tar.gz")
	writeBundled(t, path, b.String())
	return path
}

// A grant of a bundle is told by the file and line it is on, wherever the bundle has it.
func TestBundledGrantsHaveTheirLines(t *testing.T) {
	key, private := keyPair(t)
	dir := t.TempDir()
	list := strings.TrimSuffix(strings.TrimPrefix(grantJSON(""), `{"grants":`), "}")
	writeBundled(t, filepath.Join(dir, "data.json"), "{\n  \"environment\": {\"grants\": [1]},\n\n  \"grants\": "+list+",\n  \"denials\": [\n    {\"id\":\"no\",\"capability\":\"kv\",\"resource\":\"kv://b/**\",\"operations\":[\"*\"]}\n  ]\n}\n")
	apart := t.TempDir()
	writeBundled(t, filepath.Join(apart, "x/grants/data.json"), `[1]`)
	writeBundled(t, filepath.Join(apart, "grants/data.json"), "\n\n"+list)
	yaml := t.TempDir()
	writeBundled(t, filepath.Join(yaml, "data.yaml"), "grants: "+list)
	signed := archive(t, dir, private)
	for _, test := range []struct {
		bundle        Bundle
		grant, denial string
	}{
		{Bundle{Path: dir}, filepath.Join(dir, "data.json:4"), filepath.Join(dir, "data.json:6")},
		{Bundle{Path: apart}, filepath.Join(apart, "grants/data.json:3"), ""},
		{Bundle{Path: yaml}, yaml, ""},
		{Bundle{Path: signed, Key: key}, filepath.Join(signed, "data.json:1"), filepath.Join(signed, "data.json:1")},
	} {
		source, err := test.bundle.read()
		if err != nil {
			t.Fatal(err)
		}
		if got := source.Grants.Grants[0].Origin.String(); got != test.grant {
			t.Errorf("grant at %s, want %s", got, test.grant)
		}
		if test.denial == "" {
			continue
		}
		if got := source.Grants.Denials[0].Origin.String(); got != test.denial {
			t.Errorf("denial at %s, want %s", got, test.denial)
		}
	}
}

func TestBundles(t *testing.T) {
	key, private := keyPair(t)
	otherKey, _ := keyPair(t)
	dir := bundleDir(t)
	signed := archive(t, dir, private)
	damaged := filepath.Join(t.TempDir(), "damaged.tar.gz")
	whole, err := os.ReadFile(signed)
	if err != nil {
		t.Fatal(err)
	}
	writeBundled(t, damaged, string(whole[:len(whole)-40]))
	grants := filepath.Join(t.TempDir(), "grants.json")
	writeBundled(t, grants, grantJSON(""))
	nowhere := filepath.Join(t.TempDir(), "grants.json")
	for name, test := range map[string]struct {
		files   Files
		because string // "" is accepted
	}{
		"directory":         {Files{Grants: nowhere, Bundle: Bundle{Path: dir}}, ""},
		"archive":           {Files{Grants: nowhere, Bundle: Bundle{Path: archive(t, dir, "")}}, ""},
		"signed":            {Files{Grants: nowhere, Bundle: Bundle{Path: signed, Key: key}}, ""},
		"signed, no key":    {Files{Grants: nowhere, Bundle: Bundle{Path: signed}}, ""},
		"unsigned":          {Files{Grants: nowhere, Bundle: Bundle{Path: archive(t, dir, ""), Key: key}}, "signature"},
		"unsigned dir":      {Files{Grants: nowhere, Bundle: Bundle{Path: dir, Key: key}}, "signature"},
		"another's":         {Files{Grants: nowhere, Bundle: Bundle{Path: signed, Key: otherKey}}, "verif"},
		"damaged":           {Files{Grants: nowhere, Bundle: Bundle{Path: damaged, Key: key}}, "EOF"},
		"no such key":       {Files{Grants: nowhere, Bundle: Bundle{Path: signed, Key: "nowhere.pem"}}, "nowhere.pem"},
		"not a key":         {Files{Grants: nowhere, Bundle: Bundle{Path: signed, Key: signed}}, "not a PUBLIC KEY"},
		"no such bundle":    {Files{Grants: nowhere, Bundle: Bundle{Path: "nowhere"}}, "no such file"},
		"too large":         {Files{Grants: nowhere, Bundle: Bundle{Path: signed, Key: key, unpacked: 1 << 10}}, "unpacks to more than"},
		"grants twice":      {Files{Grants: grants, Bundle: Bundle{Path: dir}}, "both have grants"},
		"policies not read": {Files{Grants: nowhere, Policies: bundleDir(t), Bundle: Bundle{Path: dir}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			source, err := test.files.Read()
			if test.because != "" {
				if err == nil || !strings.Contains(err.Error(), test.because) {
					t.Errorf("%v, want %q", err, test.because)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			b := New(Config{})
			defer b.Close()
			source.Apps = guestbookApps()
			if err := b.Load(context.Background(), source); err != nil {
				t.Fatal(err)
			}
			if r := decide(b); r != Granted || len(source.Modules) != 1 {
				t.Errorf("%v, modules %d", r, len(source.Modules))
			}
		})
	}
}
