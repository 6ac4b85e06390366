package writ

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/broker/fetch"
)

// PolicyConfig is an organisation's policy as an OPA bundle.
type PolicyConfig struct {
	// Bundle is a directory, an archive as opa build makes it, or the address
	// of one that begins with https://.
	Bundle string `toml:"bundle"`
	// VerificationKey is the file of a public key in PEM: a bundle that is not
	// signed by it is refused.
	VerificationKey string `toml:"verification-key"`

	// The rest is for a bundle with an address.

	TokenFile string `toml:"token-file"` // file of a bearer token; default none
	CA        string `toml:"ca"`         // file of authorities in PEM; default the system's
	// MinDelay and MaxDelay bound the time between two looks, each of which is
	// chosen at random between them; default 1m and 2m.
	MinDelay Duration `toml:"min-delay"`
	MaxDelay Duration `toml:"max-delay"`
	MaxSize  Size     `toml:"max-size"` // of the archive; default 64MiB
	Timeout  Duration `toml:"timeout"`  // for all of one fetch; default 30s
}

// remote reports whether the bundle has an address.
func (c *PolicyConfig) remote() bool { return strings.Contains(c.Bundle, "://") }

// complete fills in defaults, makes paths relative to dir, and checks the rest.
func (c *PolicyConfig) complete(dir string) error {
	files := []*string{&c.VerificationKey, &c.TokenFile, &c.CA}
	if !c.remote() {
		files = append(files, &c.Bundle)
	}
	for _, path := range files {
		if *path != "" && !filepath.IsAbs(*path) {
			*path = filepath.Join(dir, *path)
		}
	}
	if c.VerificationKey != "" && c.Bundle == "" {
		return fmt.Errorf("policy.verification-key: there is no policy.bundle to verify")
	}
	if !c.remote() {
		return c.local()
	}
	if err := fetch.Check(c.Bundle, c.VerificationKey != ""); err != nil {
		return fmt.Errorf("policy.bundle: %w", err)
	}
	setDefault(&c.MinDelay, min(Duration(time.Minute), orElse(c.MaxDelay, Duration(time.Minute))))
	setDefault(&c.MaxDelay, max(Duration(2*time.Minute), c.MinDelay))
	setDefault(&c.MaxSize, 64<<20)
	setDefault(&c.Timeout, Duration(30*time.Second))
	switch {
	case c.MinDelay > c.MaxDelay:
		return fmt.Errorf("policy.min-delay = %s is more than policy.max-delay = %s", c.MinDelay, c.MaxDelay)
	case c.MaxSize > 256<<20:
		return fmt.Errorf("policy.max-size: a bundle has at most 256MiB")
	}
	return nil
}

// local refuses what has no meaning for a bundle that is a file.
func (c *PolicyConfig) local() error {
	for key, set := range map[string]bool{"token-file": c.TokenFile != "", "ca": c.CA != "", "min-delay": c.MinDelay != 0,
		"max-delay": c.MaxDelay != 0, "max-size": c.MaxSize != 0, "timeout": c.Timeout != 0} {
		if set {
			return fmt.Errorf("policy.%s: it is for a policy.bundle with an address", key)
		}
	}
	return nil
}

// policyFiles is where grants and policies are.
func (a *App) policyFiles() broker.Files {
	return broker.Files{Grants: a.Config.Grants, Policies: a.Config.Policies, Bundle: a.Config.bundle(), More: a.more, Origin: a.origin}
}

// bundle is where the organisation's policy is, and where the last good one is
// kept when it comes from elsewhere.
func (c *HostConfig) bundle() broker.Bundle {
	p := c.Policy
	b := broker.Bundle{Path: p.Bundle, Key: p.VerificationKey}
	if p.remote() {
		b.Path = filepath.Join(c.Data, "policy", "bundle.tar.gz")
		b.From = &fetch.Client{URL: p.Bundle, TokenFile: p.TokenFile, CA: p.CA, MaxSize: int64(p.MaxSize), Timeout: time.Duration(p.Timeout)}
		b.MinDelay, b.MaxDelay = time.Duration(p.MinDelay), time.Duration(p.MaxDelay)
	}
	return b
}
