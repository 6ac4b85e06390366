package writ

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/writ-host/writ/capabilities/provider/upstream"
)

// ServerConfig is how a provider is let in by a server that the operator runs,
// and knows that it is the right one. Secrets are in files.
type ServerConfig struct {
	User            string `toml:"user"`
	PasswordFile    string `toml:"password-file"`    // file that holds the password
	TLS             string `toml:"tls"`              // "verify" (default) or "off"
	RootsFile       string `toml:"roots-file"`       // certificates to trust, in PEM; default the system's
	CertificateFile string `toml:"certificate-file"` // to be known by, in PEM
	KeyFile         string `toml:"key-file"`         // its key, in PEM
}

func (s *ServerConfig) server() upstream.Server {
	return upstream.Server{User: s.User, Password: s.PasswordFile, TLS: s.TLS, Roots: s.RootsFile, Certificate: s.CertificateFile, Key: s.KeyFile}
}

// paths are those of its files.
func (s *ServerConfig) paths() []*string {
	return []*string{&s.PasswordFile, &s.RootsFile, &s.CertificateFile, &s.KeyFile}
}

// credentials starts a path to what systemd's LoadCredential= hands over: the
// directory is another one each time.
const credentials = "$CREDENTIALS_DIRECTORY/"

// beside makes paths that are relative to dir absolute, but for credentials.
func beside(dir string, paths ...*string) error {
	for _, path := range paths {
		if *path == "" || strings.HasPrefix(*path, credentials) {
			continue
		}
		if !filepath.IsAbs(*path) {
			*path = filepath.Join(dir, *path)
		}
		abs, err := filepath.Abs(*path)
		if err != nil {
			return err
		}
		*path = abs
	}
	return nil
}

// withCredentials is a path, with the directory of the credentials of now in it.
func withCredentials(path string) (string, error) {
	name, ok := strings.CutPrefix(path, credentials)
	if !ok {
		return path, nil
	}
	dir := os.Getenv("CREDENTIALS_DIRECTORY")
	switch {
	case !filepath.IsLocal(name):
		return "", fmt.Errorf("%s: want the name of a credential", path)
	case !filepath.IsAbs(dir):
		return "", fmt.Errorf("%s: there are no credentials: start writ by systemd with LoadCredential=%s:FILE, or name a file", path, name)
	}
	return filepath.Join(dir, name), nil
}

// fillIn has all of some paths with the credentials of now.
func fillIn(paths ...*string) error {
	for _, path := range paths {
		filled, err := withCredentials(*path)
		if err != nil {
			return err
		}
		*path = filled
	}
	return nil
}
