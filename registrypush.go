package writ

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"

	"github.com/writ-host/writ/host"
)

// imageConfig is the configuration of an image in the CNCF's Wasm OCI artifact layout.
type imageConfig struct {
	Created      string          `json:"created"`
	Architecture string          `json:"architecture"`
	OS           string          `json:"os"`
	LayerDigests []digest.Digest `json:"layerDigests"`
	Component    struct {
		Imports []string `json:"imports"`
		Exports []string `json:"exports"`
	} `json:"component"`
}

// created is when every image was made: the same component is the same image,
// whoever pushes it and when.
const created = "1970-01-01T00:00:00Z"

// Pull fetches a component of at most max bytes from a registry. The source it
// returns is the one by digest, which is the same bytes for ever.
func Pull(ctx context.Context, source string, max uint64) (component []byte, pinned string, err error) {
	cache, err := DefaultCache()
	if err != nil {
		return nil, "", err
	}
	i, err := openImage(source, cache)
	if err != nil {
		return nil, "", err
	}
	ctx, cancel := context.WithTimeout(ctx, registryTime)
	defer cancel()
	component, name, err := i.pull(ctx, max)
	return component, i.pinned(name), err
}

// Push puts a component into a registry, under a tag. It returns the component's
// source by digest.
func Push(ctx context.Context, component []byte, target string) (pinned string, err error) {
	info, err := host.Inspect(component, uint64(len(component)))
	if err != nil {
		return "", err
	}
	cache, err := DefaultCache()
	if err != nil {
		return "", err
	}
	i, err := openImage(target, cache)
	if err != nil {
		return "", err
	}
	if i.reference.ValidateReferenceAsTag() != nil {
		return "", fmt.Errorf("%s: want a tag behind the name, as in %sHOST/NAME:TAG", target, RegistryScheme)
	}
	ctx, cancel := context.WithTimeout(ctx, registryTime)
	defer cancel()
	name, err := i.push(ctx, component, info)
	return i.pinned(name), i.failure(err)
}

func (i *image) push(ctx context.Context, component []byte, info *host.Info) (digest.Digest, error) {
	layer, err := oras.PushBytes(ctx, i.repository, wasmLayer, component)
	if err != nil {
		return "", err
	}
	about := imageConfig{Created: created, Architecture: "wasm", OS: "wasip2", LayerDigests: []digest.Digest{layer.Digest}}
	about.Component.Imports, about.Component.Exports = []string{}, []string{}
	for _, e := range info.World.Imports {
		about.Component.Imports = append(about.Component.Imports, e.Name)
	}
	for _, e := range info.World.Exports {
		about.Component.Exports = append(about.Component.Exports, e.Name)
	}
	text, err := json.Marshal(about)
	if err != nil {
		return "", err
	}
	config, err := oras.PushBytes(ctx, i.repository, wasmConfig, text)
	if err != nil {
		return "", err
	}
	manifest, err := oras.PackManifest(ctx, i.repository, oras.PackManifestVersion1_1, "", oras.PackManifestOptions{
		Layers: []ocispec.Descriptor{layer}, ConfigDescriptor: &config,
		ManifestAnnotations: map[string]string{ocispec.AnnotationCreated: created}})
	if err != nil {
		return "", err
	}
	return manifest.Digest, i.repository.Tag(ctx, manifest, i.reference.Reference)
}

// pinned is the source of an image by its digest.
func (i *image) pinned(name digest.Digest) string {
	if name == "" {
		return ""
	}
	return fmt.Sprintf("%s%s/%s@%s", RegistryScheme, i.reference.Registry, i.reference.Repository, name)
}
