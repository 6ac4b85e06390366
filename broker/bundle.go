package broker

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/bundle"
)

const (
	maxBundle     = 256 << 20 // bytes of an archive
	maxBundleFile = 64 << 20  // bytes of one file in it
	verifyKeyID   = "writ"
)

// Bundle is an OPA bundle: a directory, or an archive as opa build makes it.
type Bundle struct {
	Path string
	// Key is the file of a public key in PEM. With one, a bundle without a signature by it is refused.
	Key string
	// From brings the bundle, an archive, from elsewhere: at the start, and then each time after a while between both delays.
	// At Path the last good one is kept, which counts while From has none or one that is refused.
	From               Fetcher
	MinDelay, MaxDelay time.Duration

	archive  []byte // in place of what is at Path
	unpacked int64  // bytes that an archive may unpack to; 0 is maxUnpacked
}

// read reads modules and data, and checks the signature when there is a key.
func (b Bundle) read() (Source, error) {
	if err := b.hold(); err != nil {
		return Source{}, fmt.Errorf("read bundle: %w", err)
	}
	reader := bundle.NewCustomReader(b.loader()).WithRegoVersion(ast.RegoV1).WithSizeLimitBytes(maxBundleFile).WithSkipBundleVerification(b.Key == "")
	if b.Key != "" {
		key, err := verificationKey(b.Key)
		if err != nil {
			return Source{}, fmt.Errorf("read bundle: verification key %s: %w", b.Key, err)
		}
		keys := map[string]*bundle.KeyConfig{verifyKeyID: key}
		reader = reader.WithBundleVerificationConfig(bundle.NewVerificationConfig(keys, verifyKeyID, "", nil))
	}
	content, err := reader.Read()
	if err != nil {
		return Source{}, fmt.Errorf("read bundle %s: %w", b.Path, err)
	}
	return b.source(&content)
}

// hold reads an archive into memory, so that what is looked at more than once is the same. A directory stays where it is.
func (b *Bundle) hold() error {
	if b.From == nil {
		info, err := os.Stat(b.Path)
		if err != nil || info.IsDir() {
			return err
		}
	}
	data, err := b.archived()
	b.archive = data
	return err
}

func (b Bundle) loader() bundle.DirectoryLoader {
	if b.archive == nil {
		return bundle.NewDirectoryLoader(b.Path)
	}
	return bundle.NewTarballLoaderWithBaseURL(bytes.NewReader(b.archive), "")
}

// source is the bundle's content: its grants and denials as if they were those of a grants.json.
func (b Bundle) source(content *bundle.Bundle) (Source, error) {
	s := Source{Modules: map[string]string{}, Data: map[string]any{}}
	for _, m := range content.Modules {
		if !strings.HasSuffix(m.Path, "_test.rego") {
			s.Modules[filepath.Join(b.Path, m.Path)] = string(m.Raw)
		}
	}
	listed := map[string]any{}
	for name, value := range content.Data {
		if name == "grants" || name == "denials" {
			listed[name] = value
			continue
		}
		s.Data[name] = value
	}
	if len(listed) == 0 {
		return s, nil
	}
	text, err := json.MarshalIndent(listed, "", "  ")
	if err != nil {
		return s, fmt.Errorf("read bundle %s: %w", b.Path, err)
	}
	if s.Grants, err = ParseGrants(filepath.Join(b.Path, "data.json"), text); err == nil {
		b.locate(s.Grants)
	}
	return s, err
}

// verificationKey reads a public key, and with it the one algorithm that signatures by it may use.
func verificationKey(path string) (*bundle.KeyConfig, error) {
	text, err := readLimited(path, 64<<10)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PUBLIC KEY" {
		return nil, errors.New("not a PUBLIC KEY in PEM")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	algorithm := ""
	switch k := key.(type) {
	case *rsa.PublicKey:
		algorithm = "RS256"
	case *ecdsa.PublicKey:
		algorithm = map[int]string{256: "ES256", 384: "ES384", 521: "ES512"}[k.Curve.Params().BitSize]
	}
	if algorithm == "" {
		return nil, errors.New("neither an RSA key nor one of the curves P-256, P-384 and P-521")
	}
	return &bundle.KeyConfig{Key: string(text), Algorithm: algorithm}, nil
}

// withBundle puts a bundle in the place of the modules, and its grants in that of grants.json. Grants in both would leave
// open which of them an organisation's signature vouches for.
func (f Files) withBundle(file *GrantFile, h io.Writer) (Source, error) {
	s, err := f.Bundle.read()
	if err != nil {
		fmt.Fprintf(h, "%v", err)
		return Source{}, err
	}
	fmt.Fprint(h, s.Digest())
	switch {
	case s.Grants == nil:
		s.Grants = file
	case len(file.Grants)+len(file.Denials) > 0:
		return Source{}, fmt.Errorf("%s and the bundle %s both have grants: move those of the file into the bundle", file.Name, f.Bundle.Path)
	}
	return s, nil
}
