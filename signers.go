package writ

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

const (
	// signatureSuffix makes the name of a component's signature of the component's own.
	signatureSuffix = ".sig"
	maxSignature    = 16 << 10 // bytes of the file
	maxPublicKey    = 64 << 10
	minRSA          = 2048 // bits
)

// completeSigners makes paths relative to dir, and reads the keys.
func (c *HostConfig) completeSigners(dir string) error {
	c.signers = map[string]crypto.PublicKey{}
	for name, path := range c.Signers {
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		key, err := readPublicKey(path)
		if err != nil {
			return fmt.Errorf("signers.%s: %w", name, err)
		}
		c.signers[name] = key
	}
	return nil
}

// readPublicKey reads a public key in PEM (RFC 7468, section 13).
func readPublicKey(path string) (crypto.PublicKey, error) {
	text, err := readAtMost(path, maxPublicKey)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PUBLIC KEY" {
		return nil, fmt.Errorf("%s: want a public key in PEM, which begins with -----BEGIN PUBLIC KEY-----", path)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	switch k := key.(type) {
	case *ecdsa.PublicKey, ed25519.PublicKey:
		return key, nil
	case *rsa.PublicKey:
		if k.N.BitLen() >= minRSA {
			return key, nil
		}
		return nil, fmt.Errorf("%s: an RSA key of %d bits, and %d are the least", path, k.N.BitLen(), minRSA)
	}
	return nil, fmt.Errorf("%s: a key of type %T: want ECDSA, Ed25519 or RSA", path, key)
}

// fileSigner is who signed a component, by the file of its signature beside it. It
// is "" when there is none, and when there are no signers to check it by. One
// that no signer made is an error: either the component or the signature is not
// what it should be.
func (c *HostConfig) fileSigner(source string, component []byte) (string, error) {
	if len(c.signers) == 0 {
		return "", nil
	}
	path := source + signatureSuffix
	signature, err := readAtMost(path, maxSignature)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if name := c.signerOf(component, decodeSignature(signature)); name != "" {
		return name, nil
	}
	return "", fmt.Errorf("%s: %w: sign the component again, or remove the file for an unsigned one", path, c.errUnknownSigner())
}

// signerOf is who made a signature of a message; "" when it is nobody known.
func (c *HostConfig) signerOf(message, signature []byte) string {
	digest := sha256.Sum256(message)
	for _, name := range slices.Sorted(maps.Keys(c.signers)) {
		if verifies(c.signers[name], message, digest[:], signature) {
			return name
		}
	}
	return ""
}

func (c *HostConfig) errUnknownSigner() error {
	return fmt.Errorf("none of the signers in %s signed these bytes (%v)", HostConfigName, slices.Sorted(maps.Keys(c.signers)))
}

// decodeSignature takes a signature as it is, as openssl writes it, or in base64, as cosign does.
func decodeSignature(text []byte) []byte {
	decoded, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(text)))
	if err != nil {
		return text
	}
	return decoded
}

// verifies checks a signature of the SHA-256 digest, or with Ed25519 of the bytes.
func verifies(key crypto.PublicKey, message, digest, signature []byte) bool {
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(k, digest, signature)
	case ed25519.PublicKey:
		return ed25519.Verify(k, message, signature)
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(k, crypto.SHA256, digest, signature) == nil
	}
	return false
}

// readAtMost reads a small file.
func readAtMost(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("%s has more than %d bytes", path, most)
	}
	return text, err
}
