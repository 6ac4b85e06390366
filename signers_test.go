package writ

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// publicPEM is the file of a key's public half.
func publicPEM(t *testing.T, key crypto.Signer) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// signatureOf is what openssl writes for a message.
func signatureOf(t *testing.T, key crypto.Signer, message string) string {
	t.Helper()
	digest := sha256.Sum256([]byte(message))
	input, hash := digest[:], crypto.SHA256
	if _, ok := key.(ed25519.PrivateKey); ok {
		input, hash = []byte(message), 0
	}
	signature, err := key.Sign(rand.Reader, input, hash)
	if err != nil {
		t.Fatal(err)
	}
	return string(signature)
}

func TestSigner(t *testing.T) {
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	old, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	c := &HostConfig{Signers: map[string]string{}}
	for name, key := range map[string]crypto.Signer{"curve": curve, "edwards": edwards, "old": old} {
		put(t, filepath.Join(dir, name+".pub"), publicPEM(t, key))
		c.Signers[name] = name + ".pub"
	}
	if err := c.complete(dir); err != nil {
		t.Fatal(err)
	}
	base64 := base64.StdEncoding.EncodeToString
	const bytes = "a component"
	for name, test := range map[string]struct{ signature, signer, err string }{
		"ECDSA":              {signatureOf(t, curve, bytes), "curve", ""},
		"ECDSA in base64":    {base64([]byte(signatureOf(t, curve, bytes))) + "\n", "curve", ""},
		"Ed25519":            {signatureOf(t, edwards, bytes), "edwards", ""},
		"RSA":                {signatureOf(t, old, bytes), "old", ""},
		"of other bytes":     {signatureOf(t, curve, bytes+"."), "", "none of the signers in host.toml signed these bytes ([curve edwards old])"},
		"with a bit changed": {"\x31" + signatureOf(t, curve, bytes)[1:], "", "none of the signers"},
		"empty":              {"", "", "none of the signers"},
		"larger than any":    {strings.Repeat("x", maxSignature+1), "", "more than 16384 bytes"},
		"of a stranger":      {signatureOf(t, mustKey(t), bytes), "", "none of the signers"},
	} {
		t.Run(name, func(t *testing.T) {
			source := filepath.Join(t.TempDir(), "a.wasm")
			put(t, source+".sig", test.signature)
			got, err := c.fileSigner(source, []byte(bytes))
			if got != test.signer || (err == nil) != (test.err == "") || (err != nil && !strings.Contains(err.Error(), test.err)) {
				t.Errorf("%q, %v; want %q, %q", got, err, test.signer, test.err)
			}
		})
	}
	if got, err := c.fileSigner(filepath.Join(dir, "unsigned.wasm"), nil); got != "" || err != nil {
		t.Errorf("no signature: %q, %v", got, err)
	}
}

func mustKey(t *testing.T) crypto.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestSignersKeys(t *testing.T) {
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	put(t, filepath.Join(dir, "short.pub"), publicPEM(t, short))
	put(t, filepath.Join(dir, "text.pub"), "ssh-ed25519 AAAA")
	put(t, filepath.Join(dir, "broken.pub"), "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")
	for file, want := range map[string]string{
		"short.pub":  "an RSA key of 1024 bits, and 2048 are the least",
		"text.pub":   "want a public key in PEM",
		"broken.pub": "asn1",
		"none.pub":   "no such file",
	} {
		c := &HostConfig{Signers: map[string]string{"acme": file}}
		if err := c.complete(dir); err == nil || !strings.Contains(err.Error(), "signers.acme: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", file, err, want)
		}
	}
}
