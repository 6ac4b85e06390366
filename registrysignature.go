package writ

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
)

// Signatures of images as cosign sign puts them into a registry (sigstore's
// "Cosign signature specification"): under a tag made of the image's digest, each
// a layer that says what is signed, with the signature in an annotation.
const (
	cosignTag        = ".sig"
	cosignAnnotation = "dev.cosignproject.cosign/signature"
	maxSignatures    = 32 // of one image
)

// readImage is a component in a registry, and who signed its image.
func (c *HostConfig) readImage(source string) (component []byte, signer string, err error) {
	cache := c.Cache
	if cache == "" {
		if cache, err = DefaultCache(); err != nil {
			return nil, "", err
		}
	}
	i, err := openImage(source, cache)
	if err != nil {
		return nil, "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), registryTime)
	defer cancel()
	component, name, err := i.pull(ctx, uint64(c.Limits.Component))
	if err != nil || len(c.signers) == 0 {
		return component, "", err
	}
	signer, err = c.imageSigner(ctx, i, name)
	return component, signer, i.failure(err)
}

// imageSigner is who signed an image; "" when nobody did. Signatures that are
// nobody's known are an error, as with files.
func (c *HostConfig) imageSigner(ctx context.Context, i *image, name digest.Digest) (string, error) {
	_, m, err := i.manifest(ctx, strings.Replace(name.String(), ":", "-", 1)+cosignTag)
	if errors.Is(err, errdef.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("its signatures: %w", err)
	}
	for _, layer := range m.Layers[:min(len(m.Layers), maxSignatures)] {
		signer, err := c.layerSigner(ctx, i, layer, name)
		if signer != "" || err != nil {
			return signer, err
		}
	}
	return "", fmt.Errorf("its signatures: %w", c.errUnknownSigner())
}

// layerSigner is who signed what a layer says, if it says the image.
func (c *HostConfig) layerSigner(ctx context.Context, i *image, layer ocispec.Descriptor, name digest.Digest) (string, error) {
	signature, err := base64.StdEncoding.DecodeString(layer.Annotations[cosignAnnotation])
	if err != nil || len(signature) == 0 || layer.Size < 0 || layer.Size > maxSignature {
		return "", nil // not a signature
	}
	signed, err := i.blob(ctx, layer)
	if err != nil {
		return "", fmt.Errorf("its signatures: %w", err)
	}
	var says struct {
		Critical struct {
			Image struct {
				Digest digest.Digest `json:"docker-manifest-digest"`
			} `json:"image"`
		} `json:"critical"`
	}
	if json.Unmarshal(signed, &says) != nil || says.Critical.Image.Digest != name {
		return "", nil
	}
	return c.signerOf(signed, signature), nil
}
