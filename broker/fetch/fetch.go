// Package fetch brings policy bundles from web servers, in the form of OPA's own bundle services: a GET of an archive, told by
// its ETag from the one that is there already. Start with Client.
//
// It never looks into what it brings: signatures and content are the broker's to check.
package fetch

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// Client fetches one bundle. Its fields are not to be changed once it is in use; its methods are safe for concurrent use.
type Client struct {
	URL string
	// TokenFile holds a bearer token and CA the authorities to trust in place of the system's, in PEM. Both are read anew for
	// each fetch, so that they can be renewed; "" is none.
	TokenFile, CA string
	MaxSize       int64         // of the archive in bytes; 0 is 64 MiB
	Timeout       time.Duration // for all of one fetch; 0 is 30 s
}

const (
	maxRedirects  = 5
	maxTag        = 1 << 10
	maxCredential = 1 << 20
)

// Check reports a URL that bundles are not fetched from. What comes without a signature that is checked has to come over TLS,
// or from this machine.
func Check(address string, signed bool) error {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return err
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return fmt.Errorf("%q: want an address that begins with https://", address)
	case u.User != nil:
		return errors.New("a password in the address would be in logs: use a token file")
	case u.Scheme == "http" && !signed && !local(u.Hostname()):
		return fmt.Errorf("%q: over http:// anyone on the way could grant anything: use https://, or a verification key", address)
	}
	return nil
}

func local(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Fetch returns the archive and its tag, or nil when the server still has the one with the tag that is given. Without a tag
// there always is an archive.
func (c *Client) Fetch(ctx context.Context, tag string) (archive []byte, newTag string, err error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(c.Timeout, 30*time.Second))
	defer cancel()
	archive, newTag, err = c.fetch(ctx, tag)
	if err != nil {
		return nil, "", fmt.Errorf("fetch bundle %s: %w", c.URL, plain(err))
	}
	return archive, newTag, nil
}

// plain leaves out the method and address, which the caller names.
func plain(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func (c *Client) fetch(ctx context.Context, tag string) ([]byte, string, error) {
	request, err := c.request(ctx, tag)
	if err != nil {
		return nil, "", err
	}
	transport, err := c.transport()
	if err != nil {
		return nil, "", err
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, CheckRedirect: redirect}
	response, err := client.Do(request)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	switch {
	case response.StatusCode == http.StatusNotModified && tag != "":
		return nil, tag, nil
	case response.StatusCode != http.StatusOK:
		return nil, "", fmt.Errorf("the server answers %s", response.Status)
	}
	archive, err := c.read(response)
	newTag := response.Header.Get("ETag")
	if len(newTag) > maxTag {
		newTag = "" // it is fetched again each time
	}
	return archive, newTag, err
}

func (c *Client) request(ctx context.Context, tag string) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", "writ")
	request.Header.Set("Prefer", "modes=snapshot") // OPA's servers may offer differences too
	if tag != "" {
		request.Header.Set("If-None-Match", tag)
	}
	if c.TokenFile != "" {
		token, err := readSmall(c.TokenFile)
		if err != nil {
			return nil, fmt.Errorf("read the token: %w", err)
		}
		request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	}
	return request, nil
}

func (c *Client) transport() (*http.Transport, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DisableCompression = true // the archive is compressed
	t.MaxResponseHeaderBytes = 64 << 10
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CA == "" {
		return t, nil
	}
	text, err := readSmall(c.CA)
	if err != nil {
		return nil, fmt.Errorf("read the authorities: %w", err)
	}
	t.TLSClientConfig.RootCAs = x509.NewCertPool()
	if !t.TLSClientConfig.RootCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s: no certificate in PEM", c.CA)
	}
	return t, nil
}

// redirect follows a few, and none that leaves TLS.
func redirect(to *http.Request, via []*http.Request) error {
	switch {
	case len(via) > maxRedirects:
		return fmt.Errorf("more than %d redirects", maxRedirects)
	case to.URL.Scheme != "https" && via[0].URL.Scheme == "https":
		return fmt.Errorf("a redirect to %s leaves https", to.URL.Redacted())
	}
	return nil
}

func (c *Client) read(response *http.Response) ([]byte, error) {
	limit := cmp.Or(c.MaxSize, 64<<20)
	tooLarge := fmt.Errorf("the archive has more than %d bytes", limit)
	if response.ContentLength > limit {
		return nil, tooLarge
	}
	archive, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	switch {
	case err != nil:
		return nil, err
	case int64(len(archive)) > limit:
		return nil, tooLarge
	case len(archive) == 0:
		return nil, errors.New("the server answers with an empty archive")
	}
	return archive, nil
}

func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxCredential+1))
	if err == nil && len(text) > maxCredential {
		return nil, fmt.Errorf("%s: larger than %d bytes", path, maxCredential)
	}
	return text, err
}
