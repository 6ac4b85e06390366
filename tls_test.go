package writ_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/writ-host/writ"
)

// writeCertificate makes a self-signed pair for 127.0.0.1 with a serial number.
func writeCertificate(t *testing.T, dir string, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"tls.crt": {Type: "CERTIFICATE", Bytes: der}, "tls.key": {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// listening serves the guestbook on an address of its own, with a host.toml in dir,
// which may have more files for it.
func listening(t *testing.T, dir, config string) (l net.Listener, url string) {
	t.Helper()
	return listeningWith(t, dir, config, writ.Options{})
}

// listeningWith is listening with options.
func listeningWith(t *testing.T, dir, config string, o writ.Options) (l net.Listener, url string) {
	t.Helper()
	for _, name := range []string{"writ.toml", "grants.json", "guestbook.wasm"} {
		writeFile(t, filepath.Join(dir, name), readFile(t, filepath.Join("examples/guestbook", name)))
	}
	writeFile(t, filepath.Join(dir, "host.toml"), "listen = \"127.0.0.1:0\"\n"+config)
	app, err := writ.LoadApp(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	h, err := writ.Start(t.Context(), app, o)
	if err != nil {
		t.Fatal(err)
	}
	if l, err = app.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- h.Serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-served, h.Close()); err != nil {
			t.Error(err)
		}
	})
	return l, app.URL(l)
}

// asks posts a message and reads it, as a version of HTTP.
func asks(t *testing.T, transport *http.Transport, address, proto string) {
	t.Helper()
	client := &http.Client{Transport: transport}
	defer transport.CloseIdleConnections()
	if r, err := client.PostForm(address, url.Values{"message": {"over " + proto}}); err != nil || r.StatusCode != 200 || r.Proto != proto {
		t.Fatalf("%s: %v, %v", proto, r, err)
	}
	r, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil || !strings.Contains(string(body), "over "+proto) {
		t.Errorf("%s: %q, %v", proto, body, err)
	}
}

// Proxies that know beforehand speak HTTP/2 without TLS.
func TestHTTP2WithoutTLS(t *testing.T) {
	_, address := listening(t, t.TempDir(), "")
	asks(t, &http.Transport{}, address, "HTTP/1.1")
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	asks(t, transport, address, "HTTP/2.0")
}

func TestTLS(t *testing.T) {
	dir := t.TempDir()
	writeCertificate(t, dir, 1)
	l, address := listening(t, dir, "[tls]\ncertificate = \"tls.crt\"\nkey = \"tls.key\"\n")
	for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
		asks(t, &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: proto == "HTTP/2.0"}, address, proto)
	}

	writeCertificate(t, dir, 2)
	eventually(t, "the renewed certificate is served", func() bool { return servedSerial(t, l) == 2 })
}

// servedSerial is the serial number of the certificate that a new connection is shown.
func servedSerial(t *testing.T, l net.Listener) int64 {
	t.Helper()
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", l.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

// TestCertificatesThatDoNotFit leave the last good one in force, and the operator is told, once for each thing that is wrong.
func TestCertificatesThatDoNotFit(t *testing.T) {
	dir, log := t.TempDir(), &logBuffer{}
	writeCertificate(t, dir, 1)
	l, _ := listeningWith(t, dir, "[tls]\ncertificate = \"tls.crt\"\nkey = \"tls.key\"\n", writ.Options{Log: slog.New(slog.NewJSONHandler(log, nil))})
	says := func(text string) func() bool {
		return func() bool {
			if serial := servedSerial(t, l); serial != 1 {
				t.Fatalf("certificate %d is served", serial)
			}
			return strings.Contains(log.String(), text)
		}
	}
	if serial := servedSerial(t, l); serial != 1 { // and from now on the host has the files
		t.Fatalf("certificate %d is served", serial)
	}
	writeFile(t, filepath.Join(dir, "tls.crt"), "broken")
	eventually(t, "the log says what is wrong with the certificate", says("failed to find any PEM data in certificate input"))
	if err := os.Remove(filepath.Join(dir, "tls.key")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the log says that the key is gone", says("tls.key: no such file"))
	if n := strings.Count(log.String(), "the last good one is served, until "); n != 2 {
		t.Errorf("the log says so %d times, of two faults:\n%s", n, log.String())
	}
	writeCertificate(t, dir, 2)
	eventually(t, "the next good one is served", func() bool {
		return servedSerial(t, l) == 2 && strings.Contains(log.String(), "the renewed certificate is served")
	})
}
