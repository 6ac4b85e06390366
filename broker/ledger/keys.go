package ledger

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/writ-host/writ/broker"
)

// Names of files. The keys lie beside the ledger and not in it, so that a copy of the ledger can be handed out.
const (
	publicKeyFile  = "key.pub" // in the ledger's directory, for whoever has a copy of it
	signingKeyFile = "signing" // in the directory for keys, as is the next
	// RedactionKeyFile is the name of the file that ReadRedactor reads.
	RedactionKeyFile = "redaction"
)

// Keys are a host's secrets about its ledger.
type Keys struct {
	signing   string // "PRIVATE+KEY+…"
	public    string // "name+hash+key"
	redaction []byte
}

// OpenKeys reads the keys in dir, and makes those that are not there.
func OpenKeys(dir string) (*Keys, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the ledger's keys: %w", err)
	}
	k := &Keys{}
	signing, err := readOrMake(filepath.Join(dir, signingKeyFile), newSigningKey)
	if err != nil {
		return nil, err
	}
	var ok bool
	if k.signing, k.public, ok = strings.Cut(strings.TrimSpace(signing), "\n"); !ok {
		return nil, fmt.Errorf("%s: want two lines, the private key and the public key", filepath.Join(dir, signingKeyFile))
	}
	redaction, err := readOrMake(filepath.Join(dir, RedactionKeyFile), newRedactionKey)
	if err != nil {
		return nil, err
	}
	if k.redaction, err = hex.DecodeString(strings.TrimSpace(redaction)); err != nil || len(k.redaction) != 32 {
		return nil, fmt.Errorf("%s: want 64 hexadecimal digits", filepath.Join(dir, RedactionKeyFile))
	}
	return k, nil
}

// Redactor hides the names of resources in records with the host's own key.
func (k *Keys) Redactor() *broker.Redactor { return broker.NewRedactor(k.redaction) }

// Public is the key that checkpoints are verified with.
func (k *Keys) Public() string { return k.public }

// ReadRedactor reads the key that an auditor needs to find a resource by its name: the file "redaction" among a host's keys.
func ReadRedactor(path string) (*broker.Redactor, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the redaction key: %w", err)
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != 32 {
		return nil, fmt.Errorf("read the redaction key: %s: want 64 hexadecimal digits", path)
	}
	return broker.NewRedactor(key), nil
}

// newSigningKey makes a key with a name of its own, since a checkpoint's first line must tell one log from every other.
func newSigningKey() (string, error) {
	private, public, err := note.GenerateKey(rand.Reader, "writ-ledger-"+strings.ToLower(rand.Text()[:12]))
	return private + "\n" + public + "\n", err
}

func newRedactionKey() (string, error) {
	key := make([]byte, 32)
	rand.Read(key) // never fails (Go 1.24)
	return hex.EncodeToString(key) + "\n", nil
}

// readOrMake reads a secret. One that is not there is made, whole or not at all.
func readOrMake(path string, generate func() (string, error)) (string, error) {
	text, err := os.ReadFile(path)
	if err == nil {
		return string(text), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read a key of the ledger: %w", err)
	}
	secret, err := generate()
	if err != nil {
		return "", fmt.Errorf("make a key of the ledger: %w", err)
	}
	if err := writeNew(path, secret); err != nil {
		return "", fmt.Errorf("make a key of the ledger: %w", err)
	}
	text, err = os.ReadFile(path) // another process may have been first
	return string(text), err
}

// writeNew writes a file that only its owner can read, unless there is one already.
func writeNew(path, text string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
