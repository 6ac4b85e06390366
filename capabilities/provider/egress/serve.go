package egress

import (
	"context"
	"crypto/x509"
	"fmt"
	"os"

	"github.com/writ-host/writ/capabilities/http/backend"
	"github.com/writ-host/writ/capabilities/provider"
)

// Name is what the host calls this provider.
const Name = "http-egress"

// Serve is the provider's whole main. It returns when the host is done with it.
func Serve() error {
	return provider.Serve(provider.Service{
		Name:       Name,
		Version:    "1",
		Interfaces: []string{"wasi:http/outgoing-handler@0.2.0"},
		HTTP: func(_ context.Context, s provider.Settings) (backend.Egress, error) {
			settings, err := readSettings(s.JSON)
			if err != nil {
				return nil, fmt.Errorf("configure %s: %w", Name, err)
			}
			return New(settings)
		},
	})
}

// roots are the certificates to trust: the system's, and those of a file.
func roots(file string) (*x509.CertPool, error) {
	pool, err := x509.SystemCertPool()
	if err != nil {
		provider.Logger().Warn("there are no system certificates", "error", err)
		pool = x509.NewCertPool()
	}
	if file == "" {
		return pool, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read ca-file: %w", err)
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("ca-file %s has no certificates in PEM", file)
	}
	return pool, nil
}
