package writ

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"os"
	"strings"

	"github.com/writ-host/writ/host/traces"
	"golang.org/x/net/http/httpguts"
)

// TelemetryConfig is [telemetry] of host.toml: what the operator can watch.
type TelemetryConfig struct {
	// Listen is an address of the operator's own, for /metrics, /livez and
	// /readyz; none by default. It has no authentication.
	Listen string `toml:"listen"`
	// Traces says where spans are sent; nowhere by default.
	Traces TracesConfig `toml:"traces"`
}

// TracesConfig is [telemetry.traces] of host.toml.
type TracesConfig struct {
	// Endpoint is a collector's for OTLP: over HTTP with http:// and https://, over
	// gRPC with grpc:// and grpcs://.
	Endpoint string `toml:"endpoint"`
	// Sample is the share of traces that are kept, from 0 to 1; default 1.
	Sample *float64 `toml:"sample"`
	// HeadersFile has lines "Name: value" for the collector, such as a token.
	HeadersFile string `toml:"headers-file"`
	CAFile      string `toml:"ca-file"` // certificates to trust in place of the system's, in PEM
}

func (c *TelemetryConfig) complete(dir string) error {
	if c.Listen != "" {
		if _, _, err := net.SplitHostPort(c.Listen); err != nil {
			return fmt.Errorf("telemetry.listen %q: want an address such as 127.0.0.1:9464", c.Listen)
		}
	}
	if err := c.Traces.complete(dir); err != nil {
		return fmt.Errorf("telemetry.traces: %w", err)
	}
	return nil
}

func (c *TracesConfig) complete(dir string) error {
	if c.Endpoint == "" {
		if *c != (TracesConfig{}) {
			return errors.New("there is no endpoint to send traces to")
		}
		return nil
	}
	if c.Sample != nil && !(*c.Sample >= 0 && *c.Sample <= 1) {
		return fmt.Errorf("sample = %v: want a share from 0 to 1", *c.Sample)
	}
	if err := traces.Check(c.Endpoint); err != nil {
		return err
	}
	return beside(dir, &c.HeadersFile, &c.CAFile)
}

// open reads the files. It returns nil when nothing is traced.
func (c TracesConfig) open() (*traces.Config, error) {
	if c.Endpoint == "" {
		return nil, nil
	}
	config := &traces.Config{Endpoint: c.Endpoint, Sample: 1}
	if c.Sample != nil {
		config.Sample = *c.Sample
	}
	if err := fillIn(&c.HeadersFile, &c.CAFile); err != nil {
		return nil, fmt.Errorf("telemetry.traces: %w", err)
	}
	var err error
	if config.Headers, err = readHeaders(c.HeadersFile); err != nil {
		return nil, fmt.Errorf("telemetry.traces.headers-file: %w", err)
	}
	if c.CAFile == "" {
		return config, nil
	}
	text, err := readBounded(c.CAFile)
	if err != nil {
		return nil, fmt.Errorf("telemetry.traces.ca-file: %w", err)
	}
	config.TLS = &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
	if !config.TLS.RootCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("telemetry.traces.ca-file %s: there is no certificate in PEM", c.CAFile)
	}
	return config, nil
}

// readHeaders reads lines "Name: value". Errors do not have the text, which is
// secret.
func readHeaders(path string) (map[string]string, error) {
	if path == "" {
		return nil, nil
	}
	text, err := readBounded(path)
	if err != nil {
		return nil, err
	}
	headers := map[string]string{}
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, _ := strings.Cut(line, ":")
		value = textproto.TrimString(value)
		if !httpguts.ValidHeaderFieldName(name) || value == "" || !httpguts.ValidHeaderFieldValue(value) {
			return nil, fmt.Errorf("%s:%d: want Name: value", path, n)
		}
		headers[name] = value
	}
	return headers, nil
}

// maxOperatorFile bounds small files of the operator's, in bytes.
const maxOperatorFile = 1 << 20

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxOperatorFile+1))
	if err == nil && len(text) > maxOperatorFile {
		err = fmt.Errorf("%s: more than %d bytes", path, maxOperatorFile)
	}
	return text, err
}
