package writ

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"
)

// TLSConfig is the [tls] table of host.toml: with it, HTTP is served over TLS
// 1.2 or 1.3, as HTTP/1.1 and HTTP/2.
type TLSConfig struct {
	Certificate string `toml:"certificate"` // PEM file, the chain with the server's own first
	Key         string `toml:"key"`         // PEM file
}

func (c TLSConfig) enabled() bool { return c.Certificate != "" || c.Key != "" }

// recheck is how long a certificate is served before the files are looked at again.
const recheck = time.Second

// certificate is a key pair that is read again when its files change, so that
// renewing it needs no restart. A pair that does not fit leaves the last good
// one in force: files are replaced one after the other.
type certificate struct {
	config TLSConfig

	mu      sync.Mutex
	pair    *tls.Certificate
	changed [2]time.Time
	looked  time.Time
}

func openCertificate(c TLSConfig) (*certificate, error) {
	k := &certificate{config: c}
	if err := k.read(); err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	k.looked = time.Now()
	return k, nil
}

// read takes the files up if they changed.
func (k *certificate) read() error {
	var changed [2]time.Time
	for i, path := range []string{k.config.Certificate, k.config.Key} {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		changed[i] = info.ModTime()
	}
	if changed == k.changed {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(k.config.Certificate, k.config.Key)
	if err != nil {
		return err
	}
	k.pair, k.changed = &pair, changed
	return nil
}

// get is tls.Config.GetCertificate.
func (k *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now := time.Now(); now.Sub(k.looked) >= recheck {
		k.looked = now
		_ = k.read() // the last good pair stays in force
	}
	return k.pair, nil
}
