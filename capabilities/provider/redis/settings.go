package redis

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/writ-host/writ/capabilities/kv/backend"
	"github.com/writ-host/writ/capabilities/provider"
	"github.com/writ-host/writ/capabilities/provider/upstream"
)

// Name is what the host calls this provider.
const Name = "kv-redis"

// Settings are the provider's, as JSON.
type Settings struct {
	upstream.Server
	// Address is the server, host:port; or else Cluster some of a cluster's.
	// Only ports that are named here are connected to.
	Address string   `json:"address,omitempty"`
	Cluster []string `json:"cluster,omitempty"`
	// TLSName is whom certificates have to be for; default the host that is dialled.
	TLSName string `json:"tls_name,omitempty"`
	// Database is the number of one; a cluster has only 0.
	Database int `json:"database,omitempty"`
	// Prefix starts the names of all keys; default "writ".
	Prefix string `json:"prefix,omitempty"`
	// Namespace takes the place of the app's name in them, so that apps share
	// their stores.
	Namespace string `json:"namespace,omitempty"`
	// Partitions is over how many slots of a cluster a store is spread; default
	// 1, with which a batch is done as a whole. It stays what it was when the
	// store was made.
	Partitions int `json:"partitions,omitempty"`
}

// maxPartitions bounds Partitions.
const maxPartitions = 256

var (
	validPrefix    = regexp.MustCompile(`^[A-Za-z0-9._:-]{0,64}$`)
	validNamespace = regexp.MustCompile(`^[A-Za-z0-9._-]{0,64}$`)
)

// Validate reports what is wrong with the settings, without reading any file.
func (s *Settings) Validate() error {
	if (s.Address == "") == (len(s.Cluster) == 0) {
		return errors.New("it takes an address, or else a cluster of them")
	}
	if _, err := s.Ports(); err != nil {
		return err
	}
	switch {
	case s.Database < 0 || s.Database > 0 && s.Address == "":
		return fmt.Errorf("database %d: want a number from 0, and 0 for a cluster", s.Database)
	case !validPrefix.MatchString(s.Prefix):
		return fmt.Errorf("prefix %q: want up to 64 letters, digits and . _ : -", s.Prefix)
	case !validNamespace.MatchString(s.Namespace):
		return fmt.Errorf("namespace %q: want up to 64 letters, digits and . _ -", s.Namespace)
	case s.Partitions < 0 || s.Partitions > maxPartitions:
		return fmt.Errorf("partitions %d: want 1 to %d", s.Partitions, maxPartitions)
	case s.TLS == "off" && s.TLSName != "":
		return errors.New("tls is off, so that tls-name is of no use")
	case s.User != "" && s.Password == "":
		return errors.New("a user takes a password")
	}
	return s.Server.Validate()
}

// Ports are the TCP ports of the servers.
func (s *Settings) Ports() ([]uint16, error) {
	var ports []uint16
	for _, address := range s.addresses() {
		port, err := upstream.Port(address)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(ports, port) {
			ports = append(ports, port)
		}
	}
	return ports, nil
}

func (s *Settings) addresses() []string {
	if s.Address != "" {
		return []string{s.Address}
	}
	return s.Cluster
}

func (s *Settings) withDefaults() Settings {
	out := *s
	if out.Prefix == "" {
		out.Prefix = "writ"
	}
	out.Partitions = max(out.Partitions, 1)
	return out
}

// Serve is the provider's whole main. It returns when the host is done with it.
func Serve() error {
	return provider.Serve(provider.Service{
		Name:       Name,
		Version:    "1",
		Interfaces: []string{"wasi:keyvalue/store@0.2.0-draft2", "wasi:keyvalue/atomics@0.2.0-draft2", "wasi:keyvalue/batch@0.2.0-draft2"},
		KeyValue:   open,
	})
}

func open(_ context.Context, settings provider.Settings) (backend.KeyValue, error) {
	var s Settings
	if err := settings.Decode(&s); err != nil {
		return nil, fmt.Errorf("configure %s: %w", Name, err)
	}
	store, err := Open(s, provider.Logger())
	if err != nil {
		return nil, fmt.Errorf("configure %s: %w", Name, err)
	}
	return store, nil
}
