package writ

import (
	"crypto/tls"
	"fmt"
	"log/slog"
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
	log    *slog.Logger

	mu      sync.Mutex
	pair    *tls.Certificate
	changed [2]time.Time
	looked  time.Time
	fault   string // what was wrong with the files when they were last looked at
	told    string // the fault that the log has
}

func openCertificate(c TLSConfig, log *slog.Logger) (*certificate, error) {
	k := &certificate{config: c, log: log}
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
		k.renew()
	}
	return k.pair, nil
}

// renew takes up files that changed. What is wrong with them is told when it is
// still so at the next look: files are replaced one after the other.
func (k *certificate) renew() {
	before := k.pair
	err := k.read()
	switch {
	case err == nil && k.pair != before:
		k.log.Info("the renewed certificate is served", "certificate", k.config.Certificate, "expires", k.pair.Leaf.NotAfter)
		k.fault, k.told = "", ""
	case err == nil:
		k.fault, k.told = "", ""
	case err.Error() != k.fault:
		k.fault = err.Error()
	case k.fault != k.told:
		k.told = k.fault
		k.log.Error("the certificate is not taken up; the last good one is served, until "+k.pair.Leaf.NotAfter.UTC().Format(time.RFC3339),
			"certificate", k.config.Certificate, "key", k.config.Key, "error", err)
	}
}
