package upstream

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
)

// Server is what it takes to be let in by a server, and to know that it is the right one.
// Providers embed it in their settings.
type Server struct {
	User     string `json:"user,omitempty"`
	Password string `json:"password,omitempty"` // path of a file that holds it
	// TLS is "verify" (the default), or "off" where the network is trusted.
	TLS         string `json:"tls,omitempty"`
	Roots       string `json:"roots,omitempty"`       // path of a PEM file of certificates to trust; default the system's
	Certificate string `json:"certificate,omitempty"` // path of a PEM file to be known by
	Key         string `json:"key,omitempty"`         // path of its key
}

// Validate reports what is wrong, without reading any file.
func (s *Server) Validate() error {
	switch {
	case s.TLS != "" && s.TLS != "verify" && s.TLS != "off":
		return fmt.Errorf("tls %q: want verify or off", s.TLS)
	case (s.Certificate == "") != (s.Key == ""):
		return errors.New("certificate-file and key-file go together")
	case s.TLS == "off" && s.Roots+s.Certificate != "":
		return errors.New("tls is off, so that certificates are of no use")
	}
	return nil
}

// Files are the paths of what it names.
func (s *Server) Files() []*string {
	return []*string{&s.Password, &s.Roots, &s.Certificate, &s.Key}
}

// Readable are the files that a provider reads: those that it names, and what
// it takes to resolve names and to trust certificates.
func (s *Server) Readable() []string {
	var paths []string
	for _, p := range []string{"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/ssl/certs"} {
		if _, err := os.Stat(p); err == nil {
			paths = append(paths, p)
		}
	}
	for _, p := range s.Files() {
		if *p != "" {
			paths = append(paths, *p)
		}
	}
	return paths
}

// maxSecret bounds the files, in bytes.
const maxSecret = 1 << 20

// read reads one of the files.
func read(what, path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", what, err)
	case len(b) > maxSecret:
		return nil, fmt.Errorf("read %s: %s has more than %d bytes", what, path, maxSecret)
	}
	return b, nil
}

// Secret is the password, without the end of its line; "" when there is none.
func (s *Server) Secret() (string, error) {
	if s.Password == "" {
		return "", nil
	}
	b, err := read("the password", s.Password)
	return strings.TrimRight(string(b), "\r\n"), err
}

// Config is how to speak TLS, nil when it is off. name is whom the server's
// certificate has to be for; a client that is given "" takes the host it dials.
func (s *Server) Config(name string) (*tls.Config, error) {
	if s.TLS == "off" {
		return nil, nil
	}
	c := &tls.Config{ServerName: name, MinVersion: tls.VersionTLS12}
	if s.Roots != "" {
		pem, err := read("certificates", s.Roots)
		if err != nil {
			return nil, err
		}
		if c.RootCAs = x509.NewCertPool(); !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read certificates: %s has none", s.Roots)
		}
	}
	if s.Certificate == "" {
		return c, nil
	}
	certificate, err := read("the certificate", s.Certificate)
	if err != nil {
		return nil, err
	}
	key, err := read("the certificate's key", s.Key)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return nil, fmt.Errorf("read %s with %s: %w", s.Certificate, s.Key, err)
	}
	c.Certificates = []tls.Certificate{pair}
	return c, nil
}

// Port is the port of an address.
func Port(address string) (uint16, error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil || host == "" {
		return 0, fmt.Errorf("address %q: want host:port", address)
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 {
		return 0, fmt.Errorf("address %q: want host:port", address)
	}
	return uint16(port), nil
}
