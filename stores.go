package writ

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"reflect"
	"slices"

	"github.com/writ-host/writ/capabilities/kv"
	"github.com/writ-host/writ/capabilities/provider"
	"github.com/writ-host/writ/capabilities/provider/embedded"
	"github.com/writ-host/writ/capabilities/provider/redis"
)

// KVStore says which provider serves a key-value store. All but Provider is for
// "redis"; paths are relative to the host's configuration.
type KVStore struct {
	Provider string   `toml:"provider"` // "embedded", "redis", or a [provider.NAME]
	Address  string   `toml:"address"`  // host:port of one server, or
	Cluster  []string `toml:"cluster"`  // those of a cluster's
	ServerConfig
	TLSName    string `toml:"tls-name"`   // whom certificates have to be for; default the host that is dialled
	Database   int    `toml:"database"`   // number; default 0
	Prefix     string `toml:"prefix"`     // of all keys; default "writ"
	Namespace  string `toml:"namespace"`  // takes the place of the app's name in keys, so that apps share the store
	Partitions int    `toml:"partitions"` // slots of a cluster that the store is spread over; default 1
}

// complete makes paths relative to dir, and checks the rest. others are the
// names of third parties' providers.
func (k *KVStore) complete(dir string, others map[string]ProviderConfig) error {
	if err := beside(dir, k.paths()...); err != nil {
		return err
	}
	if k.Provider == redisProvider {
		settings := k.redis()
		return settings.Validate()
	}
	if err := knownProvider(k.Provider, others, embeddedProvider, redisProvider); err != nil {
		return err
	}
	if !reflect.DeepEqual(*k, KVStore{Provider: k.Provider}) {
		return fmt.Errorf("the provider %s has no settings here", k.Provider)
	}
	return nil
}

func (k *KVStore) redis() redis.Settings {
	return redis.Settings{Server: k.server(), Address: k.Address, Cluster: k.Cluster, TLSName: k.TLSName, Database: k.Database,
		Prefix: k.Prefix, Namespace: k.Namespace, Partitions: k.Partitions}
}

// openStores starts one provider for each key-value store.
func openStores(ctx context.Context, h *Host, others thirdParties) (map[string]kv.Store, []io.Closer, error) {
	stores, closers := map[string]kv.Store{}, []io.Closer{}
	for _, name := range slices.Sorted(maps.Keys(h.app.Config.KV)) {
		p, closer, err := h.storeProvider(ctx, name, others)
		if err != nil {
			return nil, closers, fmt.Errorf("key-value store %s: %w", name, err)
		}
		closers = append(closers, closer...)
		stores[name] = kv.Store{Backend: p.KeyValue()}
	}
	return stores, closers, nil
}

// storeProvider is what serves a store, with what ends it if nothing else does.
func (h *Host) storeProvider(ctx context.Context, name string, others thirdParties) (*provider.Provider, []io.Closer, error) {
	k := h.app.Config.KV[name]
	if !slices.Contains(builtIn, k.Provider) {
		p, err := others.serving(k.Provider, "KeyValue")
		return p, nil, err
	}
	c, err := k.launch(name, h.app.statePath("kv", name))
	if err != nil {
		return nil, nil, err
	}
	p, err := h.launch(ctx, c)
	return p, []io.Closer{p}, err
}

// launch is how a store's built-in provider is started.
func (k KVStore) launch(name, dir string) (c provider.Config, err error) {
	c = provider.Config{Name: "kv." + name, Args: []string{serveChild, embedded.Name}}
	if k.Provider == embeddedProvider {
		c.DataDir, err = filepath.Abs(dir)
		return c, err
	}
	if err := fillIn(k.paths()...); err != nil {
		return c, err
	}
	settings := k.redis()
	ports, err := settings.Ports()
	if err != nil {
		return c, err
	}
	c.Args = []string{serveChild, redis.Name}
	c.Network = provider.Network{Connect: true, Ports: ports}
	c.Readable = settings.Readable()
	c.Limits.Memory = redisMemory
	c.Settings, err = json.Marshal(settings)
	return c, err
}

// redisMemory is what values of the largest size on all connections take.
const redisMemory = 2 << 30
