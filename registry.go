package writ

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/registry"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	dockerauth "oras.land/oras-go/v2/registry/remote/credentials"
	"oras.land/oras-go/v2/registry/remote/retry"
)

const (
	// RegistryScheme begins the source of a component that is in an OCI registry:
	// oci://HOST/NAME:TAG, or oci://HOST/NAME@sha256:….
	RegistryScheme = "oci://"

	registryTime = 5 * time.Minute // for all that is asked about one component
	maxManifest  = 4 << 20         // bytes, as most registries have it

	wasmLayer  = "application/wasm"
	wasmConfig = "application/vnd.wasm.config.v0+json"
)

// wasmLayers are the media types that tools have for a component: that of the
// CNCF's Wasm OCI artifact layout, and those of Spin and wasmCloud from before it.
var wasmLayers = []string{wasmLayer, "application/vnd.wasm.content.layer.v1+wasm", "application/vnd.module.wasm.content.layer.v1+wasm"}

func inRegistry(source string) bool { return strings.HasPrefix(source, RegistryScheme) }

// image is a component in a registry. Whatever has a digest is kept in a cache.
type image struct {
	repository *remote.Repository
	reference  registry.Reference
	cache      blobs
}

// openImage prepares to ask about a component; cache is a directory of its own.
func openImage(source, cache string) (*image, error) {
	reference, err := registry.ParseReference(strings.TrimPrefix(source, RegistryScheme))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", source, err)
	}
	if reference.Reference == "" {
		return nil, fmt.Errorf("%s: want a tag or a digest behind the name, as in %sHOST/NAME:TAG or %sHOST/NAME@sha256:…", source, RegistryScheme, RegistryScheme)
	}
	store, err := dockerauth.NewStoreFromDocker(dockerauth.StoreOptions{})
	if err != nil {
		return nil, fmt.Errorf("read the credentials for registries: %w", err)
	}
	return &image{reference: reference, cache: blobs{filepath.Join(cache, "registry")}, repository: &remote.Repository{
		Reference: reference, PlainHTTP: isLoopback(reference.Registry), MaxMetadataBytes: maxManifest,
		Client: &auth.Client{Client: retry.DefaultClient, Cache: auth.NewCache(), Credential: dockerauth.Credential(store)},
	}}, nil
}

// isLoopback reports whether a registry is on this machine, where TLS would
// protect nothing.
func isLoopback(registry string) bool {
	host, _, err := net.SplitHostPort(registry)
	if err != nil {
		host = registry
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// pull is the component, of at most max bytes, and the digest of its manifest in
// the registry.
func (i *image) pull(ctx context.Context, max uint64) ([]byte, digest.Digest, error) {
	name, manifest, err := i.manifest(ctx, i.reference.Reference)
	if err != nil {
		return nil, "", i.failure(err)
	}
	layer, err := componentLayer(manifest)
	if err != nil {
		return nil, "", i.failure(err)
	}
	if layer.Size < 0 || uint64(layer.Size) > max {
		return nil, "", i.failure(fmt.Errorf("it has %s; a component may have %s (limits.component in %s)",
			humanize.IBytes(uint64(layer.Size)), humanize.IBytes(max), HostConfigName))
	}
	component, err := i.blob(ctx, layer)
	return component, name, i.failure(err)
}

// manifest is what a tag or digest stands for. A digest is asked about once.
func (i *image) manifest(ctx context.Context, reference string) (digest.Digest, *ocispec.Manifest, error) {
	name := digest.Digest(reference)
	text := i.cache.get(name, maxManifest)
	if text == nil {
		desc, body, err := i.repository.FetchReference(ctx, reference)
		if err != nil {
			return "", nil, err
		}
		defer body.Close()
		if desc.Size > maxManifest {
			return "", nil, fmt.Errorf("its manifest has %d bytes, and %d are the most", desc.Size, maxManifest)
		}
		if text, err = content.ReadAll(io.LimitReader(body, maxManifest), desc); err != nil {
			return "", nil, err
		}
		name = desc.Digest
		if err := i.cache.put(name, text); err != nil {
			return "", nil, err
		}
	}
	m := &ocispec.Manifest{}
	if err := json.Unmarshal(text, m); err != nil {
		return "", nil, fmt.Errorf("its manifest: %w", err)
	}
	return name, m, nil
}

// componentLayer is the one layer that is a component.
func componentLayer(m *ocispec.Manifest) (ocispec.Descriptor, error) {
	var found []ocispec.Descriptor
	for _, l := range m.Layers {
		if slices.Contains(wasmLayers, l.MediaType) {
			found = append(found, l)
		}
	}
	if len(found) != 1 {
		return ocispec.Descriptor{}, fmt.Errorf("it has %d layers of type %s, and one is a component", len(found), wasmLayer)
	}
	return found[0], found[0].Digest.Validate()
}

// blob is the content of a descriptor, whose size was found to be acceptable.
func (i *image) blob(ctx context.Context, desc ocispec.Descriptor) ([]byte, error) {
	if b := i.cache.get(desc.Digest, desc.Size); b != nil {
		return b, nil
	}
	b, err := content.FetchAll(ctx, i.repository, desc)
	if err != nil {
		return nil, err
	}
	return b, i.cache.put(desc.Digest, b)
}

// failure names what the registry was asked for.
func (i *image) failure(err error) error {
	if err == nil {
		return nil
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		err = fmt.Errorf("not there within %v", registryTime)
	case errors.Is(err, auth.ErrBasicCredentialNotFound):
		err = fmt.Errorf("the registry wants credentials: docker login %s", i.reference.Registry)
	}
	return fmt.Errorf("%s%s: %w", RegistryScheme, i.reference, err)
}
